"""Beginning a job on the desk: from chosen books or by filter, and never before its estimate was seen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from bookops.books import Book
from bookops.clock import database_now
from bookops.dispatch import rung_here
from bookops.language_models import LanguageModel, ModelPrice
from bookops.purposes import purpose_named
from bookops.spend import Budget
from bookops.staff_groups import EDITOR, VIEWER
from llmjobs.models import LLMJob
from llmjobs.plans import MOST_ASKS
from tests.desk import client_of, listing_of, make_staff, page, told
from tests.factories import make_owner
from tests.llmjobs.factories import ANTHROPIC_BATCH, RESPONSES, know_models, make_books, make_job

pytestmark = pytest.mark.django_db

FORM = "admin:llmjobs_llmjob_add"


@pytest.fixture(autouse=True)
def no_broker() -> Iterator[Any]:
    know_models()
    with rung_here() as here:
        yield here


@pytest.fixture
def user() -> User:
    return make_owner("boss", is_staff=True, is_superuser=True)


@pytest.fixture
def boss(user: User) -> Client:
    return client_of(user)


def typed(client: Client, **changes: Any) -> dict[str, Any]:
    """Return what the form would post as it stands, with some fields changed."""
    form = client.get(reverse(FORM), {"purpose": changes.pop("purpose", "flag")}).context["form"]
    values = {name: form[name].value() for name in form.fields}
    return {name: value for name, value in (values | {"scope_kind": "all"} | changes).items() if value not in (None, False)}


def estimated(client: Client, **changes: Any) -> Any:
    return client.post(reverse(FORM), {**typed(client, **changes), "estimate": "1"})


def submitted(client: Client, **changes: Any) -> Any:
    """Estimate and submit the same."""
    values = typed(client, **changes)
    seen = client.post(reverse(FORM), {**values, "estimate": "1"})
    return client.post(reverse(FORM), {**values, "estimated": seen.context["digest"], "submit": "1"})


def errors(response: Any) -> dict[str, Any]:
    return {name: [str(one) for one in many] for name, many in response.context["form"].errors.items()}


@pytest.mark.themed
def test_it_shows_prompts_and_money_before_anything_begins(boss, user):
    make_books(3, user)
    response = estimated(boss)
    shown = response.content.decode()
    for words in ("Title: Book 0", "Submit 3 books", "gpt-6-luna", "the most there may be", "$20.00"):
        assert words in shown, words
    assert not LLMJob.objects.exists()


def test_what_was_estimated_is_submitted(boss, user):
    make_books(3, user)
    response = submitted(boss, label="Spring check", cap="1.5", priority="high", policy="above", above="0.7")
    job = LLMJob.objects.get()
    assert response.headers["Location"] == page(job)
    assert (job.owner, job.label, job.total_items, job.cap, job.priority) == (user, "Spring check", 3, 1_500_000, 10)
    assert (job.policy, job.above, job.asks[0]["model"]) == ("above", 0.7, "gpt-6-luna")


def test_nothing_is_submitted_that_was_not_estimated(boss, user):
    make_books(1, user)
    unseen = boss.post(reverse(FORM), {**typed(boss), "submit": "1"})
    assert "look at the new one" in str(errors(unseen))
    seen = estimated(boss)
    other = boss.post(reverse(FORM), {**typed(boss, template="Another: {{title}}"), "estimated": seen.context["digest"], "submit": "1"})
    assert "look at the new one" in str(errors(other))
    assert "Another: Book 0" in other.content.decode()
    assert not LLMJob.objects.exists()


@pytest.mark.parametrize(
    ("template", "words"),
    [("Is {{titel}} one?", "{{titel}}"), ("Is {{title one?", "not {{title one"), ("no variable at all", "no variable")],
)
def test_a_prompt_that_cannot_be_meant_is_refused_beside_it(boss, user, template, words):
    make_books(1, user)
    [said] = errors(estimated(boss, template=template))["template"]
    assert words in said
    assert "There are: title" in said


def test_an_empty_prompt_is_said_to_be_the_purposes_own_and_is(boss, user):
    make_books(1, user)
    assert boss.get(reverse(FORM)).content.decode().count("Empty: the purpose’s own.") == 2
    submitted(boss, system="", template="")
    assert LLMJob.objects.get().template == purpose_named("flag").template


def test_a_browsers_line_ends_are_the_commands(boss, user):
    make_books(1, user)
    submitted(boss, template="Is {{title}}\r\nrare?")
    assert LLMJob.objects.get().template == "Is {{title}}\nrare?"


def test_a_retired_model_is_shown_closed_with_its_successor(boss, user):
    make_books(1, user)
    yesterday = database_now().date() - timedelta(days=1)
    LanguageModel.objects.filter(name="gpt-6-luna").update(retires_on=yesterday, successor="gpt-7-luna")
    shown = " ".join(boss.get(reverse(FORM)).content.decode().split())
    assert f"gpt-6-luna: retired {yesterday}, use gpt-7-luna" in shown
    assert 'value="openai responses gpt-6-luna" selected disabled' in shown
    assert "Use gpt-7-luna." in str(errors(estimated(boss))["model"])


def test_a_model_without_a_price_is_refused(boss, user):
    make_books(1, user)
    ModelPrice.objects.filter(model__name="gpt-6-luna").delete()
    assert "No price" in str(errors(estimated(boss))["model"])


def test_books_that_match_are_asked_about(boss, user):
    make_books(3, user)
    Book.objects.filter(title="Book 1").update(flagged=True)
    submitted(boss, scope_kind="filters", filter_flagged="no", filter_title="book")
    job = LLMJob.objects.get()
    assert (job.total_items, job.scope_kind) == (2, "filters")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"filter_title": "no such"}, "Nothing matches"),
        ({}, "Name something that has to match"),
        ({"filter_year_from": "long ago"}, "year_from"),
        ({"filter_year_from": "9" * 40}, "Nothing matches"),
    ],
)
def test_a_filter_that_finds_nothing_is_refused(boss, user, changes, words):
    make_books(1, user)
    assert words in str(errors(estimated(boss, scope_kind="filters", **changes))["scope_kind"])


@pytest.mark.parametrize(
    ("field", "value"),
    [("cap", "-1"), ("above", "2"), ("most_output_tokens", "0"), ("model", "openai responses gpt-0"), ("owner", "nobody")],
)
def test_what_cannot_be_is_refused_beside_its_field(boss, user, field, value):
    make_books(1, user)
    assert field in errors(estimated(boss, **{field: value}))


def test_an_effort_that_a_model_does_not_know_is_refused(boss, user):
    make_books(1, user)
    refused = errors(estimated(boss, model="anthropic batch claude-haiku-5-5", effort="low"))
    assert "knows no effort" in str(refused["model"])


def test_two_models_are_asked_and_routed_by_agreement(boss, user):
    make_books(2, user)
    submitted(boss, other_model="anthropic batch claude-haiku-5-5")
    job = LLMJob.objects.get()
    assert [(ask["model"], ask["tier"]) for ask in job.asks] == [("gpt-6-luna", "standard"), ("claude-haiku-5-5", "batch")]
    assert job.total_items == 4


def test_as_many_models_are_asked_as_a_job_may(boss, user):
    make_books(2, user)
    others = {
        "other_model": "anthropic batch claude-haiku-5-5",
        "third_model": "openai batch gpt-6.1-sol",
        "fourth_model": "openai batch gpt-6.1-terra",
    }
    submitted(boss, **others)
    job = LLMJob.objects.get()
    assert len(job.asks) == MOST_ASKS

    form = boss.get(reverse(FORM), {"clone": str(job.pk)}).context["form"]
    assert {name: form[name].value() for name in others} == others


def test_what_is_more_than_may_be_spent_is_said(boss, user):
    make_books(3, user)
    Budget.objects.create(owner=user, dollars_per_day="0.0001")
    assert "more than may be spent" in estimated(boss).content.decode()


def test_another_purpose_brings_its_own_words_and_keeps_what_was_chosen(boss, user):
    books = make_books(2, user)
    ids = ",".join(str(book.pk) for book in books)
    form = boss.post(reverse(FORM), {**typed(boss), "purpose": "describe", "ids": ids, "reword": "1"}).context["form"]
    assert form.chosen_purpose.name == "describe"
    assert form["template"].value() == form.chosen_purpose.template
    assert form["ids"].value() == ids
    # The same when only the choice was changed, without pressing the button beside it.
    assert (
        boss.post(reverse(FORM), {**typed(boss), "purpose": "describe", "estimate": "1"}).context["form"].chosen_purpose.name == "describe"
    )


def test_a_purpose_that_there_is_not_is_the_first_one(boss):
    assert boss.get(reverse(FORM), {"purpose": "explode"}).context["form"].chosen_purpose.name == "flag"


def test_every_purpose_has_a_form(boss):
    for name in ("flag", "describe", "genres", "second_opinion"):
        form = boss.get(reverse(FORM), {"purpose": name}).context["form"]
        assert form["template"].value() == form.chosen_purpose.template


def test_a_job_is_cloned_with_its_plan_and_targets(boss):
    job = make_job(2, asks=(RESPONSES, ANTHROPIC_BATCH), label="Spring check", cap=1_500_000, priority=10)
    form = boss.get(reverse(FORM), {"clone": str(job.pk)}).context["form"]
    assert (form["label"].value(), form["cap"].value(), form["priority"].value()) == ("Spring check (again)", "1.5", "high")
    assert form["other_model"].value() == "anthropic batch claude-haiku-5-5"
    assert len(form.chosen_ids) == 2
    values = {name: form[name].value() for name in form.fields}
    posted = {name: value for name, value in values.items() if value not in (None, False)}
    seen = boss.post(reverse(FORM), {**posted, "estimate": "1"})
    boss.post(reverse(FORM), {**posted, "estimated": seen.context["digest"], "submit": "1"})
    again = LLMJob.objects.exclude(pk=job.pk).get()
    assert (again.owner, again.total_items, again.asks) == (job.owner, job.total_items, job.asks)
    assert not again.uses_kept_answers


@pytest.mark.parametrize("clone", ["x", "00000000-0000-0000-0000-000000000000"])
def test_a_job_that_there_is_not_cannot_be_cloned(boss, clone):
    assert boss.get(reverse(FORM), {"clone": clone}).status_code == 404


# From the list of books.


def choose(client: Client, *books: Book) -> Any:
    return client.post(listing_of(Book), {"action": "ask_language_model", "_selected_action": [book.pk for book in books]})


def test_chosen_books_lead_to_the_form(boss, user):
    books = make_books(3, user)
    response = choose(boss, *books[:2])
    assert "the 2 chosen books" in response.content.decode()
    assert response.context["form"]["scope_kind"].value() == "ids"


def test_chosen_books_of_another_are_asked_about_for_that_owner(boss):
    reader = make_owner("reader")
    books = make_books(2, reader)
    form = choose(boss, *books).context["form"]
    assert form["owner"].value() == "reader"
    submitted(boss, scope_kind="ids", ids=form["ids"].value(), owner="reader")
    assert (LLMJob.objects.get().owner, LLMJob.objects.get().total_items) == (reader, 2)


def test_books_of_two_owners_are_refused(boss):
    assert "books of one owner" in told(choose(boss, *make_books(1), *make_books(1)))


def test_an_editor_asks_about_their_own_books_only():
    editor = make_staff(EDITOR)
    client = client_of(editor)
    others = make_books(1)
    assert "somebody else" in told(choose(client, *others))
    mine = make_books(1, editor)
    assert choose(client, *mine).status_code == 200
    # Nor by an id that was typed: the owner's own are all that a scope finds.
    assert "Nothing matches" in str(errors(estimated(client, scope_kind="ids", ids=str(others[0].pk))))
    submitted(client, owner=others[0].owner.username)
    assert LLMJob.objects.get().owner == editor


def test_a_viewer_is_offered_nothing_in_the_list_of_books():
    client = client_of(make_staff(VIEWER))
    books = make_books(1)
    assert "ask_language_model" not in client.get(listing_of(Book)).content.decode()
    choose(client, *books)
    assert not LLMJob.objects.exists()
