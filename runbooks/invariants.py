"""What must hold of executions, their steps, runbooks and the money of it at any moment."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Count, Exists, F, Max, OuterRef, Q, Sum
from django.db.models.functions import Coalesce

from bookops.clock import database_now
from bookops.invariants import invariant
from bookops.runs import ENDED, OPEN, State
from bookops.spend import Account
from runbooks.models import Copy, EvalRunbook, Execution, Listing, StepRun

#: An execution may be between two steps for so long.
GRACE = timedelta(minutes=5)


@invariant("an execution goes on, or waits for a parked step, or has ended")
def stuck_executions() -> Iterable[str]:
    steps = StepRun.objects.filter(execution=OuterRef("pk"))
    moving = steps.filter(Q(state__in=[*OPEN, State.PARKED]) | Q(ended_at__gt=database_now() - GRACE))
    for one in Execution.objects.filter(~Exists(moving), state__in=OPEN, created_at__lt=database_now() - GRACE):
        yield f"execution {one.pk} is {one.state}"


@invariant("a cancelled execution has no step that waits or is at work")
def steps_after_the_end() -> Iterable[str]:
    for run in StepRun.objects.exclude(state__in=ENDED).filter(execution__state=State.CANCELLED):
        yield f"{run.name} {run.number} of execution {run.execution_id} is {run.state}"


@invariant("an execution has succeeded exactly when its runbook is saved")
def unsaved_successes() -> Iterable[str]:
    for one in Execution.objects.filter(Q(state=State.SUCCEEDED, saved_at=None) | Q(state__in=OPEN, saved_at__isnull=False, reopenings=0)):
        yield f"execution {one.pk} is {one.state}, saved {one.saved_at}"


@invariant("an execution says what is missing exactly while something is")
def wrong_words_about_gaps() -> Iterable[str]:
    for one in Execution.objects.filter(saved_at__isnull=False):
        if one.partial != bool(one.missing):
            yield f"execution {one.pk}: partial {one.partial}, missing {one.missing}"


@invariant("a step is not worked through twice")
def doubled_steps() -> Iterable[str]:
    done = StepRun.objects.filter(tries__outcome=State.SUCCEEDED).annotate(n=Count("tries")).filter(n__gt=1)
    for run in done:
        yield f"{run.name} {run.number} of execution {run.execution_id} succeeded {run.n} times"


@invariant("a step that has ended holds no money")
def money_left_behind() -> Iterable[str]:
    # The sweeper gives back what a cancelled or dead one still held.
    for run in StepRun.objects.filter(held__gt=0, state__in=ENDED, ended_at__lt=database_now() - GRACE):
        yield f"{run.name} {run.number} of execution {run.execution_id} holds {run.held}"


@invariant("an owner's day holds what its steps hold")
def unheld_money() -> Iterable[str]:
    held = StepRun.objects.filter(held__gt=0).values("execution__owner_id", "held_on").annotate(total=Sum("held"))
    for one in held:
        scope = f"owner:{one['execution__owner_id']}:{one['held_on']}"
        account = Account.objects.filter(scope=scope).first()
        if account is None or account.held < one["total"]:
            yield f"{scope}: its steps hold {one['total']}, it holds {account.held if account else 'nothing'}"


@invariant("a runbook's latest version is the one it has")
def lost_versions() -> Iterable[str]:
    for one in EvalRunbook.objects.annotate(kept=Coalesce(Max("versions__number"), 0)).exclude(kept=F("version")):
        yield f"runbook {one.public_id}: version {one.version}, the last kept is {one.kept}"


@invariant("rows of an execution have one owner")
def strangers_rows() -> Iterable[str]:
    for listing in Listing.objects.filter(executions__isnull=False).exclude(executions__owner=F("owner")).distinct():
        yield f"listing {listing.public_id}"
    for copy in Copy.objects.exclude(book__owner=F("owner")):
        yield f"copy {copy.public_id}"
    for runbook in EvalRunbook.objects.exclude(copy__owner=F("owner")):
        yield f"runbook {runbook.public_id}"
