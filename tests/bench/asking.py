"""Jobs over made-up books, asked as an owner asks them. Import it once Django is set up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bookops.books import Book
from tests.bench import libraries

#: Asked one by one in the background, and all at once.
RESPONSES: Mapping[str, Any] = {"provider": "openai", "way": "responses", "model": "gpt-6-luna"}
BATCH: Mapping[str, Any] = {"provider": "openai", "way": "batch", "model": "gpt-6-luna"}


def make_books(owner: Any, count: int, *, first: int = 0) -> None:
    """Give an owner so many books; other numbers are other books."""
    Book.objects.bulk_create((_book(owner, row) for row in libraries.books(count, first=first)), batch_size=2_000)


def _book(owner: Any, row: dict[str, str]) -> Book:
    return Book(
        owner=owner,
        title=row["Title"],
        author=row["Author"],
        publisher=row["Publisher"],
        year=int(row["Year Published"]),
        pages=int(row["Number of Pages"]),
        isbn13=row["ISBN13"].strip('="'),
        language="en",
    )
