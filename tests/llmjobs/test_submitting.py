"""Sending items to a provider that answers in the background."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from decimal import Decimal

import pytest

from bookops.clock import database_now
from bookops.dispatch import rung_here
from bookops.events import RunEvent
from bookops.invariants import broken_invariants
from bookops.language_models import ModelLimit
from bookops.outbound.errors import BadAnswer, Refused, TryAgain
from bookops.spend import Account, Budget
from llmjobs import submitting
from llmjobs.doors import standing_in
from llmjobs.jobs import cancel, change_cap, pause, resume
from llmjobs.models import LLMJob, LLMJobItem
from llmjobs.pace import pace_of
from llmjobs.questions import Asking
from llmjobs.sweeping import resume_items, sweep_jobs
from llmjobs.working import free_routes, routes, work_on
from tests.llmjobs.factories import OPENAI_BATCH, RESPONSES, items_of, make_rendered_job
from tests.llmjobs.paper_providers import PaperBatches, PaperResponses
from tests.llmjobs.test_pace import Clock

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider(tmp_path):
    paper = PaperResponses(tmp_path)
    with standing_in(paper), rung_here():
        yield paper


def statuses(job: LLMJob) -> list[str]:
    return [item.status for item in items_of(job)]


def test_it_sends_each_item_once_with_what_names_it(provider):
    job = make_rendered_job(3)

    work_on(job.pk)
    work_on(job.pk)

    items = items_of(job)
    assert statuses(job) == ["processing"] * 3
    assert {one["metadata"]["job_item_id"] for one in provider.taken()} == {str(item.pk) for item in items}
    assert {one["metadata"]["intent"] for one in provider.taken()} == {str(item.intent) for item in items}
    assert {one["id"] for one in provider.taken()} == {item.provider_task_id for item in items}
    assert broken_invariants() == {}


def test_its_intent_and_money_are_written_before_the_call(provider):
    job = make_rendered_job(1)

    items = submitting.claim(job, "openai")

    stored = LLMJobItem.objects.get()
    assert (stored.status, stored.intent, stored.held) == ("submitting", items[0].intent, items[0].held)
    assert stored.held == Account.objects.get(scope=f"job:{job.pk}").held > 0
    assert provider.taken() == []


def test_a_message_that_comes_twice_claims_nothing_twice(provider):
    job = make_rendered_job(3)

    first, second = submitting.claim(job, "openai"), submitting.claim(job, "openai")

    assert (len(first), second) == (3, [])


def test_a_paused_job_sends_nothing_until_it_is_resumed(provider):
    job = make_rendered_job(2)
    pause(job)
    work_on(job.pk)
    assert provider.taken() == []
    resume(job)
    work_on(job.pk)
    assert len(provider.taken()) == 2


@pytest.mark.parametrize(
    "error",
    [
        TryAgain("HTTP 429", reason="rate_limited", retry_after=30),
        TryAgain("refused", reason="connect"),
        TryAgain("its turn has not come", reason="quota_pace", retry_after=5, asked=False),
    ],
    ids=lambda error: error.reason,
)
def test_what_was_certainly_not_taken_waits_and_holds_nothing(provider, error):
    job = make_rendered_job(1)
    provider.refuse(error)

    work_on(job.pk)

    item = items_of(job)[0]
    assert (item.status, item.reason, item.intent, item.held) == ("queued", error.reason, None, 0)
    assert item.next_at >= database_now() + timedelta(seconds=(error.retry_after or 0.9) - 0.9)
    assert broken_invariants() == {}


def test_being_told_to_wait_is_no_attempt(provider):
    job = make_rendered_job(1)
    for _ in range(10):
        provider.refuse(TryAgain("HTTP 429", reason="rate_limited"))
        LLMJobItem.objects.update(next_at=database_now())
        pace_of.cache_clear()
        work_on(job.pk)

    assert (items_of(job)[0].status, items_of(job)[0].attempts) == ("queued", 0)


def test_one_that_is_throttled_again_and_again_waits_longer_and_longer(provider, monkeypatch, settings):
    settings.RETRY_BASE_SECONDS, settings.RETRY_MOST_SECONDS = 2, 60
    clock = Clock()
    monkeypatch.setattr("llmjobs.pace.time", clock)
    job = make_rendered_job(1)
    waits = []
    for _ in range(4):
        provider.refuse(TryAgain("HTTP 429", reason="rate_limited"))
        began = database_now()
        LLMJobItem.objects.update(next_at=began)
        work_on(job.pk)
        waits.append((items_of(job)[0].next_at - began).total_seconds())
        clock.now += pace_of("openai").wait()

    assert [wait >= least for wait, least in zip(waits, (1, 2, 4, 8), strict=True)] == [True] * 4


def test_after_one_throttled_call_its_job_is_rung_for_when_its_provider_may_be_asked_again(provider, monkeypatch):
    monkeypatch.setattr(submitting, "AT_ONCE", 4)
    job = make_rendered_job(8)
    provider.refuse(TryAgain("HTTP 429", reason="rate_limited", retry_after=3))

    work_on(job.pk)
    work_on(job.pk)  # too early: nothing more is claimed
    assert Counter(statuses(job)) == {"processing": 3, "queued": 5}
    job.refresh_from_db()
    assert timedelta(seconds=1) < job.ring_at - database_now() <= timedelta(seconds=3)

    pace_of.cache_clear()
    soon = database_now() + timedelta(seconds=4)
    assert sweep_jobs(soon)["jobs_rung"] == 1


@pytest.mark.parametrize(
    "error",
    [
        TryAgain("no answer in time", reason="timeout"),
        TryAgain("ConnectionResetError", reason="connection_lost"),
        TryAgain("HTTP 500", reason="http_500"),
        TryAgain("HTTP 502", reason="http_502"),
        TryAgain("HTTP 503", reason="overloaded"),
        TryAgain("HTTP 504", reason="http_504"),
        TryAgain("HTTP 409", reason="conflict"),
        BadAnswer("broken JSON", reason="bad_json"),
    ],
    ids=lambda error: error.reason,
)
def test_what_was_perhaps_taken_is_never_sent_again_by_itself(provider, error):
    job = make_rendered_job(1)
    provider.lose(error)

    work_on(job.pk)
    work_on(job.pk)

    item = items_of(job)[0]
    assert (item.status, item.reason) == ("unknown", "perhaps_sent")
    assert item.held > 0
    assert len(provider.taken()) == 1
    assert broken_invariants() == {}


def test_a_model_is_asked_at_the_pace_of_its_row_of_limits(provider):
    job = make_rendered_job(3)
    ModelLimit.objects.filter(model__name="gpt-6-luna").update(requests_per_minute=2)

    work_on(job.pk)
    assert Counter((item.status, item.reason, item.attempts) for item in items_of(job)) == {
        ("processing", "", 1): 1,
        ("queued", "quota_pace", 0): 2,
    }
    assert len(provider.taken()) == 1

    ModelLimit.objects.update(requests_per_minute=None)
    pace_of.cache_clear()
    LLMJobItem.objects.filter(state="pending").update(next_at=database_now())
    work_on(job.pk)
    assert len(provider.taken()) == 3


def test_a_question_that_is_refused_fails_and_the_others_go_on(provider):
    job = make_rendered_job(3)
    provider.refuse(Refused("too long", reason="prompt_too_long"))

    work_on(job.pk)

    assert sorted(statuses(job)) == ["failed", "processing", "processing"]
    assert LLMJobItem.objects.get(reason="prompt_too_long").held == 0


def test_an_account_that_is_spent_pauses_the_job_instead_of_asking_on(provider, monkeypatch):
    monkeypatch.setattr(submitting, "AT_ONCE", 1)
    job = make_rendered_job(5)
    provider.refuse(*[Refused("no more may be spent", reason="spend_limit", account_wide=True)] * 5)

    work_on(job.pk)

    job.refresh_from_db()
    assert (job.status, job.reason) == ("paused", "spend_limit")
    assert statuses(job) == ["failed", *["queued"] * 4]


def test_a_provider_without_a_key_pauses_the_job(settings):
    settings.OPENAI_KEY = ""
    with rung_here():
        job = make_rendered_job(1)
        work_on(job.pk)

    job.refresh_from_db()
    assert (job.status, job.reason, statuses(job)) == ("paused", "not_configured", ["queued"])


def test_over_the_jobs_cap_the_rest_parks_with_a_reason(provider):
    job = make_rendered_job(5)
    one = price_of_one(job)
    change_cap(job, 2 * one)

    work_on(job.pk)

    assert statuses(job) == ["processing"] * 2 + ["parked"] * 3
    assert {item.reason for item in items_of(job)[2:]} == {"over_budget"}
    job.refresh_from_db()
    assert "would pass the cap" in job.detail
    assert job.aggregates()["parked"] == 3
    assert broken_invariants() == {}


def price_of_one(job: LLMJob) -> int:
    """Return the microdollars that each of a job's items is held for."""
    from llmjobs.holding import most_cost, price_of

    item = items_of(job)[0]
    price = price_of(item.provider, item.model, database_now().date())
    return most_cost(price, tokens=item.estimated_tokens, most_output_tokens=item.most_output_tokens, tier=item.tier)


def test_over_the_owners_day_the_rest_parks_until_tomorrow(provider):
    job = make_rendered_job(3)
    Budget.objects.create(owner=job.owner, dollars_per_day=Decimal("0.00"))

    work_on(job.pk)

    item = items_of(job)[0]
    assert (item.status, provider.taken()) == ("parked", [])
    tomorrow = database_now().date() + timedelta(days=1)
    assert item.next_at.date() == tomorrow


def test_parked_items_go_on_when_the_cap_is_raised(provider):
    job = make_rendered_job(5)
    one = price_of_one(job)
    change_cap(job, 2 * one)
    work_on(job.pk)

    assert resume_items(database_now()) == 0
    change_cap(job, 4 * one)
    assert resume_items(database_now()) == 2
    work_on(job.pk)

    assert statuses(job) == ["processing"] * 4 + ["parked"]


def test_an_item_cancelled_during_its_call_keeps_its_task_id_so_that_the_poller_can_stop_it(provider):
    job = make_rendered_job(1)
    items = submitting.claim(job, "openai")
    result = provider.submit(Asking.of(job).alone(items[0]))
    cancel(job)

    submitting.store(job, [(items[0], result)])

    item = items_of(job)[0]
    assert (item.status, item.provider_task_id) == ("cancelled", result.custom_id)


def test_a_more_urgent_job_goes_first(provider):
    big, urgent = make_rendered_job(3), make_rendered_job(1, priority=10)

    assert free_routes(big) == []
    work_on(big.pk)
    assert provider.taken() == []
    work_on(urgent.pk)
    assert free_routes(big) == routes(big)
    work_on(big.pk)
    assert len(provider.taken()) == 4


def test_only_the_route_of_a_more_urgent_job_waits(provider, tmp_path):
    other_model = OPENAI_BATCH | {"model": "gpt-6.1-terra"}
    batches = PaperBatches(tmp_path)
    big = make_rendered_job(2, asks=(RESPONSES | {"model": "gpt-6.1-sol"}, OPENAI_BATCH, other_model))
    urgent = make_rendered_job(1, ask=other_model, priority=10)
    assert statuses(urgent) == ["queued"]  # for room in its provider's queue, say
    with standing_in(batches):
        work_on(big.pk)

    assert {(item.model, item.status) for item in items_of(big)} == {
        ("gpt-6.1-sol", "processing"),
        ("gpt-6-luna", "processing"),
        ("gpt-6.1-terra", "queued"),
    }


def test_a_turn_ends_and_rings_for_the_next(provider, monkeypatch):
    monkeypatch.setattr("llmjobs.working.TURN", -1.0)
    monkeypatch.setattr(submitting, "AT_ONCE", 2)
    job = make_rendered_job(5)

    work_on(job.pk)

    assert statuses(job).count("processing") == 2


def test_the_timeline_tells_of_the_cap(provider):
    job = make_rendered_job(2, cap=1)
    work_on(job.pk)
    assert "over_budget" in RunEvent.objects.filter(run_id=job.pk).values_list("kind", flat=True)
