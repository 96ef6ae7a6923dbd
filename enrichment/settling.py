"""Store what came of attempts at rows: many at once, each behind the fence of its lease, in one transaction."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from bookops.books import Book
from bookops.bulk import write_fields
from bookops.clock import database_now
from bookops.outbound.errors import SourceError, TryAgain
from bookops.progress import wake_sometimes
from bookops.runs import State
from bookops.source_health import health
from enrichment import chunks
from enrichment.asking import Asked, Tally
from enrichment.deciding import Findings
from enrichment.models import ImportCost, ImportRow, LibraryImport, RowAttempt
from enrichment.remembering import remember

#: The columns of a row that an attempt may change.
ROW_FIELDS = (
    "state",
    "attempts",
    "next_at",
    "ring_at",
    "reason",
    "detail",
    "lease_owner",
    "lease_until",
    "ended_at",
    "outcome",
    "score",
    "candidates",
    "sources",
    "waiting_for",
)
BOOK_FIELDS = (
    "publisher",
    "pages",
    "year",
    "original_year",
    "language",
    "description",
    "genres",
    "subjects",
    "cover_url",
    "small_cover_url",
    "openlibrary_work_key",
    "openlibrary_edition_key",
    "google_volume_id",
    "provenance",
    "version",
    "enriched_at",
)


@dataclass
class Tried:
    """Hold what one attempt at one held row came to: findings, or the error that ended it."""

    row: ImportRow
    started: datetime
    findings: Findings | None = None
    error: SourceError | None = None
    asked: list[Asked] = field(default_factory=list)
    #: None where the answer came with a batch, whose calls are counted once for all.
    tally: Tally | None = None
    cpu_seconds: float = 0.0


def store(tries: Sequence[Tried]) -> list[bool]:
    """Store attempts in one transaction and say of each whether its lease still held; what was lost is thrown away.

    Then, outside the transaction, end the chunks and imports that these were the last rows of. About ten queries a batch.
    """
    start = time.thread_time()
    with transaction.atomic():
        kept_ids = ImportRow.objects.all().fence([tried.row for tried in tries])
        now = database_now()
        kept = [tried for tried in tries if tried.row.pk in kept_ids]
        books = Book.objects.select_for_update().order_by("pk").in_bulk([tried.row.book_id for tried in kept if tried.row.book_id])
        changed = [book for tried in kept if (book := settle(tried, books.get(tried.row.book_id or 0), now))]
        write_fields([tried.row for tried in kept], ROW_FIELDS)
        write_fields(list({book.pk: book for book in changed}.values()), BOOK_FIELDS)
        RowAttempt.objects.bulk_create(attempt_of(tried, now) for tried in kept)
        remember({one.question: one.found for tried in tries for one in tried.asked if one.error is None and one.shared_by == 1}, now)
    _charge(tries, time.thread_time() - start)
    health.flush()
    _end_what_is_done(kept)
    return [tried.row.pk in kept_ids for tried in tries]


def settle(tried: Tried, book: Book | None, now: datetime) -> Book | None:
    """Move the row and let its book learn, in memory; return the book where there is something to write."""
    row = tried.row
    if tried.error is not None:
        _settle_error(row, tried.error, now)
    else:
        row.after_success(now)
        row.waiting_for = ""
    findings = tried.findings
    if findings is None:
        return None
    row.outcome, row.score = findings.outcome, findings.score
    row.candidates = [candidate.to_json() for candidate in findings.candidates]
    row.sources = findings.sources
    return learn(book, findings, now) if book is not None else None


def learn(book: Book, findings: Findings, now: datetime) -> Book:
    """Pass the findings through the book's gate."""
    for name, (value, source) in findings.facts().items():
        book.learn({name: value}, source, now)
    book.subjects = book.subjects | findings.subjects()
    book.enriched_at = now
    book.version += 1
    return book


def _settle_error(row: ImportRow, error: SourceError, now: datetime) -> None:
    if isinstance(error, TryAgain) and error.spent:
        until = now + timedelta(seconds=max(error.retry_after or 60.0, 1.0))
        row.after_parking(until, reason=error.reason, detail=error.detail)
        row.waiting_for = error.source
        health.park(error.source, until)
    elif isinstance(error, TryAgain):
        row.after_failure(now, retry_after=error.retry_after, reason=error.reason, detail=error.detail)
    else:
        row.after_refusal(now, reason=error.reason, detail=error.detail)


def attempt_of(tried: Tried, now: datetime) -> RowAttempt:
    """Return the record of an attempt, from which the row's processing log is read."""
    row = tried.row
    return RowAttempt(
        row=row,
        number=row.attempts,
        outcome=row.state,
        reason=row.reason,
        detail=row.detail,
        log=[one.line() for one in tried.asked],
        started_at=tried.started,
        ended_at=now,
    )


def _charge(tries: Iterable[Tried], own_seconds: float) -> None:
    """Note what the batch cost each of its imports."""
    by_import: dict[Any, list[Tried]] = defaultdict(list)
    for tried in tries:
        by_import[tried.row.library_import_id].append(tried)
    total = sum(len(one) for one in by_import.values())
    costs = []
    for import_id, mine in by_import.items():
        seconds = sum(tried.cpu_seconds for tried in mine) + own_seconds * len(mine) / total
        costs += cost_of(import_id, [tried.tally for tried in mine if tried.tally is not None], seconds)
    ImportCost.objects.bulk_create(costs)


def cost_of(import_id: Any, tallies: Iterable[Tally], cpu_seconds: float) -> list[ImportCost]:
    """Return the cost rows of some work: one for its CPU time and one a source that was called."""
    calls: dict[str, int] = defaultdict(int)
    bytes_in: dict[str, int] = defaultdict(int)
    for tally in tallies:
        for source, count in tally.calls.items():
            calls[source] += count
            bytes_in[source] += tally.bytes_in.get(source, 0)
    return [
        ImportCost(library_import_id=import_id, cpu_seconds=cpu_seconds),
        *(ImportCost(library_import_id=import_id, source=name, calls=calls[name], bytes_in=bytes_in[name]) for name in calls),
    ]


def _end_what_is_done(kept: Sequence[Tried]) -> None:
    """Ring for the chunks and imports whose last row this may have been, and wake who watches."""
    touched = {tried.row.library_import_id for tried in kept if tried.row.state not in (State.PENDING, State.RUNNING)}
    if touched:
        LibraryImport.objects.filter(pk__in=touched).update(changes=F("changes") + 1)
    for import_id, number in {(tried.row.library_import_id, tried.row.chunk) for tried in kept}:
        if number is not None:
            chunks.end_chunk(import_id, number)
    for import_id in touched:
        chunks.finish_if_done(import_id)
        wake_sometimes(import_id)
