"""What was perhaps sent."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from bookops.clock import database_now
from bookops.dispatch import rung_here
from bookops.events import RunEvent
from bookops.invariants import broken_invariants
from bookops.outbound.errors import TryAgain
from llmjobs import submitting
from llmjobs.doors import standing_in
from llmjobs.jobs import cancel
from llmjobs.models import LLMJobItem
from llmjobs.reconciling import adopt_response, give_up, resend_overdue, send_again, suspect_lost
from llmjobs.working import work_on
from tests.llmjobs.factories import items_of, let_leases_end, make_rendered_job
from tests.llmjobs.paper_providers import PaperResponses
from tests.llmjobs.test_submitting import statuses

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider(tmp_path):
    paper = PaperResponses(tmp_path)
    with standing_in(paper), rung_here():
        yield paper


def unknown_job(provider, **changes):
    """Return a job of one item whose answer to being sent was lost."""
    job = make_rendered_job(1, **changes)
    provider.lose(TryAgain("no answer in time", reason="timeout"))
    work_on(job.pk)
    return job


def test_an_item_whose_worker_fell_silent_is_set_aside(provider):
    job = make_rendered_job(2)
    submitting.claim(job, "openai")
    assert suspect_lost(database_now()) == 0

    let_leases_end(job)
    assert suspect_lost(database_now()) == 2

    work_on(job.pk)
    assert (statuses(job), provider.taken()) == (["unknown"] * 2, [])
    assert RunEvent.objects.filter(run_id=job.pk).last().payload == {"items": 2}
    assert broken_invariants() == {}


def test_its_webhook_tells_that_it_was_taken(provider):
    job = unknown_job(provider)
    [taken] = provider.taken()

    assert adopt_response(int(taken["metadata"]["job_item_id"]), taken["metadata"]["intent"], taken["id"])

    item = items_of(job)[0]
    assert (item.status, item.provider_task_id, item.reason) == ("processing", taken["id"], "")
    assert broken_invariants() == {}


def test_a_webhook_may_come_before_the_answer_is_stored(provider):
    job = make_rendered_job(1)
    [item] = submitting.claim(job, "openai")
    result = provider.submit(submitting.Asking.of(job).alone(item))

    assert adopt_response(item.pk, str(item.intent), result.custom_id)
    submitting.store(job, [(item, result)])

    assert (statuses(job), items_of(job)[0].provider_task_id) == (["processing"], result.custom_id)


def test_the_word_of_an_earlier_sending_changes_nothing(provider):
    job = unknown_job(provider)
    item = items_of(job)[0]

    assert not adopt_response(item.pk, str(uuid.uuid4()), "resp_of_another_sending")
    assert statuses(job) == ["unknown"]


def test_a_cancelled_item_learns_its_id_to_be_stopped_there(provider):
    job = unknown_job(provider)
    cancel(job)
    [taken] = provider.taken()

    assert not adopt_response(int(taken["metadata"]["job_item_id"]), taken["metadata"]["intent"], taken["id"])
    assert (statuses(job), items_of(job)[0].provider_task_id) == (["cancelled"], taken["id"])


def test_it_waits_for_a_person_unless_its_job_says_otherwise(provider):
    job = unknown_job(provider)
    LLMJobItem.objects.update(sending_at=database_now() - timedelta(days=1))

    assert resend_overdue(database_now()) == 0
    assert statuses(job) == ["unknown"]


def test_by_its_jobs_choice_it_is_sent_again_after_its_time_limit_with_the_double_price_told(provider):
    job = unknown_job(provider, unanswered="resend")
    held = items_of(job)[0].held
    assert resend_overdue(database_now()) == 0

    LLMJobItem.objects.update(sending_at=database_now() - timedelta(hours=3))
    assert resend_overdue(database_now()) == 1
    work_on(job.pk)

    assert (statuses(job), len(provider.taken())) == (["processing"], 2)
    assert RunEvent.objects.get(run_id=job.pk, kind="sent_again").payload == {"items": 1, "perhaps_paid": held, "by": None}
    assert broken_invariants() == {}


def test_a_person_may_have_it_sent_again_or_give_it_up(provider):
    job, other = unknown_job(provider), unknown_job(provider)

    assert send_again(job, LLMJobItem.objects.all(), by=job.owner) == 1
    assert give_up(other, LLMJobItem.objects.all()) == 1

    assert (statuses(job), statuses(other)) == (["queued"], ["failed"])
    assert not LLMJobItem.objects.filter(held__gt=0).exists()
    assert broken_invariants() == {}


def test_nothing_but_what_was_perhaps_sent_can_be_sent_again(provider):
    job = make_rendered_job(1)
    work_on(job.pk)

    assert send_again(job, LLMJobItem.objects.all()) == 0
    assert statuses(job) == ["processing"]
