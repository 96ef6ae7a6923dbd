"""Hold the money of items before they are sent, against their owner's day and their job, and give back what was never spent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from bookops.bulk import write_fields
from bookops.language_models import ModelPrice, Usage, model_on, price_on
from bookops.runs import ENDED
from bookops.spend import OverBudget, Purse, hold_most, owner_purse, room_in, settle
from llmjobs.models import LLMJob, LLMJobItem

#: Of the tokens that are estimated by four bytes each; no script that books come in packs less than two into one.
MOST_TOKENS_FACTOR = 2
#: Items looked at in one round.
MOST = 500


def purses_of(job: LLMJob, day: date) -> list[Purse]:
    """Return what a job's items are paid from on a day: their owner's day and the job itself. One query."""
    return [owner_purse(job.owner_id, day), Purse(f"job:{job.pk}", job.cap, f"job {job.label}")]


def price_of(provider: str, model: str, day: date) -> ModelPrice:
    """Return what a model costs on a day; raises UnknownModel for one that nobody knows or that is retired. Two queries."""
    return price_on(day, model_on(day, provider, model))


def most_cost(price: ModelPrice, *, tokens: int, most_output_tokens: int, tier: str) -> int:
    """Return the microdollars that one question may cost at most; `tokens` as they were estimated."""
    return price.cost(Usage(tokens * MOST_TOKENS_FACTOR, most_output_tokens), tier)


def hold_for(job: LLMJob, amounts: Sequence[int], day: date) -> tuple[int, OverBudget | None]:
    """Hold as many of the amounts as fit, from the first on; return how many, and which purse was short of the next."""
    purses = purses_of(job, day)
    fitting = hold_most(purses, amounts)
    if fitting == len(amounts):
        return fitting, None
    missing = amounts[fitting]
    # Their accounts are locked by now, in the caller's transaction.
    short = next(purse for purse in purses if (room := room_in(purse)) is not None and room < missing)
    return fitting, OverBudget(short, missing)


def give_back(items: Iterable[LLMJobItem], jobs: dict[Any, LLMJob]) -> None:
    """Release what items hold and empty it on the instances; the caller stores `held` and `held_on` in the same transaction."""
    sums: dict[tuple[Any, date], int] = {}
    for item in items:
        if item.held_on is not None:
            key = (item.job_id, item.held_on)
            sums[key] = sums.get(key, 0) + item.held
        item.held, item.held_on = 0, None
    for (job_id, day), amount in sorted(sums.items(), key=str):
        settle(purses_of(jobs[job_id], day), amount, 0)


def release_holds(now: datetime) -> int:
    """Give back what ended items hold that were never sent, or whose provider has been silent for longer than its time limit."""
    released = 0
    long_ago = now - timedelta(hours=settings.ITEM_HOURS)
    # A late answer is settled all the same, against nothing held.
    forlorn = Q(sending_at=None) | Q(batch=None, sending_at__lt=long_ago) | Q(batch__state__in=ENDED)
    items = LLMJobItem.objects.filter(forlorn, held__gt=0, state__in=ENDED)
    for item_id in list(items.values_list("pk", flat=True)[:MOST]):
        released += release(item_id)
    return released


@transaction.atomic
def release(item_id: int) -> bool:
    """Give back what one ended item holds."""
    item = LLMJobItem.objects.select_for_update(of=("self",)).select_related("job").get(pk=item_id)
    if item.held_on is None or not item.has_ended:
        return False
    give_back([item], {item.job_id: item.job})
    write_fields([item], ["held", "held_on"])
    return True
