"""StoryGraph exports: the real file with its oddities, and each rule by a row of our own."""

from datetime import date
from decimal import Decimal

import pytest

from enrichment.formats import Contributor, LibraryEntry, Read, open_export
from tests.shared_data import shared_path

from .exports import only_bad_row, only_entry, storygraph


@pytest.mark.shared
def test_it_reads_every_book_of_the_real_file():
    with shared_path("data", "exports", "storygraph_193rows.csv").open("rb") as stream:
        export = open_export(stream, max_bytes=50_000_000, max_rows=100_000)
        books = [row for row in export if isinstance(row, LibraryEntry)]
    by_title = {book.title: book for book in books}

    assert (export.format, export.generation, export.header[3]) == ("storygraph", "23", "ISBN/UID")
    assert len(books) == 193
    assert sum(book.reading_status == "to-read" for book in books) == 128
    assert sum(book.reading_status == "read" and book.date_read is None for book in books) == 5
    assert not [book.warnings for book in books if book.warnings]
    assert by_title["Queenie"].contributors == (Contributor("Shvorne Marks", "Narrator"),)
    assert by_title["En plena noche"].my_rating == Decimal("3.75")
    assert by_title["En plena noche"].reads == (Read(date(2024, 1, 3), date(2024, 1, 5)),)
    assert by_title["En plena noche"].loveable_characters == "No"
    assert by_title["En plena noche"].diverse_characters == "It's complicated"
    assert by_title["84, Charing Cross Road"].isbn10 == "0140143505"  # the file says 140143505
    assert (by_title["The Handmaid's Tale"].isbn_kind, by_title["The Handmaid's Tale"].uid) == ("internal", "38549081")
    assert (by_title["The Sword of Kaigen"].isbn_kind, by_title["The Sword of Kaigen"].uid) == ("asin", "B07MNWKF2M")
    assert (by_title["The Secret History"].reading_status, by_title["The Secret History"].tags) == ("did-not-finish", ("almost-finished",))
    assert by_title["回家之路"].author == "Yaa Gyasi"
    assert by_title[
        "In Pursuit of the Common Good: Twenty-Five Years of Improving the World, One Bottle of Salad Dressing at a Time"
    ].additional_authors == ("Paul Newman",)


def test_it_keeps_every_reading():
    book = only_entry(storygraph({"Dates Read": "2025/03/01-2025/03/14, 2026/09/12, 2027/01/02-", "Last Date Read": ""}))
    assert book.reads == (
        Read(date(2025, 3, 1), date(2025, 3, 14)),
        Read(None, date(2026, 9, 12)),
        Read(date(2027, 1, 2), None),
    )
    assert (book.date_read, book.date_read_precision) == (date(2026, 9, 12), "day")


def test_it_leaves_out_a_reading_it_cannot_read():
    book = only_entry(storygraph({"Dates Read": "last summer, 2026/09/12 2026/09/13, 2026/13/40"}))
    assert (book.reads, len(book.warnings)) == ((), 3)


def test_it_keeps_a_quarter_star_moods_pace_and_tags():
    book = only_entry(
        storygraph(
            {
                "Star Rating": "3.75",
                "Moods": "dark, tense",
                "Pace": "fast",
                "Tags": "detectives, to-lend",
                "Content Warnings": "Graphic: Death, Moderate: Violence",
                "Owned?": "Yes",
                "Read Status": "paused",
            }
        )
    )
    assert book.my_rating == Decimal("3.75")
    assert (book.moods, book.pace, book.tags) == (("dark", "tense"), "fast", ("detectives", "to-lend"))
    assert book.content_warnings == ("Graphic: Death", "Moderate: Violence")
    assert (book.owned_copies, book.reading_status, book.is_custom_shelf) == (1, "paused", False)


def test_it_parts_people_from_their_roles():
    book = only_entry(storygraph({"Authors": "Terry Pratchett, Neil Gaiman", "Contributors": "Jay Rubin (Translator), André Bernard"}))
    assert (book.author, book.additional_authors) == ("Terry Pratchett", ("Neil Gaiman",))
    assert book.contributors == (Contributor("Jay Rubin", "Translator"), Contributor("André Bernard", ""))


@pytest.mark.parametrize(
    ("cell", "kind", "uid"),
    [
        ("9780552154857", "isbn13", ""),
        ("0552154858", "invalid", "0552154858"),
        ("0140143505", "isbn10", ""),
        ("B07MNWKF2M", "asin", "B07MNWKF2M"),
        ("38549081", "internal", "38549081"),
        ("6f1f2a9e-2a9e", "internal", "6f1f2a9e-2a9e"),
        ("9.78055E+12", "invalid", "9.78055E+12"),
        ("", "", ""),
    ],
)
def test_it_tells_what_kind_of_identifier_a_book_has(cell, kind, uid):
    book = only_entry(storygraph({"ISBN/UID": cell}))
    assert (book.isbn_kind, book.uid) == (kind, uid)


def test_it_refuses_a_row_without_a_title():
    assert only_bad_row(storygraph({"Title": ""})).reason == "title_missing"
