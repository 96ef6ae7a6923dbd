"""Read an uploaded export into rows and books, a batch at a time, settling at once what is remembered."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from itertools import islice
from typing import Any, BinaryIO, cast

import structlog
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import F

from bookops.books import EXPORT, Book, BookKey
from bookops.clock import database_now
from bookops.leases import heartbeat
from bookops.notices import notify
from bookops.runs import State
from enrichment import chunks, settling
from enrichment.deciding import Findings, next_question, questions_of
from enrichment.doors import note_sandbox
from enrichment.formats import BadRow, ExportRefused, LibraryEntry, open_export
from enrichment.identity import Shelf
from enrichment.models import ImportChunk, ImportCost, ImportRow, LibraryImport, RowAttempt
from enrichment.remembering import recall
from enrichment.unmapped import unmapped
from enrichment.wanted import wanted_of_entry

log = structlog.get_logger(__name__)


class LeaseLost(Exception):
    """Another worker reads this import now."""


def read_library(import_id: Any) -> bool:
    """Read an import's file from where reading stopped; False when it is not ours to read.

    Each batch is one transaction behind the import's lease, so that a crash loses and doubles nothing. The first chunk is sent out
    while the rest of the file is still being read.
    """
    claimed = LibraryImport.objects.all().claim([import_id])
    if not claimed:
        return False
    library_import = claimed[0]
    with heartbeat.holding(library_import):
        try:
            _read(library_import)
        except ExportRefused as refusal:
            _refuse(library_import, refusal)
            return False
        except LeaseLost:
            return False
    return True


def _read(library_import: LibraryImport) -> None:
    if not library_import.rows_read:
        library_import.record("reading", filename=library_import.filename)
    taken: set[int] = set(library_import.rows.exclude(book=None).values_list("book_id", flat=True))
    with default_storage.open(library_import.upload_key, "rb") as file:
        content = cast(BinaryIO, file)
        export = open_export(content, name=library_import.filename, max_bytes=settings.UPLOAD_MAX_BYTES, max_rows=settings.UPLOAD_MAX_ROWS)
        # Closed before its file is, also when another worker has taken over.
        with closing(export.rows(start_after=library_import.rows_read)) as rows:  # type: ignore[type-var]
            while batch := list(islice(rows, library_import.chunk_size)):
                store_batch(library_import, batch, taken)
                chunks.advance(library_import.pk)
    if not library_import.start_enriching():
        raise LeaseLost
    library_import.record("read", rows=library_import.rows_read, cells_left_out=library_import.cells_left_out)
    if not chunks.advance(library_import.pk):
        chunks.finish_if_done(library_import.pk)


def store_batch(library_import: LibraryImport, read: Sequence[LibraryEntry | BadRow], taken: set[int]) -> None:
    """Store a batch of rows with their books in one transaction. About twelve queries, however many rows."""
    start = time.thread_time()
    entries = [one for one in read if isinstance(one, LibraryEntry)]
    left_out = Counter(library_import.cells_left_out)
    left_out.update(warning.column for entry in entries for warning in entry.warnings if warning.cell)
    with transaction.atomic():
        # Also the fence: whoever moves the count of rows read is the one who reads this import.
        ours = LibraryImport.objects.all().held([library_import])
        if not ours.update(rows_read=F("rows_read") + len(read), cells_left_out=left_out, changes=F("changes") + 1, **note_sandbox()):
            raise LeaseLost
        now = database_now()
        # One import of an owner at a time, or two of them could make the same book twice. By a lock that lets new rows refer to the owner:
        # an upload would wait for it too.
        get_user_model().objects.select_for_update(no_key=True).filter(pk=library_import.owner_id).first()
        shelf = Shelf(library_import.owner_id, entries, taken)
        books = [_book_of(entry, shelf, library_import, now) for entry in entries]
        rows = [_row(library_import, entry, book, now) for entry, book in zip(entries, books, strict=True)]
        tries = _settle_remembered(library_import, rows, books, now)
        _save_books(library_import, entries, books, shelf, taken)
        _assign_chunk(library_import, [row for row in rows if row.state == State.PENDING])
        rows += [_bad_row(library_import, bad, now) for bad in read if isinstance(bad, BadRow)]
        ImportRow.objects.bulk_create(rows, batch_size=500)
        RowAttempt.objects.bulk_create((settling.attempt_of(tried, now) for tried in tries), batch_size=500)
        cost = ImportCost(library_import=library_import, cpu_seconds=time.thread_time() - start)
        cost.save()
    library_import.rows_read += len(read)
    library_import.cells_left_out = left_out
    unmapped.flush()
    settling.wake_sometimes(library_import.pk)


def _book_of(entry: LibraryEntry, shelf: Shelf, library_import: LibraryImport, now: datetime) -> Book:
    """Return the book an entry means, not yet stored where its owner does not have it, with what the export tells of it."""
    book = shelf.find(entry)
    if book is None:
        book = Book(owner_id=library_import.owner_id, title=entry.title[:1000])
        shelf.add(book, entry)
    _take_over(book, entry, now)
    return book


def _save_books(
    library_import: LibraryImport, entries: Sequence[LibraryEntry], books: Sequence[Book], shelf: Shelf, taken: set[int]
) -> None:
    """Store new and changed books, each once, with all that the export and the sources' remembered answers told, and their keys."""
    different = {id(book): book for book in books}.values()
    known = [book for book in different if book.pk is not None]
    Book.objects.bulk_create([book for book in different if book.pk is None], batch_size=500)
    settling.write_fields(known, tuple(dict.fromkeys((*EXPORT_FIELDS, *settling.BOOK_FIELDS))))
    taken.update(book.pk for book in books)
    BookKey.objects.bulk_create(
        (
            BookKey(owner_id=library_import.owner_id, key=key, book=book)
            for entry, book in zip(entries, books, strict=True)
            for key in shelf.new_keys(book, entry)
        ),
        batch_size=1000,
    )


#: What an export tells of a book.
EXPORT_FIELDS = (
    "title",
    "author",
    "additional_authors",
    "isbn13",
    "goodreads_id",
    "publisher",
    "binding",
    "pages",
    "year",
    "original_year",
    "series",
    "reads",
    "moods",
    "provenance",
    "version",
)


def _take_over(book: Book, entry: LibraryEntry, now: datetime) -> None:
    """Let a book learn what the export says of it; what it already has and the export leaves out stays."""
    facts = {
        "title": entry.title[:1000],
        "author": entry.author[:500],
        "publisher": entry.publisher[:500],
        "pages": entry.num_pages,
        "year": entry.year_published,
        "original_year": entry.original_publication_year,
        "isbn13": entry.isbn13,
    }
    if book.learn(facts, EXPORT, now) and book.pk is not None:
        book.version += 1
    book.goodreads_id = entry.goodreads_id or book.goodreads_id
    book.binding = entry.binding[:200] or book.binding
    book.additional_authors = list(entry.additional_authors) or book.additional_authors
    book.series = [list(one) for one in entry.series] or book.series
    book.moods = list(entry.moods) or book.moods
    reads = [[_iso(read.start), _iso(read.end)] for read in entry.reads]
    book.reads = book.reads + [read for read in reads if read not in book.reads]


def _iso(day: Any) -> str | None:
    return day.isoformat() if day is not None else None


def _row(library_import: LibraryImport, entry: LibraryEntry, book: Book, now: datetime) -> ImportRow:
    return ImportRow(
        library_import=library_import,
        number=entry.number,
        line=entry.line,
        book=book,
        title=entry.title[:1000],
        author=entry.author[:500],
        isbn13=entry.isbn13,
        entry=entry.to_json(),
        max_attempts=settings.MAX_ATTEMPTS,
        next_at=now,  # its default would ask the database once a row
    )


def _bad_row(library_import: LibraryImport, bad: BadRow, now: datetime) -> ImportRow:
    raw = bad.raw if isinstance(bad.raw, dict) else {str(number): cell for number, cell in enumerate(bad.raw, start=1)}
    return ImportRow(
        library_import=library_import,
        number=bad.number,
        line=bad.line,
        column=bad.column[:100],
        raw=raw,
        state=State.FAILED,
        reason=bad.reason[:40],
        detail=bad.detail[:500],
        next_at=now,
        ended_at=now,
    )


def _settle_remembered(
    library_import: LibraryImport, rows: Sequence[ImportRow], books: Sequence[Book], now: datetime
) -> list[settling.Tried]:
    """Settle in memory the rows for which every question has been answered before, and let their books learn. One query."""
    without = frozenset(library_import.given_up)
    wanted = [wanted_of_entry(row.entry) for row in rows]
    known = recall((question for one in wanted for question in questions_of(one)), now)
    tries = []
    for row, one, book in zip(rows, wanted, books, strict=True):
        verdict = next_question(one, known, policy=library_import.policy, without=without) if known else None
        if isinstance(verdict, Findings):
            row.attempts, row.started_at = 1, now
            tried = settling.Tried(row, now, verdict)
            settling.settle(tried, book, now)
            tries.append(tried)
    return tries


def _assign_chunk(library_import: LibraryImport, pending: Sequence[ImportRow]) -> None:
    if not pending:
        return
    number = library_import.chunks.count() + 1
    ImportChunk.objects.create(library_import=library_import, number=number, rows_total=len(pending))
    for row in pending:
        row.chunk = number


def _refuse(library_import: LibraryImport, refusal: ExportRefused) -> None:
    """End an import whose file turned out unreadable after its upload had been accepted."""
    with transaction.atomic():
        ended = (
            LibraryImport.objects.all()
            .held([library_import])
            .update(
                state=State.FAILED,
                stage=LibraryImport.Stage.DONE,
                reason=refusal.reason[:40],
                detail=str(refusal)[:500],
                ended_at=database_now(),
                finishes=F("finishes") + 1,
                lease_owner=None,
                lease_until=None,
            )
        )
        if ended:
            library_import.refresh_from_db()
            library_import.record("failed", reason=refusal.reason, detail=str(refusal))
            notify(
                library_import, outcome=library_import.state, subject=f"{library_import.filename}: failed", facts={"detail": str(refusal)}
            )
