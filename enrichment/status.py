"""How an import stands: counts by state, progress, forecast, and the first designs' statistics."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Sum

from bookops.clock import database_now
from bookops.runs import BROKEN, ENDED, State
from enrichment.asking import NAMES
from enrichment.forecasting import end_of, halfway
from enrichment.models import LibraryImport
from enrichment.reasons import UNREADABLE, category_of

#: The words that /api/upload and /api/status use, as the seeds had them.
SEED_WORDS = {State.SUCCEEDED: "complete", State.FAILED: "error", State.DEAD: "error", State.CANCELLED: "error"}


@dataclass(frozen=True, slots=True)
class ImportStatus:
    """Hold what people ask of an import, from one look at its rows."""

    state: str
    stage: str
    #: "processing", "complete" or "error".
    seed_status: str
    counts: dict[str, int]
    outcomes: dict[str, int]
    #: Rows, as far as the file has been read.
    total: int
    #: Rows that need nothing more from a worker now.
    processed: int
    percent: float
    #: When it should be done, None when it is or nothing can be said.
    forecast_end: datetime | None
    #: [{"source", "name", "rows", "until"}] of rows that wait for a spent source.
    waiting: list[dict[str, Any]]
    reasons: dict[str, int]
    #: Failed and dead rows that another round may help: those that could be read.
    retryable: int
    categories: dict[str, int]
    chunks_processed: int
    chunks_total: int
    #: {source: {"calls", "bytes"}}
    sources: dict[str, dict[str, Any]]
    cpu_seconds: float
    #: The first designs' result: total_books, successful_books, failed_books, success_rate, …
    statistics: dict[str, Any]


def describe(library_import: LibraryImport, *, ended: bool = False) -> ImportStatus:
    """Return how an import stands. Five queries, however large it is, and two more for the forecast.

    `ended` tells it as of its end, for the dashboard that is written just before.
    """
    rows = library_import.rows.order_by()
    by_state = _counts(rows, "state")
    counts = {state: by_state.get(state, 0) for state in State.values}
    reasons = _counts(rows.exclude(reason="").filter(state__in=BROKEN), "reason")
    total = sum(counts.values())
    processed = total - counts[State.PENDING] - counts[State.RUNNING]
    chunks = _counts(library_import.chunks.order_by(), "state")
    sources, cpu_seconds = _costs(library_import)
    word = SEED_WORDS.get(State(library_import.state), "processing")
    if ended and word == "processing":
        word = "error" if too_many_failures(library_import, counts) else "complete"
    ended = ended or library_import.state in ENDED
    categories: dict[str, int] = {}
    for reason, count in reasons.items():
        categories[category_of(reason)] = categories.get(category_of(reason), 0) + count
    return ImportStatus(
        state=library_import.state,
        stage=library_import.stage,
        seed_status=word,
        counts=counts,
        outcomes=_counts(rows.exclude(outcome=""), "outcome"),
        total=total,
        processed=processed,
        percent=100.0 if ended else _percent(library_import, processed, total),
        forecast_end=None if ended else _forecast(library_import, total - processed),
        waiting=_waiting(library_import) if counts[State.PARKED] else [],
        reasons=reasons,
        retryable=sum(counts[one] for one in BROKEN) - sum(reasons.get(reason, 0) for reason in UNREADABLE),
        categories=categories,
        chunks_processed=chunks.get(State.SUCCEEDED, 0),
        chunks_total=sum(chunks.values()),
        sources=sources,
        cpu_seconds=cpu_seconds,
        statistics=_statistics(library_import, counts, chunks.get(State.SUCCEEDED, 0), word),
    )


def too_many_failures(library_import: LibraryImport, counts: dict[str, int]) -> str:
    """Return why an import fails as a whole, "" where it does not: only above the share its caller tolerates."""
    total = sum(counts.values())
    broken = sum(counts[state] for state in BROKEN)
    if library_import.tolerated_failures is None or not total or broken / total <= library_import.tolerated_failures:
        return ""
    return f"{broken} of {total} rows failed; tolerated were {library_import.tolerated_failures:.0%}."


def _counts(rows: Any, column: str) -> dict[str, int]:
    return dict(rows.values_list(column).annotate(n=Count("*")))


def _percent(library_import: LibraryImport, processed: int, total: int) -> float:
    """Return progress in per cent; 99 is the most before the dashboard is there."""
    if not total:
        return 0.0
    reading = library_import.stage == LibraryImport.Stage.READING
    return min(round(100 * processed / total, 1), 50.0 if reading else 99.0)


def _forecast(library_import: LibraryImport, left: int) -> datetime | None:
    """Forecast the end from the rows of chunks, which had to be looked up; the others were settled while the file was read."""
    begun = library_import.started_at
    # The time of one that was opened again is that of its first round.
    if library_import.stage != LibraryImport.Stage.ENRICHING or library_import.reopenings or begun is None:
        return None
    now = database_now()
    lately = library_import.rows.filter(ended_at__gt=halfway(begun, now), chunk__isnull=False).count()
    return end_of(begun, now, ended_lately=lately, left=left)


def _waiting(library_import: LibraryImport) -> list[dict[str, Any]]:
    parked = library_import.rows.filter(state=State.PARKED).order_by("waiting_for")
    return [
        {"source": source, "name": NAMES.get(source, source), "rows": rows, "until": until.isoformat()}
        for source, rows, until in parked.values_list("waiting_for").annotate(rows=Count("*"), until=Max("next_at"))
    ]


def _costs(library_import: LibraryImport) -> tuple[dict[str, dict[str, Any]], float]:
    sources: dict[str, dict[str, Any]] = {}
    cpu_seconds = 0.0
    costs = library_import.costs.order_by().values_list("source").annotate(Sum("calls"), Sum("bytes_in"), Sum("cpu_seconds"))
    for source, calls, bytes_in, seconds in costs:
        cpu_seconds += seconds
        if source:
            sources[source] = {"calls": calls, "bytes": bytes_in}
            if library_import.sandbox:
                sources[source]["note"] = "sandbox: invented data"
    if library_import.sandbox and not sources:
        sources = {name: {"calls": 0, "bytes": 0, "note": "sandbox: invented data"} for name in NAMES}
    return sources, round(cpu_seconds, 3)


def _statistics(library_import: LibraryImport, counts: dict[str, int], chunks_processed: int, word: str) -> dict[str, Any]:
    """Return seed 003's result of a job; success means worked without error, found or not."""
    total = sum(counts.values())
    successful = counts[State.SUCCEEDED]
    failed = sum(counts[state] for state in BROKEN)
    end = library_import.ended_at or (library_import.created_at and database_now())
    return {
        "job_id": str(library_import.pk),
        "status": word,
        "total_books": total,
        "successful_books": successful,
        "failed_books": failed,
        "success_rate": round(100 * successful / total, 1) if total else 0.0,
        "cells_left_out": sum(library_import.cells_left_out.values()),
        "chunks_processed": chunks_processed,
        "processing_time_seconds": round((end - library_import.created_at).total_seconds(), 1) if end else 0.0,
    }
