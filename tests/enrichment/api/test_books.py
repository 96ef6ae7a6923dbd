"""Lists of an owner's books, filtered as people ask for them."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from bookops.books import Book
from tests.api.clients import make_user
from tests.enrichment.api.factories import make_book, make_import, make_row
from tests.runbooks.factories import make_copy

pytestmark = pytest.mark.django_db


def titles(api: Client, query: str) -> list[str]:
    return [book["title"] for book in api.get(f"/api/books?{query}").json()["results"]]


def test_the_books_of_an_import_are_listed_once_each_and_newest_first(api: Client, owner: Any) -> None:
    old, new = make_import(owner), make_import(owner)
    books = [make_book(owner, title=f"Book {number}") for number in range(5)]
    for number, book in enumerate(books[:4]):
        make_row(old, number, book=book)
    for number, book in enumerate([books[1], books[3], books[3]]):
        make_row(new, number, book=book)
    make_row(new, 9, book=None)
    assert titles(api, f"library_import={old.pk}") == ["Book 3", "Book 2", "Book 1", "Book 0"]
    assert titles(api, f"library_import={new.pk}") == ["Book 3", "Book 1"]
    assert titles(api, f"library_import={make_import(owner).pk}") == []
    first = api.get(f"/api/books?library_import={old.pk}&page_size=3").json()
    assert [book["title"] for book in api.get(first["next"]).json()["results"]] == ["Book 0"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("isbn13=9780441478125", ["The Left Hand of Darkness"]),
        ("isbn13=9780000000000", []),
        ("enriched=true", ["Emma"]),
        ("enriched=false", ["The Left Hand of Darkness"]),
        ("q=austen", ["Emma"]),
        ("q=left+hand", ["The Left Hand of Darkness"]),
        ("language=en", ["Emma"]),
    ],
)
def test_books_are_found_by_what_is_known_of_them(api: Client, owner: Any, query: str, expected: list[str]) -> None:
    make_book(owner, isbn13="9780441478125")
    make_book(owner, title="Emma", author="Jane Austen", language="en", enriched_at=timezone.now())
    assert titles(api, query) == expected


def test_a_book_that_nothing_refers_to_is_deleted_by_its_owner_only(api: Client, owner: Any) -> None:
    book, other = make_book(owner), make_book(make_user())
    assert api.delete(f"/api/books/{other.public_id}").status_code == 404
    assert api.delete(f"/api/books/{book.public_id}").status_code == 204
    assert list(Book.objects.all()) == [other]


def test_a_book_that_is_referred_to_stays(api: Client, owner: Any) -> None:
    imported, owned = make_book(owner), make_book(owner)
    make_row(make_import(owner), 1, book=imported)
    make_copy(owner, book=owned)
    for book in (imported, owned):
        answer = api.delete(f"/api/books/{book.public_id}")
        assert (answer.status_code, answer.json()["code"]) == (409, "book_in_use")
    assert Book.objects.filter(pk__in=[imported.pk, owned.pk]).count() == 2
