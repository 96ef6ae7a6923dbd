"""What is kept of each sending of an item."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bookops.clock import database_now
from bookops.dispatch import rung_here
from bookops.outbound.errors import Refused, TryAgain
from bookops.runs import State
from llmjobs import reconciling, submitting
from llmjobs.applying import apply_kept, apply_results
from llmjobs.attempts import attempt_without, keep_given_up, keep_refused
from llmjobs.jobs import retry_failed
from llmjobs.models import ItemAttempt, LLMJob, LLMJobItem
from llmjobs.providers import Verdict
from tests.llmjobs.factories import items_of, make_rendered_job
from tests.llmjobs.results import USAGE, answer, line_of, make_sent_batch, make_sent_job, word

pytestmark = pytest.mark.django_db

Outcome = ItemAttempt.Outcome


@pytest.fixture(autouse=True)
def _nobody_is_rung():
    with rung_here():
        yield


def told(item: LLMJobItem) -> list[tuple[int, str, str]]:
    """Return number, outcome and reason of an item's attempts."""
    return list(ItemAttempt.objects.filter(item=item).values_list("number", "outcome", "reason"))


def test_an_answer_keeps_who_gave_it_when_and_for_what():
    [item] = items_of(make_sent_job(1))

    apply_results(item.job_id, {item.pk: answer(item.provider_task_id)})

    [attempt] = item.tries.all()
    assert (attempt.number, attempt.provider, attempt.way, attempt.model) == (1, "openai", "responses", "gpt-6-luna")
    assert (attempt.outcome, attempt.reason, attempt.provider_id) == (Outcome.ANSWERED, "", item.provider_task_id)
    assert (attempt.input_tokens, attempt.output_tokens) == (USAGE.input_tokens, USAGE.output_tokens)
    assert attempt.sent_at == item.submitted_at
    assert attempt.cost > 0


def test_what_is_sent_twice_has_two_attempts_whose_costs_make_up_the_items():
    [item] = items_of(make_sent_job(1, larger_output_tokens=9_000))
    apply_results(item.job_id, {item.pk: word(item.provider_task_id, Verdict.CUT_SHORT, usage=USAGE)})
    LLMJobItem.objects.filter(pk=item.pk).update(
        state=State.RUNNING, stage="processing", provider_task_id="resp_again", submitted_at=database_now()
    )
    apply_results(item.job_id, {item.pk: answer("resp_again", "no json")})

    assert [(outcome, reason) for _, outcome, reason in told(item)] == [("cut_short", "cut_short"), ("answered", "not_json")]
    item.refresh_from_db()
    assert sum(item.tries.values_list("cost", flat=True)) == item.cost > 0


def test_the_attempts_of_a_batch_are_one_statement():
    batch = make_sent_batch(5)
    items = items_of(batch.job)

    with CaptureQueriesContext(connection) as queries:
        apply_results(batch.job_id, {item.pk: answer(line_of(item)) for item in items}, batch=batch)

    assert set(ItemAttempt.objects.values_list("provider_id", "sent_at")) == {(batch.provider_id, batch.sent_at)}
    assert ItemAttempt.objects.count() == 5
    assert sum("llmjobs_itemattempt" in query["sql"] for query in queries) <= 1


def test_a_kept_answer_was_sent_to_nobody():
    [item] = items_of(make_rendered_job(1))

    apply_kept(item.job_id, {item.pk: {"flagged": False, "flagged_reason": "", "confidence": 0.9, "notes": ""}})

    assert told(item) == []


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (Refused("HTTP 400", reason="invalid_prompt"), [(1, "not_sent", "invalid_prompt")]),
        (TryAgain("refused", reason="connect"), [(1, "not_sent", "connect")]),
        (TryAgain("HTTP 500", reason="http_500"), []),
        (TryAgain("HTTP 429", reason="rate_limited"), []),
        (TryAgain("no answer in time", reason="timeout"), []),
    ],
    ids=lambda value: getattr(value, "reason", ""),
)
def test_a_sending_that_was_not_taken_is_kept_but_being_told_to_wait_is_none(error, kept):
    job = make_rendered_job(1)
    [item] = submitting.claim(job, "openai")

    submitting.store(job, [(item, error)])

    assert told(item) == kept


def test_what_was_perhaps_sent_is_kept_when_a_person_has_it_sent_again():
    job = make_rendered_job(1)
    [item] = submitting.claim(job, "openai")
    submitting.store(job, [(item, TryAgain("no answer in time", reason="timeout"))])

    reconciling.send_again(job, LLMJobItem.objects.filter(pk=item.pk))

    assert told(item) == [(1, "perhaps_sent", "perhaps_sent")]


def test_what_was_given_up_is_kept_when_it_is_sent_round_again():
    job = make_sent_job(2)
    late, failed = items_of(job)
    LLMJobItem.objects.filter(pk=late.pk).update(state=State.FAILED, reason="item_time_limit", held=0)
    apply_results(job.pk, {failed.pk: word(failed.provider_task_id, Verdict.FAILED)})

    assert retry_failed(LLMJob.objects.get(pk=job.pk)) == 2

    assert told(late) == [(1, "given_up", "item_time_limit")]
    assert late.tries.get().provider_id == late.provider_task_id
    assert [outcome for _, outcome, _ in told(failed)] == ["failed"]


@pytest.mark.parametrize(
    "make_sent", [lambda: items_of(make_sent_job(3)), lambda: items_of(make_sent_batch(3).job)], ids=["alone", "in a batch"]
)
def test_the_database_keeps_of_many_what_is_kept_of_one(make_sent):
    items = make_sent()
    LLMJobItem.objects.filter(pk=items[0].pk).update(submitted_at=None, provider_task_id="", sending_at=database_now())
    items, now = items_of(items[0].job), database_now()
    fields = [field.attname for field in ItemAttempt._meta.concrete_fields if not field.primary_key]

    keep_refused(LLMJobItem.objects.filter(job=items[0].job), "too_large", "It is too large." * 50, now)

    expected = [attempt_without(item, Outcome.NOT_SENT, "too_large", "It is too large." * 50, now) for item in items]
    assert list(ItemAttempt.objects.values_list(*fields)) == [tuple(getattr(one, name) for name in fields) for one in expected]


def test_what_many_items_came_to_costs_one_statement():
    job, now = make_sent_job(3), database_now()
    with CaptureQueriesContext(connection) as captured:
        keep_given_up(LLMJobItem.objects.filter(job=job), now)
    assert len(captured) == 1
    assert ItemAttempt.objects.count() == 3


def test_nothing_is_kept_of_no_item():
    keep_given_up(LLMJobItem.objects.filter(pk__in=[]), database_now())
    assert not ItemAttempt.objects.exists()
