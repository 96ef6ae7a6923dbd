"""Imports, rows and books as the API's tests want them."""

from __future__ import annotations

import gzip
import json
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from bookops.books import Book
from bookops.runs import State
from enrichment.models import ImportRow, LibraryImport, RowAttempt

EXPORT = (
    b"Book Id,Title,Author,Author l-f,Additional Authors,ISBN,ISBN13,My Rating,Average Rating,Publisher,Binding,Number of Pages,"
    b"Year Published,Original Publication Year,Date Read,Date Added,Bookshelves,Bookshelves with positions,Exclusive Shelf,My Review,"
    b"Spoiler,Private Notes,Read Count,Owned Copies\n"
    b'1,The Left Hand of Darkness,Ursula K. Le Guin,"Le Guin, Ursula K.",,"=""0441478123""","=""9780441478125""",5,4.12,Ace,Paperback,304,'
    b"2000,1969,2024/02/03,2023/12/01,,,read,,,,1,0\n"
)


def make_import(owner: Any, **changes: Any) -> LibraryImport:
    """Return an import that is enriching."""
    values = {"filename": "library.csv", "state": State.RUNNING, "stage": LibraryImport.Stage.ENRICHING, "started_at": timezone.now()}
    return LibraryImport.objects.create(owner=owner, **values | changes)


def make_finished_import(owner: Any, **changes: Any) -> LibraryImport:
    """Return an import that has ended well, with a dashboard in storage."""
    ended = {"state": State.SUCCEEDED, "stage": LibraryImport.Stage.DONE, "ended_at": timezone.now(), "finishes": 1}
    library_import = make_import(owner, **ended | changes)
    store_dashboard(library_import, {"books": [], "summary": {"total_books": 0}, "metadata": {"partial": False}})
    return library_import


def store_dashboard(library_import: LibraryImport, document: dict[str, Any], *, partial: bool = False) -> None:
    """Put a dashboard where the exporter would."""
    key = f"data/{library_import.pk}{'.partial' if partial else ''}.json"
    text = json.dumps(document).encode()
    default_storage.save(key, ContentFile(text))
    default_storage.save(key + ".gz", ContentFile(gzip.compress(text)))
    LibraryImport.objects.filter(pk=library_import.pk).update(
        dashboard_key=key, dashboard_etag="0123456789abcdef", dashboard_version=1, dashboard_partial=partial
    )
    library_import.refresh_from_db()


def make_book(owner: Any, **changes: Any) -> Book:
    """Return a book."""
    return Book.objects.create(owner=owner, **{"title": "The Left Hand of Darkness", "author": "Ursula K. Le Guin"} | changes)


CANDIDATE = {
    "facts": {"source": "openlibrary", "key": "/books/OL1M", "title": "The Left Hand of Darkness", "authors": ["Ursula K. Le Guin"]},
    "score": 0.8,
    "compared": [],
    "because": "the title is the same",
}


def make_row(library_import: LibraryImport, number: int = 1, **changes: Any) -> ImportRow:
    """Return a row that failed once."""
    values = {
        "line": number + 1,
        "title": "The Left Hand of Darkness",
        "author": "Ursula K. Le Guin",
        "state": State.FAILED,
        "reason": "timeout",
        "entry": {"title": "The Left Hand of Darkness", "author": "Ursula K. Le Guin"},
        "attempts": 1,
    }
    row = ImportRow.objects.create(library_import=library_import, number=number, **values | changes)
    RowAttempt.objects.create(row=row, number=1, outcome="failed", reason="timeout", started_at=timezone.now(), ended_at=timezone.now())
    return row
