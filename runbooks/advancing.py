"""Move an execution on: open the steps whose turn it is, run again what is outdated, and end it once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce

from bookops.clock import database_now
from bookops.dispatch import ring_chord
from bookops.notices import notify
from bookops.runs import BROKEN, ENDED, OPEN, State
from runbooks.models import Execution, StepRun
from runbooks.plan import BRANCHES, FETCH_LISTING, NOTIFY, STAGES, STEPS, Step

log = structlog.get_logger(__name__)

#: What a person can do when the listing cannot be read.
REMEDY = "Paste the listing's text, photos and price by hand."
#: The reason of an execution whose short link led to a listing that another one evaluates.
RUNS_ALREADY = "runs_already"


@dataclass
class Course:
    """Hold where an execution stands: the current run of each step, and the last one that found something."""

    execution: Execution
    current: dict[str, StepRun]
    found: dict[str, StepRun]

    @classmethod
    def of(cls, execution: Execution) -> Course:
        """Read it from the rows; one query."""
        runs = list(StepRun.objects.filter(execution=execution).order_by("number"))
        current = {run.name: run for run in runs if run.is_current}
        return cls(execution, current, {run.name: run for run in runs if run.state == State.SUCCEEDED})

    def outputs(self, step: Step) -> dict[str, dict[str, Any]]:
        """Return what the steps that this one needs have found; {} for one that found nothing."""
        return {name: self.found[name].output if name in self.found else {} for name in step.needs}

    def input_hash(self, step: Step, variant: Mapping[str, Any]) -> str:
        """Return the SHA-256 of all that decides what a step comes to: its options and what the steps before it found."""
        found = {name: output if name in self.found else None for name, output in self.outputs(step).items()}
        told = [step.name, self.execution.url, self.execution.options, dict(variant), found]
        return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()

    def missing(self) -> list[str]:
        """Return the branches that found nothing yet, though nobody switched them off."""
        return [name for name in BRANCHES if name not in self.found]

    def is_wanted(self, step: Step) -> bool:
        """Say whether a step is to be opened: it never was, or what it needs has come out differently since it was."""
        run = self.current.get(step.name)
        if run is None:
            return self.execution.state not in ENDED or step.name == NOTIFY
        # Notices are sent once an execution and outcome; what comes later is a new version of the runbook.
        if step.name == NOTIFY or run.skipped or run.state not in (State.SUCCEEDED, *BROKEN) or self.execution.state in BROKEN:
            return False
        return run.input_hash != self.input_hash(step, run.variant)

    def holds_up(self, stage: tuple[Step, ...]) -> bool:
        """Say whether the next stage has to wait for this one; a parked branch is waited for afterwards."""
        waiting = (*OPEN, State.PARKED) if len(stage) == 1 else OPEN
        return any(step.name in self.current and self.current[step.name].state in waiting for step in stage)


def advance(execution_id: Any) -> bool:
    """Open what is next for an execution; True if there was something to do. Any number may call it at any time.

    The execution's row is locked meanwhile, so that of two callers the second finds the work of the first.
    """
    with transaction.atomic():
        execution = Execution.objects.select_for_update().filter(pk=execution_id).first()
        if execution is None or execution.state in (State.CANCELLED, State.DEAD):
            return False
        return _advance(Course.of(execution))


def advance_if_idle(execution_id: Any) -> bool:
    """Open what is next for an execution of which no step is at work; the end of one that is does the same."""
    if StepRun.objects.filter(execution=execution_id, is_current=True, state__in=OPEN).exists():
        return False
    return advance(execution_id)


def _advance(course: Course) -> bool:
    for stage in STAGES:
        wanted = [step for step in stage if course.is_wanted(step)]
        if wanted:
            open_steps(course, wanted)
            return True
        if course.holds_up(stage):
            return False
        for step in stage:
            if step.is_required and step.name not in course.found:
                run = course.current.get(step.name)
                return run is not None and run.state in BROKEN and end_failed(course.execution, run)
    return False


def open_steps(course: Course, wanted: list[Step], *, variant: Mapping[str, Any] | None = None) -> None:
    """Make new runs of steps current, beside the earlier ones, and send them out after the commit; the caller has locked the execution."""
    execution, now = course.execution, database_now()
    if execution.state == State.PENDING:
        Execution.objects.filter(pk=execution.pk, state=State.PENDING).update(state=State.RUNNING, started_at=now, ring_at=None)
    opened = [_new_run(course, step, variant, now) for step in wanted]
    if before := [course.current[run.name].pk for run in opened if run.name in course.current]:
        StepRun.objects.filter(pk__in=before).update(is_current=False)
    StepRun.objects.bulk_create(opened)
    for run in opened:
        if run.skipped:
            execution.record("step", step=run.name, status="skipped")
    send_out(execution, [run for run in opened if not run.skipped])
    if all(run.skipped for run in opened):
        _advance(Course.of(execution))


def _new_run(course: Course, step: Step, variant: Mapping[str, Any] | None, now: datetime) -> StepRun:
    before = course.current.get(step.name)
    chosen = dict(variant if variant is not None else before.variant if before else {})
    run = StepRun(
        execution=course.execution,
        name=step.name,
        number=before.number + 1 if before else 1,
        variant=chosen,
        input_hash=course.input_hash(step, chosen),
        max_attempts=step.tries,
        next_at=now,
        ring_at=now + timedelta(seconds=settings.RING_AGAIN_SECONDS),
    )
    if step.may_be_off and variant is None and step.name in {*settings.STEPS_OFF, *course.execution.options.get("without", [])}:
        run.skipped, run.state, run.started_at, run.ended_at, run.ring_at = True, State.SUCCEEDED, now, now, None
    return run


def send_out(execution: Execution, runs: list[StepRun]) -> None:
    """Send steps out as a chord after the commit; its body looks what is next."""
    from runbooks.tasks import TASK_OF, advance_execution

    by_task: dict[Any, list[int]] = {}
    for run in runs:
        queue = "bulk" if execution.bulk_id else STEPS[run.name].queue
        by_task.setdefault(TASK_OF[queue], []).append(run.pk)
    for task, ids in by_task.items():
        ring_chord(task, ids, advance_execution.si(str(execution.pk)))


def end_failed(execution: Execution, run: StepRun) -> bool:
    """End an execution whose runbook cannot be made, with the reason of the step and the remedy."""
    if execution.state in ENDED:
        return False
    detail = f"{run.detail} {REMEDY}".strip() if run.name == FETCH_LISTING and run.reason != RUNS_ALREADY else run.detail
    return _end(execution, State.FAILED, reason=run.reason, detail=detail)


def end_succeeded(execution: Execution, *, partial: bool, missing: list[str], runbook_id: Any, book_id: Any) -> bool:
    """Note in the transaction that saves a runbook that its execution has succeeded; a later version only changes what is missing."""
    now = database_now()
    Execution.objects.filter(pk=execution.pk).update(
        partial=partial, missing=missing, runbook_id=runbook_id, saved_at=Coalesce("saved_at", now)
    )
    ended = _end(execution, State.SUCCEEDED, reason="", detail="")
    execution.record("complete", step="complete", book_id=str(book_id), partial=partial, missing=missing)
    return ended


def _end(execution: Execution, state: State, *, reason: str, detail: str) -> bool:
    ended = Execution.objects.filter(pk=execution.pk, state__in=OPEN).update(
        state=state,
        reason=reason,
        detail=detail[:500],
        ended_at=database_now(),
        finishes=F("finishes") + 1,
        lease_owner=None,
        lease_until=None,
        ring_at=None,
    )
    if not ended:
        return False
    log.info("execution_ended", run_id=str(execution.pk), state=state, reason=reason)
    if state == State.FAILED:
        execution.refresh_from_db()
        execution.record("failed", step="failed", reason=reason, error=detail)
        tell(execution)
    return True


def tell(execution: Execution) -> None:
    """Write the notice of an execution's end; once an execution and outcome."""
    facts = {
        "execution": str(execution.pk),
        "listing": str(execution),
        "status": execution.status,
        "partial": execution.partial,
        "missing": execution.missing,
        "reason": execution.reason,
        "error": execution.detail,
    }
    if execution.runbook is not None:
        runbook = execution.runbook
        facts |= {
            "runbook": str(runbook.public_id),
            "recommendation": runbook.recommendation_tier,
            "combined_score": runbook.combined_score,
            "fmv_mid": str(runbook.fmv_mid) if runbook.fmv_mid is not None else None,
        }
    outcome = State.SUCCEEDED if execution.saved_at else State(execution.state)
    notify(execution, outcome=outcome, subject=f"{execution}: {execution.status.lower()}", facts=facts)
