"""What must hold of jobs, their items, batches and money at any moment."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Count, Exists, F, OuterRef, Q, Sum
from django.db.models.functions import Coalesce

from bookops.clock import database_now
from bookops.invariants import invariant
from bookops.runs import ENDED, State
from bookops.spend import Account
from llmjobs.models import LLMJob, LLMJobItem, ProviderBatch

Stage = LLMJobItem.Stage
#: A job may be between its last item and its end for so long.
GRACE = timedelta(minutes=5)


@invariant("what a job's purse holds and has spent is what its items hold and have cost")
def uneven_purses() -> Iterable[str]:
    items = LLMJobItem.objects.order_by().values("job_id").annotate(n=Sum("held"), cost=Sum("cost"))
    of_items = {f"job:{one['job_id']}": (one["n"], one["cost"]) for one in items}
    for account in Account.objects.filter(scope__startswith="job:").iterator():
        held, cost = of_items.pop(account.scope, (0, 0))
        if (held, cost) != (account.held, account.spent):
            yield f"{account.scope} holds {account.held} and has spent {account.spent}, its items {held} and {cost}"
    yield from (
        f"{scope} has no account, its items hold {held} and cost {cost}" for scope, (held, cost) in of_items.items() if held or cost
    )


@invariant("an item that a provider works on is known by its id there or by its batch's")
def nameless_items() -> Iterable[str]:
    at_provider = LLMJobItem.objects.filter(state=State.RUNNING, stage=Stage.PROCESSING)
    for item in at_provider.filter(Q(batch=None, provider_task_id="") | Q(batch__provider_id="")):
        yield f"item {item.pk} of job {item.job_id}"


@invariant("an item that is sent, or perhaps was, has its intent written")
def unintended_items() -> Iterable[str]:
    sent = LLMJobItem.objects.filter(state=State.RUNNING, stage__in=[Stage.SUBMITTING, Stage.PROCESSING, Stage.UNKNOWN])
    for item in sent.filter(batch=None, intent=None):
        yield f"item {item.pk} of job {item.job_id} is {item.stage}"


@invariant("an item that waits to be sent holds no money and has no intent")
def early_intents() -> Iterable[str]:
    waiting = LLMJobItem.objects.filter(state__in=[State.PENDING, State.PARKED])
    for item in waiting.filter(Q(held__gt=0) | Q(intent__isnull=False) | Q(batch__isnull=False)):
        yield f"item {item.pk} of job {item.job_id}: {item.held} held"


@invariant("a rendered job has an item for each of its targets and models")
def lost_items() -> Iterable[str]:
    rendered = LLMJob.objects.exclude(stage=LLMJob.Stage.RENDERING).exclude(state=State.CANCELLED)
    for job in rendered.annotate(n=Count("items")).exclude(n=F("total_items")):
        yield f"job {job.pk}: {job.n} items, {job.total_items} wanted"


@invariant("a job has ended when all its items have, and not before")
def endless_jobs() -> Iterable[str]:
    unfinished = LLMJobItem.objects.filter(job=OuterRef("pk")).unfinished()
    lately = LLMJobItem.objects.filter(job=OuterRef("pk"), ended_at__gt=database_now() - GRACE)
    for job in LLMJob.objects.filter(Exists(unfinished), state__in=ENDED):
        yield f"job {job.pk} is {job.state} with open items"
    working = LLMJob.objects.filter(state=State.RUNNING, stage=LLMJob.Stage.WORKING, started_at__lt=database_now() - GRACE)
    for job in working.filter(~Exists(unfinished), ~Exists(lately)):
        yield f"job {job.pk} is {job.state} without open items"


@invariant("a batch holds the requests it was made for")
def uneven_batches() -> Iterable[str]:
    unsent = ProviderBatch.objects.filter(provider_id="").exclude(state__in=ENDED)
    for batch in unsent.annotate(n=Coalesce(Count("items"), 0)).exclude(n=F("requests")):
        yield f"batch {batch.intent}: {batch.n} items, {batch.requests} requests"
