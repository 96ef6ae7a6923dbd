"""Creating, listing, showing and steering jobs over REST."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.test import Client

from bookops.dispatch import rung_here
from bookops.idempotency import IdempotentRequest
from bookops.language_models import LanguageModel
from bookops.runs import State
from bookops.spend import Account
from llmjobs.api import plan_serializers
from llmjobs.applying import apply_results
from llmjobs.ending import end_if_done
from llmjobs.models import JobScope, LLMJob, LLMJobItem
from llmjobs.providers import Verdict
from tests.api.clients import client_of, json_body, make_user
from tests.llmjobs.factories import RESPONSES, items_of, know_models, make_books, make_job, make_rendered_job
from tests.llmjobs.results import answer, make_sent_job, word

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nobody_is_rung() -> Any:
    with rung_here():
        yield


@pytest.fixture
def books(owner: Any) -> list[Any]:
    """Three books of the owner's."""
    know_models()
    return make_books(3, owner)


def create(api: Client, **body: Any) -> Any:
    """Return the answer to a new job; about all books unless said otherwise."""
    return api.post("/api/llm-jobs", **json_body(**{"purpose": "flag", "scope": {"all": True}} | body))


def errors_of(response: Any) -> dict[str, str]:
    """Return what a refusal says by field."""
    assert response.status_code == 400, response.content
    assert response["Content-Type"] == "application/problem+json"
    return {error["field"]: error["detail"] for error in response.json()["errors"]}


def make_ended_job(owner: Any) -> LLMJob:
    """Return a job of three of which one failed."""
    job = make_sent_job(3, owner=owner, policy="review")
    good, flagged, bad = items_of(job)
    apply_results(
        job.pk,
        {
            good.pk: answer(good.provider_task_id, '{"flagged": false, "flagged_reason": "", "confidence": 0.9, "notes": ""}'),
            flagged.pk: answer(flagged.provider_task_id),
            bad.pk: word(bad.provider_task_id, Verdict.REFUSED, reason="refused"),
        },
    )
    assert end_if_done(job.pk)
    job.refresh_from_db()
    return job


def test_it_is_taken_in_with_202_and_says_where_to_ask(api: Client, books: list[Any]) -> None:
    response = create(api, label="Spring check")

    assert response.status_code == 202
    body = response.json()
    assert response["Location"] == f"/api/llm-jobs/{body['id']}"
    assert body["websocket"] == f"/ws/llm-jobs/{body['id']}"
    assert (body["label"], body["status"], body["total_items"]) == ("Spring check", "queued", 3)
    assert api.get(response["Location"]).json()["label"] == "Spring check"


def test_the_ids_of_a_scope_are_the_apis_own(api: Client, books: list[Any]) -> None:
    chosen = [str(book.public_id) for book in books[:2]]

    job = LLMJob.objects.get(pk=create(api, scope={"ids": [*chosen, chosen[0]]}).json()["id"])

    assert JobScope.objects.get(job=job).ids == sorted(book.pk for book in books[:2])
    assert job.scope_kind == "ids"


@pytest.mark.parametrize("few", [1, 1000])
def test_ids_that_are_not_the_owners_are_refused_however_many_there_are(
    api: Client, books: list[Any], few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_serializers, "FEW_IDS", few)
    strange = make_books(1)[0].public_id

    said = errors_of(create(api, scope={"ids": [str(books[0].public_id), str(strange)]}))

    assert said == {"scope.ids": f"1 of 2 ids are no books of yours, {strange} first."}
    assert not LLMJob.objects.exists()


def test_a_filter_narrows_the_scope(api: Client, books: list[Any]) -> None:
    assert create(api, scope={"filters": {"title": "Book 1"}}).json()["total_items"] == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"purpose": "none-such"}, "purpose"),
        ({"scope": {}}, "scope"),
        ({"scope": {"all": False}}, "scope"),
        ({"scope": {"all": True, "filters": {"title": "x"}}}, "scope"),
        ({"scope": {"ids": []}}, "scope.ids"),
        ({"scope": {"ids": ["not-an-id"]}}, "scope.ids"),
        ({"scope": {"filters": {"colour": "red"}}}, "scope"),
        ({"scope": {"filters": {"title": ["a list"]}}}, "scope.filters.title"),
        ({"scope": {"filters": {"title": "a\0b"}}}, "scope.filters.title"),
        ({"scope": {"filters": {"title": "no such book"}}}, "scope"),
        ({"template": "{{colour}}"}, "template"),
        ({"asks": [{"model": "gpt-none"}]}, "asks"),
        ({"asks": [{"provider": "nobody"}]}, "asks"),
        ({"asks": [{"way": "pigeon"}]}, "asks.0.way"),
        ({"policy": "sometimes"}, "policy"),
        ({"above": 2}, "above"),
        ({"cap_usd": "-1"}, "cap_usd"),
        ({"expired_to": {"provider": "openai", "way": "batch", "model": "gpt-none"}}, "expired_to"),
        ({"most_spent": 5}, "most_spent"),
    ],
)
def test_what_is_wrong_is_said_by_field(api: Client, books: list[Any], body: dict[str, Any], field: str) -> None:
    assert list(errors_of(create(api, **body))) == [field]
    assert not LLMJob.objects.exists()


def test_a_retired_model_is_refused_with_its_successor(api: Client, books: list[Any]) -> None:
    LanguageModel.objects.filter(name="gpt-6-luna").update(retires_on="2020-01-01", successor="gpt-7-sol")
    assert "gpt-7-sol" in errors_of(create(api))["asks"]


def test_the_whole_plan_reaches_the_job(api: Client, books: list[Any]) -> None:
    plan = {
        "template": "{{title}}?",
        "system": " Be brief. ",
        "asks": [
            {"model": "gpt-6-luna", "tier": "flex", "most_output_tokens": 300},
            {"provider": "anthropic", "model": "claude-haiku-5-5"},
        ],
        "policy": "above",
        "above": 0.6,
        "priority": 10,
        "cap_usd": "2.50",
        "uses_kept_answers": False,
        "starts_paused": True,
        "larger_output_tokens": 900,
        "unanswered": "resend",
        "expired_to": {"provider": "anthropic", "way": "batch", "model": "claude-haiku-5-5"},
    }

    job = LLMJob.objects.get(pk=create(api, **plan).json()["id"])

    assert (job.template, job.system) == ("{{title}}?", " Be brief. ")
    assert [(ask["provider"], ask["way"], ask["tier"], ask["most_output_tokens"]) for ask in job.asks] == [
        ("openai", "responses", "flex", 300),
        ("anthropic", "batch", "batch", 2000),
    ]
    assert (job.policy, job.above, job.priority, job.cap) == ("above", 0.6, 10, 2_500_000)
    assert (job.uses_kept_answers, job.status, job.larger_output_tokens, job.unanswered) == (False, "paused", 900, "resend")
    assert job.expired_to == plan["expired_to"]
    shown = api.get(f"/api/llm-jobs/{job.pk}").json()
    assert (shown["cap_usd"], shown["status"], shown["system"]) == ("2.500000", "paused", " Be brief. ")


def test_the_same_request_with_the_same_key_makes_one_job(api: Client, books: list[Any]) -> None:
    sent = json_body(purpose="flag", scope={"all": True})
    first, second = (api.post("/api/llm-jobs", headers={"Idempotency-Key": "once"}, **sent) for _ in range(2))
    assert first.json()["id"] == second.json()["id"]
    assert second["Idempotency-Replayed"] == "true"
    assert LLMJob.objects.count() == 1


def test_a_request_that_is_sent_again_after_a_crash_finds_the_job_it_had_made(api: Client, books: list[Any]) -> None:
    sent = json_body(purpose="flag", scope={"all": True})
    first = api.post("/api/llm-jobs", headers={"Idempotency-Key": "once"}, **sent)
    # As a server leaves it that dies between making the job and keeping its answer.
    IdempotentRequest.objects.update(status=None, body=None, lease_until="2020-01-01T00:00Z")

    again = api.post("/api/llm-jobs", headers={"Idempotency-Key": "once"}, **sent)

    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert LLMJob.objects.count() == 1


def test_creating_costs_the_same_however_many_targets_there_are(api: Client, owner: Any, django_assert_max_num_queries: Any) -> None:
    know_models()
    make_books(2_000, owner)
    ids = [str(one) for one in owner.books.values_list("public_id", flat=True)]
    for scope in ({"all": True}, {"filters": {"title": "Book"}}, {"ids": ids}):
        with django_assert_max_num_queries(20):
            assert create(api, scope=scope).json()["total_items"] == 2_000
    assert not LLMJobItem.objects.exists()


def test_the_aggregates_have_the_first_designs_names_and_a_job_with_failures_says_so(api: Client, owner: Any) -> None:
    job = make_ended_job(owner)

    body = api.get(f"/api/llm-jobs/{job.pk}").json()

    assert (body["status"], body["completed_with_failures"], body["detail"]) == ("completed", True, "1 of 3 items failed")
    counts = body["aggregates"]
    assert [counts[name] for name in ("total", "submitted", "processed", "succeeded", "failed", "flagged")] == [3, 3, 3, 2, 1, 1]
    assert counts["input_tokens"] == sum(item.input_tokens for item in items_of(job)) > 0
    cost = sum(item.cost for item in items_of(job))
    assert counts["cost_usd"] == f"{cost / 1_000_000:.6f}" != "0.000000"
    assert body["forecast_end"] is None


def test_it_forecasts_the_end_of_what_is_under_way(api: Client, owner: Any) -> None:
    job = make_sent_job(4, owner=owner)
    [first, *_] = items_of(job)
    apply_results(job.pk, {first.pk: answer(first.provider_task_id)})
    assert api.get(f"/api/llm-jobs/{job.pk}").json()["forecast_end"] > job.submitted_at.isoformat()


def test_the_list_has_what_goes_on_and_the_rest_if_one_asks(api: Client, owner: Any) -> None:
    ended, running = make_ended_job(owner), make_job(owner=owner)
    make_job()  # of somebody else

    def listed(query: str = "") -> list[str]:
        return [job["id"] for job in api.get(f"/api/llm-jobs{query}").json()["results"]]

    assert listed() == listed("?include_completed=false") == [str(running.pk)]
    assert listed("?include_completed=true") == listed("?includeCompleted=true") == [str(running.pk), str(ended.pk)]
    assert listed("?purpose=genres") == []
    assert listed("?include_completed=true&unseen_change=true") == [str(ended.pk)]


def test_the_list_has_fifteen_and_fifty_at_most(api: Client, owner: Any, books: list[Any]) -> None:
    LLMJob.objects.bulk_create(LLMJob(owner=owner, label=str(number), purpose="flag", template="") for number in range(52))
    first = api.get("/api/llm-jobs").json()
    assert len(first["results"]) == 15
    assert len(api.get(first["next"]).json()["results"]) == 15
    assert len(api.get("/api/llm-jobs?limit=1").json()["results"]) == 1
    assert len(api.get("/api/llm-jobs?limit=400").json()["results"]) == 50


def test_a_deleted_job_is_gone_and_stopped(api: Client, owner: Any) -> None:
    job = make_sent_job(2, owner=owner)

    assert api.delete(f"/api/llm-jobs/{job.pk}").status_code == 204

    assert api.get(f"/api/llm-jobs/{job.pk}").status_code == 404
    assert api.get("/api/llm-jobs?include_completed=true").json()["results"] == []
    assert {item.state for item in items_of(job)} == {State.CANCELLED}


def test_pausing_resuming_and_cancelling_say_whether_they_did_anything(api: Client, owner: Any) -> None:
    job = make_rendered_job(2, owner=owner)

    def asked(what: str) -> Any:
        return api.post(f"/api/llm-jobs/{job.pk}/{what}", **json_body()).json()

    assert [asked("pause"), asked("pause")] == [{"paused": True}, {"paused": False}]
    assert [asked("resume"), asked("resume")] == [{"resumed": True}, {"resumed": False}]
    assert [asked("cancel"), asked("cancel")] == [{"cancelled": True}, {"cancelled": False}]
    assert [item.status for item in items_of(job)] == ["skipped", "skipped"]


def test_failed_items_are_sent_round_again_all_or_chosen_ones(api: Client, owner: Any) -> None:
    job = make_ended_job(owner)
    numbers = [item.number for item in items_of(job)]

    chosen = api.post(f"/api/llm-jobs/{job.pk}/retry-items", **json_body(numbers=numbers)).json()
    assert chosen == {"retried": 1}
    assert [item.status for item in items_of(job)] == ["succeeded", "succeeded", "queued"]
    assert api.post(f"/api/llm-jobs/{job.pk}/retry", **json_body()).json() == {"retried": 0}
    assert api.get(f"/api/llm-jobs/{job.pk}").json()["status"] == "running"


def test_targets_are_appended_until_something_was_sent(api: Client, owner: Any) -> None:
    job = make_rendered_job(2, owner=owner)
    [more] = make_books(1, owner)

    def append() -> Any:
        return api.post(f"/api/llm-jobs/{job.pk}/append-items", **json_body(scope={"ids": [str(more.public_id)]}))

    assert append().json() == {"appended": 1}
    LLMJob.objects.filter(pk=job.pk).update(submitted_at="2026-01-01T00:00Z")
    refused = append()
    assert (refused.status_code, refused.json()["code"]) == (409, "not_appendable")
    nothing = api.post(f"/api/llm-jobs/{job.pk}/append-items", **json_body(scope={"filters": {"title": "no such"}}))
    assert list(errors_of(nothing)) == ["scope"]


def test_a_clone_is_a_new_job_about_the_same(api: Client, owner: Any) -> None:
    job = make_ended_job(owner)

    made = api.post(f"/api/llm-jobs/{job.pk}/clone", **json_body(label="Once more"))

    assert made.status_code == 202
    assert made.json()["id"] != str(job.pk)
    assert (made.json()["label"], made.json()["total_items"], made.json()["asks"][0]["model"]) == ("Once more", 3, RESPONSES["model"])


def test_a_clone_is_made_once_however_often_its_server_crashes(api: Client, owner: Any) -> None:
    job = make_ended_job(owner)
    first = api.post(f"/api/llm-jobs/{job.pk}/clone", headers={"Idempotency-Key": "once"}, **json_body(label="Once more"))
    IdempotentRequest.objects.update(status=None, body=None, lease_until="2020-01-01T00:00Z")

    again = api.post(f"/api/llm-jobs/{job.pk}/clone", headers={"Idempotency-Key": "once"}, **json_body(label="Once more"))

    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert LLMJob.objects.count() == 2


def test_cap_and_priority_can_be_changed(api: Client, owner: Any) -> None:
    job = make_job(owner=owner)

    changed = api.patch(f"/api/llm-jobs/{job.pk}", **json_body(cap_usd="0.75", priority=5)).json()
    assert (changed["cap_usd"], changed["priority"]) == ("0.750000", 5)
    assert api.patch(f"/api/llm-jobs/{job.pk}", **json_body(cap_usd=None)).json()["cap_usd"] is None
    job.refresh_from_db()
    assert (job.cap, job.priority) == (None, 5)
    assert list(errors_of(api.patch(f"/api/llm-jobs/{job.pk}", **json_body()))) == ["non_field_errors"]


def test_the_badge_counts_what_has_changed_until_it_is_seen(api: Client, owner: Any) -> None:
    job = make_ended_job(owner)
    assert api.get("/api/llm-jobs/unseen-count").json() == {"unseen": 1}
    assert api.post(f"/api/llm-jobs/{job.pk}/mark-seen", **json_body()).status_code == 204
    assert api.get("/api/llm-jobs/unseen-count").json() == {"unseen": 0}


def test_the_events_tell_its_story_after_a_number(api: Client, owner: Any) -> None:
    job = make_ended_job(owner)
    told = api.get(f"/api/llm-jobs/{job.pk}/events").json()
    kinds = [event["kind"] for event in told["events"]]
    assert (kinds[0], kinds[-1]) == ("created", "ended")
    assert told["last_seq"] == job.last_seq
    assert api.get(f"/api/llm-jobs/{job.pk}/events?after={job.last_seq}").json()["events"] == []
    assert api.get(f"/api/llm-jobs/{job.pk}/events?after=soon").status_code == 400


def test_what_was_spent_is_told_per_day_and_owner(api: Client, owner: Any) -> None:
    make_sent_job(2, owner=owner)
    spend = api.get("/api/llm-jobs/spend").json()
    held = Account.objects.get(scope__startswith=f"owner:{owner.pk}:").held
    assert spend["held_usd"] == f"{held / 1_000_000:.6f}" != "0.000000"
    assert float(spend["left_usd"]) == pytest.approx(float(spend["cap_usd"]) - float(spend["held_usd"]))
    assert client_of(make_user()).get("/api/llm-jobs/spend").json()["held_usd"] == "0.000000"


def test_a_job_that_never_was_is_not_found(api: Client) -> None:
    for what in ("", "/items", "/proposals", "/events"):
        assert api.get(f"/api/llm-jobs/{uuid.uuid4()}{what}").status_code == 404
