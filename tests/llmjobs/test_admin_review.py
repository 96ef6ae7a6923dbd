"""The review page of the desk: what is shown of what waits, and what a decision does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from bookops.books import Book
from bookops.dispatch import rung_here
from llmjobs import jobs
from llmjobs.admin import review
from llmjobs.models import Proposal
from tests.desk import client_of, page, told
from tests.factories import make_owner
from tests.llmjobs.desk import make_answered, make_disagreeing, proposals_of
from tests.llmjobs.results import flagging

pytestmark = pytest.mark.django_db

AS_SCRIPT = {"Accept": "application/json"}


@pytest.fixture(autouse=True)
def no_broker() -> Iterator[Any]:
    with rung_here() as here:
        yield here


@pytest.fixture
def boss() -> Client:
    return client_of(make_owner("boss", is_staff=True, is_superuser=True))


def address(**asked: Any) -> str:
    return f"{reverse('admin:llmjobs_proposal_review')}?{'&'.join(f'{name}={value}' for name, value in asked.items())}"


def decide(client: Client, decision: str, *proposals: Proposal, headers: Any = None, **fields: Any) -> Any:
    return client.post(address(), {"decision": decision, "proposal": [one.pk for one in proposals], **fields}, headers=headers)


def states(job: Any) -> list[str]:
    return [str(one.state) for one in proposals_of(job)]


@pytest.mark.themed
def test_it_shows_before_and_after_and_why(boss):
    job = make_answered(1)
    shown = boss.get(address(job=job.pk)).content.decode()
    for words in ("Book 0", "the job asks for a review", "flagged reason", "A box set.", "confidence 0.90", "Accept", "Correct"):
        assert words in shown, words


def test_it_shows_what_waits_for_one_reason_or_of_one_job(boss):
    mine, other = make_answered(2), make_answered(1, text=flagging(True, "Something else."), policy="above", above=0.99)
    assert len(boss.get(address()).context["cards"]) == 3
    assert len(boss.get(address(job=mine.pk)).context["cards"]) == 2
    assert [card.proposal.job_id for card in boss.get(address(why="unsure")).context["cards"]] == [other.pk]
    assert len(boss.get(address(job="x", why="x", page="x")).context["cards"]) == 3


def test_what_was_accepted_is_written(boss):
    job = make_answered(2)
    response = decide(boss, "accept", proposals_of(job)[0])
    assert told(response) == "Proposals: 1 written."
    assert states(job) == ["applied", "waiting"]
    assert Book.objects.filter(flagged=True).count() == 1


def test_what_was_rejected_changes_nothing(boss):
    job = make_answered(1)
    assert told(decide(boss, "reject", *proposals_of(job))) == "Proposals: 1 rejected."
    assert not Book.objects.filter(flagged=True).exists()


@pytest.mark.themed
def test_what_was_corrected_is_written_and_kept_as_a_measure(boss):
    job = make_answered(1)
    [proposal] = proposals_of(job)
    decide(boss, "correct", proposal, **{"field-flagged": "true", "field-flagged_reason": "Two books in one.\r\nLook."})
    assert Book.objects.get().flagged_reason == "Two books in one.\nLook."
    proposal.refresh_from_db()
    assert proposal.corrected == {"flagged_reason": "Two books in one.\nLook."}
    assert "Two books in one." in boss.get(page(proposal.item)).content.decode()


def test_a_switch_is_corrected(boss):
    job = make_answered(1)
    decide(boss, "correct", *proposals_of(job), **{"field-flagged": "false", "field-flagged_reason": ""})
    book = Book.objects.get()
    assert (book.flagged, book.flagged_reason) == (False, "")


def test_a_correction_that_corrects_nothing_is_refused(boss):
    job = make_answered(1)
    [proposal] = proposals_of(job)
    same = {
        f"field-{name}": {True: "true", False: "false"}.get(change["after"], change["after"]) for name, change in proposal.changes.items()
    }
    assert "accept it instead" in told(decide(boss, "correct", proposal, **same))
    assert states(job) == ["waiting"]


def test_a_value_that_cannot_be_is_refused(boss):
    job = make_answered(1)
    refusal = told(decide(boss, "correct", *proposals_of(job), **{"field-flagged_reason": "x" * 501}))
    assert "at most 500" in refusal
    assert states(job) == ["waiting"]


def test_genres_are_corrected_a_line_each(boss):
    answered = '{"genres": ["Fantasy"], "confidence": 0.5}'
    job = make_answered(1, text=answered, purpose="genres", policy="review")
    shown = boss.get(address()).content.decode()
    assert "One a line." in shown
    decide(boss, "correct", *proposals_of(job), **{"field-genres": "Science Fiction\r\nFantasy\r\n"})
    assert [genre["name"] for genre in Book.objects.get().genres] == ["Science Fiction", "Fantasy"]


@pytest.mark.themed
def test_many_are_decided_at_once(boss):
    job = make_answered(3)
    first, second, _ = proposals_of(job)
    assert told(decide(boss, "accept", first, second)) == "Proposals: 2 written."
    assert told(decide(boss, "accept", first, second)) == "Proposals: 2 decided before."


def test_all_that_the_filter_shows_are_decided_at_once(boss):
    mine, other = make_answered(3), make_answered(1)
    boss.post(address(job=mine.pk), {"decision": "reject", "which": "all"})
    assert (states(mine), states(other)) == (["rejected"] * 3, ["waiting"])


def test_one_press_decides_about_so_many_at_most(boss, monkeypatch):
    monkeypatch.setattr(review, "MOST_AT_ONCE", 2)
    job = make_answered(3)
    boss.post(address(), {"decision": "accept", "which": "all"})
    assert sorted(states(job)) == ["applied", "applied", "waiting"]


def test_a_press_that_is_none_changes_nothing(boss):
    job = make_answered(1)
    assert "Accept, reject or correct" in told(decide(boss, "burn", *proposals_of(job)))
    assert "No proposal was chosen" in told(boss.post(address(), {"decision": "accept", "proposal": ["x", "9" * 30]}))
    assert states(job) == ["waiting"]


def test_what_changed_meanwhile_is_shown_again(boss):
    job = make_answered(1)
    Book.objects.update(flagged_reason="Somebody was here.")
    assert "now: Somebody was here." in boss.get(address()).content.decode()
    assert "shown again" in told(decide(boss, "accept", *proposals_of(job)))
    assert "changed since it was asked" in boss.get(address()).content.decode()
    assert told(decide(boss, "accept", *proposals_of(job))) == "Proposals: 1 written."


def test_what_is_gone_is_said_to_be(boss):
    make_answered(1)
    Book.objects.all().delete()
    assert "is gone" in boss.get(address()).content.decode()


def test_the_other_models_answers_stand_beside(boss):
    job = make_disagreeing()
    cards = boss.get(address(job=job.pk)).context["cards"]
    assert len(cards) == 2
    assert [(other.item.model, other.agrees, bool(other.fields)) for other in cards[0].others] == [
        ("claude-haiku-5-5", True, True),
        ("claude-sonnet-5-5", False, False),
    ]
    shown = boss.get(address()).content.decode()
    assert "two models disagree" in shown
    assert "would change nothing" in shown


def test_a_script_is_told_what_to_take_off_the_page(boss):
    job = make_disagreeing()
    first, second = proposals_of(job)[:2]
    answer = decide(boss, "accept", first, headers=AS_SCRIPT).json()
    assert (answer["told"], answer["stale"], answer["refused"]) == ("Proposals: 1 written.", 0, False)
    # What the other model said of the same book is decided with it.
    assert {first.pk, second.pk} <= set(answer["gone"])


def test_a_script_is_told_what_was_refused(boss):
    job = make_answered(1)
    answer = decide(boss, "correct", *proposals_of(job), headers=AS_SCRIPT, **{"field-flagged_reason": "x" * 501}).json()
    assert (answer["refused"], answer["gone"]) == (True, [])


def test_nothing_of_a_deleted_job_is_decided(boss):
    job = make_answered(1)
    jobs.delete_job(job)
    assert "No proposal was chosen" in told(decide(boss, "accept", *proposals_of(job)))
    assert "Nothing waits" in boss.get(address()).content.decode()


@pytest.mark.parametrize(("back", "led"), [("/admin/llmjobs/llmjobitem/1/change/", True), ("https://elsewhere.example/", False)])
def test_it_leads_back_to_pages_of_its_own_only(boss, back, led):
    job = make_answered(1)
    response = decide(boss, "reject", *proposals_of(job), back=back)
    assert (response.headers["Location"] == back) is led


def test_a_proposal_leads_to_its_item(boss):
    [proposal] = proposals_of(make_answered(1))
    assert boss.get(page(proposal)).headers["Location"] == page(proposal.item)


def test_a_script_is_told_how_many_are_left(boss):
    job = make_answered(3)
    answer = boss.post(address(job=job.pk), {"decision": "accept", "proposal": [proposals_of(job)[0].pk]}, headers=AS_SCRIPT).json()
    assert answer["waiting"] == {"policy": 2, "shown": 2}
    answer = boss.post(address(why="unsure"), {"decision": "accept", "proposal": [proposals_of(job)[1].pk]}, headers=AS_SCRIPT).json()
    assert answer["waiting"] == {"policy": 1, "shown": 0}


def test_a_press_about_nothing_is_no_success(boss):
    make_answered(1)
    (message,) = get_messages(decide(boss, "accept").wsgi_request)
    assert (str(message), message.level_tag) == ("No proposal was chosen.", "warning")
