"""Forget prompts and answers after ANSWER_DAYS, and deleted jobs with all they had."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q

from bookops.clock import database_now
from bookops.events import RunEvent
from bookops.runs import ENDED
from bookops.spend import Account
from llmjobs.models import LLMJob, LLMJobItem, ProviderBatch

#: Rows emptied or deleted in one statement, and jobs that are deleted in one round.
PORTION = 2000
MOST_JOBS = 50


def forget_old_jobs() -> int:
    """Empty the evidence of jobs that ended ANSWER_DAYS ago or were deleted, then remove the deleted ones; return how many rows."""
    long_ago = database_now() - timedelta(days=settings.ANSWER_DAYS)
    ended = LLMJob.objects.filter(Q(ended_at__lt=long_ago) | Q(deleted_at__isnull=False), state__in=ENDED)
    emptied = forget_evidence(ended)
    return emptied + sum(remove(job) for job in settled(LLMJob.objects.filter(deleted_at__lt=long_ago))[:MOST_JOBS])


def forget_evidence(jobs: Any) -> int:
    """Empty prompts, answers and responses of these jobs' items; counts, costs and what was changed stay."""
    told = ~Q(prompt="") | ~Q(answer={}) | ~Q(response={})
    # A proposal that waits for a person is shown beside the answer it came from.
    items = LLMJobItem.objects.filter(told, job__in=jobs, state__in=ENDED, held=0).exclude(proposal__state="waiting")
    emptied = 0
    while ids := list(items.values_list("pk", flat=True)[:PORTION]):
        emptied += LLMJobItem.objects.filter(pk__in=ids).update(prompt="", answer={}, response={}, target_label="")
    return emptied


def settled(jobs: Any) -> Any:
    """Filter to jobs whose provider work has ended and whose money is settled."""
    held = LLMJobItem.objects.filter(job=OuterRef("pk")).filter(Q(held__gt=0) | ~Q(state__in=ENDED))
    at_work = ProviderBatch.objects.filter(job=OuterRef("pk")).exclude(state__in=ENDED)
    return jobs.filter(~Exists(held), ~Exists(at_work))


def remove(job: LLMJob) -> int:
    """Delete a job with its items, proposals, batches, events and purse, and return how many items that were."""
    removed = 0
    while ids := list(LLMJobItem.objects.filter(job=job).values_list("pk", flat=True)[:PORTION]):
        LLMJobItem.objects.filter(pk__in=ids).delete()
        removed += len(ids)
    RunEvent.objects.filter(run_id=job.pk).delete()
    Account.objects.filter(scope=f"job:{job.pk}").delete()
    job.delete()
    return removed
