"""Letting go of the database before a thread waits for somebody outside."""

from __future__ import annotations

from django.db import connection


def let_go() -> None:
    """Give this thread's connection back, so that nobody lacks it meanwhile; the next query takes another. Not within a transaction."""
    if not connection.in_atomic_block:
        connection.close()
