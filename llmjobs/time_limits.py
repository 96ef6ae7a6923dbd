"""Give up what takes too long, counted from its submission: a background item, a batch's items, a job.

A job's time stands still while it is paused; an item's does not, as its provider works on and is asked all the same.
Whoever was not asked lately, because the poller or the provider was away, has as long again: its answer may have been there all the time.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet

from bookops.runs import ENDED, State
from llmjobs.models import LLMJob, LLMJobItem, ProviderBatch

Stage = LLMJobItem.Stage


def give_up_overdue(now: datetime) -> set[Any]:
    """Fail the items whose time is over and return their jobs' ids. What they hold is settled when their provider has let go of them."""
    return {*_give_up_items(now), *_give_up_batches(now), *_give_up_jobs(now)}


def overdue_batches(now: datetime) -> QuerySet[ProviderBatch]:
    """Filter to batches at their provider beyond the time limit, which are to be stopped there."""
    return ProviderBatch.objects.exclude(state__in=ENDED).filter(sent_at__lt=now - timedelta(hours=settings.BATCH_HOURS))


def _give_up_items(now: datetime) -> Iterable[Any]:
    limit = timedelta(hours=settings.ITEM_HOURS)
    late = LLMJobItem.objects.at_provider().filter(batch=None, submitted_at__lt=now - limit)
    words = f"No answer within {settings.ITEM_HOURS:g} hours of its submission"
    return _fail(late.filter(_was_asked(limit, now)), "item_time_limit", words, now)


def _give_up_batches(now: datetime) -> Iterable[Any]:
    limit = timedelta(hours=settings.BATCH_HOURS)
    late = list(overdue_batches(now).filter(Q(last_polled_at__gt=F("sent_at") + limit) | Q(sent_at__lt=now - 2 * limit)))
    words = f"No answer within {settings.BATCH_HOURS:g} hours of its batch's submission"
    jobs = set(_fail(LLMJobItem.objects.at_provider().filter(batch__in=late), "batch_time_limit", words, now))
    # The batch itself stays open for late answers, until nobody can expect one.
    long_gone = overdue_batches(now).filter(sent_at__lt=now - 2 * limit)
    long_gone.update(state=State.FAILED, reason="batch_time_limit", detail=words, ended_at=now, ring_at=None)
    return jobs


def _give_up_jobs(now: datetime) -> Iterable[Any]:
    limit = timedelta(hours=settings.JOB_HOURS)
    running = LLMJob.objects.active().filter(state=State.RUNNING, submitted_at__lt=now - limit)
    words = f"Its job was not done within {settings.JOB_HOURS:g} hours of its submission"
    for job_id, submitted_at, paused_for in list(running.values_list("pk", "submitted_at", "paused_for")):
        if now - submitted_at - paused_for <= limit:
            continue
        # What is being sent this moment is let be: its answer says whether it was, and the next round finds it.
        items = LLMJobItem.objects.filter(job=job_id).exclude(state=State.RUNNING, stage=Stage.SUBMITTING)
        yield from _fail(items, "job_time_limit", words, now)


def _was_asked(limit: timedelta, now: datetime) -> Q:
    return Q(last_polled_at__gt=F("submitted_at") + limit) | Q(submitted_at__lt=now - 2 * limit)


@transaction.atomic
def _fail(items: QuerySet[LLMJobItem], reason: str, words: str, now: datetime) -> set[Any]:
    """Fail those of the items that have not ended; their stage stays, by which the poller finds what to stop at the provider."""
    late = items.exclude(state__in=ENDED)
    ids = list(late.order_by("pk").values_list("pk", "job_id"))
    failed = late.filter(pk__in=[pk for pk, _ in ids]).update(
        state=State.FAILED, reason=reason, detail=words, ended_at=now, lease_owner=None, lease_until=None, ring_at=None
    )
    return {job_id for _, job_id in ids} if failed else set()
