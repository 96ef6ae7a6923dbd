"""BookAnalytics: its 67 fields and the rule of each computed one."""

import ast
import inspect
import re
from dataclasses import FrozenInstanceError, fields
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from enrichment import analytics
from enrichment.analytics import BookAnalytics, Enrichment, categorise_pages
from enrichment.formats import Contributor, LibraryEntry, Series

# fmt: off
STORED = [
    "goodreads_id", "title", "author", "author_lf", "additional_authors", "isbn", "isbn13", "my_rating", "average_rating", "publisher",
    "binding", "num_pages", "year_published", "original_publication_year", "date_read", "date_added", "reading_status", "bookshelves",
    "bookshelves_with_positions", "my_review", "private_notes", "has_spoilers", "read_count_original", "owned_copies", "final_genres",
    "genre_enrichment_success", "genre_sources", "enrichment_logs", "thumbnail_url", "small_thumbnail_url",
]
LEGACY = [
    "recommended_for", "recommended_by", "original_purchase_date", "original_purchase_location", "condition", "condition_description",
    "bcid",
]
COMPUTED = ["read_count_for_analytics", "is_read", "is_rated", "reading_year", "reading_month_year", "page_category"]
FLAGS = ["has_review", "was_reread"]
ADDED = [
    "row_number", "source_format", "clean_title", "series_name", "series_position", "contributors", "isbn_kind", "binding_category",
    "shelf_positions", "is_custom_shelf", "date_read_precision", "days_on_shelf", "rating_delta", "publication_decade", "goodreads_url",
    "google_volume_id", "openlibrary_work_key", "openlibrary_edition_key", "google_genres", "openlibrary_genres", "primary_genre",
    "enriched_at",
]
# fmt: on


def make_entry(**changes) -> LibraryEntry:
    return LibraryEntry(**{"number": 7, "line": 9, "source_format": "goodreads", "title": "Emma"} | changes)


def book(**changes) -> BookAnalytics:
    return BookAnalytics.from_entry(make_entry(**changes))


def test_it_has_the_67_fields():
    assert [len(group) for group in (STORED, LEGACY, COMPUTED, FLAGS, ADDED)] == [30, 7, 6, 2, 22]
    assert [field.name for field in fields(BookAnalytics)] == STORED + LEGACY + COMPUTED + FLAGS + ADDED
    assert len(fields(BookAnalytics)) == 67


def test_each_field_is_documented_with_its_source():
    lines = inspect.getsource(BookAnalytics).splitlines()
    tree = ast.parse(inspect.getsource(BookAnalytics))
    for node in tree.body[0].body:
        if isinstance(node, ast.AnnAssign):
            assert re.match(r"    #: (Export|Enrichment|Computed)\b.*\.$", lines[node.lineno - 2]), lines[node.lineno - 1]


def test_it_is_frozen():
    with pytest.raises(FrozenInstanceError):
        book().title = "Persuasion"


def test_it_counts_a_read_book_without_a_date_as_read():
    undated = book(reading_status="read")
    assert (undated.is_read, undated.date_read, undated.reading_year, undated.reading_month_year) == (True, None, None, None)


def test_it_counts_no_other_shelf_as_read():
    assert not book(reading_status="to-read", date_read=date(2021, 5, 9), date_read_precision="day").is_read
    assert not book(reading_status="did-not-finish").is_read


def test_it_counts_no_stars_as_unrated():
    assert (book().is_rated, book(my_rating=Decimal("0.25")).is_rated) == (False, True)


def test_it_tells_year_and_month_of_reading():
    read = book(date_read=date(2021, 5, 9), date_read_precision="day")
    assert (read.reading_year, read.reading_month_year) == (2021, "2021-05")


@pytest.mark.parametrize(
    ("pages", "category"),
    [
        (None, None),
        (0, None),
        (1, "Short (<200)"),
        (199, "Short (<200)"),
        (200, "Medium (200-350)"),
        (349, "Medium (200-350)"),
        (350, "Long (350-500)"),
        (499, "Long (350-500)"),
        (500, "Very Long (500+)"),
    ],
)
def test_it_sorts_books_by_length(pages, category):
    assert categorise_pages(pages) == category == book(num_pages=pages).page_category


@pytest.mark.parametrize(("told", "count", "reread"), [(None, 1, False), (0, 1, False), (1, 1, False), (3, 3, True)])
def test_it_counts_at_least_one_reading(told, count, reread):
    counted = book(read_count=told)
    assert (counted.read_count_original, counted.was_reread, counted.read_count_for_analytics) == (count, reread, 1)


@pytest.mark.parametrize(
    ("original", "edition", "decade"), [(1965, 2005, 1960), (None, 2005, 2000), (-428, 1998, -430), (None, None, None)]
)
def test_it_tells_the_decade_of_publication(original, edition, decade):
    assert book(original_publication_year=original, year_published=edition).publication_decade == decade


@pytest.mark.parametrize(
    ("added", "read", "precision", "days"),
    [
        (date(2021, 4, 2), date(2021, 5, 9), "day", 37),
        (date(2021, 5, 9), date(2021, 5, 9), "day", 0),
        (date(2021, 5, 10), date(2021, 5, 9), "day", None),
        (date(2020, 4, 2), date(2021, 5, 1), "month", None),
        (date(2020, 4, 2), None, "", None),
        (None, date(2021, 5, 9), "day", None),
    ],
)
def test_it_counts_days_on_the_shelf_only_where_they_are_certain(added, read, precision, days):
    assert book(date_added=added, date_read=read, date_read_precision=precision).days_on_shelf == days


def test_it_compares_a_rating_with_the_average():
    assert book(my_rating=Decimal("3.75"), average_rating=Decimal("4.17")).rating_delta == Decimal("-0.42")
    assert book(my_rating=Decimal(4)).rating_delta is None


def test_it_holds_the_first_series():
    assert (book().series_name, book().series_position) == ("", "")
    first = book(series=(Series("Discworld", "11"), Series("Death", "2")))
    assert (first.series_name, first.series_position) == ("Discworld", "11")


def test_it_shows_tags_where_a_service_has_no_shelves():
    assert book(tags=("detectives",)).bookshelves == ("detectives",)
    assert book(shelves=("fantasy",)).bookshelves == ("fantasy",)


def test_it_carries_the_rest_of_the_entry():
    whole = book(
        goodreads_id="6969", isbn10="0060855924", contributors=(Contributor("Ann", "Narrator"),), my_review="Good.", is_custom_shelf=True
    )
    assert (whole.row_number, whole.source_format, whole.isbn, whole.goodreads_url) == (
        7,
        "goodreads",
        "0060855924",
        "https://www.goodreads.com/book/show/6969",
    )
    assert (whole.contributors, whole.has_review, whole.is_custom_shelf) == ((Contributor("Ann", "Narrator"),), True, True)
    assert book().goodreads_url == ""


def test_it_takes_what_the_sources_added():
    enriched_at = datetime(2026, 11, 22, tzinfo=UTC)
    added = BookAnalytics.from_entry(
        make_entry(),
        Enrichment(
            final_genres=("Classics", "Romance"), genre_sources=("open_library",), logs=("Open Library: found",), enriched_at=enriched_at
        ),
    )
    assert (added.primary_genre, added.genre_enrichment_success, added.enriched_at) == ("Classics", True, enriched_at)
    assert (added.genre_sources, added.enrichment_logs) == (("open_library",), ("Open Library: found",))


def test_it_stands_before_enrichment():
    bare = BookAnalytics.from_entry(make_entry(), analytics.NOTHING_YET)
    assert (bare.final_genres, bare.primary_genre, bare.genre_enrichment_success, bare.thumbnail_url) == ((), "", False, "")
