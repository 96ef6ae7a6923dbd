"""Jobs whose answers wait for a review, as tests of the desk want them."""

from __future__ import annotations

from typing import Any

from bookops.clock import database_now
from bookops.runs import State
from llmjobs.applying import apply_results
from llmjobs.models import LLMJob, LLMJobItem, Proposal
from tests.llmjobs.factories import ANTHROPIC_BATCH, RESPONSES, items_of, make_rendered_job
from tests.llmjobs.results import answer, flagging, make_sent_job


def make_answered(books: int = 3, text: str | None = None, **plan: Any) -> LLMJob:
    """Return a job whose items have been answered, each that its book be flagged unless told otherwise."""
    job = make_sent_job(books, **plan)
    apply_results(job.pk, {item.pk: answer(item.provider_task_id, text) for item in items_of(job)})
    job.refresh_from_db()
    return job


def make_disagreeing() -> LLMJob:
    """Return a job over one book that two models want flagged for different reasons, and a third of which says no."""
    job = make_rendered_job(1, asks=(RESPONSES, ANTHROPIC_BATCH, ANTHROPIC_BATCH | {"model": "claude-sonnet-5-5"}))
    for item in items_of(job):
        there = {"state": State.RUNNING, "stage": "processing", "submitted_at": database_now(), "provider_task_id": f"answer {item.pk}"}
        LLMJobItem.objects.filter(pk=item.pk).update(**there)
    said = (flagging(True, "A box set."), flagging(True, "No book at all."), flagging(False))
    apply_results(job.pk, {item.pk: answer(f"answer {item.pk}", text) for item, text in zip(items_of(job), said, strict=True)})
    job.refresh_from_db()
    return job


def proposals_of(job: LLMJob) -> list[Proposal]:
    return list(Proposal.objects.filter(job=job).order_by("pk"))
