"""The dashboard document: complete, described by its schema, and true."""

import json
from functools import cache
from importlib.resources import files

import psutil
import pytest
from django.core.files.storage import default_storage
from jsonschema import Draft202012Validator, FormatChecker

from bookops.outbound.errors import Refused
from bookops.runs import State
from enrichment import dashboard
from enrichment.imports import edit_book
from enrichment.models import ImportRow, LibraryImport
from tests.enrichment.formats.exports import storygraph
from tests.factories import import_library, isbn, make_book, make_entry, make_facts, make_import, make_owner, make_row

pytestmark = pytest.mark.django_db(transaction=True)

ORIGINAL_BOOK_KEYS = [
    "goodreads_id",
    "title",
    "author",
    "isbn",
    "isbn13",
    "date_read",
    "reading_year",
    "reading_month_year",
    "my_rating",
    "average_rating",
    "is_rated",
    "num_pages",
    "publisher",
    "binding",
    "publication_year",
    "page_category",
    "reading_status",
    "bookshelves",
    "genres",
    "thumbnail_url",
    "small_thumbnail_url",
    "my_review",
    "private_notes",
    "has_spoilers",
    "has_review",
    "genre_enriched",
    "was_reread",
    "original_read_count",
]
SEED_RECORD = [
    "book_id",
    "title",
    "author",
    "success",
    "final_genres",
    "thumbnail_url",
    "genre_enrichment_success",
    "error_message",
    "processing_logs",
]
ORIGINAL_SUMMARY_KEYS = [
    "total_books",
    "read_books",
    "rated_books",
    "genre_enriched_books",
    "genre_enrichment_rate",
    "unique_authors",
    "unique_genres",
    "total_pages",
    "reading_date_range",
    "reading_years",
    "average_rating",
    "most_common_genres",
]
ORIGINAL_METADATA_KEYS = [
    "export_id",
    "export_timestamp",
    "exporter_version",
    "data_schema_version",
    "export_source",
    "processing_notes",
    "validation",
]

LIBRARY = [
    {
        "Book Id": "1",
        "Title": "Dune (Dune, #1)",
        "Author": "Frank Herbert",
        "ISBN13": f'="{isbn(1)}"',
        "Number of Pages": "600",
        "My Rating": "5",
    },
    {"Title": "Momo", "Date Read": "", "My Rating": "0", "Number of Pages": "0", "Read Count": "3"},
    {"Title": "Emma", "Author": "Jane Austen", "Exclusive Shelf": "to-read", "Bookshelves": "to-read, classics", "Date Read": ""},
    {"Title": ""},
    {"Title": "The Iliad", "Author": "Homer", "Original Publication Year": "-750", "Date Read": "2020/02/03", "Exclusive Shelf": "dnf"},
]


@cache
def validator() -> Draft202012Validator:
    schema = json.loads(files("enrichment").joinpath("dashboard.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=FormatChecker())


def document_of(library_import: LibraryImport) -> dict:
    with default_storage.open(library_import.dashboard_key) as file:
        return json.load(file)


@pytest.fixture
def document(sources) -> dict:
    """A library of each sort, of which one book is known to both sources."""
    sources.open_library.know(make_facts("Dune", "Frank Herbert", isbns=(isbn(1),), subjects=("Science fiction", "Zork")))
    google = make_facts("Dune", "Frank Herbert", source="google_books", key="g1", isbns=(isbn(1),), subjects=("Fiction / Fantasy",))
    sources.google_books.know(google)
    return document_of(import_library(make_owner(), *LIBRARY, policy="thorough"))


def described_nowhere(schema: dict, path: str = "") -> list[str]:
    found = [path] if "description" not in schema and path and "$ref" not in schema else []
    for name, part in schema.get("properties", {}).items():
        found += described_nowhere(part, f"{path}.{name}")
    for name, part in schema.get("$defs", {}).items():
        found += described_nowhere(part, f"{path}.{name}")
    return found


def test_the_schema_describes_every_key():
    assert described_nowhere(validator().schema) == []


def test_a_document_follows_the_schema(document):
    assert [error.message for error in validator().iter_errors(document)] == []


def test_the_schema_refuses_what_it_does_not_know(document):
    document["books"][0]["surprise"] = 1
    assert not validator().is_valid(document)


@pytest.mark.parametrize("state", [State.PENDING, State.RUNNING, State.PARKED, State.FAILED, State.DEAD])
def test_a_partial_document_follows_the_schema(state):
    library_import = make_import()
    make_row(library_import, state=state, reason="timeout" if state in (State.FAILED, State.DEAD) else "", waiting_for="open_library")
    document = json.loads("".join(dashboard.document_parts(library_import, partial=True)))
    assert [error.message for error in validator().iter_errors(document)] == []
    assert document["metadata"]["partial"]
    assert [book["state"] for book in document["books"]] == [state]


def test_an_empty_document_follows_the_schema():
    document = json.loads("".join(dashboard.document_parts(make_import(), partial=True)))
    assert validator().is_valid(document)


def test_a_storygraph_library_follows_the_schema(sources):
    document = document_of(import_library(make_owner(), text=storygraph()))
    assert [error.message for error in validator().iter_errors(document)] == []
    assert document["metadata"]["export_source"] == "storygraph_csv_with_genre_enrichment"
    assert document["books"][0]["my_rating"] == 4.25


def test_it_has_every_key_of_the_original(document):
    for book in document["books"]:
        assert list(book)[:28] == ORIGINAL_BOOK_KEYS
        assert set(SEED_RECORD) <= set(book)
    assert list(document["summary"])[:12] == ORIGINAL_SUMMARY_KEYS
    assert set(ORIGINAL_METADATA_KEYS) <= set(document["metadata"])


@pytest.mark.shared
def test_it_has_every_key_of_the_real_original(document):
    from tests.shared_data import shared_path

    original = json.loads(shared_path("data", "dashboard_original_564books.json").read_text())
    assert set(original) <= set(document)
    assert set(original["books"][0]) <= set(document["books"][0])
    assert set(original["summary"]) <= set(document["summary"])
    assert set(original["metadata"]) <= set(document["metadata"])
    assert set(original["metadata"]["validation"]) <= set(document["metadata"]["validation"])


def test_there_is_one_id(document):
    assert document["export_id"] == document["metadata"]["export_id"] == document["metadata"]["statistics"]["job_id"]


def test_every_row_is_a_book_or_could_not_be_read(document):
    assert len(document["books"]) + len(document["unreadable_rows"]) == document["metadata"]["rows"] == 5
    [bad] = document["unreadable_rows"]
    assert (bad["row"], bad["line"], bad["column"]) == (4, 5, "Title")
    assert [book["row"] for book in document["books"]] == [1, 2, 3, 5]


def test_every_shelf_is_in_it(document):
    assert [book["reading_status"] for book in document["books"]] == ["read", "read", "to-read", "dnf"]
    assert document["summary"]["books_by_status"] == {"read": 2, "dnf": 1, "to-read": 1}


def test_a_read_book_without_a_date_is_counted_and_left_out_of_time_series(document):
    summary = document["summary"]
    assert (summary["read_books"], summary["reading_years"], summary["books_by_year"]) == (2, [2021], {"2021": 1})
    assert document["metadata"]["validation"]["books_with_missing_dates"] == 1


def test_zero_stars_are_unrated(document):
    assert (document["books"][1]["my_rating"], document["books"][1]["is_rated"]) == (None, False)
    assert document["summary"]["average_rating"] == 4.333333333333333


def test_years_before_the_common_era_survive(document):
    assert document["books"][3]["publication_year"] == -750


def test_shares_are_of_mentions_and_of_books(document):
    genres = document["summary"]["most_common_genres"]
    mentions = sum(genre["count"] for genre in genres)
    assert sum(genre["percentage"] for genre in genres) == pytest.approx(100)
    assert all(genre["percentage"] == pytest.approx(100 * genre["count"] / mentions) for genre in genres)
    assert all(genre["percentage_of_books"] == pytest.approx(100 * genre["count"] / 4) for genre in genres)


def test_it_says_which_sources_the_genres_really_came_from(document):
    assert document["metadata"]["validation"]["genre_sources_success"] == {
        "google_books": 0,
        "open_library": 0,
        "both_sources": 1,
        "no_genres": 3,
    }
    quality = document["metadata"]["quality"]
    assert quality["coverage_by_source"] == {"open_library": 25.0, "google_books": 25.0}
    assert quality["source_agreement"]["books_with_genres_of_both"] == 1
    assert 0 <= quality["source_agreement"]["mean_overlap"] < 1
    assert quality["outcomes"] == {"matched": 1, "not_found": 3}
    assert sum(quality["match_scores"]["histogram"].values()) == 1


def test_genres_set_by_hand_are_no_sources_success(sources):
    library_import = import_library(make_owner(), {"Title": "Momo"})
    edit_book(library_import.rows.get().book, {"genres": ["Mine"]}, by="ada")
    document = json.loads("".join(dashboard.document_parts(library_import, partial=False)))
    assert document["books"][0]["genres"] == ["Mine"]
    assert sum(document["metadata"]["validation"]["genre_sources_success"].values()) == 0


def test_statistics_add_up(sources):
    sources.open_library.down = Refused("blocked", reason="forbidden_agent")
    document = document_of(import_library(make_owner(), *LIBRARY))
    metadata, statistics = document["metadata"], document["metadata"]["statistics"]
    assert sum(metadata["rows_by_state"].values()) == metadata["rows"] == statistics["total_books"]
    assert statistics["successful_books"] + statistics["failed_books"] == statistics["total_books"]
    assert sum(metadata["quality"]["failures_by_reason"].values()) == statistics["failed_books"] == 5
    assert metadata["quality"]["failures_by_category"] == {"bad_data": 5}
    assert statistics["status"] == "complete"


def test_building_it_twice_gives_the_same_document(sources):
    library_import = import_library(make_owner(), *LIBRARY)
    first, second = ("".join(dashboard.document_parts(library_import, partial=False)) for _ in range(2))
    documents = json.loads(first), json.loads(second)
    for one in documents:
        one["metadata"].pop("export_timestamp")
        one["metadata"]["statistics"].pop("processing_time_seconds")
    assert documents[0] == documents[1]


def test_it_is_stored_plain_and_packed(sources):
    import gzip

    library_import = import_library(make_owner(), *LIBRARY)
    with default_storage.open(library_import.dashboard_key + ".gz") as file:
        assert json.loads(gzip.decompress(file.read())) == document_of(library_import)
    assert library_import.dashboard_key == f"data/{library_import.pk}.json"


@pytest.mark.once
def test_memory_stays_flat_for_twenty_thousand_rows():
    library_import = make_import()
    book = make_book(library_import.owner)
    entry = make_entry(my_review="A fine book. " * 20).to_json()
    ImportRow.objects.bulk_create(
        (
            ImportRow(
                library_import=library_import, number=number, line=number, book=book, entry=entry | {"number": number}, state="succeeded"
            )
            for number in range(1, 20_001)
        ),
        batch_size=1_000,
    )
    process = psutil.Process()
    seen = [
        process.memory_info().rss for number, _ in enumerate(dashboard.document_parts(library_import, partial=False)) if number % 500 == 0
    ]
    assert len(seen) == 41
    # After the first few thousand rows there is nothing more to hold.
    assert max(seen) - seen[6] < 16_000_000
