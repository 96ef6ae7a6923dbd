"""Hold the money of a step before it asks a model, and give back what was never asked for."""

from __future__ import annotations

from django.db import transaction

from bookops.clock import database_now
from bookops.language_models import LanguageModel
from bookops.runs import ENDED
from bookops.spend import hold, owner_purse, settle
from runbooks.models import StepRun
from runbooks.steps import LeaseLost, Work

#: Rows looked at in one round.
MOST = 200


def hold_for(work: Work, model: LanguageModel, amount: int) -> None:
    """Hold what a step's call may cost at most (microdollars) against its owner's day.

    Raises OverBudget when the day's cap would be passed, LeaseLost when the step is no longer ours.
    """
    owner_id, run = work.execution.owner_id, work.step
    with transaction.atomic():
        kept = StepRun.objects.select_for_update().get(pk=run.pk)
        if kept.held_on is not None:
            # An attempt before this one ended between holding and asking.
            settle([owner_purse(owner_id, kept.held_on)], kept.held, 0)
        today = database_now().date()
        hold([owner_purse(owner_id, today)], amount)
        held = {"held": amount, "held_on": today, "provider": model.provider, "model": model.name}
        if not StepRun.objects.all().held([run]).update(**held):
            raise LeaseLost
    run.held, run.held_on = amount, today


def release_holds() -> int:
    """Give back what steps hold that have ended without settling it: cancelled, or dead with their worker."""
    released = 0
    for step_id in StepRun.objects.filter(held__gt=0, state__in=ENDED).values_list("pk", flat=True)[:MOST]:
        with transaction.atomic():
            run = StepRun.objects.select_for_update(of=("self",)).select_related("execution").get(pk=step_id)
            if run.held_on is not None and run.has_ended:
                settle([owner_purse(run.execution.owner_id, run.held_on)], run.held, 0)
                StepRun.objects.filter(pk=run.pk).update(held=0, held_on=None)
                released += 1
    return released
