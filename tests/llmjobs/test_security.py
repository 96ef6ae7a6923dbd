"""What the answers of a hijacked model can do at worst: under the policy that asks nobody, too, only what their purpose may change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from bookops.books import Book
from bookops.invariants import broken_invariants
from bookops.runs import ENDED
from enrichment.genre_vocabulary import vocabulary
from llmjobs.applying import apply_results
from llmjobs.jobs import create_job
from llmjobs.models import LLMJob
from llmjobs.plans import Plan, Scope
from llmjobs.questions import Asking
from llmjobs.rendering import render
from runbooks.models import EvalRunbook
from sandbox.hijacked_model import MODES, hijacked_answer
from sandbox.language_model import Prompt
from tests.factories import make_book, make_owner
from tests.llmjobs.factories import ANTHROPIC_BATCH, RESPONSES, items_of, know_models, make_books, make_job
from tests.llmjobs.results import answer, send
from tests.llmjobs.test_flow import here, make_flag_job, sandbox, until_ended
from tests.runbooks.evaluated import make_runbook

__all__ = ["here", "sandbox"]

#: What a purpose may change, and what tells of the change.
MAY_CHANGE = {
    "flag": {"flagged", "flagged_reason"},
    "describe": {"description"},
    "genres": {"genres"},
    "second_opinion": {"napoleon_recommendation", "napoleon_reasoning", "napoleon_analyzed_at"},
}
TOLD = {"version", "provenance", "updated_at"}
LONGEST = {"flagged_reason": 500, "description": 2_000, "napoleon_reasoning": 4_000}

Rows = Mapping[int, Mapping[str, Any]]


def rows_of(model: type[Book] | type[EvalRunbook]) -> Rows:
    return {row["id"]: row for row in model.objects.values()}


def changed(before: Rows, after: Rows) -> dict[int, set[str]]:
    """Return which columns of which rows are others now."""
    assert before.keys() == after.keys()
    named = {pk: {name for name in row if row[name] != after[pk][name]} - TOLD for pk, row in before.items()}
    return {pk: names for pk, names in named.items() if names}


def answered(job: LLMJob, mode: str) -> None:
    """Have every item of a job answered by a hijacked model."""
    send(job, items_of(job))
    asking = Asking.of(job)
    for item in items_of(job):
        question = asking.alone(item)
        said = hijacked_answer(Prompt(question.model, question.prompt, question.system, schema=question.schema), mode)
        apply_results(job.pk, {item.pk: answer(item.provider_task_id, said)})


def rendered(job: LLMJob) -> LLMJob:
    assert render(LLMJob.objects.all().claim([job.pk])[0])
    job.refresh_from_db()
    return job


@pytest.mark.django_db
@pytest.mark.parametrize("purpose", ["flag", "describe", "genres"])
def test_a_hijacked_answer_about_a_book_changes_what_its_purpose_may_and_no_other_book(purpose):
    make_books(2)
    touched: set[str] = set()
    for mode in MODES:
        job = rendered(make_job(2, ask=RESPONSES, purpose=purpose, policy="apply", uses_kept_answers=False))
        asked = {item.target_id for item in items_of(job)}
        before = rows_of(Book)

        answered(job, mode)

        found = changed(before, rows_of(Book))
        assert found.keys() <= asked, mode
        touched |= set().union(*found.values())
        assert all(item.state in ENDED for item in items_of(job)), mode
    assert touched == MAY_CHANGE[purpose]
    for book in Book.objects.all():
        assert all(len(getattr(book, name)) <= most for name, most in LONGEST.items() if hasattr(book, name))
        assert all(genre["name"] in vocabulary().parents for genre in book.genres)
    assert broken_invariants() == {}


@pytest.mark.django_db
def test_a_hijacked_second_opinion_leaves_scores_prices_and_decisions_as_they_are():
    know_models()
    owner = make_owner()
    runbook, _ = make_runbook(owner=owner), make_runbook(owner=owner)
    first, touched = rows_of(EvalRunbook), set()
    for mode in MODES:
        plan = Plan(asks=(RESPONSES,), policy="apply", uses_kept_answers=False)
        job = rendered(create_job(owner, "second_opinion", Scope("ids", (runbook.pk,)), plan))
        answered(job, mode)
        found = changed(first, rows_of(EvalRunbook))
        assert found.keys() <= {runbook.pk}
        touched |= found.get(runbook.pk, set())
        assert all(item.state in ENDED for item in items_of(job)), mode
    assert touched == MAY_CHANGE["second_opinion"]
    runbook.refresh_from_db()
    assert len(runbook.napoleon_reasoning) <= LONGEST["napoleon_reasoning"]
    assert broken_invariants() == {}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("ask", [RESPONSES, ANTHROPIC_BATCH], ids=lambda ask: ask["provider"])
def test_a_model_that_is_hijacked_at_its_provider_changes_flags_alone(ask, sandbox, here):
    make_book(make_owner(), title="Of somebody else", author="An Author")
    sandbox.settings(sources={ask["provider"]: {"hijack": "html"}})
    job = make_flag_job(asks=(ask,), policy="apply")
    before = rows_of(Book)

    until_ended(job, here, sandbox)

    found = changed(before, rows_of(Book))
    assert found.keys() <= set(Book.objects.filter(owner=job.owner).values_list("pk", flat=True))
    assert set().union(*found.values()) == MAY_CHANGE["flag"]
    assert {item.state for item in items_of(job)} == {"succeeded"}
