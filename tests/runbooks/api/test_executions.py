"""GET …/status of an evaluation, its list and its deeds, by the first design's field names."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bookops.runs import State
from runbooks.models import StepRun
from runbooks.plan import SHOWN
from tests.api.clients import json_body, make_user
from tests.runbooks.api.finishing import save_runbook_of
from tests.runbooks.factories import make_execution, make_step

SIX = ["fetch_listing", "download_images", "claude_analysis", "ebay_fmv", "abebooks_fmv", "assemble"]


def post(api: Client, path: str = "/api/books/import-ebay", headers: dict[str, str] | None = None, **values: Any) -> Any:
    """Send JSON."""
    return api.post(path, **json_body(**values), headers=headers or {})


def test_the_status_has_the_first_designs_shape(api: Client, owner: Any) -> None:
    execution = make_execution(owner)
    for name, state in {"fetch_listing": State.SUCCEEDED, "download_images": State.SUCCEEDED, "claude_analysis": State.RUNNING,
                        "ebay_fmv": State.SUCCEEDED, "abebooks_fmv": State.PARKED}.items():  # fmt: skip
        make_step(execution, name, state=state, progress="3/19 images" if name == "claude_analysis" else "")
    answer = api.get(f"/api/books/import/{execution.pk}/status")
    body = answer.json()
    assert list(body)[:4] == ["status", "progress", "book_id", "error"]
    assert (body["status"], body["book_id"], body["error"]) == ("RUNNING", None, None)
    assert list(body["progress"]) == SIX == list(SHOWN)
    assert list(body["progress"].values()) == ["COMPLETED", "COMPLETED", "RUNNING", "COMPLETED", "PARKED", "PENDING"]
    assert answer["Retry-After"]
    assert {step["step"]: step["progress"] for step in body["steps"]}["claude_analysis"] == "3/19 images"
    assert {step["step"]: bool(step["until"]) for step in body["steps"]}["abebooks_fmv"]


def test_the_status_names_the_book_when_it_is_complete(api: Client, owner: Any) -> None:
    execution = make_execution(owner)
    runbook = save_runbook_of(execution)
    answer = api.get(f"/api/books/import/{execution.pk}/status")
    body = answer.json()
    assert (body["status"], body["book_id"], body["error"]) == ("SUCCEEDED", str(runbook.copy.book.public_id), None)
    assert body["runbook_id"] == str(runbook.public_id)
    assert "Retry-After" not in answer


@pytest.mark.parametrize(
    ("state", "detail", "error"), [(State.FAILED, "Paste it.", "Paste it."), (State.CANCELLED, "", "It was cancelled.")]
)
def test_the_status_of_what_came_to_nothing_says_why(api: Client, owner: Any, state: State, detail: str, error: str) -> None:
    execution = make_execution(owner, state=state, detail=detail)
    body = api.get(f"/api/books/import/{execution.pk}/status").json()
    assert (body["status"], body["book_id"], body["error"]) == ("FAILED", None, error)


def test_a_step_is_retried_with_a_variant(api: Client, owner: Any) -> None:
    execution = make_execution(owner)
    save_runbook_of(execution)
    make_step(execution, "ebay_fmv", state=State.FAILED)
    answer = post(api, f"/api/books/import/{execution.pk}/steps/ebay_fmv/retry", variant={"query": "moonstone tinsley"})
    assert answer.status_code == 200
    assert (answer.json()["run"], answer.json()["status"]) == (2, "PENDING")
    runs = execution.steps.filter(name="ebay_fmv").order_by("number")
    assert [(run.is_current, run.variant) for run in runs] == [(False, {}), (True, {"query": "moonstone tinsley"})]


@pytest.mark.parametrize(("step", "status"), [("ebay_fmv", 409), ("assemble", 409), ("magic", 404)])
def test_a_step_that_is_at_work_or_never_ran_is_not_retried(api: Client, owner: Any, step: str, status: int) -> None:
    execution = make_execution(owner)
    make_step(execution, "ebay_fmv", state=State.RUNNING)
    assert post(api, f"/api/books/import/{execution.pk}/steps/{step}/retry").status_code == status


def test_every_failed_step_is_retried(api: Client, owner: Any) -> None:
    execution = make_execution(owner, state=State.FAILED)
    make_step(execution, "fetch_listing", state=State.DEAD)
    assert post(api, f"/api/books/import/{execution.pk}/retry").json() == {"retried": 1}
    assert StepRun.objects.get(execution=execution, is_current=True).number == 2


def test_it_is_cancelled_once(api: Client, owner: Any) -> None:
    execution = make_execution(owner)
    answers = [post(api, f"/api/books/import/{execution.pk}/cancel").json() for _ in range(2)]
    assert answers == [{"cancelled": True}, {"cancelled": False}]


def test_the_events_are_the_websockets_messages(api: Client, owner: Any) -> None:
    execution = make_execution(owner)
    execution.record("step", step="claude_analysis", status="running", progress="3/19 images")
    execution.record("step", step="claude_analysis", status="completed")
    body = api.get(f"/api/books/import/{execution.pk}/events?after=0").json()
    first = body["events"][0]
    assert (first["step"], first["status"], first["progress"], first["seq"]) == ("claude_analysis", "running", "3/19 images", 1)
    assert body["last_seq"] == 2
    assert api.get(f"/api/books/import/{execution.pk}/events?after=2").json() == {"events": [], "last_seq": 2}
    assert api.get(f"/api/books/import/{execution.pk}/events?after=x").status_code == 400


def test_the_list_tells_what_each_step_cost(api: Client, owner: Any) -> None:
    execution = make_execution(owner)
    make_step(
        execution, "claude_analysis", number=1, is_current=False, state=State.FAILED, cost=10_000, input_tokens=5, calls={"claude": 1}
    )
    make_step(execution, "claude_analysis", number=2, state=State.SUCCEEDED, cost=24_310, input_tokens=7, calls={"claude": 2})
    make_execution(make_user())
    [found] = api.get("/api/books/import").json()["results"]
    assert (found["execution_id"], found["cost_usd"]) == (str(execution.pk), "0.034310")
    told = found["cost_by_step"]["claude_analysis"]
    assert (told["cost_usd"], told["input_tokens"], told["calls"]) == ("0.034310", 12, 3)
    detail = api.get(f"/api/books/import/{execution.pk}").json()
    assert [(run["run"], run["is_current"]) for run in detail["steps"]] == [(1, False), (2, True)]


def test_the_list_costs_the_same_with_more_executions(api: Client, owner: Any) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert api.get("/api/books/import").status_code == 200
        return len(asked)

    make_step(make_execution(owner, state=State.FAILED))
    few = queries()
    for _ in range(5):
        make_step(make_execution(owner, state=State.FAILED))
    assert queries() == few


def test_the_list_is_filtered(api: Client, owner: Any) -> None:
    parked = make_execution(owner)
    make_step(parked, "ebay_fmv", state=State.PARKED)
    make_execution(owner, state=State.FAILED, cause="bulk")
    assert [one["execution_id"] for one in api.get("/api/books/import?parked=true").json()["results"]] == [str(parked.pk)]
    assert len(api.get("/api/books/import?parked=false").json()["results"]) == 1
    assert len(api.get("/api/books/import?state=failed&cause=bulk").json()["results"]) == 1
    assert api.get("/api/books/import?state=elsewhere").status_code == 400
