"""What the home page says about LLM jobs: what is at work, what waits for a person, whether the poller is well, what was spent."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q, Sum
from django.http import HttpRequest
from django.urls import reverse

from bookops.clock import database_now
from bookops.home_page import Panel, add_panel
from bookops.markup import list_of
from bookops.runs import OPEN
from bookops.spend import dollars
from llmjobs.admin.job_buttons import RUN
from llmjobs.admin.jobs import status_badge
from llmjobs.admin.poller_lights import lights_on, worst
from llmjobs.jobs import unseen_count
from llmjobs.models import LLMJob, LLMJobItem, PollTick, Proposal

SHOWN = 5


def look_at_jobs(request: HttpRequest) -> dict[str, Any]:
    """Return the newest jobs at work and ended, and what a person should look at."""
    now = database_now()
    jobs = LLMJob.objects.filter(deleted_at=None).select_related("owner").defer("system", "template", "scope").order_by("-created_at")
    return {
        "at_work": [(job, job.aggregates(), status_badge(job)) for job in jobs.filter(state__in=OPEN)[:SHOWN]],
        "ended": [(job, status_badge(job)) for job in jobs.exclude(state__in=OPEN)[:SHOWN]],
        "waiting": Proposal.objects.filter(state=Proposal.State.WAITING, job__deleted_at=None).count(),
        "review_address": reverse("admin:llmjobs_proposal_review"),
        "light": worst(lights_on(now)),
        "poller_address": list_of(PollTick),
        "unseen": unseen_count(request.user),
        "unseen_address": list_of(LLMJob, unseen_change__exact=1),
        "spent": dollars(spent_since(datetime.combine(now.date(), time(), ZoneInfo("UTC")))),
        "list_address": list_of(LLMJob),
        "may_run": request.user.has_perm(RUN),
    }


def spent_since(moment: datetime) -> int:
    """Return the microdollars of all answers since then."""
    # By way of the jobs: the items of all time have no index by their end.
    jobs = LLMJob.objects.filter(Q(state__in=OPEN) | Q(ended_at__gte=moment)).values("pk")
    return LLMJobItem.objects.filter(job__in=jobs, ended_at__gte=moment).aggregate(n=Sum("cost", default=0))["n"]


add_panel(Panel("Language models", "llmjobs/desk/home_jobs.html", look_at_jobs, "llmjobs.view_llmjob", place=8))
