"""The StoryGraph, "Export StoryGraph Library": https://app.thestorygraph.com/user-export — 23 columns."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .bindings import categorise_binding
from .cells import Cells, PartialDate, RowRefused, read_date, split_list
from .columns import Format
from .doubts import AUTHOR_MISSING, READING_UNREADABLE, Doubt
from .entry import LibraryEntry, Read
from .isbn import read_identifier, to_isbn13
from .people import read_contributors, split_people
from .titles import split_title

_COLUMNS = (
    *("Title", "Authors", "Contributors", "ISBN/UID", "Format", "Read Status", "Date Added", "Last Date Read", "Dates Read", "Read Count"),
    *("Moods", "Pace", "Character- or Plot-Driven?", "Strong Character Development?", "Loveable Characters?", "Diverse Characters?"),
    *("Flawed Characters?", "Star Rating", "Review", "Content Warnings", "Content Warning Description", "Tags", "Owned?"),
)
_STATUSES = frozenset({"read", "to-read", "currently-reading", "did-not-finish", "paused"})
_DAY = r"[0-9]{4}(?:/[0-9]{1,2}(?:/[0-9]{1,2})?|-[0-9]{2}-[0-9]{2})?"
_READ = re.compile(rf"(?P<start>{_DAY})?(?:\s*(?P<range>[-–])\s*(?P<end>{_DAY})?)?")
_OWN_NUMBER = re.compile(r"[0-9A-Za-z-]+")

_SHAPES = {
    "Title": re.compile(r"(?s).*\S.*"),
    "Read Status": re.compile("|".join(sorted(_STATUSES))),
    "Date Added": re.compile(r"(?:[0-9]{4}/[0-9]{2}/[0-9]{2})?"),
    "Last Date Read": re.compile(r"(?:[0-9]{4}/[0-9]{2}/[0-9]{2})?"),
    "Read Count": re.compile(r"[0-9]+"),
    "Star Rating": re.compile(r"(?:[0-5](?:\.[0-9]{1,2})?)?"),
    "Owned?": re.compile(r"Yes|No"),
}


class StoryGraph(Format):
    """Read a StoryGraph export."""

    name = "storygraph"
    label = "StoryGraph"
    generations = {"23": _COLUMNS}
    required = frozenset({"Title", "Authors", "Read Status"})
    aliases = {"isbn": "ISBN/UID", "loveable characters": "Loveable Characters?", "owned": "Owned?"}
    droppable = frozenset()

    def generation(self, columns: frozenset[str]) -> str:
        """Return "23": there has been one so far."""
        return "23"

    def believes(self, row: Mapping[str, str]) -> bool:
        """Tell whether each telling cell looks right."""
        return all(shape.fullmatch(row[column]) for column, shape in _SHAPES.items())

    def read(self, cells: Cells) -> LibraryEntry:
        """Return the row's book."""
        title = cells.text("Title")
        if not title:
            raise RowRefused("Title", "title_missing", "the row has no title; give the book one on StoryGraph and export again")
        authors = split_people(cells.text("Authors"))
        if not authors:
            cells.warn("Authors", "", AUTHOR_MISSING)
        clean_title, series = split_title(title)
        isbn10, isbn13, isbn_kind, uid = _identifiers(cells)
        reads = _reads(cells)
        date_read = cells.date("Last Date Read") or _latest(reads)
        added = cells.date("Date Added")
        status = cells.text("Read Status")
        binding = cells.text("Format")
        return LibraryEntry(
            number=cells.number,
            line=cells.line,
            source_format=self.name,
            title=title,
            clean_title=clean_title,
            series=series,
            author=authors[0] if authors else "",
            additional_authors=authors[1:],
            contributors=read_contributors(cells.text("Contributors")),
            isbn10=isbn10,
            isbn13=isbn13,
            isbn_kind=isbn_kind,
            uid=uid,
            binding=binding,
            binding_category=categorise_binding(binding),
            my_rating=cells.decimal("Star Rating", 5) or None,
            date_read=date_read.day if date_read else None,
            date_read_precision=date_read.precision if date_read else "",
            date_added=added.day if added else None,
            reads=reads,
            read_count=cells.integer("Read Count", 0, 10_000),
            reading_status=status,
            is_custom_shelf=bool(status) and status not in _STATUSES,
            tags=cells.names("Tags"),
            my_review=cells.prose("Review"),
            owned_copies=int(cells.flag("Owned?")) if cells.prose("Owned?") else None,
            moods=cells.names("Moods"),
            pace=cells.text("Pace"),
            character_or_plot_driven=cells.text("Character- or Plot-Driven?"),
            strong_character_development=cells.text("Strong Character Development?"),
            loveable_characters=cells.text("Loveable Characters?"),
            diverse_characters=cells.text("Diverse Characters?"),
            flawed_characters=cells.text("Flawed Characters?"),
            content_warnings=cells.names("Content Warnings"),
            content_warning_description=cells.prose("Content Warning Description"),
            warnings=tuple(cells.warnings),
        )


def _identifiers(cells: Cells) -> tuple[str, str, str, str]:
    """Return ISBN-10, ISBN-13, the kind of identifier, and its text when it is no ISBN."""
    # StoryGraph's own numbers have up to eight digits, so only nine are taken for an ISBN-10 that lost its zero.
    identifier = read_identifier(cells.prose("ISBN/UID"), shortest=9)
    if identifier.kind == "isbn13":
        return "", identifier.value, "isbn13", ""
    if identifier.kind == "isbn10":
        return identifier.value, to_isbn13(identifier.value), "isbn10", ""
    if identifier.doubt:
        if _OWN_NUMBER.fullmatch(identifier.value) and len(identifier.value.replace("-", "")) not in (10, 13):
            return "", "", "internal", identifier.value
        cells.warn("ISBN/UID", identifier.value, identifier.doubt)
    return "", "", identifier.kind, identifier.value


def _reads(cells: Cells) -> tuple[Read, ...]:
    """Return the readings of a list such as "2025/03/01-2025/03/14, 2026/09/12"."""
    reads = []
    for part in split_list(cells.text("Dates Read")):
        match = _READ.fullmatch(part)
        days = [read_date(text) if text else None for text in match.group("start", "end")] if match else [READING_UNREADABLE]
        if any(isinstance(day, Doubt) for day in days):
            cells.warn("Dates Read", part, READING_UNREADABLE)
            continue
        start, end = (day.day if isinstance(day, PartialDate) else None for day in days)
        # A single date is the day a book was finished; an open range has only begun.
        reads.append(Read(start, end) if match and match["range"] else Read(None, start))
    return tuple(reads)


def _latest(reads: tuple[Read, ...]) -> PartialDate | None:
    return max((PartialDate(read.end, "day") for read in reads if read.end), default=None)
