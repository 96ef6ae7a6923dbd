"""Accept, correct and reject."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from bookops.books import Book
from bookops.clock import database_now
from bookops.dispatch import rung_here
from enrichment.imports import edit_book
from llmjobs.applying import apply_results
from llmjobs.measures import measures_of
from llmjobs.models import LLMJob, LLMJobItem, Proposal
from llmjobs.reviewing import accept, correct, reject
from tests.concurrency import at_once
from tests.factories import make_owner
from tests.llmjobs.factories import items_of
from tests.llmjobs.results import answer, flagging, make_sent_job

pytestmark = pytest.mark.django_db

TWO_MODELS = ({"model": "gpt-6-luna"}, {"model": "gpt-6.1-sol"})


@pytest.fixture(autouse=True)
def _nobody_is_rung():
    with rung_here():
        yield


def answered_job(books: int = 3, texts: tuple[str, ...] = (), **plan) -> LLMJob:
    """Return a job whose items are all answered, in their order by `texts`, else by a flag."""
    job = make_sent_job(books, **{"label": "J"} | plan)
    items = items_of(job)
    texts = texts or (flagging(),) * len(items)
    apply_results(job.pk, {item.pk: answer(item.provider_task_id, text) for item, text in zip(items, texts, strict=True)})
    return job


def proposals_of(job: LLMJob) -> list[Proposal]:
    return list(Proposal.objects.filter(job=job).order_by("pk"))


def ids_of(job: LLMJob) -> list[int]:
    return [proposal.pk for proposal in proposals_of(job)]


def test_what_is_accepted_is_written_and_settled_by_that_person():
    job = answered_job(2)
    reviewer = make_owner()

    reviewed = accept(ids_of(job), by=reviewer)

    assert reviewed.applied == 2
    for book in Book.objects.all():
        assert (book.flagged, book.flagged_reason) == (True, "J: A box set.")
        assert {"flagged", "flagged_reason"} <= set(book.locked)
    assert {(one.state, one.decided_by) for one in proposals_of(job)} == {("applied", reviewer)}


def test_accepting_twice_does_it_once():
    job = answered_job(1)
    accept(ids_of(job), by=job.owner)

    reviewed = accept(ids_of(job), by=job.owner)

    assert (reviewed.applied, reviewed.decided) == (0, 1)
    assert Book.objects.get().version == 2


@pytest.mark.django_db(transaction=True)
def test_of_many_reviewers_one_decides():
    job = answered_job(6)
    ids = ids_of(job)

    reviewed = at_once(4, lambda: accept(ids, by=job.owner))

    assert sum(one.applied for one in reviewed) == 6
    assert set(Book.objects.values_list("version", flat=True)) == {2}


def test_a_reviewers_word_is_above_a_field_that_was_settled_before():
    job = make_sent_job(1, policy="apply", label="J")
    Book.objects.update(locked=["flagged"])
    [item] = items_of(job)
    apply_results(job.pk, {item.pk: answer(item.provider_task_id)})
    assert item.proposal.why == "locked"

    accept(ids_of(job), by=job.owner)

    assert Book.objects.get().flagged


def test_what_changed_since_it_was_shown_is_shown_again_as_it_is_now():
    job = answered_job(1)
    Book.objects.update(flagged_reason="somebody's note")

    reviewed = accept(ids_of(job), by=job.owner)

    assert (reviewed.applied, reviewed.stale) == (0, 1)
    [proposal] = proposals_of(job)
    assert (proposal.state, proposal.why) == ("waiting", "stale")
    assert proposal.changes["flagged_reason"]["before"] == "somebody's note"
    assert accept(ids_of(job), by=job.owner).applied == 1


def test_accepting_is_of_no_use_where_a_person_has_flagged_meanwhile():
    job = answered_job(1)
    edit_book(Book.objects.get(), {"flagged": True, "flagged_reason": "Mine"}, by="me")

    assert accept(ids_of(job), by=job.owner).nothing == 1
    assert Book.objects.get().flagged_reason == "Mine"


def test_what_is_about_a_book_that_is_gone_is_decided():
    job = answered_job(1)
    Book.objects.all().delete()

    assert accept(ids_of(job), by=job.owner).nothing == 1
    assert proposals_of(job)[0].state == "nothing"


def test_a_rejected_answer_changes_nothing_and_stays_rejected():
    job = answered_job(2)

    assert reject(ids_of(job), by=job.owner).rejected == 2
    assert accept(ids_of(job), by=job.owner).decided == 2
    assert not Book.objects.filter(flagged=True).exists()


def test_a_corrected_answer_is_written_as_corrected_and_kept_as_a_measure():
    job = answered_job(1)

    reviewed = correct(ids_of(job)[0], {"flagged_reason": "Two volumes in one"}, by=job.owner)

    assert reviewed.applied == 1
    assert Book.objects.get().flagged_reason == "Two volumes in one"
    [proposal] = proposals_of(job)
    assert proposal.corrected == {"flagged_reason": "Two volumes in one"}
    assert proposal.changes["flagged_reason"]["after"] == "J: A box set."


def test_a_correction_that_says_the_same_is_none():
    job = answered_job(1)

    correct(ids_of(job)[0], {"flagged_reason": "J: A box set."}, by=job.owner)

    assert proposals_of(job)[0].corrected == {}


@pytest.mark.parametrize("values", [{"title": "Another"}, {"flagged_reason": "x" * 501}])
def test_a_correction_that_cannot_be_is_refused_and_leaves_all_as_it_was(values):
    job = answered_job(1)

    with pytest.raises(ValidationError):
        correct(ids_of(job)[0], values, by=job.owner)

    assert proposals_of(job)[0].state == "waiting"
    assert not Book.objects.get().flagged


def test_hundreds_are_accepted_in_a_few_statements(django_assert_max_num_queries):
    job = answered_job(300)
    ids = ids_of(job)

    with django_assert_max_num_queries(20):
        assert accept(ids, by=job.owner).applied == 300


# Two models.


def test_accepting_one_of_two_that_differ_rejects_the_other():
    opinions = [f'{{"description": "A novel {about}.", "confidence": 0.9}}' for about in ("about time and thieves", "for all ages")]
    job = answered_job(1, tuple(opinions), asks=TWO_MODELS, purpose="describe")
    first, second = ids_of(job)

    reviewed = accept([second], by=job.owner)

    assert reviewed.applied == 1
    assert [one.state for one in proposals_of(job)] == ["rejected", "applied"]
    assert Book.objects.get().description == "A novel for all ages."
    assert accept([first], by=job.owner).decided == 1


def test_accepting_both_of_two_that_differ_writes_the_first():
    opinions = [f'{{"description": "A novel {about}.", "confidence": 0.9}}' for about in ("about time and thieves", "for all ages")]
    job = answered_job(1, tuple(opinions), asks=TWO_MODELS, purpose="describe")

    assert accept(ids_of(job), by=job.owner).applied == 1
    assert [one.state for one in proposals_of(job)] == ["applied", "rejected"]


# Measures.


def test_a_models_measure_counts_what_people_made_of_its_answers():
    job = answered_job(5, (*(flagging(),) * 4, flagging(flagged=False)))
    one, two, three, four, _ = ids_of(job)
    accept([one, two], by=job.owner)
    correct(three, {"flagged_reason": "Other"}, by=job.owner)
    reject([four], by=job.owner)

    [measure] = measures_of(LLMJobItem.objects.filter(job=job))

    assert (measure.items, measure.answered, measure.applied, measure.nothing) == (5, 5, 3, 1)
    assert (measure.accepted, measure.corrected, measure.rejected) == (2, 1, 1)
    assert measure.accuracy == 0.5
    assert measure.cost_per_accepted == measure.cost / 3 > 0


def test_nobody_knows_how_good_a_model_is_that_nobody_judged():
    job = answered_job(1, policy="apply")

    [measure] = measures_of(LLMJobItem.objects.filter(job=job))

    assert measure.accuracy is None
    assert measure.applied == 1


def test_a_decision_is_dated():
    job = answered_job(1)
    before = database_now()

    reject(ids_of(job), by=job.owner)

    decided_at = proposals_of(job)[0].decided_at
    assert decided_at is not None
    assert decided_at >= before
