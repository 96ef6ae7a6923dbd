"""Work on one step: claim it, let it run until its deadline, store what came of it behind the lease."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

import structlog
from django.db import connection, transaction

from bookops.clock import database_now
from bookops.leases import heartbeat
from bookops.outbound.errors import SourceError, TryAgain
from bookops.runs import State
from bookops.source_health import health
from bookops.spend import OverBudget, owner_purse, settle
from bookops.tally import Tally, tallied
from runbooks.advancing import Course, advance
from runbooks.models import Execution, StepAttempt, StepRun
from runbooks.plan import STEPS, Step
from runbooks.steps import Done, LeaseLost, Work

log = structlog.get_logger(__name__)

#: Seconds. A step whose source asks it to wait longer is parked, and the runbook is made without it.
LONGEST_WAIT = 60.0
#: Progress is told at most so often.
SECONDS_BETWEEN_WORDS = 0.25


def work_on(step_id: int) -> bool:
    """Work on a step if it is due and nobody else does; return whether its result was stored. Never raises for what a step does."""
    held = StepRun.objects.all().claim([step_id])
    if not held:
        return False
    run = held[0]
    step = STEPS[run.name]
    execution = Execution.objects.select_related("listing", "owner").get(pk=run.execution_id)
    claimed_at = _begin(run, execution, step)
    work = Work(run, execution, Course.of(execution).outputs(step), time.monotonic() + step.deadline)
    work.tell = _teller(run, execution)
    connection.close()  # no connection is held while a source is waited for
    tally = Tally()
    began = time.monotonic()
    with heartbeat.holding(run, seconds=step.deadline), tallied(tally):
        came_of_it = _attempt(step, work)
    run.seconds = round(time.monotonic() - began, 3)
    if isinstance(came_of_it, LeaseLost):
        return False
    stored = store(run, execution, came_of_it, tally, claimed_at)
    health.flush()
    advance(execution.pk)
    return stored


def _begin(run: StepRun, execution: Execution, step: Step) -> datetime:
    now = database_now()
    StepRun.objects.all().held([run]).update(deadline_at=now + timedelta(seconds=step.deadline), progress="")
    execution.record("step", step=run.name, status="running", attempt=run.attempts)
    return now


def _attempt(step: Step, work: Work) -> Done | SourceError | OverBudget | LeaseLost:
    """Return what the step came to, or the error that ended it."""
    run: Callable[[Work], Done] = import_module(f"runbooks.steps.{step.name}").run
    try:
        return run(work)
    except (SourceError, OverBudget, LeaseLost) as error:
        return error
    except Exception as error:
        # A fault of ours must not take the chord down with it; the row tells, and is tried again.
        log.exception("step_crashed", step=step.name, run_id=str(work.execution.pk))
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
        connection.close()

    return tell


def store(run: StepRun, execution: Execution, came_of_it: Done | SourceError | OverBudget, tally: Tally, claimed_at: datetime) -> bool:
    """Store a step's result if its lease still holds; what it cost is written down in any case, for it was paid."""
    done = came_of_it if isinstance(came_of_it, Done) else Done(cost=getattr(came_of_it, "cost", 0))
    with transaction.atomic():
        # The execution first, as whoever opens steps does.
        Execution.objects.select_for_update().filter(pk=execution.pk).first()
        number = run.attempts
        if not StepRun.objects.all().fence([run]):
            settle(_purses(run, execution), 0, done.cost)
            return False
        now = database_now()
        fresh = StepRun.objects.get(pk=run.pk)
        settle(_purses(fresh, execution), fresh.held, done.cost)
        _move(run, came_of_it, now)
        _fill(run, fresh, done, tally)
        if done.store is not None:
            done.store()
        run.save()
        StepAttempt.objects.create(
            step=run, number=number, outcome=run.state, reason=run.reason, detail=run.detail,
            started_at=claimed_at, ended_at=now, cost=done.cost, calls=tally.calls,
        )  # fmt: skip
        execution.record("step", **_message(run))
    return True


def _purses(run: StepRun, execution: Execution) -> list[Any]:
    return [owner_purse(execution.owner_id, run.held_on)] if run.held_on else []


def _move(run: StepRun, came_of_it: Done | SourceError | OverBudget, now: datetime) -> None:
    run.waiting_for = ""
    if isinstance(came_of_it, Done):
        run.after_success(now)
        run.output = came_of_it.output
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
    elif getattr(came_of_it, "again", False):
        # An answer that could not be read may be whole the next time.
        run.after_failure(now, retry_after=None, reason=came_of_it.reason, detail=came_of_it.detail)
    else:
        run.after_refusal(now, reason=came_of_it.reason, detail=came_of_it.detail)


def _parks(error: TryAgain) -> bool:
    return error.spent or (error.retry_after or 0) > LONGEST_WAIT


def _fill(run: StepRun, fresh: StepRun, done: Done, tally: Tally) -> None:
    """Write down what the attempt used; what was held is given back by now."""
    run.held, run.held_on, run.deadline_at = 0, None, None
    run.cost = fresh.cost + done.cost
    run.calls = {name: fresh.calls.get(name, 0) + tally.calls.get(name, 0) for name in {*fresh.calls, *tally.calls}}
    run.provider, run.model, run.progress = fresh.provider, fresh.model, fresh.progress
    run.is_current = fresh.is_current
    if done.usage is not None:
        run.tier, run.price = done.tier, done.price
        run.input_tokens = fresh.input_tokens + done.usage.input_tokens
        run.cached_tokens = fresh.cached_tokens + done.usage.cached_tokens
        run.output_tokens = fresh.output_tokens + done.usage.output_tokens


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
