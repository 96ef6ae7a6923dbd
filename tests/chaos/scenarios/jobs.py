"""Jobs under fire: killed at random while they are sent, polled and applied; told too often; polled by several; a provider that hangs."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

from bookops.stack.sockets import free_port
from sandbox.openai_options import OpenAIOptions
from tests.chaos import jobs
from tests.chaos.jobs import WAYS, Asker, all_ended, all_ended_or_unsure, ask, judge
from tests.chaos.stack import Stack
from tests.chaos.storm import Storm, deadlocks, drain, parts_of
from tests.chaos.taken import Taken, look
from tests.chaos.trial import Trial
from tests.chaos.verdict import Line, at_most, none

VICTIMS = {"batches-1": 32, "batches-2": 32, "beat": 10, "sweeper-1": 10, "sweeper-2": 10, "valkey": 6}
ALL = parts_of(VICTIMS)
#: How long providers take, in seconds.
QUICK: dict[str, dict[str, Any]] = {
    "openai": {
        "latency": 0.3, "queued_seconds": 0.2, "working_seconds": 1.5,
        "validating_seconds": 0.3, "batch_seconds": 2.0, "finalizing_seconds": 0.3, "cancelling_seconds": 0.5,
    },
    "anthropic": {"latency": 0.3, "batch_seconds": 2.0, "cancel_seconds": 0.5},
}  # fmt: skip
#: Kills of the short form, and jobs under way.
KILLS, AT_ONCE = 15, 12
#: What a killed poller holds, the turn of a tick, lasts as long as a tick may and fifteen seconds; that of a batch's results a minute.
DRAIN_SECONDS = 180.0
COPIES = 20
#: Seconds by which a tick is noted as begun before it has its turn, on a busy machine.
BEFORE_ITS_TURN = 1.0


@contextmanager
def asking(trial: Trial, *parts: str, **options: Any) -> Iterator[Stack]:
    """Run these parts with quick providers, and a web server that hears OpenAI's webhooks and is never killed."""
    port = free_port()
    secret = OpenAIOptions().webhook_secret
    with trial.stack(*parts, OPENAI_WEBHOOK_SECRET=secret, **options) as stack:
        stack.start("web", ("web", str(port)))
        hooks = {"webhook_url": f"http://127.0.0.1:{port}/api/llm-jobs/openai-webhook"}
        trial.ground.sandbox.settings(keep_calls=True, sources={**QUICK, "openai": QUICK["openai"] | hooks})
        yield stack


def see_through(trial: Trial, stack: Stack, most: float = DRAIN_SECONDS) -> tuple[float, Taken]:
    """Wait for the end of all jobs, decide as a person where only a person can, and return the seconds and what providers have."""
    began = time.monotonic()
    drain(stack, all_ended_or_unsure, most)
    trial.facts["perhaps sent"] = jobs.unsure()
    jobs.let_time_pass()
    drain(stack, lambda: all_ended_or_unsure() and not jobs.unsure()["batches"], 20)
    trial.ground.sandbox.settings(sources={"openai": {"latency": 0.0}, "anthropic": {"latency": 0.0}})
    trial.facts["decided by a person"] = dict(jobs.decide(look(trial.ground.sandbox)))
    drain(stack, all_ended, most)
    return time.monotonic() - began, look(trial.ground.sandbox)


def storm(trial: Trial) -> list[Line]:
    """Kill parts at random while jobs are sent, polled and applied, then let them drain."""
    with asking(trial, *ALL) as stack:
        people = Asker(trial.seed, at_once=AT_ONCE)
        raging = Storm(trial.ground, stack, trial.kills if trial.long else KILLS, trial.seed, victims=VICTIMS)
        people.start()
        try:
            raging.rage()
        finally:
            people.stop()
        drained, taken = see_through(trial, stack)
    trial.facts |= {
        "seed": trial.seed,
        "faults": dict(sorted(raging.done.items())),
        "jobs": len(people.begun),
        "jobs refused": dict(people.refused),
        "items by status": _by_status(people.begun),
        "items that a provider took": len(taken.by_item),
        "parts that ended by themselves": dict(raging.ended_by_themselves),
    }
    return [
        *judge(people.begun, taken),
        none("items unanswered", jobs.unanswered(people.begun)),
        at_most("seconds to drain", drained, 2 * DRAIN_SECONDS, " s"),
        none("deadlocks", deadlocks(trial.ground)),
    ]


def _by_status(begun: Collection[uuid.UUID]) -> dict[str, int]:
    from collections import Counter

    from llmjobs.models import LLMJobItem

    return dict(Counter(item.status for item in LLMJobItem.objects.filter(job_id__in=begun)))


def deliveries(trial: Trial) -> list[Line]:
    """Deliver every message of some jobs many times."""
    parts = ("batches-1", "batches-2", "beat", "sweeper-1", "sweeper-2")
    with asking(trial, *parts, tampering={name: {"bells": {"copies": COPIES}} for name in parts}) as stack:
        begun = [ask("ada", way, 10 + place) for place, way in enumerate([*WAYS.values()] * (4 if trial.long else 1))]
        _, taken = see_through(trial, stack)
    return [*judge(begun, taken), none("items unanswered", jobs.unanswered(begun)), none("items tried twice", _tried_twice(begun))]


def _tried_twice(begun: Collection[uuid.UUID]) -> list[int]:
    from llmjobs.models import LLMJobItem

    return list(LLMJobItem.objects.filter(job_id__in=begun).exclude(attempts=1).values_list("pk", flat=True))


def lost_bells(trial: Trial) -> list[Line]:
    """Drop whatever workers send of jobs; what beat and the sweeper send arrives."""
    dropped = [f"llmjobs.tasks.{name}" for name in ("work_on_job", "look_at", "adopt")]
    tampering = {name: {"bells": {"dropped": dropped}} for name in ("batches-1", "batches-2", "web")}
    with asking(trial, "batches-1", "batches-2", "beat", "sweeper-1", tampering=tampering) as stack:
        begun = [ask("ada", way, 10 + place) for place, way in enumerate([*WAYS.values()] * (10 if trial.long else 2))]
        _, taken = see_through(trial, stack)
    return [*judge(begun, taken), none("items unanswered", jobs.unanswered(begun))]


def doubled_parts(trial: Trial) -> list[Line]:
    """Run two beats, two pollers and two sweepers for a while."""
    seconds = 600 if trial.long else 25
    with asking(trial, "batches-1", "batches-2", "beat", "beat-2", "sweeper-1", "sweeper-2") as stack:
        people = Asker(trial.seed, at_once=AT_ONCE)
        people.start()
        time.sleep(seconds)
        people.stop()
        _, taken = see_through(trial, stack)
    trial.facts |= {"jobs": len(people.begun), "ticks": _ticks().count()}
    return [
        *judge(people.begun, taken),
        none("items unanswered", jobs.unanswered(people.begun)),
        none("ticks that overlap", _overlaps()),
    ]


def _ticks() -> Any:
    """Return the ticks that had something to ask; one with nothing at work takes no turn and asks nobody."""
    from llmjobs.models import PollTick

    return PollTick.objects.filter(seconds__gt=0).order_by("started_at")


def _overlaps() -> list[str]:
    spans = [(tick.started_at.timestamp(), tick.seconds) for tick in _ticks()]
    return [
        f"{then:.1f} + {seconds:.1f} > {after:.1f}"
        for (then, seconds), (after, _) in pairwise(spans)
        if then + seconds > after + BEFORE_ITS_TURN
    ]


def hanging_provider(trial: Trial) -> list[Line]:
    """Poll many jobs while one of the providers answers no question."""
    count = 500 if trial.long else 60
    settings = {"POLL_SECONDS": 2, "TICK_SECONDS": 10}
    with asking(trial, "batches-1", "beat", "sweeper-1", **settings) as stack:
        ways = [*WAYS.values()]
        endless = {"working_seconds": 3600, "batch_seconds": 3600}
        trial.ground.sandbox.settings(sources={"openai": endless, "anthropic": {"batch_seconds": 3600}})
        begun = [ask("ada", ways[number % len(ways)], 2) for number in range(count)]
        drain(stack, lambda: _at_provider() == 2 * count, most=30 + count)
        sent = _at_provider()
        trial.ground.sandbox.settings(faults=[{"kind": "hang", "source": "anthropic", "seconds": 600}])
        before = _ticks().count()
        _forget_looks()
        began = time.monotonic()
        seen_after = trial.wait_until(lambda: not _unseen(begun, "openai"), 90)
        trial.wait_until(lambda: _ticks().count() >= before + 3, 90)
        ticks = [tick.seconds for tick in _ticks()][before:]
        trial.facts |= {"jobs": count, "seconds watched": round(time.monotonic() - began), "ticks": ticks}
    return [
        Line("items at their providers", sent, str(2 * count), sent == 2 * count),
        at_most("seconds of the longest tick", max(ticks, default=999.0), settings["TICK_SECONDS"] + 15, " s"),
        at_most("seconds until each job of the other provider was seen", seen_after, 60, " s"),
        none("jobs of the other provider unseen", _unseen(begun, "openai")),
        *[line for line in judge(begun, Taken()) if line.name in ("jobs lost", "invariants broken")],
    ]


def _at_provider() -> int:
    from llmjobs.models import LLMJobItem

    return LLMJobItem.objects.at_provider().count()


def _forget_looks() -> None:
    from llmjobs.models import LLMJobItem, ProviderBatch

    LLMJobItem.objects.update(last_polled_at=None)
    ProviderBatch.objects.update(last_polled_at=None)


def _unseen(begun: Sequence[uuid.UUID], provider: str) -> list[str]:
    """Return the jobs of a provider of which something has not been asked for."""
    from llmjobs.models import LLMJobItem, ProviderBatch

    items = LLMJobItem.objects.filter(job_id__in=begun, provider=provider, batch=None, last_polled_at=None)
    batches = ProviderBatch.objects.filter(job_id__in=begun, provider=provider, last_polled_at=None)
    return sorted({str(pk) for rows in (items, batches) for pk in rows.values_list("job_id", flat=True)})
