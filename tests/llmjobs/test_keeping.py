"""Answers that were given before."""

from __future__ import annotations

import pytest

from bookops.dispatch import rung_here
from bookops.runs import State
from bookops.spend import Account
from llmjobs.doors import standing_in
from llmjobs.models import LLMJobItem
from llmjobs.working import work_on
from tests.factories import make_owner
from tests.llmjobs.factories import items_of, make_rendered_job
from tests.llmjobs.paper_providers import PaperResponses

pytestmark = pytest.mark.django_db

ANSWER = {"flagged": True, "flagged_reason": "It is a sampler.", "confidence": 0.9, "notes": ""}


@pytest.fixture
def provider(tmp_path):
    paper = PaperResponses(tmp_path)
    with standing_in(paper), rung_here():
        yield paper


def answered_job(owner):
    """Return a job of an owner whose items were all answered."""
    job = make_rendered_job(2, owner=owner)
    LLMJobItem.objects.filter(job=job).update(state=State.SUCCEEDED, stage="answered", answer=ANSWER, ended_at=job.created_at)
    return job


def test_the_same_question_of_the_same_owner_is_answered_for_nothing(provider):
    owner = make_owner()
    answered_job(owner)
    job = make_rendered_job(2, owner=owner)

    work_on(job.pk)

    assert provider.taken() == []
    assert [(item.status, item.was_kept, item.cost, item.answer) for item in items_of(job)] == [("succeeded", True, 0, ANSWER)] * 2
    assert not Account.objects.filter(scope=f"job:{job.pk}", spent__gt=0).exists()
    job.refresh_from_db()
    assert (job.status, job.aggregates()["flagged"]) == ("completed", 2)


@pytest.mark.parametrize("why", ["another owner", "told not to", "other words", "the sandbox answered"])
def test_it_is_asked_all_the_same_where(why, provider, settings):
    owner = make_owner()
    answered_job(owner)
    changes = {
        "another owner": {},
        "told not to": {"owner": owner, "uses_kept_answers": False},
        "other words": {"owner": owner, "system": "!"},
        "the sandbox answered": {"owner": owner},
    }
    if why == "the sandbox answered":
        settings.SOURCES = "live"
    job = make_rendered_job(2, **changes[why])

    work_on(job.pk)

    assert len(provider.taken()) == 2


def test_a_forgotten_answer_answers_nothing(provider):
    owner = make_owner()
    answered_job(owner)
    LLMJobItem.objects.update(answer={})
    job = make_rendered_job(2, owner=owner)

    work_on(job.pk)

    assert len(provider.taken()) == 2
