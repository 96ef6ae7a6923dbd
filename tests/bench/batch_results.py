"""A job of 50,000 books asked in one batch: created, rendered, sent, its results applied; and then a tick with nothing to do."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.bench.figures import Report, p95
from tests.bench.stack import JOBS, UNBOUNDED, Stack, measured

if TYPE_CHECKING:
    from llmjobs.models import LLMJob, ProviderBatch
    from tests.bench.uploads import Person

ITEMS = 50_000
#: Seconds, items a second, and MB.
MOST_TO_CREATE, MOST_TO_RENDER = 0.3, 20.0
LEAST_APPLIED = 2_000
MOST_MEMORY = 384
#: MB by which memory that is called flat may grow from a tenth of the work to its end.
MOST_GROWTH = 16
#: A tick with nothing to do.
MOST_OF_IDLE_TICK, MOST_QUERIES = 0.05, 3
IDLE_TICKS = 50
MEGABYTE = 1e6
LONGEST = 600.0
#: The provider is quick: what is measured is ours.
SANDBOX = {"validating_seconds": 0.0, "batch_seconds": 1.0, "finalizing_seconds": 0.0}


def measure(*, short: bool) -> Report:
    """Create jobs, let the worker work the last of them off, and read off its rows and events what took how long."""
    items, creations = (300, 2) if short else (ITEMS, 10)
    report = Report(f"A batch of {items:,} items")
    report.notes.append(
        f"A job over {items:,} books of one owner by POST /api/llm-jobs, {creations} times, all but the last cancelled at once. The batches "
        "worker renders the last, cuts and sends its batch to the sandbox, and applies its results; polled by hand, so that nothing waits for "
        "beat. PostgreSQL with fsync. Rendering is from the creation to the event that tells its end, applying from the poll that saw the "
        "batch ended to the end of the batch, reading the results over HTTP included. Growth is of the worker's memory from a tenth of the "
        "work to its end."
    )
    with measured("postgres", settings=UNBOUNDED, sandbox_arguments=("--no-limits",), parts=JOBS) as stack:
        from llmjobs.models import LLMJob
        from tests.bench.asking import make_books
        from tests.bench.uploads import Person

        stack.sandbox.settings(sources={"openai": SANDBOX})
        person = Person(stack, "reader")
        make_books(person.user, items)
        took, job_id = _create(person, creations)
        job = LLMJob.objects.get(pk=job_id)
        report.add("POST /api/llm-jobs, slowest", 1000 * max(took), "ms", 1000 * MOST_TO_CREATE, remark=f"{creations} jobs")
        _rendering(report, stack, job)
        batch = _sending(report, job)
        _applying(report, stack, batch)
        _idle_ticks(report, items)
        report.peaks = dict(stack.peaks)
    return report


def _create(person: Person, times: int) -> tuple[list[float], str]:
    """Create the job once and then so many times, and return the seconds of these answers and the id of the last."""
    from tests.bench.asking import BATCH

    took: list[float] = []
    for number in range(times + 1):
        start = time.monotonic()
        job = person.post("/api/llm-jobs", {"purpose": "flag", "scope": {"all": True}, "asks": [BATCH], "policy": "apply"})
        took.append(time.monotonic() - start)
        if number < times:
            person.post(f"/api/llm-jobs/{job['id']}/cancel", {})
    return took[1:], job["id"]  # the first loaded what the web process needs


def _rendering(report: Report, stack: Stack, job: LLMJob) -> None:
    from bookops.events import RunEvent

    memory = _Memory(stack)
    events = RunEvent.objects.filter(run_id=job.pk, kind="rendered")
    while not events.exists():
        job.refresh_from_db()
        memory.note(job.rendered / job.total_items)
        _pause(job.created_at.timestamp())
    seconds = (events.get().at - job.created_at).total_seconds()
    rate = f"{job.total_items / seconds:,.0f} items a second"
    report.add("rendered", seconds, "s", MOST_TO_RENDER, remark=rate)
    memory.add_to(report, "rendering")


def _sending(report: Report, job: LLMJob) -> ProviderBatch:
    """Wait until the one batch of the job is at the provider, and return it."""
    while (batch := job.batches.exclude(provider_id="").first()) is None:
        _pause(job.created_at.timestamp())
    if batch.requests != job.total_items:
        raise RuntimeError(f"the batch holds {batch.requests} of {job.total_items} items")
    seconds = _between(batch.created_at, batch.sent_at)
    told = f"{batch.bytes / MEGABYTE:.0f} MB, from the row of the batch to the provider's word"
    report.add("written, uploaded and created", seconds, "s", remark=told)
    return batch


def _applying(report: Report, stack: Stack, batch: ProviderBatch) -> None:
    """Have the poller ask until the batch has ended, and wait until its results are applied."""
    from llmjobs.models import LLMJobItem, Proposal
    from llmjobs.polling import poll_now

    began, memory = time.time(), _Memory(stack)
    while not batch.has_ended:
        if batch.provider_status != "completed":
            poll_now()
        _pause(began)
        batch.refresh_from_db()
        memory.note(batch.lines_applied / batch.requests)
    applied = LLMJobItem.objects.filter(batch=batch, state="succeeded").count()
    seconds = _between(batch.last_polled_at, batch.ended_at)
    written = Proposal.objects.filter(item__batch=batch, state="applied").count()
    told = f"{applied:,} answers in {seconds:.1f} s, {written:,} books written"
    report.add("applied a second", applied / seconds, "", LEAST_APPLIED, "at least", remark=told)
    memory.add_to(report, "applying")
    report.add("the worker's memory, at most", stack.peaks["batches"] / MEGABYTE, "MB", MOST_MEMORY, remark="since it was started")


def _idle_ticks(report: Report, items: int) -> None:
    """Tick in this process with nothing at work, first to count queries, then to take the time."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from llmjobs.polling import is_anything_at_work, tick

    if is_anything_at_work():
        raise RuntimeError("something is at work still")
    with CaptureQueriesContext(connection) as queries:
        tick()
    seconds = [_timed(tick) for _ in range(IDLE_TICKS)]
    told = f"{IDLE_TICKS} ticks beside {items:,} items that have ended"
    report.add("a tick with nothing to do, p95", 1000 * p95(seconds), "ms", 1000 * MOST_OF_IDLE_TICK, remark=told)
    report.add("a tick with nothing to do, queries", len(queries), "", MOST_QUERIES)


def _between(start: datetime | None, end: datetime | None) -> float:
    if start is None or end is None:
        raise RuntimeError("the batch does not say when it was sent, seen or applied")
    return (end - start).total_seconds()


def _timed(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _pause(since: float) -> None:
    """Wait before another look, which costs the database next to nothing."""
    if time.time() - since > LONGEST:
        raise TimeoutError(f"it goes on after {LONGEST:.0f} s")
    time.sleep(0.2)


class _Memory:
    """Watch what the worker holds while it works through many things."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        #: (share of the work that is done, bytes)
        self._held: list[tuple[float, int]] = []

    def note(self, done: float) -> None:
        """Note what it holds now, when so much of its work is done."""
        self._held.append((done, self._stack.memory()["batches"]))

    def add_to(self, report: Report, work: str) -> None:
        """Add by how much its memory grew from a tenth of the work on."""
        held = [one for done, one in self._held if done >= 0.1] or [self._held[-1][1]]
        growth = max(held) - held[0]
        told = f"{held[0] / MEGABYTE:.0f} to {max(held) / MEGABYTE:.0f} MB, {len(held)} looks"
        report.add(f"growth while {work}", growth / MEGABYTE, "MB", MOST_GROWTH, remark=told)
