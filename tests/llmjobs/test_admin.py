"""The desk's pages about LLM jobs: who may see and press what, what each button does, and what a page costs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from bookops.books import Book
from bookops.clock import database_now
from bookops.dispatch import rung_here
from bookops.runs import State
from bookops.staff_groups import ADMIN, EDITOR, VIEWER, make_groups
from llmjobs import jobs
from llmjobs.applying import apply_results
from llmjobs.models import LLMJob, LLMJobItem, PollTick, Proposal, ProviderBatch
from llmjobs.providers import Result
from tests.factories import make_book, make_import, make_owner, make_row
from tests.llmjobs.factories import ANTHROPIC_BATCH, OPENAI_BATCH, RESPONSES, items_of, know_models, make_job, make_rendered_job
from tests.llmjobs.results import answer, flagging, make_sent_batch, make_sent_job

pytestmark = pytest.mark.django_db

EDITORS, ADMINS = {EDITOR, ADMIN}, {ADMIN}
REVIEW_PAGE = "admin:llmjobs_proposal_review"
EVIL = "<script>alert(1)</script>"


@pytest.fixture(autouse=True)
def no_broker() -> Iterator[Any]:
    """Keep what is rung: these tests press, and do not work."""
    with rung_here() as here:
        yield here


@pytest.fixture
def boss() -> Client:
    return client_of(make_owner("boss", is_staff=True, is_superuser=True))


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
    """Return a job whose items have been answered; each wants its book flagged, unless told otherwise."""
    job = make_sent_job(books, **plan)
    apply_results(job.pk, {item.pk: answer(item.provider_task_id, text) for item in items_of(job)})
    job.refresh_from_db()
    return job


def make_disagreeing() -> LLMJob:
    """Return a job over one book that two models differ about."""
    job = make_rendered_job(1, asks=(RESPONSES, ANTHROPIC_BATCH))
    first, second = items_of(job)
    LLMJobItem.objects.filter(job=job).update(state=State.RUNNING, stage="processing", submitted_at=database_now())
    says: dict[int, Result] = {
        first.pk: answer("one", flagging(True, "A box set.")),
        second.pk: answer("two", flagging(True, "No book at all.") if False else flagging(False)),
    }
    apply_results(job.pk, says)
    return job


def proposals_of(job: LLMJob) -> list[Proposal]:
    return list(Proposal.objects.filter(job=job).order_by("pk"))


def decide(client: Client, decision: str, *proposals: Proposal, address: str = "", **fields: Any) -> Any:
    posted = {"decision": decision, "proposal": [one.pk for one in proposals], **fields}
    return client.post(address or reverse(REVIEW_PAGE), posted)


def pages() -> list[str]:
    """Return the address of every page, each with something on it."""
    job = make_answered()
    batch = make_sent_batch(2)
    PollTick.objects.create(started_at=database_now(), seconds=1.5, items_polled=5, items_updated=2, errors=1, unmapped={"warming_up": 3})
    item = items_of(job)[0]
    return [
        *map(page, (job, batch.job, item, items_of(batch.job)[0], PollTick.objects.get())),
        *map(listing, (LLMJob, LLMJobItem, Proposal, PollTick)),
        f"{listing(LLMJobItem)}?job={job.pk}",
        reverse(REVIEW_PAGE),
        f"{reverse(REVIEW_PAGE)}?job={job.pk}&why=policy",
        reverse("admin:llmjobs_llmjob_live", args=[job.pk]),
        reverse("admin:llmjobs_polltick_live"),
    ]


FORM = "admin:llmjobs_llmjob_add"


def test_every_page_opens(boss):
    for address in [*pages(), reverse(FORM), reverse("admin:index")]:
        response = boss.get(address)
        assert response.status_code == 200, address
        assert response.content


def test_a_stranger_is_asked_to_log_in():
    for address in [*pages(), reverse(FORM)]:
        assert Client().get(address).status_code == 302


def test_staff_without_permissions_see_nothing():
    client = client_of(make_owner(is_staff=True))
    for address in [*pages(), reverse(FORM)]:
        assert client.get(address).status_code == 403, address
