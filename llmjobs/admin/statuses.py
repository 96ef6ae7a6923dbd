"""The first design's names for where jobs and items stand, as filters of the desk's lists."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from bookops.runs import BROKEN, OPEN, State
from llmjobs.models import LLMJob, LLMJobItem

Stage = LLMJobItem.Stage
JOBS_OFFERED = 20

#: As `LLMJob.status` says.
JOB_STATUSES: Mapping[str, Q] = {
    "queued": Q(state=State.PENDING, paused_at=None),
    "running": Q(state__in=[State.RUNNING, State.PARKED], paused_at=None),
    "paused": Q(state__in=OPEN) & ~Q(paused_at=None),
    "completed": Q(state=State.SUCCEEDED),
    "failed": Q(state__in=BROKEN),
    "cancelled": Q(state=State.CANCELLED),
}
#: As `LLMJobItem.status` says.
ITEM_STATUSES: Mapping[str, Q] = {
    "queued": Q(state=State.PENDING),
    "submitting": Q(state=State.RUNNING, stage=Stage.SUBMITTING),
    "processing": Q(state=State.RUNNING, stage=Stage.PROCESSING),
    "unknown": Q(state=State.RUNNING, stage=Stage.UNKNOWN),
    "parked": Q(state=State.PARKED),
    "succeeded": Q(state=State.SUCCEEDED),
    "failed": Q(state=State.FAILED),
    "dead": Q(state=State.DEAD),
    "cancelled": Q(state=State.CANCELLED) & ~Q(sending_at=None),
    "skipped": Q(state=State.CANCELLED, sending_at=None),
}
#: Where the name alone would not tell.
ITEM_WORDS: Mapping[str, str] = {"processing": "at the provider", "unknown": "perhaps sent"}


def status_counts(items: QuerySet[LLMJobItem]) -> dict[str, int]:
    """Return how many items stand where, without those that none does. One query."""
    counts = items.aggregate(**{f"n_{name}": Count("pk", filter=which) for name, which in ITEM_STATUSES.items()})
    return {name: counts[f"n_{name}"] for name in ITEM_STATUSES if counts[f"n_{name}"]}


def asked_job(request: HttpRequest) -> uuid.UUID | None:
    """Return which job the list is filtered by."""
    try:
        return uuid.UUID(request.GET.get("job", ""))
    except ValueError:
        return None


class JobStatusFilter(admin.SimpleListFilter):
    """Filter jobs by status."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in JOB_STATUSES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(JOB_STATUSES[self.value() or ""]) if self.value() in JOB_STATUSES else queryset


class ItemStatusFilter(admin.SimpleListFilter):
    """Filter items by status."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, ITEM_WORDS.get(name, name)) for name in ITEM_STATUSES] + [("broken", "failed or dead")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "broken":
            return queryset.filter(state__in=BROKEN)
        return queryset.filter(ITEM_STATUSES[self.value() or ""]) if self.value() in ITEM_STATUSES else queryset


class JobFilter(admin.SimpleListFilter):
    """Filter by job; the newest are offered, any other is reached from its own page."""

    title = "job"
    parameter_name = "job"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        newest = LLMJob.objects.filter(deleted_at=None).order_by("-created_at").only("label")[:JOBS_OFFERED]
        offered = [(str(one.pk), one.label[:60]) for one in newest]
        chosen = asked_job(request)
        if chosen and str(chosen) not in dict(offered):
            offered.insert(0, (str(chosen), str(LLMJob.objects.filter(pk=chosen).first() or chosen)[:60]))
        return offered

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        chosen = asked_job(request)
        return queryset.filter(job_id=chosen) if chosen else queryset.none()


class ReasonFilter(admin.SimpleListFilter):
    """Filter items by reason code: those of the chosen job with their counts, else the one that was asked for."""

    title = "reason"
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        chosen, asked = asked_job(request), request.GET.get("reason")
        if chosen:
            return [(reason, f"{reason} ({count:,})") for reason, count in reasons_of(LLMJobItem.objects.filter(job_id=chosen))]
        return [(asked, asked)] if asked else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(reason=self.value()) if self.value() else queryset


#: Reasons of an answer that passed its limit of output tokens: ours, and the providers' own word for it.
CUT_SHORT = frozenset({"cut_short", "max_output_tokens"})


def clone_address(job: LLMJob) -> str:
    """Return where a job like this one is begun."""
    return f"{reverse('admin:llmjobs_llmjob_add')}?clone={job.pk}"


def reasons_of(items: QuerySet[LLMJobItem]) -> list[tuple[str, int]]:
    """Return the reasons among items with how many have each, the most frequent first. One query."""
    counted = items.exclude(reason="").order_by().values_list("reason").annotate(n=Count("pk"))
    return sorted(counted, key=lambda one: (-one[1], one[0]))
