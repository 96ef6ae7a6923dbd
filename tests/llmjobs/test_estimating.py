"""What a job would take, before it begins."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bookops.clock import database_now
from bookops.language_models import ModelLimit
from bookops.runs import State
from llmjobs.estimating import estimate, forecast_end
from llmjobs.holding import hold_for, most_cost, price_of
from llmjobs.models import LLMJob, LLMJobItem
from llmjobs.plans import Plan, Scope
from tests.factories import make_owner
from tests.llmjobs.factories import ANTHROPIC_BATCH, OPENAI_BATCH, RESPONSES, items_of, know_models, make_books, make_rendered_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner():
    know_models()
    owner = make_owner()
    make_books(40, owner)
    return owner


def test_it_counts_four_bytes_a_token(owner):
    [ask] = estimate(owner, "flag", Scope(), Plan(template="{{title}}" + "x" * 3999)).asks
    [short] = estimate(owner, "flag", Scope(), Plan(template="{{title}}")).asks

    assert ask.input_tokens - short.input_tokens == pytest.approx(40 * 1000, abs=80)


def test_it_prices_by_model_and_tier(owner):
    """gpt-6-luna costs 0.10 in and 0.50 out, half of it in a batch."""
    by_tier = {
        tier: estimate(owner, "flag", Scope(), Plan(asks=(RESPONSES | {"tier": tier},))).asks[0]
        for tier in ("standard", "flex", "priority")
    }
    batch = estimate(owner, "flag", Scope(), Plan(asks=(OPENAI_BATCH,))).asks[0]

    one = by_tier["standard"]
    assert one.cost / 40 == pytest.approx(one.input_tokens / 40 * 0.1 + one.output_tokens / 40 * 0.5, abs=1)
    assert by_tier["flex"].cost == pytest.approx(one.cost / 2, rel=0.01)
    assert by_tier["priority"].cost == pytest.approx(one.cost * 2, rel=0.01)
    assert batch.cost == pytest.approx(one.cost / 2, rel=0.01)


def test_it_adds_up_what_several_models_take(owner):
    both = estimate(owner, "flag", Scope(), Plan(asks=(RESPONSES, ANTHROPIC_BATCH)))

    assert [ask.calls for ask in both.asks] == [40, 2]
    assert both.cost == sum(ask.cost for ask in both.asks)
    # A batch takes a day, by its provider's word.
    assert both.forecast_end - database_now() > timedelta(hours=23)


def test_without_earlier_answers_it_takes_the_most_that_may_come(owner):
    [ask] = estimate(owner, "flag", Scope()).asks
    assert (ask.output_is_measured, ask.output_tokens) == (False, 40 * 2000)


def test_it_learns_from_earlier_answers(owner):
    job = make_rendered_job(25)
    LLMJobItem.objects.filter(job=job).update(
        state=State.SUCCEEDED, output_tokens=120, submitted_at=database_now() - timedelta(seconds=90), ended_at=database_now()
    )

    [ask] = estimate(owner, "flag", Scope()).asks

    assert (ask.output_is_measured, ask.output_tokens) == (True, 40 * 120)
    assert ask.seconds == pytest.approx(90 + 30, abs=5)


def test_it_warns_of_a_limit_below_what_such_answers_took(owner):
    job = make_rendered_job(25)
    LLMJobItem.objects.filter(job=job).update(state=State.SUCCEEDED, output_tokens=120, ended_at=database_now())

    [short] = estimate(owner, "flag", Scope(), Plan(asks=(RESPONSES | {"most_output_tokens": 20},))).asks
    [enough] = estimate(owner, "flag", Scope(), Plan(asks=(RESPONSES | {"most_output_tokens": 120},))).asks

    assert (short.may_be_cut_short, short.longest_output_tokens, short.most_output_tokens) == (True, 120, 20)
    assert not enough.may_be_cut_short


def test_it_tells_how_many_of_its_samples_have_a_kept_answer(owner):
    assert (estimate(owner, "flag", Scope()).looked_at, estimate(owner, "flag", Scope()).kept) == (20, 0)
    job = make_rendered_job(4, owner=owner)
    LLMJobItem.objects.filter(job=job).update(state=State.SUCCEEDED, answer={"flagged": False}, ended_at=database_now())
    same = Scope("ids", tuple(item.target_id for item in items_of(job)))

    known = estimate(owner, "flag", same)
    assert (known.looked_at, known.kept) == (4, 4)
    assert estimate(owner, "flag", same, Plan(system="Asked otherwise.")).kept == 0
    assert estimate(owner, "flag", same, Plan(uses_kept_answers=False)).kept == 0


def test_it_counts_the_batches_that_a_queue_lets_through(owner):
    ModelLimit.objects.update(enqueued_tokens=3000)

    [ask] = estimate(owner, "flag", Scope(), Plan(asks=(OPENAI_BATCH,))).asks

    batches = -(-ask.input_tokens // 3000)
    assert ask.calls == 2 * batches > 2
    assert ask.seconds >= batches * 24 * 3600


def test_no_more_is_held_than_it_says_at_most(owner):
    most = estimate(owner, "flag", Scope()).most_cost
    job = make_rendered_job(1, owner=owner)
    job.cap = None
    ids = Scope("ids", (items_of(job)[0].target_id,))
    item = items_of(job)[0]
    price = price_of(item.provider, item.model, database_now().date())
    amount = most_cost(price, tokens=item.estimated_tokens, most_output_tokens=item.most_output_tokens, tier=item.tier)

    assert amount == estimate(owner, "flag", ids).most_cost
    assert amount * 40 == pytest.approx(most, rel=0.02)
    assert hold_for(job, [amount], database_now().date()) == (1, None)


def test_it_shows_the_double_price_of_sending_again(owner):
    waits = estimate(owner, "flag", Scope())
    resends = estimate(owner, "flag", Scope(), Plan(unanswered="resend"))

    assert waits.most_cost_if_resent == waits.most_cost
    assert resends.most_cost_if_resent == 2 * resends.most_cost


def test_a_running_job_is_forecast_by_its_own_pace():
    job = make_rendered_job(4)
    assert forecast_end(job) is None
    LLMJob.objects.filter(pk=job.pk).update(submitted_at=database_now() - timedelta(minutes=10))
    for item in items_of(job)[:2]:
        LLMJobItem.objects.filter(pk=item.pk).update(state=State.SUCCEEDED, submitted_at=database_now(), ended_at=database_now())
    job.refresh_from_db()

    left = forecast_end(job) - database_now()

    assert left.total_seconds() == pytest.approx(600, abs=10)
