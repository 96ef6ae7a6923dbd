"""Files the catalogue can learn from: its own sample, a library export (CSV), a dashboard JSON with raw subjects."""

from __future__ import annotations

import csv
import json
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path

from sandbox.catalogue import Book
from sandbox.isbn import as_isbn13

SAMPLE = Path(__file__).parent / "sample_catalogue.json"

#: The first word of a letter's Unicode name, and the language most books in that script are in.
LANGUAGE_OF_SCRIPT = {
    "CYRILLIC": "rus",
    "ARABIC": "per",
    "HEBREW": "heb",
    "CJK": "chi",
    "HIRAGANA": "jpn",
    "KATAKANA": "jpn",
    "HANGUL": "kor",
    "GREEK": "gre",
}


class UnreadableCatalogue(ValueError):
    """A file that holds no books one can read."""


def read_books(path: Path) -> list[Book]:
    """Return the books of a file; raise UnreadableCatalogue when it is no catalogue."""
    try:
        books = list(_from_json(path) if path.suffix == ".json" else _from_csv(path))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, csv.Error) as error:
        raise UnreadableCatalogue(f"{path} cannot be read as a catalogue: {error}") from error
    if not books:
        raise UnreadableCatalogue(f"{path} holds no books: a CSV needs the columns Title and Author or Authors, a JSON the key books")
    return books


def _from_json(path: Path) -> Iterator[Book]:
    for entry in json.loads(path.read_text(encoding="utf-8"))["books"]:
        yield Book(
            title=entry["title"],
            author=" ".join(entry["author"].split()),
            contributors=tuple(entry.get("contributors") or ()),
            isbn13=as_isbn13(entry.get("isbn13") or "") or as_isbn13(entry.get("isbn") or ""),
            goodreads_id=str(entry.get("goodreads_id") or ""),
            publisher=entry.get("publisher") or "",
            pages=entry.get("num_pages"),
            year=entry.get("year"),
            first_year=entry.get("publication_year"),
            language=entry.get("language") or _language_of(entry["title"]),
            # A dashboard's "genres" are the subjects as the sources gave them.
            subjects=tuple(entry.get("genres") or ()),
        )


def _from_csv(path: Path) -> Iterator[Book]:
    csv.field_size_limit(sys.maxsize)
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        for row in csv.DictReader(file):
            cells = {name.strip(): value.strip() for name, value in row.items() if isinstance(name, str) and isinstance(value, str)}
            title, authors = cells.get("Title", ""), _listed(cells.get("Author") or cells.get("Authors", ""))
            if title and authors:
                yield _book_of_export(title, authors, cells)


def _book_of_export(title: str, authors: list[str], cells: Mapping[str, str]) -> Book:
    return Book(
        title=title,
        author=authors[0],
        contributors=tuple(authors[1:] + _listed(cells.get("Additional Authors", ""))),
        isbn13=as_isbn13(cells.get("ISBN13", "")) or as_isbn13(cells.get("ISBN", "")) or as_isbn13(cells.get("ISBN/UID", "")),
        goodreads_id=cells.get("Book Id", ""),
        publisher=cells.get("Publisher", ""),
        pages=_whole(cells.get("Number of Pages", "")),
        year=_whole(cells.get("Year Published", "")),
        first_year=_whole(cells.get("Original Publication Year", "")),
        language=_language_of(title),
        shelves=tuple(_listed(cells.get("Bookshelves", "")) + _listed(cells.get("Tags", ""))),
    )


def _listed(text: str) -> list[str]:
    return [" ".join(part.split()) for part in text.split(",") if part.strip()]


def _whole(text: str) -> int | None:
    try:
        return int(float(text)) or None
    except (ValueError, OverflowError):
        return None


def _language_of(title: str) -> str:
    for letter in title:
        script = unicodedata.name(letter, "").partition(" ")[0] if letter.isalpha() else ""
        if script in LANGUAGE_OF_SCRIPT:
            return LANGUAGE_OF_SCRIPT[script]
    return "eng"
