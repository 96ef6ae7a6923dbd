"""What a reader's export says: one book (`LibraryEntry`), a row that could not be read (`BadRow`), a file that was refused (`ExportRefused`)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple


class ExportRefused(Exception):
    """The file as a whole cannot be read with certainty; nothing of it was imported."""

    def __init__(self, reason: str, detail: str, *, status_hint: int = 400) -> None:
        super().__init__(detail)
        #: Stable code, for programs.
        self.reason = reason
        #: For people: names the line and the remedy.
        self.detail = detail
        #: HTTP status that fits: 400 no such file type or encoding, 413 too large, 422 a text file that is no known export.
        self.status_hint = status_hint


@dataclass(frozen=True, slots=True)
class BadRow:
    """Hold one data row that could not become an entry; the rows after it are read on."""

    #: 1-based data row.
    number: int
    #: Physical line of the file on which the record starts.
    line: int
    #: Header name of the column at fault, "" when the row as a whole is.
    column: str
    #: Stable code, for programs.
    reason: str
    #: For people: what is wrong and the remedy.
    detail: str
    #: The row as it was, by header name where it has the header's width. Fit to store: long cells are cut, forbidden characters replaced.
    raw: dict[str, str] | list[str]


class Series(NamedTuple):
    """Name one series a book belongs to; the position is text ("2.5", "1-3", "4, Part 2")."""

    name: str
    position: str


class Contributor(NamedTuple):
    """Name somebody who worked on a book; the role is "" where the service tells none."""

    name: str
    role: str


class Read(NamedTuple):
    """Date one reading of a book; either end may be unknown."""

    start: date | None
    end: date | None


class ShelfPosition(NamedTuple):
    """Place a book on one shelf, counted from 1 at the shelf's far end."""

    shelf: str
    position: int


class CellWarning(NamedTuple):
    """Tell of one cell that could not be used; the rest of its row counts."""

    #: Header name.
    column: str
    #: As written, cut; "" where the trouble is that it is empty.
    cell: str
    #: Stable code, for programs.
    reason: str
    #: For people: names the line and the remedy.
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryEntry:
    """Hold one book of an export as the reader's service told it: normalised, and nothing added from elsewhere."""

    #: 1-based data row.
    number: int
    #: Physical line of the file on which the record starts.
    line: int
    #: "goodreads" or "storygraph".
    source_format: str

    title: str
    #: The title without its series, for matching.
    clean_title: str = ""
    series: tuple[Series, ...] = ()
    #: The first author, "" where the export has none.
    author: str = ""
    author_lf: str = ""
    additional_authors: tuple[str, ...] = ()
    #: People with their roles, from services that tell roles.
    contributors: tuple[Contributor, ...] = ()

    goodreads_id: str = ""
    #: Only with a valid checksum.
    isbn10: str = ""
    #: Only with a valid checksum; derived from the ISBN-10 where the export has that alone.
    isbn13: str = ""
    #: What the export identified the book by: "isbn13", "isbn10", "asin", "internal", "invalid", or "" for nothing.
    isbn_kind: str = ""
    #: The identifier as written where it is no valid ISBN (an ASIN, a service's own id, a slip).
    uid: str = ""

    publisher: str = ""
    binding: str = ""
    #: "hardcover", "paperback", "ebook", "audiobook", "other", or "" when unknown.
    binding_category: str = ""
    #: None when unknown; a 0 counts as unknown.
    num_pages: int | None = None
    year_published: int | None = None
    #: Negative before the common era.
    original_publication_year: int | None = None

    #: In steps down to a quarter star; None when unrated (services write 0).
    my_rating: Decimal | None = None
    average_rating: Decimal | None = None
    #: The latest reading; a partial date stands for its first day.
    date_read: date | None = None
    #: "day", "month" or "year": how much of `date_read` to believe; "" without a date.
    date_read_precision: str = ""
    date_added: date | None = None
    #: Every dated reading the service tells, in its order.
    reads: tuple[Read, ...] = ()
    #: None where the export is silent.
    read_count: int | None = None

    #: The exclusive shelf: "read", "to-read", "currently-reading", or one of the reader's own; "" when unknown.
    reading_status: str = ""
    #: True when the reading status is a shelf the reader made.
    is_custom_shelf: bool = False
    shelves: tuple[str, ...] = ()
    shelf_positions: tuple[ShelfPosition, ...] = ()
    bookshelves_with_positions: str = ""
    tags: tuple[str, ...] = ()

    #: Raw: may hold HTML, which must be sanitised before display.
    my_review: str = ""
    has_spoilers: bool = False
    #: Raw like the review, and personal.
    private_notes: str = ""
    owned_copies: int | None = None

    recommended_for: str = ""
    recommended_by: str = ""
    original_purchase_date: str = ""
    original_purchase_location: str = ""
    condition: str = ""
    condition_description: str = ""
    bcid: str = ""

    moods: tuple[str, ...] = ()
    pace: str = ""
    character_or_plot_driven: str = ""
    strong_character_development: str = ""
    loveable_characters: str = ""
    diverse_characters: str = ""
    flawed_characters: str = ""
    content_warnings: tuple[str, ...] = ()
    content_warning_description: str = ""

    warnings: tuple[CellWarning, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict without empty values; dates and decimals become text."""
        data: dict[str, Any] = {}
        for name in _NAMES:
            value = getattr(self, name)
            if value is None or value == "" or value == () or value is False:
                continue
            write = _WRITERS.get(name)
            data[name] = write(value) if write else value
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> LibraryEntry:
        """Return the entry that `to_json` wrote; keys of later versions are ignored."""
        return cls(**{name: _READERS[name](value) if name in _READERS else value for name, value in data.items() if name in _KNOWN})


_NAMES = tuple(field.name for field in fields(LibraryEntry))
_KNOWN = frozenset(_NAMES)


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


_WRITERS: dict[str, Any] = {
    **dict.fromkeys(("my_rating", "average_rating"), str),
    **dict.fromkeys(("date_read", "date_added"), date.isoformat),
    **dict.fromkeys(("additional_authors", "shelves", "tags", "moods", "content_warnings"), list),
    "warnings": lambda warnings: [warning._asdict() for warning in warnings],
    **dict.fromkeys(("series", "contributors", "shelf_positions"), lambda pairs: [list(pair) for pair in pairs]),
    "reads": lambda reads: [[day.isoformat() if day else None for day in read] for read in reads],
}
_READERS: dict[str, Any] = {
    **dict.fromkeys(("my_rating", "average_rating"), Decimal),
    **dict.fromkeys(("date_read", "date_added"), date.fromisoformat),
    **dict.fromkeys(("additional_authors", "shelves", "tags", "moods", "content_warnings"), tuple),
    "warnings": lambda rows: tuple(CellWarning(**row) for row in rows),
    "series": lambda rows: tuple(Series(*row) for row in rows),
    "contributors": lambda rows: tuple(Contributor(*row) for row in rows),
    "shelf_positions": lambda rows: tuple(ShelfPosition(*row) for row in rows),
    "reads": lambda rows: tuple(Read(_day(start), _day(end)) for start, end in rows),
}
