"""Ticks: what is asked, in which order, for how long, and what is counted."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from bookops.clock import database_now
from bookops.dispatch import rung_here
from bookops.outbound.errors import Refused, TryAgain
from bookops.runs import State
from llmjobs import polling, turns
from llmjobs.applying import apply_results
from llmjobs.doors import standing_in
from llmjobs.jobs import cancel, delete_job, pause, resume
from llmjobs.models import LLMJob, LLMJobItem, PollTick, ProviderBatch
from llmjobs.polling import look_at, tick, to_ask
from llmjobs.providers import Verdict
from tests.concurrency import at_once
from tests.llmjobs.factories import items_of, make_job, make_rendered_job
from tests.llmjobs.results import BatchAnswers, Responses, age, answer, make_sent_batch, make_sent_job, money, word

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def here():
    with rung_here() as here:
        yield here


@pytest.fixture
def openai():
    provider = Responses()
    with standing_in(provider):
        yield provider


@pytest.fixture
def batches():
    provider = BatchAnswers()
    with standing_in(provider):
        yield provider


def ticked() -> PollTick:
    done = tick()
    assert done is not None
    done.refresh_from_db()
    return done


# Nothing to do.


def test_a_tick_with_nothing_to_do_takes_three_queries_and_is_kept():
    with CaptureQueriesContext(
        connection,
    ) as queries:
        done = tick()

    assert len([one for one in queries if "SAVEPOINT" not in one["sql"]]) <= 3
    assert PollTick.objects.get() == done
    assert (done.items_polled, done.jobs_polled) == (0, 0)


def test_jobs_that_wait_or_have_ended_are_nothing_to_do(django_assert_max_num_queries):
    make_job(2)
    cancel(make_rendered_job(2))

    with django_assert_max_num_queries(3):
        tick()


# What a tick does.


def test_a_tick_asks_applies_counts_and_ends_the_job(openai):
    job = make_sent_job(3, policy="apply")
    openai.answer_all(job)

    done = ticked()

    job.refresh_from_db()
    assert job.status == "completed"
    assert (done.jobs_polled, done.items_polled, done.items_updated, done.errors) == (1, 3, 3, 0)
    assert done.jobs_resolved == [str(job.pk)]
    assert done.seconds > 0
    assert job.unseen_change


def test_what_is_still_worked_on_stays_and_is_noted_as_seen(openai):
    job = make_sent_job(1)

    done = ticked()

    [item] = items_of(job)
    assert (item.status, item.provider_status, item.polls) == ("processing", "in_progress", 1)
    assert item.last_polled_at is not None
    assert (done.items_polled, done.items_updated) == (1, 0)


def test_what_is_at_the_provider_is_asked_for_while_its_job_is_paused(openai):
    job = make_sent_job(1)
    pause(job)
    openai.answer_all(job)

    assert ticked().items_updated == 1


def test_an_item_of_which_all_others_failed_ends_its_job_as_failed(openai):
    job = make_sent_job(2)
    openai.otherwise = lambda task_id: word(task_id, Verdict.REFUSED)

    ticked()

    job.refresh_from_db()
    assert job.status == "failed"


# Trap 1: those first in line were asked again and again, and the rest never.


def test_items_that_are_never_done_keep_no_other_from_being_asked(openai, settings):
    settings.MAX_ITEMS_PER_JOB = 2
    job = make_sent_job(5)
    last = items_of(job)[-1]
    openai.says[last.provider_task_id] = answer(last.provider_task_id)

    for _ in range(3):
        ticked()

    assert items_of(job)[-1].status == "succeeded"
    assert len(set(openai.looks)) == 5


def test_the_item_asked_longest_ago_comes_first():
    job = make_sent_job(3)
    one, two, three = items_of(job)
    now = database_now()
    LLMJobItem.objects.filter(pk=one.pk).update(last_polled_at=now)
    LLMJobItem.objects.filter(pk=two.pk).update(last_polled_at=now - timedelta(hours=1))

    assert [item.pk for item in to_ask(database_now())] == [three.pk, two.pk, one.pk]


def test_jobs_take_turns_and_a_small_urgent_one_overtakes_a_big_one():
    big, small, urgent = make_sent_job(12), make_sent_job(2), make_sent_job(4, priority=10)

    order = [item.job_id for item in to_ask(database_now())]

    assert len(order) == 18
    assert set(order[:3]) == {urgent.pk}
    assert set(order[3:6]) == {urgent.pk, small.pk, big.pk}
    assert set(order[6:8]) == {small.pk, big.pk}
    assert order[8:] == [big.pk] * 10


# Trap 2: a word that is neither open nor an answer idled until its time limit.


@pytest.mark.parametrize("verdict", [one for one in Verdict if one not in (Verdict.OPEN, Verdict.UNMAPPED, Verdict.EXPIRED)])
def test_every_final_word_ends_its_item_at_once(openai, verdict):
    job = make_sent_job(1)
    openai.otherwise = lambda task_id: word(task_id, verdict)

    ticked()

    assert items_of(job)[0].has_ended


def test_a_word_that_nobody_has_mapped_keeps_its_item_open_and_is_told(openai):
    job = make_sent_job(2)
    openai.otherwise = lambda task_id: word(task_id, Verdict.UNMAPPED, status="pondering")

    done = ticked()

    assert done.unmapped == {"pondering": 2}
    assert {item.status for item in items_of(job)} == {"processing"}


# Trap 3: an id that the provider knew no more was asked for until its time limit.


def test_what_the_provider_has_lost_fails_and_is_never_sent_again(openai):
    job = make_sent_job(1)
    openai.otherwise = lambda task_id: word(task_id, Verdict.LOST, status="404")

    ticked()

    [item] = items_of(job)
    assert (item.state, item.reason) == (State.FAILED, "lost")


# Trap 4: time limits counted from creation.


def test_an_item_that_waited_long_to_be_sent_is_not_given_up(openai):
    job = make_sent_job(1)
    LLMJobItem.objects.update(created_at=F("created_at") - timedelta(hours=9))
    LLMJob.objects.update(created_at=F("created_at") - timedelta(hours=90))

    ticked()

    assert items_of(job)[0].status == "processing"


def test_an_item_beyond_its_time_limit_is_asked_once_more_then_given_up_then_stopped_there(openai):
    job = make_sent_job(2)
    answered, silent = items_of(job)
    for item in (answered, silent):
        age(item, hours=2.1)
    LLMJobItem.objects.update(last_polled_at=None)
    openai.says[answered.provider_task_id] = answer(answered.provider_task_id)

    ticked()

    states = [(item.state, item.reason) for item in items_of(job)]
    assert states == [("succeeded", ""), ("failed", "item_time_limit")]
    assert "2 hours of its submission" in items_of(job)[1].detail
    job.refresh_from_db()
    assert job.status == "completed"
    assert openai.cancels == []

    ticked()
    assert openai.cancels == [silent.provider_task_id]
    assert money()[0] == 0

    ticked()
    assert len(openai.cancels) == 1  # and nothing more


def test_an_item_whose_provider_cannot_be_asked_is_given_up_after_twice_its_time(openai):
    job = make_sent_job(1)
    [item] = items_of(job)
    openai.says[item.provider_task_id] = TryAgain("away", reason="timeout")
    age(item, hours=3)
    LLMJobItem.objects.update(last_polled_at=None, next_at=database_now() + timedelta(hours=1))
    ticked()
    assert items_of(job)[0].status == "processing"

    age(item, hours=1.1)
    ticked()
    assert items_of(job)[0].reason == "item_time_limit"


def test_a_job_beyond_its_time_limit_ends_with_all_that_it_has_not_sent(openai):
    job = make_sent_job(2)
    LLMJobItem.objects.filter(pk=items_of(job)[0].pk).update(state=State.PENDING, stage="queued", provider_task_id="")
    age(job, hours=49)

    done = ticked()

    job.refresh_from_db()
    assert job.status == "failed"
    assert {item.reason for item in items_of(job)} == {"job_time_limit"}
    assert done.jobs_resolved == [str(job.pk)]


def test_a_paused_job_has_no_time_limit(openai):
    job = make_sent_job(1)
    age(job, hours=49)
    pause(job)

    ticked()

    assert items_of(job)[0].status == "processing"


def test_a_job_that_was_paused_for_long_does_not_expire_when_it_is_resumed(openai):
    job = make_sent_job(2)
    LLMJobItem.objects.filter(pk=items_of(job)[0].pk).update(state=State.PENDING, stage="queued", provider_task_id="")
    pause(job)
    for name in ("submitted_at", "paused_at"):
        LLMJob.objects.filter(pk=job.pk).update(**{name: F(name) - timedelta(hours=50)})

    assert resume(job)
    ticked()
    assert {item.status for item in items_of(job)} == {"queued", "processing"}

    LLMJob.objects.filter(pk=job.pk).update(submitted_at=F("submitted_at") - timedelta(hours=48))
    ticked()
    assert {item.reason for item in items_of(job)} == {"job_time_limit"}


def test_an_item_at_its_provider_has_its_own_time_also_in_a_paused_job(openai):
    job = make_sent_job(1)
    pause(job)
    age(items_of(job)[0], hours=3)

    ticked()

    assert items_of(job)[0].reason == "item_time_limit"


# Trap 5: what an ended job says was computed anew with each round.


def test_an_ended_job_stays_as_it_ended(openai):
    job = make_sent_job(2)
    openai.answer_all(job)
    ticked()
    job.refresh_from_db()
    ended = (job.ended_at, job.totals)

    ticked()

    job.refresh_from_db()
    assert (job.ended_at, job.totals) == ended
    assert job.totals["cost"] == sum(item.cost for item in items_of(job)) > 0
    assert (job.totals["input_tokens"], job.totals["output_tokens"]) == (2000, 200)


# Trap 6: two pollers at once.


@pytest.mark.django_db(transaction=True)
def test_of_many_pollers_one_ticks_and_nothing_is_asked_twice(openai):
    job = make_sent_job(5, policy="apply")
    openai.otherwise = lambda task_id: (time.sleep(0.2), answer(task_id))[1]

    ticks = [one for one in at_once(6, tick) if one is not None]

    assert sum(one.items_polled for one in ticks) == 5
    assert len(openai.looks) == 5
    job.refresh_from_db()
    assert (job.status, job.finishes) == ("completed", 1)
    assert job.totals["succeeded"] == 5


def test_a_poller_that_was_killed_in_its_tick_holds_up_the_others_for_that_long_only(openai):
    make_sent_job(1)
    assert turns.take("poll", 60)
    assert tick() is None

    turns.Turn.objects.update(until=database_now() - timedelta(seconds=1))
    assert tick() is not None


# Phase 0: what was cancelled or deleted here is stopped there.


@pytest.mark.parametrize("stop", [cancel, delete_job])
def test_what_was_cancelled_or_deleted_is_stopped_at_its_provider_once(openai, stop):
    job = make_sent_job(2)
    stop(job)

    ticked()
    ticked()

    assert sorted(openai.cancels) == sorted(item.provider_task_id for item in items_of(job))
    assert openai.looks == []
    assert money() == (0, 0)
    assert {item.state for item in items_of(job)} == {State.CANCELLED}


def test_what_was_answered_before_it_could_be_stopped_is_kept_and_paid(openai):
    job = make_sent_job(1, policy="apply")
    openai.answer_all(job)
    cancel(job)

    ticked()

    [item] = items_of(job)
    assert (item.state, item.came_late) == (State.CANCELLED, True)
    assert item.cost > 0
    assert money() == (0, 2 * item.cost)


def test_a_provider_that_is_away_is_told_to_stop_when_it_is_back(openai):
    job = make_sent_job(1)
    [item] = items_of(job)
    cancel(job)
    openai.says[item.provider_task_id] = TryAgain("away", reason="timeout")
    assert ticked().errors == 1

    openai.says.clear()
    LLMJobItem.objects.update(next_at=database_now())
    ticked()

    assert items_of(job)[0].stage == "answered"


@pytest.mark.django_db(transaction=True)
def test_a_batch_of_a_cancelled_job_is_stopped_once_and_followed_to_its_end(batches, here):
    batch = make_sent_batch(2, policy="apply")
    cancel(batch.job)

    ticked()
    ticked()
    assert batches.cancels == [batch.provider_id]

    batches.answer_all(batch)
    ticked()
    here.work()
    assert [(item.state, item.came_late) for item in items_of(batch.job)] == [("cancelled", True)] * 2
    batch.refresh_from_db()
    assert batch.state == State.SUCCEEDED
    assert money()[0] == 0


# Batches.


def test_a_batch_is_asked_once_for_all_its_items_each_tick_while_young_and_then_every_two_minutes(batches):
    batch = make_sent_batch(4)

    ticked()
    ticked()
    assert len(batches.looks) == 2

    age(batch, minutes=11)
    ticked()
    ticked()
    assert len(batches.looks) == 3
    batch.refresh_from_db()
    assert timedelta(seconds=115) < batch.next_at - database_now() <= timedelta(seconds=120)


def test_a_batch_whose_provider_says_when_to_ask_again_is_left_alone_until_then(batches):
    make_sent_batch(1)
    batches.more = {"ask_again": 60.0, "counts": {"completed": 3}}

    ticked()
    ticked()

    assert len(batches.looks) == 1
    assert ProviderBatch.objects.get().provider_counts == {"completed": 3}


@pytest.mark.django_db(transaction=True)
def test_the_items_of_a_batch_beyond_its_time_are_given_up_and_its_late_answers_are_paid(batches, here):
    batch = make_sent_batch(1)
    age(batch, hours=25.1)

    ticked()
    assert items_of(batch.job)[0].reason == "batch_time_limit"
    assert batches.cancels == [batch.provider_id]

    batches.answer_all(batch)
    ProviderBatch.objects.update(next_at=database_now())
    ticked()
    here.work()
    [item] = items_of(batch.job)
    assert (item.state, item.came_late) == (State.FAILED, True)
    assert item.cost > 0


# Providers that fail.


def test_an_error_leaves_the_item_open_with_its_reason_and_is_counted(openai):
    job = make_sent_job(1)
    [item] = items_of(job)
    openai.says[item.provider_task_id] = TryAgain("HTTP 500", reason="http_500")

    done = ticked()

    [item] = items_of(job)
    assert (done.errors, done.throttled) == (1, 0)
    assert (item.status, item.reason) == ("processing", "http_500")


def test_a_throttled_call_is_counted_apart_and_everybody_waits(openai, settings):
    settings.TICK_SECONDS, settings.CONCURRENT_BATCH_SIZE = 2, 1
    make_sent_job(3)
    openai.otherwise = raiser(TryAgain("HTTP 429", reason="rate_limited", retry_after=30))

    began = time.monotonic()
    done = ticked()

    assert (done.throttled, done.errors) == (1, 0)
    assert len(openai.looks) == 1
    assert time.monotonic() - began < 2


@pytest.mark.once
def test_waiting_after_throttling_grows(openai, settings):
    settings.TICK_SECONDS, settings.CONCURRENT_BATCH_SIZE, settings.RETRY_BASE_SECONDS = 3, 1, 0.2
    make_sent_job(8)
    at: list[float] = []

    def throttle(task_id):
        at.append(time.monotonic())
        raise TryAgain("HTTP 429", reason="rate_limited")

    openai.otherwise = throttle
    ticked()

    pauses = [later - sooner for sooner, later in pairwise(at)]
    assert len(pauses) >= 3
    assert pauses[2] > 2 * pauses[0] * 0.9


def test_a_provider_that_refuses_all_is_not_asked_for_the_rest_of_the_tick(openai, settings):
    settings.CONCURRENT_BATCH_SIZE = 1
    make_sent_job(5)
    openai.otherwise = raiser(Refused("HTTP 401", reason="unauthorized", account_wide=True))

    assert ticked().errors == 1
    assert len(openai.looks) == 1


def test_a_question_that_never_left_the_house_is_neither_counted_nor_noted(openai, settings):
    settings.TICK_SECONDS = 1
    job = make_sent_job(1)
    openai.otherwise = raiser(TryAgain("left alone", reason="breaker_open", retry_after=15, asked=False))

    done = ticked()

    assert (done.items_polled, done.errors, done.cut_short) == (0, 0, False)
    assert items_of(job)[0].polls == 0


@pytest.mark.once
def test_a_provider_that_hangs_delays_no_other_and_no_tick(openai, settings):
    settings.TICK_SECONDS = 2
    settings.ANTHROPIC_KEY = "key"
    hanging = Responses("anthropic")
    done_hanging = threading.Event()
    hanging.otherwise = lambda task_id: (done_hanging.wait(20), word(task_id, Verdict.OPEN))[1]
    job = make_sent_job(50, policy="apply")
    openai.answer_all(job)
    with standing_in(hanging):
        stuck = make_sent_job(70, ask={"provider": "anthropic", "way": "responses", "model": "claude-haiku-5-5"})
        began = time.monotonic()
        done = ticked()
        took = time.monotonic() - began
    done_hanging.set()

    assert took < 4
    assert done.cut_short
    job.refresh_from_db()
    assert job.status == "completed"
    assert {item.status for item in items_of(stuck)} == {"processing"}


@pytest.mark.once
def test_a_tick_ends_within_its_budget_however_slow_answering_and_storing_are(openai, settings, monkeypatch):
    settings.TICK_SECONDS = 1.5
    jobs = [make_sent_job(1, policy="apply") for _ in range(8)]
    for job in jobs:
        openai.answer_all(job)
    slow = openai.look

    def look_slowly(task_id, *, flow=""):
        time.sleep(1.0)
        return slow(task_id)

    def store_slowly(*args):
        time.sleep(0.4)
        return apply_results(*args)

    monkeypatch.setattr(openai, "look", look_slowly)
    monkeypatch.setattr(polling, "apply_results", store_slowly)
    done = ticked()

    assert done.seconds < 1.5 + 0.4 + 0.5  # one chunk is under way, and a slow machine
    assert done.cut_short
    assert 0 < done.items_updated < 8

    monkeypatch.setattr(openai, "look", slow)
    monkeypatch.setattr(polling, "apply_results", apply_results)
    assert done.items_updated + ticked().items_updated == 8
    assert not LLMJobItem.objects.at_provider().exists()


def test_a_fault_of_ours_costs_one_item_and_not_the_tick(openai):
    job = make_sent_job(2)
    one, other = items_of(job)
    openai.says = {one.provider_task_id: ZeroDivisionError(), other.provider_task_id: answer(other.provider_task_id)}

    done = ticked()

    assert (done.items_updated, done.errors) == (1, 1)
    assert [item.status for item in items_of(job)] == ["processing", "succeeded"]


def test_no_more_than_so_many_calls_are_in_flight(openai, settings):
    settings.CONCURRENT_BATCH_SIZE = 3
    make_sent_job(12)
    flying, most, lock = [0], [0], threading.Lock()

    def fly(task_id):
        with lock:
            flying[0] += 1
            most[0] = max(most[0], flying[0])
        time.sleep(0.02)
        with lock:
            flying[0] -= 1
        return word(task_id, Verdict.OPEN)

    openai.otherwise = fly
    ticked()

    assert most[0] == 3


def test_one_item_can_be_looked_at_out_of_turn(openai):
    job = make_sent_job(1)
    [item] = items_of(job)

    assert not look_at(item.pk)
    openai.answer_all(job)
    assert look_at(item.pk)
    assert not look_at(item.pk)
    job.refresh_from_db()
    assert job.status == "completed"


def raiser(error: Exception):
    def fail(task_id):
        raise error

    return fail
