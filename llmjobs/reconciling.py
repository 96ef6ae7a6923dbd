"""Decide about what was perhaps sent: a crash or a lost answer left an intent behind, and nothing is sent again blindly.

A background response cannot be listed. Its webhook names the intent (`adopt_response`); else it waits for a person, or, where the job says
so, is sent again after its time limit. A batch can be listed: `find_batch`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet, Sum
from django.db.models.functions import Coalesce

from bookops.bulk import write_fields
from bookops.clock import database_now
from bookops.dispatch import ring
from bookops.outbound.errors import SourceError
from bookops.runs import ENDED, State
from llmjobs.attempts import attempt_without, keep
from llmjobs.doors import open_batches
from llmjobs.holding import give_back
from llmjobs.models import ItemAttempt, LLMJob, LLMJobItem, ProviderBatch
from llmjobs.providers import BatchSeen

Stage = LLMJobItem.Stage
#: Items moved in one round by each rule.
MOST = 500
#: A batch that a listing does not show after so long was not created; longer than the longest call that creates one.
SURE_AFTER = timedelta(minutes=12)


def adopt_response(item_id: int, intent: str, task_id: str) -> bool:
    """Note the provider's id of an item that was perhaps sent; from a webhook, or from a call whose lease was lost meanwhile.

    True when the item goes on as being processed. One that ended meanwhile keeps the id, so that the poller can cancel it; an intent
    that is not the item's present one was sent again since, and changes nothing.
    """
    now = database_now()
    sent = LLMJobItem.objects.filter(pk=item_id, intent=intent, provider_task_id="")
    known = {"provider_task_id": task_id, "submitted_at": now}
    adopted = sent.filter(state=State.RUNNING).update(
        stage=Stage.PROCESSING, lease_owner=None, lease_until=None, reason="", detail="", **known
    )
    if not adopted:
        sent.filter(state__in=ENDED).update(**known)
    return bool(adopted)


def suspect_lost(now: datetime) -> int:
    """Set aside items whose worker fell silent between the intent and its answer: perhaps they were sent."""
    lost = list(LLMJobItem.objects.all().expired(now).order_by("pk").values_list("pk", "job_id")[:MOST])
    moved = 0
    for job_id in sorted({job_id for _, job_id in lost}, key=str):
        ids = [pk for pk, of in lost if of == job_id]
        with transaction.atomic():
            suspected = LLMJobItem.objects.filter(pk__in=ids).expired(now).update(
                stage=Stage.UNKNOWN, lease_owner=None, lease_until=None, reason="perhaps_sent",
                detail="Its worker ended between sending it and storing the answer.",
            )  # fmt: skip
            if suspected:
                LLMJob.objects.get(pk=job_id).record("perhaps_sent", items=suspected)
        moved += suspected
    return moved


def resend_overdue(now: datetime) -> int:
    """Send again what its job wants sent again, when a response would have ended and its webhook told of it."""
    long_ago = now - timedelta(hours=settings.ITEM_HOURS)
    due = LLMJobItem.objects.filter(
        state=State.RUNNING, stage=Stage.UNKNOWN, sending_at__lt=long_ago, job__unanswered=LLMJob.Unanswered.RESEND,
        job__paused_at=None, job__deleted_at=None,
    )  # fmt: skip
    jobs = list(LLMJob.objects.filter(pk__in=due.values("job_id")))
    return sum(send_again(job, due.filter(job=job)) for job in jobs)


def send_again(job: LLMJob, items: QuerySet[LLMJobItem], by: Any = None) -> int:
    """Send items again that were perhaps sent, knowing that some may be paid twice, and return how many; the event says by whom.

    What the first sending may have cost is told there too (microdollars at most); it counts against no purse any more.
    """
    return _decide(job, items, _queue_again, "sent_again", by)


def give_up(job: LLMJob, items: QuerySet[LLMJobItem], by: Any = None) -> int:
    """Fail items that were perhaps sent, and return how many."""
    return _decide(job, items, _fail, "given_up", by)


def _decide(job: LLMJob, items: QuerySet[LLMJobItem], move: Any, kind: str, by: Any) -> int:
    from llmjobs.tasks import work_on_job

    with transaction.atomic():
        LLMJob.objects.select_for_update().get(pk=job.pk)
        unknown = list(items.filter(job=job, state=State.RUNNING, stage=Stage.UNKNOWN).select_for_update(of=("self",))[:MOST])
        if not unknown:
            return 0
        perhaps = sum(item.held for item in unknown)
        now = database_now()
        give_back(unknown, {job.pk: job})
        keep([attempt_without(item, ItemAttempt.Outcome.PERHAPS_SENT, "perhaps_sent", item.detail, now) for item in unknown])
        for item in unknown:
            move(item, now)
        write_fields(unknown, _DECIDED)
        job.record(kind, items=len(unknown), perhaps_paid=perhaps, by=getattr(by, "pk", None))
        ring(work_on_job, str(job.pk))
    return len(unknown)


_DECIDED = ("state", "stage", "next_at", "ring_at", "ended_at", "reason", "detail", "intent", "sending_at", "held", "held_on",
            "lease_owner", "lease_until")  # fmt: skip


def _queue_again(item: LLMJobItem, now: datetime) -> None:
    item.state, item.stage, item.next_at, item.ring_at = State.PENDING, Stage.QUEUED, now, now
    item.intent, item.sending_at = None, None
    item.reason, item.detail = "sent_again", "It was perhaps sent before and may be paid twice."


def _fail(item: LLMJobItem, now: datetime) -> None:
    item.after_refusal(now, reason="perhaps_sent", detail=item.detail)


class StillUnsure(Exception):
    """Whether a batch was created cannot be told yet, or not without a person."""

    def __init__(self, detail: str, *, needs_person: bool = False) -> None:
        super().__init__(detail)
        self.needs_person = needs_person


def find_batch(batch: ProviderBatch) -> BatchSeen | None:
    """Return the batch at its provider that this one's lost call created, None when it certainly created none.

    Raises StillUnsure while a listing may be behind or cannot be had, or when several may be it.
    """
    if batch.sending_at is None:
        return None
    try:
        provider = open_batches(batch.provider)
        seen = list(provider.find(str(batch.intent), since=batch.sending_at, requests=batch.requests))
    except SourceError as error:
        raise StillUnsure(f"Its creation was not answered, and it cannot be looked for: {error.reason}: {error.detail}") from None
    known = ProviderBatch.objects.filter(provider=batch.provider, provider_id__in=[one.provider_id for one in seen])
    others = set(known.exclude(pk=batch.pk).values_list("provider_id", flat=True))
    candidates = [one for one in seen if one.provider_id not in others]
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        ids = ", ".join(one.provider_id for one in candidates)
        raise StillUnsure(f"Several batches may be this one: {ids}. Adopt the right one, or send it again.", needs_person=True)
    if database_now() < batch.sending_at + SURE_AFTER:
        raise StillUnsure("Its creation was not answered, and a listing does not show it yet.")
    return None


def adopt_batch(batch: ProviderBatch, provider_id: str, *, status: str = "") -> bool:
    """Note that a batch is at its provider under that id, with all its items; False when it is known already."""
    now = database_now()
    with transaction.atomic():
        adopted = ProviderBatch.objects.filter(pk=batch.pk, provider_id="").update(
            state=State.RUNNING, provider_id=provider_id, provider_status=status, sent_at=now, sending_at=Coalesce("sending_at", now),
            next_at=now, ring_at=None, lease_owner=None, lease_until=None, reason="", detail="", ended_at=None,
        )  # fmt: skip
        if not adopted:
            return False
        items = LLMJobItem.objects.filter(batch=batch)
        items.filter(state=State.RUNNING).update(
            stage=Stage.PROCESSING, submitted_at=now, sending_at=now, provider_status=status, reason="", detail=""
        )
        # Those that were cancelled meanwhile are at the provider all the same.
        items.filter(state=State.CANCELLED).update(submitted_at=now, sending_at=now)
    return True


def enqueued_tokens(provider: str, model: str) -> int:
    """Return the prompt tokens that wait in unfinished batches of a model, whoever's they are."""
    items = LLMJobItem.objects.filter(
        batch__provider=provider, batch__model=model, batch__state__in=[State.PENDING, State.RUNNING, State.PARKED]
    )
    return items.aggregate(tokens=Coalesce(Sum("estimated_tokens"), 0))["tokens"]


def open_batches_of(job: LLMJob) -> Sequence[ProviderBatch]:
    """Return a job's batches that are not at their provider yet, the oldest first."""
    return list(ProviderBatch.objects.filter(job=job, provider_id="", state__in=[State.PENDING, State.RUNNING]).order_by("pk"))
