"""Store what came of attempts at rows: many at once, each behind the fence of its lease, in one transaction."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import IntegrityError, transaction
from django.db.models import F

from bookops.books import Book
from bookops.bulk import write_fields
from bookops.clock import database_now
from bookops.outbound.errors import BadAnswer, SourceError, TryAgain
from bookops.progress import wake_sometimes
from bookops.runs import State
from bookops.source_health import health
from bookops.tally import Tally
from enrichment import chunks
from enrichment.asking import Asked
from enrichment.deciding import Findings
from enrichment.doors import note_sandbox
from enrichment.models import ImportCost, ImportRow, LibraryImport, RowAttempt
from enrichment.remembering import remember
from enrichment.unmapped import unmapped

log = structlog.get_logger(__name__)

#: Seconds. A row whose source asks it to wait longer is parked, and its import ends without it.
LONGEST_WAIT = 120.0
#: The same for a row whose turn we put off ourselves, to keep to a source's limits.
LONGEST_TURN = 20.0
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
    #: Which attempt it was, also where it turns out to be none.
    number: int = field(init=False)

    def __post_init__(self) -> None:
        self.number = self.row.attempts


def store(tries: Sequence[Tried]) -> list[bool]:
    """Store attempts in one transaction and say of each whether its lease still held; what was lost is thrown away.

    Then, outside the transaction, end the chunks and imports that these were the last rows of. About ten queries a batch.
    """
    start = time.thread_time()
    with transaction.atomic():
        kept_ids = ImportRow.objects.all().fence([tried.row for tried in tries])
        now = database_now()
        # Copies: if this transaction fails, what was tried can be stored once more under the lease it still has.
        kept = [replace(tried, row=copy(tried.row)) for tried in tries if tried.row.pk in kept_ids]
        books = (
            Book.objects.select_for_update(no_key=True).order_by("pk").in_bulk([tried.row.book_id for tried in kept if tried.row.book_id])
        )
        changed = [book for tried in kept if (book := settle(tried, books.get(tried.row.book_id or 0), now))]
        write_fields([tried.row for tried in kept], ROW_FIELDS)
        write_fields(list({book.pk: book for book in changed}.values()), BOOK_FIELDS)
        RowAttempt.objects.bulk_create(attempt_of(tried, now) for tried in kept if not _was_only_waiting(tried))
        remember({one.question: one.found for tried in tries for one in tried.asked if one.is_news}, now)
    _charge(tries, time.thread_time() - start)
    health.flush()
    unmapped.flush()
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
    unmapped.note(findings.genres.unmapped)
    return learn(book, findings, now) if book is not None else None


def learn(book: Book, findings: Findings, now: datetime) -> Book:
    """Pass the findings through the book's gate."""
    for name, (value, source) in findings.facts().items():
        book.learn({name: value}, source, now)
    book.subjects = book.subjects | findings.subjects()
    book.enriched_at = now
    book.version += 1
    return book


def parks(error: SourceError) -> bool:
    """Say whether a row that met this error is to wait aside: its source is spent, or away for longer than an import should take."""
    if not isinstance(error, TryAgain):
        return False
    return error.spent or (error.retry_after or 0) > (LONGEST_WAIT if error.asked else LONGEST_TURN)


def _settle_error(row: ImportRow, error: SourceError, now: datetime) -> None:
    if isinstance(error, TryAgain) and parks(error):
        until = now + timedelta(seconds=max(error.retry_after or 60.0, 1.0))
        row.after_parking(until, reason=error.reason, detail=error.detail)
        row.waiting_for = error.source
        health.park(error.source, until)
    elif isinstance(error, TryAgain) and not error.asked:
        row.after_waiting(now, error.retry_after or 1.0, reason=error.reason, detail=error.detail)
    elif isinstance(error, TryAgain | BadAnswer):
        # Half an answer and a proxy's error page look alike, and both are gone the next time.
        retry_after = error.retry_after if isinstance(error, TryAgain) else None
        row.after_failure(now, retry_after=retry_after, reason=error.reason, detail=error.detail)
    else:
        row.after_refusal(now, reason=error.reason, detail=error.detail)


def _was_only_waiting(tried: Tried) -> bool:
    """Say whether nothing happened that a log could tell: the row's turn had not come before anything was asked."""
    waited = isinstance(tried.error, TryAgain) and not tried.error.asked and not parks(tried.error)
    return waited and all(one.error is tried.error or one.remembered for one in tried.asked)


def attempt_of(tried: Tried, now: datetime) -> RowAttempt:
    """Return the record of an attempt, from which the row's processing log is read."""
    row = tried.row
    return RowAttempt(
        row=row,
        number=tried.number,
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
    try:
        with transaction.atomic():
            ImportCost.objects.bulk_create(costs)
    except IntegrityError:
        # One of the imports was deleted meanwhile; what the others' batch cost is not worth failing it for.
        log.info("cost_not_noted", imports=len(by_import))


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
        LibraryImport.objects.filter(pk__in=touched).update(changes=F("changes") + 1, **note_sandbox())
    # Rows that go round again may come after their chunk has ended; first tries are counted by it.
    late = {tried.row.library_import_id for tried in kept if tried.number > 1 or tried.row.chunk is None}
    for import_id, number in {(tried.row.library_import_id, tried.row.chunk) for tried in kept}:
        if number is not None and chunks.end_chunk(import_id, number):
            late.add(import_id)
    for import_id in touched:
        if import_id in late:
            chunks.finish_if_done(import_id)
        wake_sometimes(import_id)
