"""The poller with thousands of open background items: when each has been seen, and how late an end is noticed."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from datetime import datetime

from tests.bench.figures import Report, Table, p95
from tests.bench.stack import JOBS, UNBOUNDED, Stack, measured

#: Seconds of one poll, and beyond the ticks until an end has to be noticed.
LATENCY, MARGIN = 0.2, 5.0
#: The open items belong to so many jobs in equal parts.
JOB_COUNT = 10


@dataclass(frozen=True)
class Load:
    """Say how many items are open and how the poller is run."""

    items: int
    #: Within so many ticks each item is to be seen.
    ticks: int
    #: Seconds from tick to tick, and of one tick.
    every: float
    budget: float
    #: Of the items, those answered within the first tick; the others stay open, so that the load stays what it is.
    ending: float = 0.05


def measure(*, short: bool, items: int) -> Report:
    """Have many items at the provider, tick as beat does, and read off the rows when each was seen."""
    load = Load(100, 1, 3.0, 2.5, ending=0.5) if short else Load(items, math.ceil(items / 6_000), 30.0, 25.0)
    report = Report(f"Poller: {load.items:,} open background items, {LATENCY} s a poll")
    settings = {**UNBOUNDED, "TICK_SECONDS": load.budget}
    with measured("postgres", settings=settings, sandbox_arguments=("--no-limits",), parts=JOBS) as stack:
        from django.conf import settings as shipped

        at_once = shipped.CONCURRENT_BATCH_SIZE
        report.notes.append(
            f"{JOB_COUNT} jobs of {load.items // JOB_COUNT:,} books each, rendered and sent by the product's own code while the sandbox's "
            f"clock stands still; then a tick is rung every {load.every:g} s and done by the batches worker, {at_once} polls in parallel for "
            f"{load.budget:g} s at most. {load.ending:.0%} of the items end at even intervals within the first {load.every:g} s, the rest "
            "stays open. Lag is from the provider's own completed_at, which is in whole seconds, to the stored answer."
        )
        started = time.monotonic()
        _have_sent(stack, load)
        report.notes.append(f"Rendering and sending them took {time.monotonic() - started:.0f} s before.")
        stack.sandbox.settings(sources={"openai": {"latency": LATENCY}})
        _add_seed(report, load)
        behind = _let_time_pass(stack)
        _add_seen(report, load, _tick(load))
        _add_lag(report, load, behind)
        report.tables.append(_ticks())
        report.peaks = dict(stack.peaks)
    return report


def _have_sent(stack: Stack, load: Load) -> None:
    from django.contrib.auth import get_user_model

    from bookops.dispatch import rung_here
    from llmjobs.jobs import create_job
    from llmjobs.models import LLMJobItem
    from llmjobs.plans import Plan, Scope
    from tests.bench.asking import RESPONSES, make_books

    stack.sandbox.settings(clock={"speed": 0}, sources={"openai": {"hang_rate": 1 - load.ending, **_lasting(load)}})
    each = load.items // JOB_COUNT
    with rung_here() as here:
        for number in range(JOB_COUNT):
            owner = get_user_model().objects.create(username=f"reader {number}")
            make_books(owner, each, first=number * each)
            create_job(owner, "flag", Scope("all"), Plan(asks=(RESPONSES,), uses_kept_answers=False))
        here.work(threads=2)
    there = LLMJobItem.objects.at_provider().count()
    if there != load.items:
        raise RuntimeError(f"{there} of {load.items} items are at the provider")


def _lasting(load: Load) -> dict[str, float]:
    """Return the sandbox's options by which answers come at even intervals from now to the next tick."""
    return {"queued_seconds": 0.0, "working_seconds": load.every / 2, "spread": 1.0}


def _add_seed(report: Report, load: Load) -> None:
    """Let the first design's poller do as many ticks, one right after the other, and tell what it has seen."""
    from tests.bench.seed_poller import AT_ONCE, ITEMS_A_JOB, SeedPoller

    poller, start = SeedPoller(), time.monotonic()
    for _ in range(load.ticks):
        poller.tick()
    seconds = (time.monotonic() - start) / load.ticks
    report.add(
        f"seed 004's poller: items seen after {_counted(load.ticks)}",
        len(poller.seen),
        remark=f"{AT_ONCE} in parallel, {ITEMS_A_JOB} items a job and tick by ascending id, {seconds:.1f} s a tick; none behind these is asked "
        "for before one of them ends",
    )


def _let_time_pass(stack: Stack) -> float:
    """Let the provider's clock go again and return by how many seconds it is behind."""
    clock = stack.sandbox.settings(clock={"speed": 1})["clock"]
    return time.time() - datetime.fromisoformat(clock["now"]).timestamp()


def _tick(load: Load) -> list[int]:
    """Ring as beat does, for one tick more than all are to be seen in, and return how many items were unseen after each."""
    from bookops.dispatch import ring
    from llmjobs.models import LLMJobItem
    from llmjobs.tasks import poll

    unseen: list[int] = []
    start = time.monotonic()
    for number in range(load.ticks + 1):
        time.sleep(max(start + number * load.every - time.monotonic(), 0))
        ring(poll)
        _wait_for_ticks(number + 1)
        unseen.append(LLMJobItem.objects.filter(last_polled_at=None).count())
    return unseen


def _wait_for_ticks(count: int, seconds: float = 90) -> None:
    from llmjobs.models import PollTick

    deadline = time.monotonic() + seconds
    while PollTick.objects.filter(seconds__gt=0).count() < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"tick {count} has not ended")
        time.sleep(0.1)


def _add_seen(report: Report, load: Load, unseen: list[int]) -> None:
    needed = next((number for number, left in enumerate(unseen, start=1) if not left), math.inf)
    left = ", ".join(f"{one:,}" for one in unseen)
    report.add("ticks until each item was seen", needed, "", load.ticks, remark=f"unseen after each tick: {left}")


def _add_lag(report: Report, load: Load, behind: float) -> None:
    from llmjobs.models import LLMJobItem

    ended = LLMJobItem.objects.filter(state="succeeded").values_list("ended_at", "response__completed_at")
    lags = [at.timestamp() - (completed + behind) for at, completed in ended]
    told = f"{len(lags):,} ends noticed, {min(lags):.1f} to {max(lags):.1f} s late"
    report.add("detection lag, p95", p95(lags), "s", load.ticks * load.every + MARGIN, remark=told)


def _ticks() -> Table:
    from llmjobs.models import PollTick

    ticks = Table(["tick", "seconds", "polled", "updated", "errors", "throttled", "cut short"])
    for number, tick in enumerate(PollTick.objects.order_by("started_at"), start=1):
        counts = [f"{count:,}" for count in (tick.items_polled, tick.items_updated, tick.errors, tick.throttled)]
        ticks.rows.append([str(number), f"{tick.seconds:.1f}", *counts, "yes" if tick.cut_short else "no"])
    return ticks


def _counted(ticks: int) -> str:
    return "1 tick" if ticks == 1 else f"{ticks} ticks"
