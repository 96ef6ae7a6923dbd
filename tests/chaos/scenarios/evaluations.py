"""Evaluations under fire: killed at random, told too often or not at all, killed by a step, handed on, restarted."""

from __future__ import annotations

import signal
import time
import uuid
from collections.abc import Collection
from itertools import pairwise

from tests.chaos import evaluations
from tests.chaos.evaluations import Evaluator, all_told, evaluate, judge, listings
from tests.chaos.stack import LEASE_SECONDS, Ground, Stack
from tests.chaos.storm import Storm, deadlocks, drain, parts_of
from tests.chaos.trial import Trial
from tests.chaos.verdict import Line, at_most, none

VICTIMS = {"evaluations-1": 30, "evaluations-2": 30, "imports": 10, "beat": 6, "sweeper-1": 9, "sweeper-2": 9, "valkey": 6}
ALL = parts_of(VICTIMS)
#: Seconds that each third party takes to answer.
LATENCIES = {"ebay": 0.05, "ebayimg": 0.02, "abebooks": 0.05, "anthropic": 0.4}
#: Kills of the short form.
KILLS = 20
#: Evaluations under way.
AT_ONCE = 20
DRAIN_SECONDS = 120.0
COPIES = 20
SWEEP_SECONDS = 2
RING_AGAIN_SECONDS = 3
SHORT_LEASE = 5


def set_latencies(ground: Ground, **others: float) -> None:
    """Have third parties answer as slowly as that, and log each call."""
    ground.sandbox.settings(keep_calls=True, sources={name: {"latency": one} for name, one in (LATENCIES | others).items()})


def storm(trial: Trial) -> list[Line]:
    """Kill parts at random in the middle of evaluations, then let them drain."""
    with trial.stack(*ALL) as stack:
        set_latencies(trial.ground)
        people = Evaluator(trial.seed, at_once=AT_ONCE)
        raging = Storm(trial.ground, stack, trial.kills if trial.long else KILLS, trial.seed, victims=VICTIMS)
        people.start()
        try:
            raging.rage()
        finally:
            people.stop()
        drained = drain(stack, all_told, most=2 * DRAIN_SECONDS)
    mailed = evaluations.mails((trial.ground.folder / "imports.log").read_text(errors="replace"))
    trial.facts |= {
        "seed": trial.seed,
        "faults": dict(sorted(raging.done.items())),
        "executions": len(people.begun),
        "executions refused": dict(people.refused),
        "ended as": _ends(people.begun),
        "parts that ended by themselves": dict(raging.ended_by_themselves),
        "leases lost": leases_lost(),
        "calls beyond those that rows tell of": _calls_beyond(trial.ground),
        "mails": mailed.total(),
        "mails twice, their worker killed in between": sum(times - 1 for times in mailed.values()),
    }
    return [
        *judge(people.begun),
        none("executions or steps failed", evaluations.failed(people.begun)),
        none("ends mailed twice with no worker lost", evaluations.mailed_twice(mailed)),
        at_most("seconds to drain", drained, DRAIN_SECONDS, " s"),
        none("deadlocks", deadlocks(trial.ground)),
    ]


def _ends(begun: Collection[uuid.UUID]) -> dict[str, int]:
    from django.db.models import Count

    from runbooks.models import Execution

    return dict(Execution.objects.filter(pk__in=begun).order_by().values_list("state").annotate(n=Count("pk")))


def leases_lost() -> int:
    """Count the attempts at steps that ended with their worker."""
    from runbooks.models import StepAttempt

    return StepAttempt.objects.filter(outcome="lost").count()


def _calls_beyond(ground: Ground) -> dict[str, str]:
    """Return by source how many calls no stored attempt tells of, because their worker was killed."""
    from runbooks.models import StepRun

    told: dict[str, int] = {}
    for calls in StepRun.objects.values_list("calls", flat=True):
        for source, count in calls.items():
            told[source] = told.get(source, 0) + count
    made = {name: tally["calls"] for name, tally in ground.sandbox.log()["sources"].items()}
    pairs = {"anthropic": "claude" if "claude" in told else "anthropic", "ebay": "ebay", "abebooks": "abebooks"}
    return {source: f"{made.get(source, 0) - told.get(name, 0)} of {made.get(source, 0)}" for source, name in pairs.items()}


def deliveries(trial: Trial) -> list[Line]:
    """Deliver every message of some evaluations many times."""
    parts = ("evaluations-1", "evaluations-2", "imports", "beat", "sweeper-1", "sweeper-2")
    copied = {name: {"bells": {"copies": COPIES}} for name in parts}
    with trial.stack(*parts, tampering=copied):
        set_latencies(trial.ground)
        begun = [evaluate("ada", one.link) for one in listings()[: 12 if trial.long else 5]]
        trial.wait_until(all_told, 120)
        time.sleep(2)
        mailed = evaluations.mails((trial.ground.folder / "imports.log").read_text(errors="replace"))
    return [
        *judge(begun),
        none("steps with more than one attempt", _attempts_beyond_one(begun)),
        none("ends mailed other than once", [f"{pk}: {mailed[pk]} mails" for pk in begun if mailed[pk] != 1]),
        none("executions or steps failed", evaluations.failed(begun)),
    ]


def _attempts_beyond_one(begun: Collection[uuid.UUID]) -> list[str]:
    from runbooks.models import StepRun

    steps = StepRun.objects.filter(execution_id__in=begun).exclude(attempts=1)
    return [f"{run.execution_id} {run.name}: {run.attempts}" for run in steps if not run.skipped]


def lost_bells(trial: Trial) -> list[Line]:
    """Drop whatever workers send to go on with an execution; what the sweeper sends arrives."""
    dropped = ["advance_execution", "work_on_step", "work_on_images"]
    tampering = {"evaluations-1": {"bells": {"dropped": [f"runbooks.tasks.{name}" for name in dropped]}}}
    parts = ("evaluations-1", "imports", "beat", "sweeper-1", "sweeper-2")
    settings = {"SWEEP_SECONDS": SWEEP_SECONDS, "RING_AGAIN_SECONDS": RING_AGAIN_SECONDS}
    with trial.stack(*parts, tampering=tampering, **settings):
        set_latencies(trial.ground)
        begun = [evaluate(f"reader-{number}", listings()[0].link) for number in range(100 if trial.long else 10)]
        trial.wait_until(all_told, 300 if trial.long else 120)
    most = RING_AGAIN_SECONDS + SWEEP_SECONDS + 5
    return [*judge(begun), at_most("seconds from a step to the next", _longest_pause(begun), most, " s")]


def _longest_pause(begun: Collection[uuid.UUID]) -> float:
    """Return the longest time from the end of a stage to the first claim of the next."""
    from runbooks.models import StepRun
    from runbooks.plan import STAGES

    longest = 0.0
    for pk in begun:
        runs = {run.name: run for run in StepRun.objects.filter(execution_id=pk, number=1, skipped=False)}
        stages = [[runs[step.name] for step in stage if step.name in runs] for stage in STAGES]
        for before, after in pairwise(stages):
            ends, starts = [run.ended_at for run in before if run.ended_at], [run.started_at for run in after if run.started_at]
            if ends and starts:
                longest = max(longest, (min(starts) - max(ends)).total_seconds())
    return longest


def poison(trial: Trial) -> list[Line]:
    """Let one listing's reading kill each worker that takes it, then retry it past a worker that can stand it."""
    from runbooks.executions import retry_step
    from runbooks.models import Execution, StepRun
    from runbooks.plan import CLAUDE_ANALYSIS

    victim, *others = listings()[:4]
    tampering = {name: {"poisoned step": {"step": CLAUDE_ANALYSIS, "url": victim.link}} for name in ("evaluations-1", "evaluations-2")}
    parts = ("evaluations-1", "evaluations-2", "imports", "beat", "sweeper-1")
    with trial.stack(*parts, tampering=tampering, LEASE_SECONDS=SHORT_LEASE, SOURCE_DEADLINE_SECONDS=4) as stack:
        set_latencies(trial.ground)
        poisoned, *healthy = [evaluate("ada", one.link) for one in (victim, *others)]
        drain(stack, all_told, most=150)
    execution = Execution.objects.get(pk=poisoned)
    step = StepRun.objects.get(execution=execution, name=CLAUDE_ANALYSIS, is_current=True)
    found = f"{step.state} after {step.losses} losses: {step.reason}"
    partial = f"{execution.state}, missing {execution.missing}"
    lines = [
        Line("the step that kills", found, "dead after 5 losses: worker_lost", found == "dead after 5 losses: worker_lost"),
        Line("its execution", partial, f"succeeded, missing {[CLAUDE_ANALYSIS]}", partial == f"succeeded, missing {[CLAUDE_ANALYSIS]}"),
        none("other executions it took along", evaluations.failed(healthy)),
    ]
    with trial.stack(*parts) as stack:
        retry_step(execution, CLAUDE_ANALYSIS)
        drain(stack, lambda: all_told() and not Execution.objects.get(pk=poisoned).partial, most=60)
    execution.refresh_from_db()
    whole = f"{execution.state}, missing {execution.missing}"
    return [*lines, Line("retried", whole, "succeeded, missing []", whole == "succeeded, missing []"), *judge([poisoned, *healthy])]


def takeover(trial: Trial) -> list[Line]:
    """Kill a worker with steps in flight and see how long it takes until each is at work elsewhere."""
    from runbooks.models import StepAttempt

    count = 60 if trial.long else 12
    with trial.stack("evaluations-1", "imports", "beat", "sweeper-1", "sweeper-2") as stack:
        set_latencies(trial.ground, anthropic=6.0)
        begun = [evaluate(f"reader-{number}", listings()[0].link) for number in range(count)]
        trial.wait_until(lambda: _reading() >= min(count, 8), 90)
        time.sleep(1)
        from bookops.clock import database_now

        killed_at = database_now()
        stack.kill("evaluations-1")
        stack.start("evaluations-2")
        drain(stack, all_told, most=240)
    lost = StepAttempt.objects.filter(outcome="lost").values_list("step_id", flat=True)
    again = StepAttempt.objects.filter(step_id__in=lost, started_at__gt=killed_at, outcome="succeeded")
    waits = sorted((one - killed_at).total_seconds() for one in again.values_list("started_at", flat=True))
    trial.facts["steps whose worker was killed"] = len(lost)
    # The machine may be busy: beyond the lease and a round of the sweeper only the claim itself is waited for.
    bound = LEASE_SECONDS + 5 + 5
    return [
        *judge(begun),
        Line("steps whose worker was killed", len(lost), "> 0", len(lost) > 0),
        at_most("seconds until a lost step is at work again, p95", waits[int(len(waits) * 0.95)] if waits else 999.0, bound, " s"),
    ]


def _reading() -> int:
    from runbooks.models import StepRun

    return StepRun.objects.filter(name="claude_analysis", state="running").count()


def restarts(trial: Trial) -> list[Line]:
    """Restart the workers in turn, in order, while evaluations go on."""
    times = 50 if trial.long else 4
    with trial.stack(*ALL) as stack:
        set_latencies(trial.ground)
        people = Evaluator(trial.seed, at_once=AT_ONCE)
        people.start()
        slowest = 0.0
        try:
            for number in range(times):
                time.sleep(2.0)
                slowest = max(slowest, _restart(trial, stack, f"evaluations-{number % 2 + 1}"))
        finally:
            people.stop()
        drain(stack, all_told, most=DRAIN_SECONDS)
    trial.facts |= {"restarts": times, "executions": len(people.begun), "slowest restart": f"{slowest:.1f} s"}
    return [
        *judge(people.begun),
        none("executions or steps failed", evaluations.failed(people.begun)),
        Line("leases lost", leases_lost(), "0", leases_lost() == 0),
        at_most("seconds until a restarted worker had ended", slowest, 30, " s"),
    ]


def _restart(trial: Trial, stack: Stack, name: str) -> float:
    """Ask a worker to end, wait for that within the 30 seconds of grace, start it anew; return the seconds it took to end."""

    stack.signal(name, signal.SIGTERM)
    took = trial.wait_until(lambda: not stack.is_alive(name), 30)
    stack.replace(name)
    return took
