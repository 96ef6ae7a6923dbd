"""Answer items from answers that their owner was given before, when all that decides an answer is the same."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from bookops.runs import State
from llmjobs.applying import apply_kept
from llmjobs.models import LLMJob, LLMJobItem

#: Items answered at a time.
PORTION = 500


def kept_answers(job: LLMJob) -> QuerySet[LLMJobItem]:
    """Return the items whose answers a job may be answered from, for the same digest."""
    return LLMJobItem.objects.filter(owner=job.owner_id, job__sandbox=job.sandbox, state=State.SUCCEEDED).exclude(answer={})


def answer_from_kept(job: LLMJob) -> int:
    """Answer what waits to be sent and was asked before, and return how many; nothing is paid. One query when nothing was."""
    if not job.uses_kept_answers:
        return 0
    kept = kept_answers(job)
    asked_before = Exists(kept.filter(digest=OuterRef("digest")))
    waiting = LLMJobItem.objects.filter(asked_before, job=job, state=State.PENDING).exclude(digest="")
    answered = 0
    while some := dict(waiting.values_list("pk", "digest")[:PORTION]):
        answers: dict[str, Any] = dict(kept.filter(digest__in=set(some.values())).order_by("pk").values_list("digest", "answer"))
        moved = apply_kept(job.pk, {pk: answers[digest] for pk, digest in some.items() if digest in answers}).moved
        if not moved:
            break
        answered += moved
    return answered
