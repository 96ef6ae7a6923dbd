"""Add what a filter finds now to a job that has sent nothing yet, on the page of that job."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import DataError
from django.http import HttpRequest

from bookops.buttons import Button
from bookops.purposes import purpose_named
from bookops.runs import OPEN
from llmjobs import jobs
from llmjobs.admin.job_buttons import RUN, items_moved
from llmjobs.admin.plan_form import is_yes_or_no
from llmjobs.models import LLMJob
from llmjobs.plans import Scope, ScopeKind


def append(request: HttpRequest, job: LLMJob, value: str) -> str:
    try:
        added = jobs.append(job, _scope(job, request.POST.get("filter", ""), value.strip()))
    except DataError:
        # A number that a column cannot hold is noticed by the database.
        raise ValidationError("The filter has a value out of range.") from None
    return items_moved(added, "added")


def may_be_added_to(job: LLMJob) -> bool:
    """Say whether a job has sent nothing yet."""
    return job.state in OPEN and job.submitted_at is None


def _scope(job: LLMJob, name: str, words: str) -> Scope:
    if not name:
        return Scope(ScopeKind.ALL)
    if not words:
        raise ValidationError("Name something that has to match, or choose all there are.")
    purpose = purpose_named(job.purpose)
    lookup = getattr(purpose, "FILTERS", {}).get(name, name)
    value: Any = words.lower() == "yes" if is_yes_or_no(purpose.targets(job.owner_id).model, lookup) else words
    return Scope(ScopeKind.FILTERS, filters={name: value})


APPEND = Button("append", "Add to the job", append, RUN, shown=None)
