"""What an owner may see: every view of this API reads through these, so that what is someone else's is not found."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any

from django.http import Http404

from bookops.api.requests import OwnerRequest
from bookops.purposes import all_purposes
from llmjobs.item_rows import LLMJobItemQuerySet
from llmjobs.job_rows import LLMJobQuerySet
from llmjobs.models import LLMJob, LLMJobItem, Proposal


def jobs_of(request: OwnerRequest) -> LLMJobQuerySet:
    """Return the jobs of the one who asks, deleted ones not."""
    return LLMJob.objects.owned_by(request.user)


def job_of(request: OwnerRequest, pk: uuid.UUID) -> LLMJob:
    """Return one of their jobs; raises Http404."""
    return _one(jobs_of(request).filter(pk=pk))


def items_of(job: LLMJob) -> LLMJobItemQuerySet:
    """Return the items of a job with their proposals, without what may be long."""
    return LLMJobItem.objects.filter(job=job).select_related("proposal").defer("prompt", "answer", "response", "proposal__changes")


def item_of(job: LLMJob, number: int) -> LLMJobItem:
    """Return one item of a job with all that is kept of it; raises Http404."""
    found = LLMJobItem.objects.filter(job=job, number=number).select_related("job", "batch", "proposal__decided_by", "proposal__item")
    return _one(found)


def proposals_of(job: LLMJob) -> Any:
    """Return what the answers of a job propose, with who decided and of which item it is."""
    return Proposal.objects.filter(job=job).select_related("item", "decided_by").defer("item__prompt", "item__response")


def proposal_of(job: LLMJob, pk: int) -> Proposal:
    """Return one proposal of a job; raises Http404."""
    return _one(proposals_of(job).filter(pk=pk))


def public_ids(job: LLMJob, target_ids: Collection[int]) -> dict[int, uuid.UUID]:
    """Return the ids by which the API calls these targets; those that are gone, or whose purpose is, are left out. One query."""
    purpose = all_purposes().get(job.purpose)
    if purpose is None:
        return {}
    return dict(purpose.targets(job.owner_id).filter(pk__in=target_ids).values_list("pk", "public_id"))


def _one(rows: Any) -> Any:
    found = rows.first()
    if found is None:
        raise Http404
    return found
