"""What is forgotten of jobs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bookops.clock import database_now
from bookops.dispatch import rung_here
from bookops.events import RunEvent
from bookops.runs import State
from bookops.spend import Account, hold
from llmjobs.ending import end_if_done
from llmjobs.holding import purses_of
from llmjobs.jobs import delete_job
from llmjobs.models import LLMJob, LLMJobItem, Proposal, ProviderBatch
from llmjobs.retention import forget_old_jobs
from tests.llmjobs.factories import items_of, make_rendered_job

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nobody_is_rung():
    with rung_here():
        yield


def ended_job(days_ago: int) -> LLMJob:
    job = make_rendered_job(2)
    LLMJobItem.objects.filter(job=job).update(
        state=State.SUCCEEDED, answer={"flagged": True}, response={"id": "resp_1"}, cost=5, ended_at=job.created_at
    )
    end_if_done(job.pk)
    LLMJob.objects.filter(pk=job.pk).update(ended_at=database_now() - timedelta(days=days_ago))
    return job


def test_prompts_and_answers_go_and_counts_stay(settings):
    settings.ANSWER_DAYS = 30
    old, young = ended_job(31), ended_job(29)

    assert forget_old_jobs() == 2

    assert {(item.prompt, str(item.answer), str(item.response)) for item in items_of(old)} == {("", "{}", "{}")}
    assert all(item.prompt and item.answer for item in items_of(young))
    old.refresh_from_db()
    assert (old.aggregates()["cost"], old.aggregates()["succeeded"]) == (10, 2)
    assert forget_old_jobs() == 0


def test_what_a_person_has_still_to_review_is_kept(settings):
    settings.ANSWER_DAYS = 30
    job = ended_job(31)
    item = items_of(job)[0]
    Proposal.objects.create(item=item, job=job, owner=job.owner, target_id=item.target_id, changes={"flagged": {}})

    assert forget_old_jobs() == 1
    assert items_of(job)[0].answer


def test_a_deleted_job_loses_its_evidence_at_once_and_all_else_later(settings):
    settings.ANSWER_DAYS = 30
    job = ended_job(0)
    hold(purses_of(job, database_now().date()), 0)
    delete_job(job)

    forget_old_jobs()
    assert {item.prompt for item in items_of(job)} == {""}

    LLMJob.objects.update(deleted_at=database_now() - timedelta(days=31))
    forget_old_jobs()
    assert not LLMJob.objects.exists()
    assert not RunEvent.objects.filter(run_id=job.pk).exists()
    assert not Account.objects.filter(scope=f"job:{job.pk}").exists()


def test_a_deleted_job_stays_while_a_provider_works_for_it(settings):
    settings.ANSWER_DAYS = 30
    job = ended_job(31)
    ProviderBatch.objects.create(job=job, provider="openai", way="batch", model="gpt-6-luna", provider_id="batch_1", state=State.RUNNING)
    delete_job(job)
    LLMJob.objects.update(deleted_at=database_now() - timedelta(days=31))

    forget_old_jobs()

    assert LLMJob.objects.exists()
