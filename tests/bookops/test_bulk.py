"""Many rows are written at once as each would be alone."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.db import DataError, connection
from django.test.utils import CaptureQueriesContext

from bookops.books import Book
from bookops.bulk import write_fields
from tests.factories import make_book

pytestmark = pytest.mark.django_db

VALUES: list[dict[str, Any]] = [
    {
        "title": 'He said "no" \\ {yes, NULL}',
        "year": -380,
        "provenance": {"title": {"source": 'a "b"\\', "n": [1, None, 2.5]}},
        "locked": [],
    },
    {"title": "Ἰλιάς 🜚", "year": None, "provenance": {}, "locked": ["title", "year"]},
    {"title": "NULL", "year": 2_026, "provenance": {"x": None}, "locked": ["a'b"]},
]


def test_each_row_gets_its_own_values():
    books = [make_book() for _ in VALUES]
    other = make_book(title="Not asked for")
    for book, values in zip(books, VALUES, strict=True):
        for name, value in values.items():
            setattr(book, name, value)
        book.language = "grc"  # the same for all

    with CaptureQueriesContext(connection) as queries:
        write_fields(books, [*VALUES[0], "language"])

    assert len(queries) == 1
    for book, values in zip(books, VALUES, strict=True):
        kept = Book.objects.get(pk=book.pk)
        assert {name: getattr(kept, name) for name in values} == values
        assert kept.language == "grc"
    assert Book.objects.get(pk=other.pk).title == "Not asked for"


def test_what_is_not_named_stays():
    books = [make_book(title="One"), make_book(title="Two")]
    for book in books:
        book.title, book.year = "Changed", book.pk
    write_fields(books, ["year"])
    assert list(Book.objects.order_by("pk").values_list("title", "year")) == [("One", books[0].pk), ("Two", books[1].pk)]


def test_nothing_is_asked_for_no_rows(django_assert_num_queries: Any):
    with django_assert_num_queries(0):
        write_fields([], ["title"])


@pytest.mark.skipif(settings.DATABASE_IS_SQLITE, reason="SQLite keeps no lengths")
def test_what_is_too_long_is_refused_and_not_cut():
    books = [make_book(), make_book()]
    for number, book in enumerate(books):
        book.title = f"{number}" * 1_001
    with pytest.raises(DataError):
        write_fields(books, ["title"])
