"""The one error of the stack: a clear line and what to do about it."""

from __future__ import annotations


class StackError(Exception):
    """Something the stack needs is missing, busy or keeps falling over; the message names the remedy."""
