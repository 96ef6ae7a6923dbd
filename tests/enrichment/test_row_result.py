"""What came of a row, in the names of the chunked design."""

from __future__ import annotations

import pytest

from bookops.runs import State
from enrichment.row_result import result_of
from tests.factories import make_book, make_entry, make_import, make_row

pytestmark = pytest.mark.django_db

GENRES = [{"name": "Fantasy", "parent": "Fiction", "score": 1.0, "because": []}]


def test_a_matched_row_shows_its_genres_and_cover():
    library_import = make_import()
    book = make_book(library_import.owner, genres=GENRES, cover_url="https://covers.example/1.jpg")
    row = make_row(library_import, book=book, entry=make_entry(goodreads_id="42"), state=State.SUCCEEDED, outcome="matched")

    assert result_of(row) == {
        "book_id": "42",
        "success": True,
        "final_genres": ["Fantasy"],
        "thumbnail_url": "https://covers.example/1.jpg",
        "genre_enrichment_success": True,
        "error_message": None,
    }


def test_a_failed_row_keeps_its_place_with_empty_genres_and_says_why():
    row = make_row(state=State.FAILED, reason="refused", detail="no key")

    told = result_of(row)

    assert (told["book_id"], told["success"], told["final_genres"]) == ("Momo-Michael Ende", False, [])
    assert "refused the question" in told["error_message"]


def test_a_row_that_only_waits_shows_no_error():
    row = make_row(state=State.PARKED, reason="quota_day", waiting_for="google_books")

    assert result_of(row)["error_message"] is None


def test_genres_set_by_hand_show_without_a_match():
    library_import = make_import()
    row = make_row(library_import, book=make_book(library_import.owner, genres=GENRES, locked=["genres"]), outcome="not_found")

    assert result_of(row)["final_genres"] == ["Fantasy"]
