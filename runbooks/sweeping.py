"""What the sweeper does for executions in each round."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Subquery

from bookops.runs import OPEN, State
from bookops.sweep import register
from runbooks.advancing import advance, send_out
from runbooks.holding import release_holds
from runbooks.models import Execution, StepAttempt, StepRun
from runbooks.plan import ASSEMBLE, BRANCHES, NOTIFY, SHOWN

#: Rows moved in one round by each rule, so that a round stays short; the next one follows in seconds.
MOST = 500
#: How long after a change its execution is looked at again, in case nobody was there to go on.
LATELY = timedelta(hours=1)


@register
def sweep_executions(now: datetime) -> dict[str, int]:
    """Bring every execution that has lost a worker or a message back on its way."""
    return {
        "steps_freed": free_steps(now),
        "steps_resumed": StepRun.objects.all().resume(now, MOST),
        "steps_rung": ring_steps(now),
        "executions_advanced": advance_executions(now),
        "holds_released": release_holds(),
    }


def free_steps(now: datetime) -> int:
    """Give steps whose worker fell silent back, each with a note in its timeline and an event that says so."""
    lost = list(StepRun.objects.all().expired(now).order_by("pk").values_list("pk", "attempts", "started_at")[:MOST])
    if not lost:
        return 0
    with transaction.atomic():
        freed = StepRun.objects.all().free([pk for pk, *_ in lost], now)
        gone = {
            run.pk: run
            for run in StepRun.objects.filter(pk__in=[pk for pk, *_ in lost], reason="worker_lost")
            .exclude(state=State.RUNNING)
            .select_related("execution")
        }
        StepAttempt.objects.bulk_create(
            StepAttempt(step_id=pk, number=number, outcome="lost", reason="worker_lost", started_at=started, ended_at=now)
            for pk, number, started in lost
            if pk in gone
        )
    for run in gone.values():  # not within, for whoever cancels locks an execution before its steps
        then = "It is tried again." if run.state == State.PENDING else "It is not tried again by itself."
        told = f"Its worker ended without a word. {then}"
        run.execution.record("step", step=run.name, status=run.status.lower(), reason=run.reason, detail=told)
    return freed


def ring_steps(now: datetime) -> int:
    """Ring for pending steps that are due and were not heard."""
    due = list(
        StepRun.objects.filter(state=State.PENDING, ring_at__lte=now, next_at__lte=now)
        .exclude(execution__state=State.CANCELLED)
        .select_related("execution")
        .order_by("ring_at")[:MOST]
    )
    with transaction.atomic():
        StepRun.objects.filter(pk__in=[run.pk for run in due], state=State.PENDING).update(
            ring_at=now + timedelta(seconds=settings.RING_AGAIN_SECONDS)
        )
        for run in due:
            send_out(run.execution, [run])
    return len(due)


def advance_executions(now: datetime) -> int:
    """Do what the last step or the chord's body may have died before doing: open the next stage, assemble anew, notify."""
    steps = StepRun.objects.filter(execution=OuterRef("pk"))
    idle = Execution.objects.filter(~Exists(steps.filter(state__in=OPEN)))
    # A branch that is parked is not waited for.
    waits = steps.filter(state=State.PARKED).exclude(name__in=BRANCHES)
    assembled = steps.filter(name=ASSEMBLE, is_current=True).values("started_at")[:1]
    found = steps.filter(name__in=SHOWN[:-1], state=State.SUCCEEDED, ended_at__gt=now - LATELY).order_by("-ended_at").values("ended_at")[:1]
    saved = idle.filter(state=State.SUCCEEDED)
    left_over = [
        idle.filter(~Exists(waits), state__in=OPEN),
        # Something was found after the runbook had been saved without it.
        saved.annotate(assembled=Subquery(assembled), found=Subquery(found)).filter(found__gt=F("assembled")),
        saved.filter(~Exists(steps.filter(name=NOTIFY)), ended_at__gt=now - LATELY),
    ]
    return sum(advance(pk) for pk in {pk for rows in left_over for pk in rows.values_list("pk", flat=True)[:MOST]})
