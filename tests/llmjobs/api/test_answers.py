"""Items with their evidence, proposals with a person's word on them, and measures, over REST."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from bookops.books import Book
from bookops.dispatch import rung_here
from llmjobs.applying import apply_results
from llmjobs.models import JobUndo, LLMJob, Proposal
from llmjobs.providers import Verdict
from llmjobs.undoing import work_on_undo
from tests.api.clients import json_body, make_user
from tests.llmjobs.factories import items_of
from tests.llmjobs.results import answer, flagging, make_sent_job, word

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nobody_is_rung() -> Any:
    with rung_here():
        yield


def make_answered_job(owner: Any, books: int = 3, **plan: Any) -> LLMJob:
    """Return a job of which every answer flags its book and waits for a person."""
    job = make_sent_job(books, owner=owner, **{"policy": "review", "label": "Check"} | plan)
    apply_results(job.pk, {item.pk: answer(item.provider_task_id) for item in items_of(job)})
    return job


def post(api: Client, job: LLMJob, what: str, **body: Any) -> Any:
    """Return the answer to a POST below a job."""
    return api.post(f"/api/llm-jobs/{job.pk}/{what}", **json_body(**body))


def waiting(api: Client, job: LLMJob, query: str = "") -> list[dict[str, Any]]:
    """Return the proposals that are listed."""
    return api.get(f"/api/llm-jobs/{job.pk}/proposals{query}").json()["results"]


def counts(**of: int) -> dict[str, int]:
    """Return what became of proposals, all that is not named being 0."""
    return {"applied": 0, "rejected": 0, "stale": 0, "nothing": 0, "decided": 0} | of


def test_items_are_listed_in_order_and_filtered_by_state_and_reason(api: Client, owner: Any) -> None:
    job = make_sent_job(3, owner=owner)
    good, bad, _ = items_of(job)
    apply_results(
        job.pk,
        {good.pk: answer(good.provider_task_id), bad.pk: word(bad.provider_task_id, Verdict.REFUSED, reason="refused", detail="No.")},
    )

    def listed(query: str = "") -> list[int]:
        return [item["number"] for item in api.get(f"/api/llm-jobs/{job.pk}/items{query}").json()["results"]]

    assert listed() == [1, 2, 3]
    assert listed("?state=failed") == listed("?reason=refused") == [2]
    assert listed("?flagged=true") == listed("?proposal=waiting") == [1]
    assert listed("?stage=processing") == [3]
    assert listed("?model=gpt-none") == []
    assert listed("?page_size=2") == [1, 2]
    shown = api.get(f"/api/llm-jobs/{job.pk}/items?reason=refused").json()["results"][0]
    assert (shown["status"], shown["detail"]) == ("failed", "No.")
    assert shown["target"] == str(Book.objects.get(pk=bad.target_id).public_id)


def test_a_page_of_items_costs_the_same_however_many_there_are(api: Client, owner: Any, django_assert_max_num_queries: Any) -> None:
    job = make_answered_job(owner, 20)
    with django_assert_max_num_queries(5):
        assert len(api.get(f"/api/llm-jobs/{job.pk}/items").json()["results"]) == 20
    with django_assert_max_num_queries(5):
        assert len(waiting(api, job)) == 20


def test_an_item_is_shown_with_prompt_answer_proposal_and_attempts(api: Client, owner: Any) -> None:
    job = make_answered_job(owner, 1)
    [item] = items_of(job)

    shown = api.get(f"/api/llm-jobs/{job.pk}/items/1").json()

    assert shown["prompt"].startswith("Title: Book 0")
    assert shown["system"] == job.system != ""
    assert shown["answer"]["flagged_reason"] == "A box set."
    assert shown["response"] == {"id": item.provider_task_id, "status": "completed"}
    assert shown["proposal"]["changes"]["flagged"] == {"before": False, "after": True}
    assert (shown["sending"]["attempts"], shown["sending"]["provider_task_id"]) == (1, item.provider_task_id)
    [attempt] = shown["tries"]
    assert (attempt["number"], attempt["outcome"], attempt["provider_id"]) == (1, "answered", item.provider_task_id)
    assert attempt["cost_usd"] == shown["cost_usd"] != "0.000000"
    assert api.get(f"/api/llm-jobs/{job.pk}/items/2").status_code == 404


def test_an_item_whose_book_is_gone_is_shown_without_it(api: Client, owner: Any) -> None:
    job = make_answered_job(owner, 1)
    Book.objects.filter(owner=owner).delete()
    assert api.get(f"/api/llm-jobs/{job.pk}/items/1").json()["target"] is None


def test_what_waits_is_listed_and_the_rest_by_its_state(api: Client, owner: Any) -> None:
    job = make_answered_job(owner)
    first = waiting(api, job)[0]
    assert post(api, job, "proposals/reject", ids=[first["id"]]).json() == counts(rejected=1)
    assert first["id"] not in [one["id"] for one in waiting(api, job)]
    [rejected] = waiting(api, job, "?state=rejected")
    assert (rejected["id"], rejected["decided_by"]) == (first["id"], owner.username)
    assert len(waiting(api, job, "?confidence_from=0.95")) == 0
    assert len(waiting(api, job, "?confidence_below=0.95")) == 2


def test_accepting_writes_and_a_second_click_does_nothing(api: Client, owner: Any) -> None:
    job = make_answered_job(owner)
    ids = [one["id"] for one in waiting(api, job)]

    assert post(api, job, "proposals/accept", ids=ids).json() == counts(applied=3)
    assert post(api, job, "proposals/accept", ids=ids).json() == counts(decided=3)

    assert set(owner.books.values_list("flagged_reason", flat=True)) == {"Check: A box set."}


def test_what_has_changed_since_it_was_shown_waits_again(api: Client, owner: Any) -> None:
    job = make_answered_job(owner, 1)
    [proposal] = waiting(api, job)
    book = owner.books.get()
    book.flagged_reason, book.version = "Somebody else's", book.version + 1
    book.save()

    assert post(api, job, "proposals/accept", ids=[proposal["id"]]).json() == counts(stale=1)

    [again] = waiting(api, job)
    assert (again["why"], again["changes"]["flagged_reason"]["before"]) == ("stale", "Somebody else's")


def test_a_correction_is_written_and_counts_against_the_model(api: Client, owner: Any) -> None:
    job = make_answered_job(owner, 2)
    right, wrong = waiting(api, job)
    post(api, job, "proposals/accept", ids=[right["id"]])

    done = post(api, job, f"proposals/{wrong['id']}/correct", values={"flagged_reason": "A study guide."})

    assert done.json() == counts(applied=1)
    assert "A study guide." in owner.books.values_list("flagged_reason", flat=True)
    shown = api.get(f"/api/llm-jobs/{job.pk}/proposals/{wrong['id']}").json()
    assert (shown["state"], shown["corrected"]) == ("applied", {"flagged_reason": "A study guide."})
    for path in (f"/api/llm-jobs/{job.pk}/measures", "/api/llm-jobs/measures", "/api/llm-jobs/measures?purpose=flag"):
        [measure] = api.get(path).json()["measures"]
        assert (measure["accepted"], measure["corrected"], measure["accuracy"]) == (1, 1, 0.5)
        assert float(measure["cost_per_accepted_usd"]) == pytest.approx(float(measure["cost_usd"]) / 2, abs=1e-6)
    assert api.get("/api/llm-jobs/measures?purpose=genres").json() == {"measures": []}


@pytest.mark.parametrize("values", [{}, {"title": "Not asked"}, {"flagged_reason": {"a": 1}}, {"flagged_reason": "a\0b"}])
def test_a_correction_that_cannot_be_is_refused_by_field(api: Client, owner: Any, values: dict[str, Any]) -> None:
    job = make_answered_job(owner, 1)
    [proposal] = waiting(api, job)
    refused = post(api, job, f"proposals/{proposal['id']}/correct", values=values)
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid")
    assert Proposal.objects.get().state == Proposal.State.WAITING


@pytest.mark.parametrize("decision", ["accept", "reject"])
def test_proposals_of_another_job_are_left_alone(api: Client, owner: Any, decision: str) -> None:
    job, theirs = make_answered_job(owner, 1), make_answered_job(make_user(), 1)
    strange = Proposal.objects.get(job=theirs).pk

    refused = post(api, job, f"proposals/{decision}", ids=[Proposal.objects.get(job=job).pk, strange])

    assert refused.json()["errors"] == [{"field": "ids", "code": "unknown_proposal", "detail": f"{strange} is no proposal of this job."}]
    assert set(Proposal.objects.values_list("state", flat=True)) == {Proposal.State.WAITING}
    assert post(api, job, f"proposals/{strange}/correct", values={"flagged_reason": "x"}).status_code == 404


def test_one_answer_is_taken_back_and_then_all(api: Client, owner: Any) -> None:
    job = make_answered_job(owner, 3, policy="apply")
    touched = owner.books.first()
    touched.flagged_reason = "Mine"
    touched.provenance["flagged_reason"] = {"source": "person"}
    touched.save()

    assert post(api, job, "items/2/undo").json() == {"undone": 1, "kept": 0}
    begun = post(api, job, "undo")
    assert (begun.status_code, begun["Location"]) == (202, f"/api/llm-jobs/{job.pk}")
    assert undo_counts(begun.json()) == {"total": 2, "done": 0, "undone": 0, "kept": 0, "failed": 0}
    again = post(api, job, "undo")
    assert (again.status_code, again.json()) == (202, begun.json())

    work_on_undo(JobUndo.objects.get(job=job).pk)

    told = api.get(f"/api/llm-jobs/{job.pk}").json()["undo"]
    assert undo_counts(told) == {"total": 2, "done": 2, "undone": 2, "kept": 1, "failed": 0}
    assert told["ended_at"] is not None
    assert sorted(owner.books.values_list("flagged_reason", flat=True)) == ["", "", "Mine"]


def test_where_nothing_was_written_there_is_nothing_to_undo(api: Client, owner: Any) -> None:
    job = make_answered_job(owner)

    told = post(api, job, "undo")

    assert (told.status_code, set(undo_counts(told.json()).values())) == (200, {0})
    assert (told.json()["asked_at"], told.json()["ended_at"] is None) == (None, False)
    assert api.get(f"/api/llm-jobs/{job.pk}").json()["undo"] is None


def undo_counts(told: dict[str, Any]) -> dict[str, int]:
    """Return what an undo tells, without its times."""
    return {name: count for name, count in told.items() if not name.endswith("_at")}


def test_what_two_models_disagree_about_waits_and_says_so(api: Client, owner: Any) -> None:
    job = make_sent_job(1, owner=owner, asks=({"model": "gpt-6-luna"}, {"model": "gpt-6.1-sol"}))
    yes, no = items_of(job)
    apply_results(job.pk, {yes.pk: answer(yes.provider_task_id), no.pk: answer(no.provider_task_id, flagging(False))})

    assert [(one["why"], one["model"]) for one in waiting(api, job)] == [("disagree", "gpt-6-luna")]
    measured = api.get(f"/api/llm-jobs/{job.pk}/measures").json()["measures"]
    assert {one["model"]: (one["waiting"], one["nothing"]) for one in measured} == {"gpt-6-luna": (1, 0), "gpt-6.1-sol": (0, 1)}
