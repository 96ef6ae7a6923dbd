"""What Prometheus is told of imports and their rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, Count, F, Min, Q, Value, When
from django.utils import timezone
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from bookops.metrics import seconds_histogram
from bookops.runs import ENDED, State
from enrichment.finishing import TOO_MANY_FAILURES
from enrichment.models import ImportRow, LibraryImport, RowAttempt

#: Upper bounds of the histogram of how long imports take, in seconds.
BUCKETS = (1, 2, 5, 10, 30, 60, 120, 300, 900, 3600, 4 * 3600, 24 * 3600)
RECENT = timedelta(hours=24)
#: So many attempts of an import are looked at to see how many ran at once.
MOST_ATTEMPTS = 20_000


class ImportCollector(Collector):
    """Tell of the queue, of what is in flight, how long imports take and how many rows come to nothing."""

    def __init__(self) -> None:
        self._peak: tuple[Any, int] = (None, 0)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; each count reads an index of what is open, or the rows of the last day's imports."""
        yield from self._queue()
        yield from self._recent()
        imports = GaugeMetricFamily("bookops_imports", "Imports, by state.", labels=["state"])
        for state, count in LibraryImport.objects.order_by().values_list("state").annotate(n=Count("*")):
            imports.add_metric([state], count)
        yield imports
        yield import_seconds()
        yield GaugeMetricFamily(
            "bookops_concurrency_reached", "Most rows worked on at once in the import that ended last.", self._concurrency_reached()
        )

    def _queue(self) -> Iterator[Metric]:
        rows = ImportRow.objects.order_by()
        waiting = rows.filter(state=State.PENDING)
        yield GaugeMetricFamily("bookops_rows_waiting", "Rows that wait for a worker.", waiting.count())
        oldest = waiting.aggregate(at=Min("next_at"))["at"]
        age = max((timezone.now() - oldest).total_seconds(), 0) if oldest else 0
        yield GaugeMetricFamily("bookops_oldest_waiting_seconds", "How long the oldest of them has been due.", age)
        yield GaugeMetricFamily("bookops_rows_in_flight", "Rows a worker is at.", rows.filter(state=State.RUNNING).count())
        yield GaugeMetricFamily("bookops_rows_parked", "Rows that wait for a spent source.", rows.filter(state=State.PARKED).count())
        yield GaugeMetricFamily("bookops_dead_letters", "Rows that used up their attempts.", rows.filter(state=State.DEAD).count())

    def _recent(self) -> Iterator[Metric]:
        since = timezone.now() - RECENT
        yield from recent_imports(since)
        yield from recent_rows(since)

    def _concurrency_reached(self) -> int:
        last = LibraryImport.objects.filter(state=State.SUCCEEDED).order_by("-ended_at").values_list("pk", "ended_at").first()
        if last is None:
            return 0
        if self._peak[0] != last:
            tries = RowAttempt.objects.filter(row__library_import=last[0], started_at__isnull=False).order_by()
            spans = tries.values_list("started_at", "ended_at")[:MOST_ATTEMPTS]
            self._peak = (last, most_at_once([(start, end) for start, end in spans if start is not None]))
        return self._peak[1]


def recent_imports(since: datetime) -> Iterator[Metric]:
    """Yield how the imports ended that ended after `since`. One query.

    A file that could not be read is told apart: it says nothing of how well imports are worked on.
    """
    read = ~Q(state=State.FAILED) | Q(reason=TOO_MANY_FAILURES)
    outcome = Case(When(read, then=F("state")), default=Value("unreadable"))
    ended = LibraryImport.objects.filter(state__in=ENDED, ended_at__gte=since).order_by()
    counts = dict.fromkeys([*ENDED, "unreadable"], 0) | dict(ended.annotate(outcome=outcome).values_list("outcome").annotate(n=Count("*")))
    metric = GaugeMetricFamily("bookops_recent_imports", "Imports that ended in the last 24 hours, by outcome.", labels=["outcome"])
    for word, count in counts.items():
        metric.add_metric([word], count)
    yield metric
    yield GaugeMetricFamily(
        "bookops_completion_ratio", "Share of them that are complete, of those worked on to an end.", success_of(counts)
    )


def recent_rows(since: datetime) -> Iterator[Metric]:
    """Yield how the rows fare of the imports made after `since`. Three queries.

    Rows that could not be read are told apart: nobody worked on them.
    """
    recent = list(LibraryImport.objects.filter(created_at__gte=since).values_list("pk", flat=True))
    rows = ImportRow.objects.filter(library_import__in=recent).order_by()
    counts = dict.fromkeys(State.values, 0) | dict(rows.values_list("state").annotate(n=Count("*")))
    # Such a row is made failed and stays so; with its state named the index finds it.
    unreadable = rows.filter(state=State.FAILED, entry={}).count()
    counts[State.FAILED] -= unreadable
    metric = GaugeMetricFamily("bookops_recent_rows", "Readable rows of the last 24 hours' imports, by state.", labels=["state"])
    for state, count in counts.items():
        metric.add_metric([state], count)
    yield metric
    yield GaugeMetricFamily("bookops_recent_unreadable_rows", "Rows of the same imports that could not be read.", unreadable)
    yield GaugeMetricFamily("bookops_success_ratio", "Share of the readable rows that succeeded, of those that ended.", success_of(counts))


def success_of(counts: Mapping[str, int]) -> float:
    """Return which share of what was worked on to an end succeeded; 1 when nothing was."""
    ended = counts[State.SUCCEEDED] + counts[State.FAILED] + counts[State.DEAD]
    return counts[State.SUCCEEDED] / ended if ended else 1.0


def most_at_once(spans: list[tuple[datetime, datetime]]) -> int:
    """Return the largest number of spans that overlap in one moment."""
    moves = sorted([(end, -1) for _, end in spans] + [(start, 1) for start, _ in spans])
    now = most = 0
    for _, move in moves:
        now += move
        most = max(most, now)
    return most


def import_seconds() -> Metric:
    """Return the histogram of how long imports took from upload to dashboard. One query."""
    done = LibraryImport.objects.filter(state=State.SUCCEEDED)
    return seconds_histogram("bookops_import_seconds", "From upload to dashboard.", done, "created_at", "ended_at", BUCKETS)
