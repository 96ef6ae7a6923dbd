"""The one gate through which automated writers change a book."""

import pytest

from bookops.clock import database_now
from tests.factories import make_book

pytestmark = pytest.mark.django_db


def test_it_says_where_each_fact_came_from():
    book = make_book()
    assert book.learn({"publisher": "Thienemann", "pages": 269}, "open_library", database_now()) == ["publisher", "pages"]
    assert book.provenance["pages"]["source"] == "open_library"


def test_a_locked_fact_stays():
    book = make_book(publisher="Mine", locked=["publisher"])
    assert book.learn({"publisher": "Theirs"}, "open_library", database_now()) == []
    assert book.publisher == "Mine"


def test_nothing_overwrites_something():
    book = make_book(publisher="Thienemann", pages=269)
    assert book.learn({"publisher": "", "pages": None, "genres": []}, "open_library", database_now()) == []


def test_a_source_fills_gaps_and_leaves_what_the_export_told():
    book, now = make_book(), database_now()
    book.learn({"pages": 269}, "export", now)
    assert book.learn({"pages": 300, "year": 1973}, "open_library", now) == ["year"]
    assert book.pages == 269
    assert book.learn({"pages": 304}, "export", now) == ["pages"]


def test_it_refuses_what_is_no_fact():
    book = make_book()
    assert book.learn({"owner_id": 7, "version": 9}, "open_library", database_now()) == []


def test_unlearning_keeps_what_the_export_and_a_person_said():
    book, now = make_book(locked=["language"]), database_now()
    book.learn({"pages": 269}, "export", now)
    book.learn({"year": 1973, "google_volume_id": "abc"}, "google_books", now)
    book.language, book.provenance["language"] = "de", {"source": "person"}
    book.unlearn()
    assert (book.pages, book.year, book.google_volume_id, book.language) == (269, None, "", "de")
    assert set(book.provenance) == {"pages", "language"}
