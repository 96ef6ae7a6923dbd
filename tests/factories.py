"""What tests start from: owners, files, imports, rows and books, each made by one plain function with sound values."""

from __future__ import annotations

import io
import itertools
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User

from bookops.books import Book
from bookops.clock import database_now
from bookops.dispatch import Here, rung_here
from bookops.runs import State
from bookops.sweep import sweep_once
from enrichment.formats import LibraryEntry
from enrichment.imports import start_import
from enrichment.models import ImportRow, LibraryImport
from enrichment.sources.facts import EditionFacts
from tests.enrichment.formats.exports import goodreads

_numbers = itertools.count(1)


def make_owner(name: str = "", **changes: Any) -> User:
    """Return a stored user."""
    return get_user_model().objects.create_user(name or f"owner{next(_numbers)}", **changes)


def make_book(owner: User | None = None, **changes: Any) -> Book:
    """Return a stored book."""
    return Book.objects.create(**{"owner": owner or make_owner(), "title": "Momo", "author": "Michael Ende"} | changes)


def make_import(owner: User | None = None, **changes: Any) -> LibraryImport:
    """Return a stored import that is enriching its rows, with no file behind it."""
    values = {"filename": "library.csv", "state": State.RUNNING, "stage": LibraryImport.Stage.ENRICHING, "started_at": database_now()}
    return LibraryImport.objects.create(**{"owner": owner or make_owner()} | values | changes)


def make_entry(number: int = 1, **changes: Any) -> LibraryEntry:
    """Return an entry as a Goodreads export would tell it."""
    values = {"title": "Momo", "clean_title": "Momo", "author": "Michael Ende", "reading_status": "read", "source_format": "goodreads"}
    return LibraryEntry(**{"number": number, "line": number + 1} | values | changes)


def make_row(library_import: LibraryImport | None = None, *, entry: LibraryEntry | None = None, **changes: Any) -> ImportRow:
    """Return a stored row with its book, waiting to be enriched."""
    library_import = library_import or make_import()
    entry = entry or make_entry(library_import.rows.count() + 1)
    values = {"number": entry.number, "line": entry.line, "title": entry.title, "author": entry.author, "isbn13": entry.isbn13}
    if "book" not in changes:
        changes["book"] = make_book(library_import.owner, title=entry.title, author=entry.author, isbn13=entry.isbn13)
    return ImportRow.objects.create(**{"library_import": library_import, "entry": entry.to_json()} | values | changes)


def make_facts(title: str = "Momo", author: str = "Michael Ende", **changes: Any) -> EditionFacts:
    """Return what Open Library says of a book that has all it takes: a genre, a cover, a publisher."""
    values = {
        "source": "open_library",
        "key": f"/books/OL{abs(hash((title, author))) % 10**6}M",
        "title": title,
        "authors": (author,),
        "publisher": "Thienemann",
        "year": 1973,
        "pages": 269,
        "subjects": ("Fantasy fiction",),
        "cover_url": "https://covers.openlibrary.org/b/id/1-L.jpg",
        "small_cover_url": "https://covers.openlibrary.org/b/id/1-M.jpg",
    }
    return EditionFacts(**values | changes)


def isbn(number: int) -> str:
    """Return the valid ISBN-13 with this running number."""
    stem = f"978{number:09d}"
    return stem + str(-sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(stem)) % 10)


def library(*rows: dict[str, str]) -> str:
    """Return the text of a Goodreads export with these books, each with the cells that are named and no other identifier."""
    plain = {"Book Id": "", "ISBN": "", "ISBN13": "", "Title": "Momo", "Author": "Michael Ende", "Author l-f": "", "Bookshelves": ""}
    return goodreads(*(plain | row for row in rows))


def upload(owner: User, *rows: dict[str, str], text: str | None = None, **options: Any) -> LibraryImport:
    """Return an import of an export with these books, uploaded and not yet read."""
    file = io.BytesIO((library(*rows) if text is None else text).encode())
    return start_import(owner=owner, file=file, filename=options.pop("filename", "library.csv"), **options)


def work(here: Here, *, rounds: int = 20) -> None:
    """Do all that was rung, sweep, and go on until nothing moves."""
    for _ in range(rounds):
        if not here.work(threads=8) and not any(sweep_once().values()):
            return


def import_library(owner: User, *rows: dict[str, str], **options: Any) -> LibraryImport:
    """Return an import of an export with these books, worked through to its end."""
    with rung_here() as here:
        library_import = upload(owner, *rows, **options)
        work(here)
    library_import.refresh_from_db()
    return library_import
