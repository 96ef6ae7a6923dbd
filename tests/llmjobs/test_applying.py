"""Results become answers, costs and changes, each exactly once."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from bookops.books import Book
from bookops.clock import database_now
from bookops.dispatch import rung_here
from bookops.language_models import LanguageModel, ModelPrice
from bookops.outbound.sdk_usage import Usage
from bookops.runs import State
from llmjobs.applying import apply_kept, apply_results
from llmjobs.deciding import decide_rest
from llmjobs.doors import standing_in
from llmjobs.jobs import cancel, retry_failed
from llmjobs.models import LLMJob, LLMJobItem, Proposal
from llmjobs.polling import tick
from llmjobs.providers import Result, Verdict
from llmjobs.reviewing import reject
from llmjobs.sweeping import sweep_jobs
from tests.concurrency import at_once
from tests.llmjobs.factories import OPENAI_BATCH, items_of, make_rendered_job
from tests.llmjobs.results import HELD, USAGE, Responses, answer, flagging, line_of, make_sent_batch, make_sent_job, money, word

pytestmark = pytest.mark.django_db

TWO_MODELS = ({"model": "gpt-6-luna"}, {"model": "gpt-6.1-sol"})


@pytest.fixture(autouse=True)
def _nobody_is_rung():
    with rung_here() as here:
        yield here


def apply(item: LLMJobItem, result: Result) -> LLMJobItem:
    """Return an item after one result."""
    apply_results(item.job_id, {item.pk: result})
    item.refresh_from_db()
    return item


def applied_to_one(result_of, **plan) -> LLMJobItem:
    """Return the item of a new job of one book after what `result_of` says of its task id."""
    job = make_sent_job(1, **plan)
    [item] = items_of(job)
    return apply(item, result_of(item.provider_task_id))


def book_of(item: LLMJobItem) -> Book:
    return Book.objects.get(pk=item.target_id)


def test_an_answer_is_written_under_the_name_of_its_job():
    item = applied_to_one(answer, policy="apply", label="Spring cleaning")

    book = book_of(item)
    assert (book.flagged, book.flagged_reason) == (True, "Spring cleaning: A box set.")
    assert book.provenance["flagged"]["source"] == item.job.source
    assert (item.state, item.status, item.flagged) == (State.SUCCEEDED, "succeeded", True)
    assert item.answer["flagged_reason"] == "A box set."
    assert item.response == {"id": item.provider_task_id, "status": "completed"}
    assert item.proposal.state == Proposal.State.APPLIED
    assert item.proposal.applied["flagged"] == {"before": False, "after": True, "was": {}}


def test_its_cost_is_that_of_its_price_row_and_what_was_held_is_given_back():
    item = applied_to_one(answer)

    price = ModelPrice.objects.get(pk=item.price_id)
    assert (item.input_tokens, item.output_tokens, item.cost) == (1000, 100, price.cost(USAGE, item.tier))
    assert (item.held, item.held_on) == (0, None)
    assert money() == (0, 2 * item.cost)


def test_an_answer_without_any_usage_costs_nothing():
    item = applied_to_one(lambda name: answer(name, usage=Usage()))

    assert (item.cost, money()) == (0, (0, 0))


def test_no_less_than_what_was_held_is_paid_for_a_model_that_nobody_knows_any_more():
    job = make_sent_job(1)
    [item] = items_of(job)
    LLMJobItem.objects.update(price=None)
    LanguageModel.objects.filter(name=item.model).delete()

    assert apply(item, answer(item.provider_task_id)).cost == HELD


@pytest.mark.parametrize(
    ("policy", "confidence", "state", "why"),
    [
        ("apply", 0.1, "applied", ""),
        ("above", 0.8, "applied", ""),
        ("above", 0.79, "waiting", "unsure"),
        ("review", 1.0, "waiting", "policy"),
    ],
)
def test_the_policy_says_whether_a_person_looks_first(policy, confidence, state, why):
    item = applied_to_one(lambda name: answer(name, flagging(confidence=confidence)), policy=policy, above=0.8)

    assert (item.proposal.state, item.proposal.why) == (state, why)
    assert book_of(item).flagged is (state == "applied")


def test_a_book_that_changed_since_it_was_asked_about_is_shown_to_a_person():
    job = make_sent_job(1, policy="apply")
    [item] = items_of(job)
    Book.objects.filter(pk=item.target_id).update(version=7)

    item = apply(item, answer(item.provider_task_id))

    assert (item.proposal.state, item.proposal.why) == ("waiting", "stale")
    assert not book_of(item).flagged


def test_a_field_that_a_person_settled_is_left_and_waits_for_a_person():
    job = make_sent_job(1, policy="apply")
    [item] = items_of(job)
    Book.objects.filter(pk=item.target_id).update(locked=["flagged"])

    item = apply(item, answer(item.provider_task_id))

    assert (item.proposal.state, item.proposal.why) == ("waiting", "locked")
    assert not book_of(item).flagged


def test_an_answer_about_a_book_that_is_gone_changes_nothing_and_is_paid():
    job = make_sent_job(1, policy="apply")
    [item] = items_of(job)
    Book.objects.all().delete()

    item = apply(item, answer(item.provider_task_id))

    assert (item.state, item.proposal.state) == (State.SUCCEEDED, "nothing")
    assert item.cost


# Trap 1 of the first design's results: a false answer cleared a person's flag.


def test_a_false_answer_does_not_clear_a_persons_flag():
    job = make_sent_job(1, policy="apply")
    [item] = items_of(job)
    Book.objects.update(flagged=True, flagged_reason="Look at the spine")

    item = apply(item, answer(item.provider_task_id, flagging(flagged=False)))

    assert (book_of(item).flagged, book_of(item).flagged_reason) == (True, "Look at the spine")
    assert item.proposal.state == "nothing"


# Every word of a provider that is no answer.


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (lambda name: answer(name, ""), "empty_answer"),
        (lambda name: answer(name, "  \n"), "empty_answer"),
        (lambda name: answer(name, "I would rather not."), "not_json"),
        (lambda name: answer(name, flagging()[:-5]), "not_json"),
        (lambda name: answer(name, "[" * 5000), "not_json"),
        (lambda name: answer(name, '{"flagged": "\\ud800'), "not_json"),
        (lambda name: answer(name, "[]"), "wrong_shape"),
        (lambda name: answer(name, '{"flagged": true}'), "wrong_shape"),
        (lambda name: answer(name, flagging(confidence=1.5)), "wrong_shape"),
        (lambda name: answer(name, flagging(confidence=float("nan"))), "wrong_shape"),
        (lambda name: answer(name, flagging()[:-1] + ', "more": 1}'), "wrong_shape"),
        (lambda name: answer(name, flagging().replace("true", '"yes"')), "wrong_shape"),
        (lambda name: word(name, Verdict.REFUSED, reason="content_filter"), "content_filter"),
        (lambda name: word(name, Verdict.REFUSED), "refused"),
        (lambda name: word(name, Verdict.CUT_SHORT), "cut_short"),
        (lambda name: word(name, Verdict.FAILED, reason="invalid_prompt"), "invalid_prompt"),
        (lambda name: word(name, Verdict.FAILED), "provider_error"),
        (lambda name: word(name, Verdict.CANCELLED), "cancelled_at_provider"),
        (lambda name: word(name, Verdict.LOST), "lost"),
    ],
)
def test_what_is_no_answer_fails_its_item_with_the_reason_and_changes_nothing(result, reason):
    item = applied_to_one(result, policy="apply")

    assert (item.state, item.reason) == (State.FAILED, reason)
    assert item.detail
    assert not book_of(item).flagged
    assert not Proposal.objects.exists()
    assert money()[0] == 0


def test_half_of_a_pair_of_letters_and_zeros_cost_no_answer():
    text = flagging(reason="A\u0000box set").replace("box", "b\\ud800ox")

    item = applied_to_one(lambda name: answer(name, text), policy="apply", label="J")

    assert book_of(item).flagged_reason == "J: Abox set"


def test_an_answer_that_is_cut_short_is_asked_once_more_with_a_larger_limit(_nobody_is_rung):
    job = make_sent_job(1, larger_output_tokens=8000)
    [item] = items_of(job)

    item = apply(item, word(item.provider_task_id, Verdict.CUT_SHORT, usage=USAGE))

    assert (item.state, item.stage, item.most_output_tokens) == (State.PENDING, "queued", 8000)
    assert (item.provider_task_id, item.intent, item.submitted_at) == ("", None, None)
    assert item.cost  # the short one is paid

    LLMJobItem.objects.update(state=State.RUNNING, stage="processing", provider_task_id="resp_2", attempts=1)
    item.refresh_from_db()
    item = apply(item, word("resp_2", Verdict.CUT_SHORT, usage=USAGE))
    assert (item.state, item.reason) == (State.FAILED, "cut_short")


def test_what_failed_by_chance_is_sent_again_until_its_attempts_are_used_up():
    job = make_sent_job(2)
    one, other = items_of(job)
    LLMJobItem.objects.filter(pk=other.pk).update(attempts=5)

    results = {item.pk: word(item.provider_task_id, Verdict.FAILED, reason="server_error", may_resend=True) for item in (one, other)}
    stored = apply_results(job.pk, results)

    assert stored.again == 1
    assert [(item.state, item.reason) for item in items_of(job)] == [("pending", "server_error"), ("dead", "server_error")]


def test_what_expired_goes_to_the_provider_that_the_job_names():
    batch = make_sent_batch(1, expired_to={"provider": "anthropic", "way": "batch", "model": "claude-haiku-5-5"})
    [item] = items_of(batch.job)

    apply_results(batch.job_id, {item.pk: word(line_of(item), Verdict.EXPIRED)}, batch=batch)

    item.refresh_from_db()
    assert (item.state, item.provider, item.way, item.model, item.tier) == ("pending", "anthropic", "batch", "claude-haiku-5-5", "batch")
    assert (item.batch_id, item.digest, item.price_id) == (None, "", None)


def test_what_expired_stays_where_it_was_if_the_job_asks_the_other_model_anyway():
    other = {"provider": "anthropic", "way": "batch", "model": "claude-haiku-5-5"}
    batch = make_sent_batch(1, asks=(OPENAI_BATCH, other), expired_to=other)
    item = items_of(batch.job)[0]

    apply_results(batch.job_id, {item.pk: word(line_of(item), Verdict.EXPIRED)}, batch=batch)

    item.refresh_from_db()
    assert (item.state, item.provider) == ("pending", "openai")


# Exactly once.


def test_a_doubled_result_does_nothing():
    item = applied_to_one(answer, policy="apply")
    before = money()

    stored = apply_results(item.job_id, {item.pk: answer(item.provider_task_id, flagging(flagged=False))})

    assert (stored.moved, stored.ignored) == (0, 1)
    assert money() == before
    assert book_of(item).flagged


def test_a_result_of_an_earlier_sending_does_nothing():
    job = make_sent_job(1, policy="apply")
    [item] = items_of(job)

    stored = apply_results(job.pk, {item.pk: answer("resp_of_the_first_sending")})

    assert stored.ignored == 1
    assert items_of(job)[0].status == "processing"


def test_a_line_of_a_batch_that_the_item_has_left_does_nothing():
    batch = make_sent_batch(1)
    [item] = items_of(batch.job)
    name = line_of(item)
    LLMJobItem.objects.update(batch=None)

    assert apply_results(batch.job_id, {item.pk: answer(name)}, batch=batch).ignored == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_who_apply_the_same_one_does():
    job = make_sent_job(40, policy="apply")
    items = items_of(job)
    results = {item.pk: answer(item.provider_task_id) for item in items}

    stored = at_once(6, lambda: apply_results(job.pk, results))

    assert sorted(one.moved for one in stored) == [0, 0, 0, 0, 0, 40]
    assert Proposal.objects.count() == 40
    assert set(Book.objects.values_list("version", flat=True)) == {2}
    assert money() == (0, 2 * sum(item.cost for item in items_of(job)))


def test_neither_book_nor_item_changes_if_storing_fails(monkeypatch):
    job = make_sent_job(1, policy="apply")
    [item] = items_of(job)

    def stop() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("llmjobs.applying.write_fields", lambda *_: stop())
    with pytest.raises(KeyboardInterrupt):
        apply_results(job.pk, {item.pk: answer(item.provider_task_id)})

    assert not book_of(item).flagged
    assert items_of(job)[0].status == "processing"
    assert money()[0] == 2 * HELD


def test_one_result_that_cannot_be_stored_fails_its_own_item_only(monkeypatch):
    from llmjobs.purposes.flag import Flag

    job = make_sent_job(3, policy="apply")
    items = items_of(job)
    changes = Flag.changes

    def fails_for_one(self, target, one, label):
        if target.pk == items[1].target_id:
            raise RuntimeError
        return changes(self, target, one, label)

    monkeypatch.setattr(Flag, "changes", fails_for_one)
    apply_results(job.pk, {item.pk: answer(item.provider_task_id) for item in items})

    assert [(item.state, item.reason) for item in items_of(job)] == [("succeeded", ""), ("failed", "not_stored"), ("succeeded", "")]
    assert all(item.cost for item in items_of(job))


# Cancelled jobs.


def test_an_answer_that_comes_after_its_job_was_cancelled_is_kept_and_paid_and_changes_nothing():
    job = make_sent_job(1, policy="apply")
    cancel(job)
    [item] = items_of(job)

    item = apply(item, answer(item.provider_task_id))

    assert (item.state, item.came_late, item.stage) == (State.CANCELLED, True, "answered")
    assert item.answer["flagged"] is True
    assert not book_of(item).flagged
    assert not Proposal.objects.exists()
    assert money() == (0, 2 * item.cost)
    job.refresh_from_db()
    assert job.totals["cost"] == job.aggregates()["cost"] == item.cost > 0


def test_the_end_of_a_cancelled_job_stays_whatever_comes_after_it():
    provider = Responses()
    with standing_in(provider):
        job = make_sent_job(2)
        cancel(job)
        ended = database_now() - timedelta(hours=1)
        LLMJob.objects.update(ended_at=ended)
        LLMJobItem.objects.update(ended_at=ended)
        first, _ = items_of(job)
        apply(first, answer(first.provider_task_id))
        for _ in range(3):
            tick()
            sweep_jobs(database_now())

    job.refresh_from_db()
    assert (job.state, job.ended_at, job.finishes) == (State.CANCELLED, ended, 1)
    assert {item.ended_at for item in items_of(job)} == {ended}
    assert all(item.stage == "answered" for item in items_of(job))


def test_a_late_answer_is_paid_once():
    job = make_sent_job(1)
    cancel(job)
    [item] = items_of(job)

    apply(item, answer(item.provider_task_id))
    apply(item, answer(item.provider_task_id))

    assert money() == (0, 2 * items_of(job)[0].cost)


# Two models about one book.


def two_opinions(first: str, second: str, **plan) -> list[LLMJobItem]:
    job = make_sent_job(1, asks=TWO_MODELS, **plan)
    one, other = items_of(job)
    apply(one, answer(one.provider_task_id, first))
    assert not Proposal.objects.exists()  # it waits for the other
    apply(other, answer(other.provider_task_id, second))
    return items_of(job)


def test_what_two_models_agree_about_is_written_once():
    items = two_opinions(flagging(reason="A set", confidence=0.6), flagging(reason="A box", confidence=0.7), label="J")

    assert [item.proposal.state for item in items] == ["applied", "applied"]
    assert book_of(items[0]).flagged_reason == "J: A box"
    assert [bool(item.proposal.applied) for item in items] == [False, True]
    assert book_of(items[0]).version == 2


def test_what_two_models_differ_about_waits_for_a_person():
    items = two_opinions(flagging(), flagging(flagged=False), policy="apply")

    assert not book_of(items[0]).flagged
    assert [(item.proposal.state, item.proposal.why) for item in items] == [("waiting", "disagree"), ("nothing", "")]


def test_what_only_one_of_two_models_answers_waits_for_a_person():
    items = two_opinions(flagging(), "no JSON", policy="apply")

    assert not book_of(items[0]).flagged
    assert items[0].proposal.why == "disagree"


def test_a_model_that_fails_elsewhere_does_not_leave_the_other_undecided():
    job = make_sent_job(1, asks=TWO_MODELS)
    one, other = items_of(job)
    apply(one, answer(one.provider_task_id))
    LLMJobItem.objects.filter(pk=other.pk).update(state=State.FAILED)

    assert decide_rest(job.pk) == 1
    assert decide_rest(job.pk) == 0
    assert items_of(job)[0].proposal.why == "disagree"


def half_answered(first: str) -> list[LLMJobItem]:
    """Return the items of a target whose second model failed and is to be asked again."""
    items = two_opinions(first, "no JSON")
    assert retry_failed(items[0].job) == 1
    return items


def send_again(item: LLMJobItem, text: str) -> list[LLMJobItem]:
    LLMJobItem.objects.filter(pk=item.pk).update(state=State.RUNNING, stage="processing", provider_task_id="resp_again")
    item.refresh_from_db()
    apply(item, answer("resp_again", text))
    return items_of(item.job)


def test_an_answer_that_a_retry_brought_is_compared_with_the_others():
    items = send_again(half_answered(flagging())[1], flagging())

    assert [item.proposal.state for item in items] == ["applied", "applied"]
    assert book_of(items[0]).flagged


def test_a_model_that_differs_after_its_retry_leaves_it_to_a_person():
    items = send_again(half_answered(flagging())[1], flagging(flagged=False))

    assert not book_of(items[0]).flagged
    assert [(item.proposal.state, item.proposal.why) for item in items] == [("waiting", "disagree"), ("nothing", "")]


def test_what_a_person_has_decided_meanwhile_stays():
    first, second = half_answered(flagging())
    reject([first.proposal.pk], by=first.owner)

    items = send_again(second, flagging())

    assert [(item.proposal.state, item.proposal.why) for item in items] == [("rejected", "disagree"), ("waiting", "disagree")]


def test_both_models_in_one_chunk_are_decided_together():
    job = make_sent_job(3, asks=TWO_MODELS)

    apply_results(job.pk, {item.pk: answer(item.provider_task_id) for item in items_of(job)})

    assert set(Proposal.objects.values_list("state", flat=True)) == {"applied"}
    assert set(Book.objects.values_list("version", flat=True)) == {2}


# Kept answers.


def test_a_kept_answer_is_applied_without_being_paid():
    job = make_rendered_job(1, policy="apply")
    [item] = items_of(job)

    stored = apply_kept(job.pk, {item.pk: json.loads(flagging())})

    item.refresh_from_db()
    assert stored.moved == 1
    assert (item.state, item.was_kept, item.cost) == (State.SUCCEEDED, True, 0)
    assert book_of(item).flagged


def test_a_kept_answer_is_of_no_use_to_what_was_sent_meanwhile():
    job = make_sent_job(1)
    [item] = items_of(job)

    assert apply_kept(job.pk, {item.pk: json.loads(flagging())}).ignored == 1


def test_five_hundred_answers_take_few_statements(django_assert_max_num_queries):
    job = make_sent_job(500, policy="apply")
    results = {item.pk: answer(item.provider_task_id) for item in items_of(job)}

    with django_assert_max_num_queries(26):
        assert apply_results(job.pk, results).moved == 500
