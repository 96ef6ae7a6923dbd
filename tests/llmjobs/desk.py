"""What tests of the desk's pages about jobs share: staff, presses, and jobs whose answers wait for a review."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, User
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from bookops.clock import database_now
from bookops.runs import State
from bookops.staff_groups import make_groups
from llmjobs.applying import apply_results
from llmjobs.models import LLMJob, LLMJobItem, Proposal
from tests.factories import make_owner
from tests.llmjobs.factories import ANTHROPIC_BATCH, RESPONSES, items_of, make_rendered_job
from tests.llmjobs.results import answer, flagging, make_sent_job


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def make_staff(group: str) -> User:
    """Return a member of staff of one of the groups that the product comes with."""
    make_groups()
    user = make_owner(is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    return user


def page(obj: Any) -> str:
    return reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_change", args=[obj.pk])


def listing(model: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def press(client: Client, obj: Any, name: str, value: str = "", **fields: Any) -> Any:
    address = reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_press", args=[obj.pk, name])
    return client.post(address, {"value": value, **fields})


def told(response: Any) -> str:
    return str(list(get_messages(response.wsgi_request))[-1])


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
