"""The end of a job."""

from __future__ import annotations

import pytest

from bookops.dispatch import rung_here
from bookops.events import RunEvent
from bookops.notices import Notice
from bookops.runs import State
from llmjobs.ending import end_if_done, freeze_again
from llmjobs.models import LLMJob, LLMJobItem
from tests.concurrency import at_once
from tests.llmjobs.factories import items_of, make_rendered_job

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nobody_is_rung():
    with rung_here():
        yield


def job_with(*states: State) -> LLMJob:
    """Return a rendered job whose items stand so."""
    job = make_rendered_job(len(states))
    for item, state in zip(items_of(job), states, strict=True):
        LLMJobItem.objects.filter(pk=item.pk).update(state=state, ended_at=job.created_at)
    return job


@pytest.mark.parametrize(
    ("states", "status", "detail"),
    [
        ([State.SUCCEEDED, State.SUCCEEDED], "completed", ""),
        ([State.SUCCEEDED, State.FAILED, State.DEAD], "completed", "2 of 3 items failed"),
        ([State.FAILED, State.DEAD], "failed", "all of 2 items failed"),
    ],
)
def test_its_state_is_that_of_its_items(states, status, detail):
    job = job_with(*states)

    assert end_if_done(job.pk)

    job.refresh_from_db()
    assert (job.status, job.detail, job.unseen_change) == (status, detail, True)
    assert detail in Notice.objects.get(run_id=job.pk).subject


@pytest.mark.parametrize("state", [State.PENDING, State.PARKED])
def test_an_open_or_parked_item_keeps_it_open(state):
    job = job_with(State.SUCCEEDED, state)
    assert not end_if_done(job.pk)
    assert LLMJob.objects.get().status == "running"


def test_a_job_that_is_still_rendered_does_not_end():
    job = job_with(State.SUCCEEDED)
    LLMJob.objects.update(stage="rendering")
    assert not end_if_done(job.pk)


def test_its_totals_are_frozen():
    job = job_with(State.SUCCEEDED, State.FAILED)
    LLMJobItem.objects.filter(job=job).update(input_tokens=10, output_tokens=5, cost=7)
    end_if_done(job.pk)
    LLMJobItem.objects.filter(job=job).update(cost=1000)

    job.refresh_from_db()
    ended_at = job.ended_at
    assert (job.aggregates()["cost"], job.aggregates()["input_tokens"], job.aggregates()["failed"]) == (14, 20, 1)
    assert not end_if_done(job.pk)
    job.refresh_from_db()
    assert (job.ended_at, job.finishes) == (ended_at, 1)


def test_a_late_paid_answer_is_added():
    job = job_with(State.SUCCEEDED)
    end_if_done(job.pk)
    LLMJobItem.objects.filter(job=job).update(cost=9)

    freeze_again(job.pk)

    job.refresh_from_db()
    assert job.aggregates()["cost"] == 9


@pytest.mark.django_db(transaction=True)
def test_it_ends_once_however_many_look():
    job = job_with(State.SUCCEEDED)

    assert sum(at_once(4, lambda: end_if_done(job.pk))) == 1
    assert RunEvent.objects.filter(run_id=job.pk, kind="ended").count() == 1


def test_aggregates_come_from_one_query(django_assert_num_queries):
    job = job_with(State.SUCCEEDED, State.FAILED, State.CANCELLED, State.PENDING)
    with django_assert_num_queries(1):
        counts = job.aggregates()
    assert {name: counts[name] for name in ("total", "processed", "succeeded", "failed", "cancelled")} == {
        "total": 4, "processed": 3, "succeeded": 1, "failed": 1, "cancelled": 1,
    }  # fmt: skip
