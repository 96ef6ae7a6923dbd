"""What the sweeper does for jobs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bookops.clock import database_now
from bookops.dispatch import Here, rung_here
from bookops.invariants import broken_invariants
from bookops.runs import State
from llmjobs import submitting
from llmjobs.doors import standing_in
from llmjobs.jobs import cancel, pause
from llmjobs.models import LLMJob, LLMJobItem
from llmjobs.sweeping import sweep_jobs
from tests.llmjobs.factories import items_of, let_leases_end, make_job, make_rendered_job
from tests.llmjobs.paper_providers import PaperResponses

pytestmark = pytest.mark.django_db


@pytest.fixture
def here(django_capture_on_commit_callbacks):
    with rung_here() as here:
        yield here


def test_it_rings_for_a_job_that_nobody_renders(here: Here):
    make_job(1)
    assert sweep_jobs(database_now())["jobs_rung"] == 0
    later = database_now() + timedelta(minutes=1)
    assert sweep_jobs(later)["jobs_rung"] == 1
    assert sweep_jobs(later)["jobs_rung"] == 0


def test_it_rings_for_items_that_are_due_and_not_for_paused_ones(here: Here):
    make_rendered_job(1)
    paused = make_rendered_job(1)
    pause(paused)
    later = make_rendered_job(1)
    LLMJobItem.objects.filter(job=later).update(next_at=database_now() + timedelta(hours=1))

    assert sweep_jobs(database_now())["jobs_rung"] == 1


def test_it_gives_back_a_job_whose_renderer_fell_silent(here: Here):
    job = make_job(1)
    LLMJob.objects.all().claim([job.pk])
    let_leases_end(job)

    assert sweep_jobs(database_now())["jobs_freed"] == 1
    assert LLMJob.objects.get().state == State.PENDING


def test_it_never_touches_what_is_at_the_provider(here: Here, tmp_path):
    job = make_rendered_job(2)
    with standing_in(PaperResponses(tmp_path)):
        submitting.submit_some(job, "openai")
    before = items_of(job)

    moved = sweep_jobs(database_now() + timedelta(days=3))

    assert not any(moved.values())
    assert [item.provider_task_id for item in items_of(job)] == [item.provider_task_id for item in before]


def test_a_job_over_budget_whose_model_nobody_knows_is_paused_and_stops_no_other(here: Here, tmp_path):
    priceless, other = make_rendered_job(1), make_rendered_job(1)
    later = database_now() + timedelta(minutes=1)
    parked = {"state": State.PARKED, "reason": "over_budget", "next_at": later + timedelta(days=1)}
    LLMJobItem.objects.filter(job=priceless).update(model="of-the-day-before-yesterday", **parked)
    LLMJob.objects.filter(pk=priceless.pk).update(reason="over_budget")

    assert sweep_jobs(later)["jobs_rung"] == 1

    priceless.refresh_from_db()
    assert (priceless.status, priceless.reason) == ("paused", "unknown_model")
    other.refresh_from_db()
    assert other.ring_at > later


def test_it_ends_a_job_that_nobody_ended(here: Here):
    job = make_rendered_job(1)
    LLMJobItem.objects.filter(job=job).update(state=State.SUCCEEDED, ended_at=database_now())

    assert sweep_jobs(database_now())["jobs_ended"] == 1
    assert LLMJob.objects.get().status == "completed"


def test_it_gives_back_what_cancelled_items_hold_once_nobody_can_answer_them(here: Here):
    job = make_rendered_job(1)
    submitting.claim(job, "openai")
    cancel(job)
    assert sweep_jobs(database_now())["holds_released"] == 0

    LLMJobItem.objects.update(sending_at=database_now() - timedelta(hours=3))
    assert sweep_jobs(database_now())["holds_released"] == 1
    assert broken_invariants() == {}


def test_a_round_with_nothing_to_do_is_cheap(here: Here, django_assert_max_num_queries):
    now = database_now()
    with django_assert_max_num_queries(13):
        assert not any(sweep_jobs(now).values())
