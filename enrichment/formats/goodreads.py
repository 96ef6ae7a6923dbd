"""Goodreads, "Export Library": https://www.goodreads.com/review/import — 31 columns to about 2021, then 24, since June 2026 23."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .bindings import categorise_binding
from .cells import Cells, PartialDate, RowRefused
from .columns import Format
from .doubts import AUTHOR_MISSING, BOOK_ID_UNREADABLE, isbn_contradicts
from .entry import LibraryEntry, Read, ShelfPosition
from .isbn import Identifier, read_identifier, to_isbn13
from .people import split_people
from .titles import split_title

_LEGACY = (
    "Recommended For",
    "Recommended By",
    "Original Purchase Date",
    "Original Purchase Location",
    "Condition",
    "Condition Description",
    "BCID",
)
_G31 = (
    *("Book Id", "Title", "Author", "Author l-f", "Additional Authors", "ISBN", "ISBN13", "My Rating", "Average Rating", "Publisher"),
    *("Binding", "Number of Pages", "Year Published", "Original Publication Year", "Date Read", "Date Added", "Bookshelves"),
    *("Bookshelves with positions", "Exclusive Shelf", "My Review", "Spoiler", "Private Notes", "Read Count", "Recommended For"),
    *(
        "Recommended By",
        "Owned Copies",
        "Original Purchase Date",
        "Original Purchase Location",
        "Condition",
        "Condition Description",
        "BCID",
    ),
)
_G24 = tuple(column for column in _G31 if column not in _LEGACY)
_G23 = tuple(column for column in _G24 if column != "Average Rating")

_STANDARD_SHELVES = frozenset({"read", "to-read", "currently-reading"})
_POSITION = re.compile(r"(?P<shelf>[^,]+?) \(#(?P<position>[0-9]{1,7})\)")
_BOOK_ID = re.compile(r"([0-9]{1,20})(?:\.0)?")

_SHAPES = {
    "Book Id": re.compile(r"[1-9][0-9]{0,11}"),
    "Title": re.compile(r"(?s).*\S.*"),
    "Author l-f": re.compile(r"|\S.*"),
    "My Rating": re.compile(r"[0-5]"),
    "Average Rating": re.compile(r"[0-5](?:\.[0-9]{1,2})?"),
    "Number of Pages": re.compile(r"[0-9]*"),
    "Year Published": re.compile(r"[0-9]*"),
    "Original Publication Year": re.compile(r"(?:-?[0-9]+)?"),
    "Date Read": re.compile(r"(?:[0-9]{4}/[0-9]{2}/[0-9]{2})?"),
    "Date Added": re.compile(r"[0-9]{4}/[0-9]{2}/[0-9]{2}"),
    "Bookshelves with positions": re.compile(r"(?:[^,]+ \(#[0-9]+\)(?:, [^,]+ \(#[0-9]+\))*)?"),
    "Exclusive Shelf": re.compile(r"[^\s,]+"),
    "Spoiler": re.compile(r"(?:true)?"),
    "Read Count": re.compile(r"[0-9]*"),
    "Owned Copies": re.compile(r"[0-9]*"),
}


class Goodreads(Format):
    """Read a Goodreads export of any generation."""

    name = "goodreads"
    label = "Goodreads"
    generations = {"31": _G31, "24": _G24, "23": _G23}
    required = frozenset({"Title", "Author", "My Rating"})
    aliases = {"bookid": "Book Id", "isbn-13": "ISBN13", "pages": "Number of Pages", "year": "Year Published"}
    droppable = frozenset(_LEGACY)

    def generation(self, columns: frozenset[str]) -> str:
        """Return "31", "24" or "23", whichever has the telling columns."""
        if not columns.isdisjoint(_LEGACY):
            return "31"
        return "24" if "Average Rating" in columns else "23"

    def believes(self, row: Mapping[str, str]) -> bool:
        """Tell whether each telling cell looks right and "Author l-f" is the author turned round, which no other columns are."""
        if not all(shape.fullmatch(row[column]) for column, shape in _SHAPES.items() if column in row):
            return False
        return _words(row["Author"]) == _words(row["Author l-f"])

    def read(self, cells: Cells) -> LibraryEntry:
        """Return the row's book."""
        title = cells.text("Title")
        if not title:
            raise RowRefused("Title", "title_missing", "the row has no title; give the book one on Goodreads and export again")
        author = cells.text("Author")
        if not author:
            cells.warn("Author", "", AUTHOR_MISSING)
        clean_title, series = split_title(title)
        isbn10, isbn13, isbn_kind, uid = _identifiers(cells)
        date_read = cells.date("Date Read")
        shelves = cells.names("Bookshelves")
        status = _reading_status(cells, shelves)
        positions = cells.text("Bookshelves with positions")
        binding = cells.text("Binding")
        added = cells.date("Date Added")
        return LibraryEntry(
            number=cells.number,
            line=cells.line,
            source_format=self.name,
            title=title,
            clean_title=clean_title,
            series=series,
            author=author,
            author_lf=cells.text("Author l-f"),
            additional_authors=split_people(cells.text("Additional Authors")),
            goodreads_id=_book_id(cells),
            isbn10=isbn10,
            isbn13=isbn13,
            isbn_kind=isbn_kind,
            uid=uid,
            publisher=cells.text("Publisher"),
            binding=binding,
            binding_category=categorise_binding(binding),
            num_pages=cells.integer("Number of Pages", 0, 100_000) or None,
            year_published=cells.integer("Year Published", -9999, 2999) or None,
            original_publication_year=cells.integer("Original Publication Year", -9999, 2999) or None,
            my_rating=cells.decimal("My Rating", 5) or None,
            average_rating=cells.decimal("Average Rating", 5) or None,
            date_read=date_read.day if date_read else None,
            date_read_precision=_believable(date_read),
            date_added=added.day if added else None,
            reads=(Read(None, date_read.day),) if date_read else (),
            read_count=cells.integer("Read Count", 0, 10_000),
            reading_status=status,
            is_custom_shelf=bool(status) and status not in _STANDARD_SHELVES,
            shelves=shelves,
            shelf_positions=_shelf_positions(positions),
            bookshelves_with_positions=positions,
            my_review=cells.prose("My Review"),
            has_spoilers=cells.flag("Spoiler"),
            private_notes=cells.prose("Private Notes"),
            owned_copies=cells.integer("Owned Copies", 0, 10_000),
            recommended_for=cells.text("Recommended For"),
            recommended_by=cells.text("Recommended By"),
            original_purchase_date=cells.text("Original Purchase Date"),
            original_purchase_location=cells.text("Original Purchase Location"),
            condition=cells.text("Condition"),
            condition_description=cells.text("Condition Description"),
            bcid=cells.text("BCID"),
            warnings=tuple(cells.warnings),
        )


def _book_id(cells: Cells) -> str:
    text = cells.prose("Book Id")
    if not text:
        return ""
    match = _BOOK_ID.fullmatch(text)
    if match:
        return match[1]
    cells.warn("Book Id", text, BOOK_ID_UNREADABLE)
    return ""


def _identifiers(cells: Cells) -> tuple[str, str, str, str]:
    """Return ISBN-10, ISBN-13, what kind the row gave, and the text of what is no ISBN."""
    found: dict[str, str] = {}
    rejected: list[Identifier] = []
    # A reader, or the service itself, may have put either kind into either column.
    for column in ("ISBN13", "ISBN"):
        identifier = read_identifier(cells.prose(column))
        if identifier.kind in ("isbn13", "isbn10"):
            found.setdefault(identifier.kind, identifier.value)
        elif identifier.kind:
            rejected.append(identifier)
            if identifier.doubt:
                cells.warn(column, identifier.value, identifier.doubt)
    isbn13, isbn10 = found.get("isbn13", ""), found.get("isbn10", "")
    if isbn13 and isbn10 and to_isbn13(isbn10) != isbn13:
        cells.warn("ISBN", isbn10, isbn_contradicts(isbn13))
        isbn10 = ""
    if found:
        return isbn10, isbn13 or to_isbn13(isbn10), "isbn13" if isbn13 else "isbn10", ""
    if rejected:
        best = min(rejected, key=lambda identifier: identifier.kind != "asin")
        return "", "", best.kind, best.value
    return "", "", "", ""


def _believable(day: PartialDate | None) -> str:
    """Return how much of a Date Read to believe: Goodreads pads a partial date to the first of the month or of January."""
    if day is None:
        return ""
    if day.precision == "day" and day.day.day == 1:
        return "year" if day.day.month == 1 else "month"
    return day.precision


def _reading_status(cells: Cells, shelves: tuple[str, ...]) -> str:
    """Return the exclusive shelf; in a file without that column Bookshelves tells it, where "read" is never listed."""
    if cells.has("Exclusive Shelf") or not cells.has("Bookshelves"):
        return cells.text("Exclusive Shelf")
    return next((shelf for shelf in shelves if shelf in _STANDARD_SHELVES), "")


def _shelf_positions(text: str) -> tuple[ShelfPosition, ...]:
    matches = (_POSITION.fullmatch(part) for part in text.split(", "))
    return tuple(ShelfPosition(match["shelf"], int(match["position"])) for match in matches if match)


def _words(name: str) -> set[str]:
    # A set, for "Plato" is turned round to "Plato, Plato".
    return set(name.replace(",", " ").split())
