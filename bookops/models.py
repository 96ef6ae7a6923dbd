"""The tables of the core; each is defined beside what it does."""

from bookops.books import Book, BookKey
from bookops.events import RunEvent

__all__ = ["Book", "BookKey", "RunEvent"]
