"""Work on one step: claim it, let it run until its deadline, store what came of it behind the lease."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F

from bookops.clock import database_now
from bookops.connections import let_go
from bookops.doors import asks_sandbox
from bookops.leases import heartbeat
from bookops.outbound.errors import BadAnswer, Refused, SourceError, TryAgain
from bookops.runs import State
from bookops.source_health import health
from bookops.spend import OverBudget, Purse, owner_purse, settle
from bookops.tally import Tally, tallied
from runbooks.advancing import Course, advance
from runbooks.doors import OTHER_SOURCES
from runbooks.models import Execution, StepAttempt, StepRun
from runbooks.plan import STEPS, Step
from runbooks.steps import Bill, Done, LeaseLost, Work

log = structlog.get_logger(__name__)

#: Seconds. A step whose source asks it to wait longer is parked, and the runbook is made without it.
LONGEST_WAIT = 60.0
#: Of an answer that will be the same the next time: a page of another form, a text that is longer than was allowed.
LASTING = frozenset({"unknown_markup", "truncated"})
#: Progress is told at most so often.
SECONDS_BETWEEN_WORDS = 0.25


def work_on(step_id: int) -> bool:
    """Work on a step if it is due and nobody else does; return whether its result was stored. Never raises for what a step does."""
    held = StepRun.objects.select_related("execution__listing", "execution__owner").claim([step_id])
    if not held:
        return False
    run = held[0]
    step, execution = STEPS[run.name], run.execution
    course = Course.of(execution)
    claimed_at = _begin(run, execution, step, course)
    work = Work(run, execution, course.outputs(step), time.monotonic() + step.deadline)
    work.tell = _teller(run, execution)
    let_go()
    tally = Tally()
    began = time.monotonic()
    with heartbeat.holding(run, seconds=step.deadline), tallied(tally):
        came_of_it = _attempt(step, work)
    run.seconds = round(time.monotonic() - began, 3)
    attempt = Attempt(run, execution, tally, claimed_at, work.bill)
    try:
        stored = not isinstance(came_of_it, LeaseLost) and attempt.store(came_of_it)
    except Exception as error:
        stored = attempt.store(_crash(error, run))
    health.flush()
    advance(execution.pk)
    return stored


def _begin(run: StepRun, execution: Execution, step: Step, course: Course) -> datetime:
    """Note when the step has to have ended and what it works on, which may be newer than when it was opened."""
    now = database_now()
    run.input_hash = course.input_hash(step, run.variant)
    run.input = {name: course.found[name].number for name in step.needs if name in course.found}
    StepRun.objects.all().held([run]).update(
        deadline_at=now + timedelta(seconds=step.deadline), progress="", input_hash=run.input_hash, input=run.input
    )
    execution.record("step", step=run.name, status="running")
    return now


def _attempt(step: Step, work: Work) -> Done | SourceError | OverBudget | LeaseLost:
    """Return what the step came to, or the error that ended it; what the sandbox began is not ended by the real sources, nor the reverse."""
    run: Callable[[Work], Done] = import_module(f"runbooks.steps.{step.name}").run
    try:
        if work.execution.sandbox != asks_sandbox():
            raise Refused(OTHER_SOURCES[work.execution.sandbox], reason="other_sources")
        return run(work)
    except (SourceError, OverBudget, LeaseLost) as error:
        return error
    except Exception as error:
        return _crash(error, work.step)


def _crash(error: Exception, run: StepRun) -> TryAgain:
    """Return a fault of ours as one that may pass: it must not take the chord down with it; the row tells, and is tried again."""
    log.exception("step_crashed", step=run.name, run_id=str(run.execution_id))
    return TryAgain(type(error).__name__, reason="crashed")


def _teller(run: StepRun, execution: Execution) -> Callable[[str], None]:
    last = 0.0

    def tell(words: str) -> None:
        nonlocal last
        if heartbeat.has_lost(run):
            raise LeaseLost
        done, _, total = words.partition("/")
        if time.monotonic() - last < SECONDS_BETWEEN_WORDS and done != total.partition(" ")[0]:
            return
        last = time.monotonic()
        if not StepRun.objects.all().held([run]).update(progress=words[:100]):
            raise LeaseLost
        execution.record("step", step=run.name, status="running", progress=words)
        let_go()

    return tell


@dataclass
class Attempt:
    """Hold one try at a step, to be stored if its lease still holds."""

    run: StepRun
    execution: Execution
    tally: Tally
    claimed_at: datetime
    bill: Bill | None

    def store(self, came_of_it: Done | SourceError | OverBudget) -> bool:
        """Store what came of it and say whether the step was still ours; what it cost is written down in any case, for it was paid."""
        # A copy: where storing fails, the row is still held under the lease that `self.run` has.
        run, execution = copy(self.run), self.execution
        cost, number = self.bill.cost if self.bill else 0, run.attempts
        with transaction.atomic():
            # The execution first, as whoever opens steps does; its number of events is then nobody else's.
            execution.last_seq = (
                Execution.objects.select_for_update().filter(pk=execution.pk).values_list("last_seq", flat=True).first() or 0
            )
            if not StepRun.objects.all().fence([run]):
                self._write_off(came_of_it, cost)
                return False
            now = database_now()
            fresh = StepRun.objects.get(pk=run.pk)
            settle(_purses(fresh), fresh.held, cost)
            _move(run, came_of_it, now)
            self._fill(run, fresh, cost)
            execution.record("step", **_message(run))
            if isinstance(came_of_it, Done):
                run.output = {**came_of_it.output, **(came_of_it.store() or {})}
            run.save()
            StepAttempt.objects.create(
                step=run, number=number, outcome=run.state, reason=run.reason, detail=run.detail,
                started_at=self.claimed_at, ended_at=now, cost=cost, calls=self.tally.calls,
            )  # fmt: skip
        return True

    def _write_off(self, came_of_it: Done | SourceError | OverBudget, cost: int) -> None:
        if isinstance(came_of_it, Done):
            came_of_it.discard()
        if cost:
            settle(_purses(self.run), 0, cost)
            StepRun.objects.filter(pk=self.run.pk).update(cost=F("cost") + cost)

    def _fill(self, run: StepRun, fresh: StepRun, cost: int) -> None:
        """Write down what the attempt used; what was held is given back by now."""
        run.held, run.held_on, run.deadline_at = 0, None, None
        run.cost = fresh.cost + cost
        run.calls = {name: fresh.calls.get(name, 0) + self.tally.calls.get(name, 0) for name in {*fresh.calls, *self.tally.calls}}
        run.provider, run.model, run.progress, run.is_current = fresh.provider, fresh.model, fresh.progress, fresh.is_current
        if self.bill:
            usage = self.bill.usage
            run.tier, run.price = self.bill.tier, self.bill.price
            run.input_tokens = fresh.input_tokens + usage.input_tokens
            run.cached_tokens = fresh.cached_tokens + usage.cached_tokens
            run.output_tokens = fresh.output_tokens + usage.output_tokens


def _purses(run: StepRun) -> list[Purse]:
    return [owner_purse(run.execution.owner_id, run.held_on)] if run.held_on else []


def _move(run: StepRun, came_of_it: Done | SourceError | OverBudget, now: datetime) -> None:
    run.waiting_for = ""
    if isinstance(came_of_it, Done):
        run.after_success(now)
    elif isinstance(came_of_it, OverBudget):
        run.after_parking(came_of_it.until or now + timedelta(hours=1), reason="over_budget", detail=str(came_of_it))
        run.waiting_for = "budget"
    elif isinstance(came_of_it, TryAgain) and _parks(came_of_it):
        until = now + timedelta(seconds=max(came_of_it.retry_after or LONGEST_WAIT, 1.0))
        run.after_parking(until, reason=came_of_it.reason, detail=came_of_it.detail)
        run.waiting_for = came_of_it.source
        health.park(came_of_it.source, until)
    elif isinstance(came_of_it, TryAgain) and not came_of_it.asked:
        run.after_waiting(now, came_of_it.retry_after or 1.0, reason=came_of_it.reason, detail=came_of_it.detail)
    elif isinstance(came_of_it, TryAgain):
        run.after_failure(now, retry_after=came_of_it.retry_after, reason=came_of_it.reason, detail=came_of_it.detail)
    elif isinstance(came_of_it, BadAnswer) and came_of_it.reason not in LASTING:
        # An answer that could not be read may be whole the next time.
        run.after_failure(now, retry_after=None, reason=came_of_it.reason, detail=came_of_it.detail)
    else:
        run.after_refusal(now, reason=came_of_it.reason, detail=came_of_it.detail)


def _parks(error: TryAgain) -> bool:
    return error.spent or (error.retry_after or 0) > LONGEST_WAIT


def _message(run: StepRun) -> Mapping[str, Any]:
    """Return what the websocket tells, in the words of the first design."""
    message: dict[str, Any] = {"step": run.name, "status": run.status.lower()}
    if run.progress:
        message["progress"] = run.progress
    if run.reason:
        message |= {"reason": run.reason, "error": run.detail}
    if run.state in (State.PENDING, State.PARKED):
        message["until"] = run.next_at.isoformat()
    return message
