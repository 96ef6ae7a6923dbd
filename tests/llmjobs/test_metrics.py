"""What Prometheus and beat are told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from bookops.dispatch import rung_here
from bookops.runs import State
from llmjobs.applying import apply_results
from llmjobs.forgetting import forget_ticks
from llmjobs.jobs import cancel
from llmjobs.metrics import JobCollector
from llmjobs.models import LLMJobItem, PollTick, ProviderMessage
from llmjobs.schedule import schedule_poller
from tests.llmjobs.factories import items_of
from tests.llmjobs.results import answer, make_sent_batch, make_sent_job

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nobody_is_rung():
    with rung_here():
        yield


def told() -> dict[tuple[str, ...], float]:
    """Return every sample by its name and labels."""
    return {(one.name, *one.labels.values()): one.value for metric in JobCollector().collect() for one in metric.samples}


def make_tick(**changes) -> PollTick:
    return PollTick.objects.create(**{"started_at": timezone.now()} | changes)


def test_nothing_is_told_of_nothing():
    samples = told()

    assert samples["bookops_poll_error_ratio",] == 0
    assert samples["bookops_poll_age_seconds",] == float("inf")
    assert samples["bookops_llm_items", "at_provider"] == 0


def test_jobs_items_batches_and_answers_are_counted():
    job = make_sent_job(3)
    make_sent_batch(2)
    cancel(make_sent_job(1))
    items = items_of(job)
    apply_results(job.pk, {items[0].pk: answer(items[0].provider_task_id)})
    LLMJobItem.objects.filter(pk=items[1].pk).update(state=State.PARKED, next_at=timezone.now())

    samples = told()

    assert (samples["bookops_llm_jobs", "running"], samples["bookops_llm_jobs", "cancelled"]) == (2, 1)
    assert (samples["bookops_llm_items", "at_provider"], samples["bookops_llm_items", "parked"]) == (3, 1)
    assert samples["bookops_llm_batches_open",] == 1
    assert samples["bookops_llm_proposals_waiting",] == 1
    assert samples["bookops_llm_answers", "gpt-6-luna", "succeeded"] == 1
    assert samples["bookops_llm_dollars", "gpt-6-luna"] > 0


def test_an_item_that_was_never_asked_for_has_waited_since_it_was_sent():
    asked, never = items_of(make_sent_job(2))
    now = timezone.now()
    LLMJobItem.objects.filter(pk=asked.pk).update(submitted_at=now - timedelta(hours=1), last_polled_at=now)
    LLMJobItem.objects.filter(pk=never.pk).update(submitted_at=now - timedelta(minutes=5))

    assert 300 <= told()["bookops_llm_longest_unasked_seconds",] < 360


def test_the_poller_is_told_of_over_its_last_quarter_of_an_hour():
    make_tick(items_polled=60, errors=3, seconds=4.5, throttled=2, unmapped={"pondering": 1})
    make_tick(items_polled=40, errors=5, seconds=2.0, items_updated=7, cut_short=True)
    make_tick(items_polled=900, errors=900, started_at=timezone.now() - timedelta(hours=1))

    samples = told()

    assert samples["bookops_poll_error_ratio",] == 0.08
    assert samples["bookops_poll_seconds",] == 4.5
    assert (samples["bookops_poll_items_polled",], samples["bookops_poll_items_updated",]) == (100, 7)
    assert (samples["bookops_poll_items_throttled",], samples["bookops_poll_unmapped",], samples["bookops_poll_cut_short",]) == (2, 1, 1)
    assert 0 <= samples["bookops_poll_age_seconds",] < 60


def test_many_items_cost_no_more_queries(django_assert_max_num_queries):
    make_sent_job(50)

    with django_assert_max_num_queries(16):
        told()


# Beat's row.


def test_beats_row_is_made_once_and_is_the_operators_from_then_on(settings):
    PeriodicTask.objects.all().delete()
    settings.POLL_SECONDS = 12
    assert schedule_poller()
    row = PeriodicTask.objects.get(task="llmjobs.tasks.poll")
    assert (row.interval.every, row.interval.period, row.enabled) == (12, "seconds", True)

    PeriodicTask.objects.update(enabled=False)
    settings.POLL_SECONDS = 40
    assert not schedule_poller()
    row.refresh_from_db()
    assert (row.interval.every, row.enabled) == (12, False)


def test_a_database_that_was_migrated_has_beats_row():
    assert PeriodicTask.objects.filter(task="llmjobs.tasks.poll").count() == 1


# What the poller forgets of itself.


def test_old_ticks_and_messages_are_forgotten():
    make_tick()
    make_tick(started_at=timezone.now() - timedelta(days=31))
    for number, days in enumerate((0, 2)):
        ProviderMessage.objects.create(message_id=str(number))
        ProviderMessage.objects.filter(message_id=str(number)).update(at=timezone.now() - timedelta(days=days))

    assert forget_ticks() == 2
    assert (PollTick.objects.count(), ProviderMessage.objects.count()) == (1, 1)
