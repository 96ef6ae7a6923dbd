"""Comparables through the API: entered, uploaded, pasted, judged, deleted."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from runbooks.models import Comparable, EvalRunbook
from tests.api.clients import json_body
from tests.runbooks.evaluated import make_valued


@pytest.fixture
def runbook(owner: Any) -> EvalRunbook:
    """A runbook whose value is 200, of two sales."""
    return make_valued(180, 220, owner=owner)


def at(runbook: EvalRunbook, rest: str = "") -> str:
    """Return an address of its comparables."""
    return f"/api/runbooks/{runbook.public_id}/comparables{rest}"


def test_one_is_entered_and_judged_by_the_code(api: Client, runbook: EvalRunbook) -> None:
    entry = {
        "title": "The Moonstone, 3 volumes",
        "author": "Wilkie Collins",
        "price": "480.00",
        "currency": "USD",
        "basis": "sold",
        "at": "2025-03-14",
    }
    answer = api.post(at(runbook), **json_body(**entry, source="Forum", binding="half calf", url="https://forum.example/1"))
    body = answer.json()
    assert answer.status_code == 201
    assert (body["origin"], body["amount"], body["usd"], body["relevance"]) == ("manual", "480.00", "480.00", "high")
    assert (body["author"], bool(body["relevance_why"])) == ("Wilkie Collins", True)
    runbook.refresh_from_db()
    assert runbook.fmv_count == 3
    assert len(api.get(at(runbook)).json()["comparables"]) == 3


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"price": "0"}, "price"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"basis": "hoped"}, "basis"),
        ({"titel": "x"}, "titel"),
        ({"title": ""}, "title"),
    ],
)
def test_what_is_none_is_named(api: Client, runbook: EvalRunbook, wrong: dict[str, str], field: str) -> None:
    answer = api.post(at(runbook), **json_body(**{"title": "The Moonstone", "price": "5"} | wrong))
    assert answer.status_code == 400
    assert field in [error["field"] for error in answer.json()["errors"]]
    assert Comparable.objects.count() == 2


def test_a_file_tells_of_each_line_that_it_refuses(api: Client, runbook: EvalRunbook) -> None:
    content = b"title,price,shelf\nThe Moonstone 3 vols,310,A\nThe Moonstone,dear,B\n"
    body = api.post(at(runbook, "/csv"), {"file": SimpleUploadedFile("c.csv", content), "basis": "sold"}).json()
    assert [one["basis"] for one in body["added"]] == ["sold"]
    assert [(line["line"], line["column"]) for line in body["refused"]] == [(3, "price")]
    assert body["ignored"] == ["shelf"]
    again = api.post(at(runbook, "/csv"), {"file": SimpleUploadedFile("c.csv", content), "basis": "sold"}).json()
    assert (again["added"], again["already_there"]) == ([], 1)


@pytest.mark.parametrize("content", [b"PK\x03\x04", b"\xff\x00", b"a,b\n1,2\n", b"\n"])
def test_a_file_that_is_no_table_is_refused_whole(api: Client, runbook: EvalRunbook, content: bytes) -> None:
    answer = api.post(at(runbook, "/csv"), {"file": SimpleUploadedFile("c.csv", content)})
    assert (answer.status_code, answer.json()["code"]) == (422, "table_refused")


def test_lines_are_pasted(api: Client, runbook: EvalRunbook) -> None:
    body = api.post(at(runbook, "/paste"), **json_body(text="The Moonstone 3 vols, sold $310\nno price here")).json()
    assert [(one["amount"], one["basis"]) for one in body["added"]] == [("310.00", "sold")]
    assert [line["line"] for line in body["refused"]] == [2]


def test_what_a_person_says_changes_the_value_at_once(api: Client, runbook: EvalRunbook) -> None:
    one = runbook.comparables.get(amount=220)
    path = at(runbook, f"/{one.public_id}")

    def say(**values: Any) -> Any:
        answer = api.patch(path, **json_body(**values))
        assert answer.status_code == 200, answer.json()
        runbook.refresh_from_db()
        return answer.json()

    assert say(adjustments={"binding": 50}, why="Ours is in half leather.")["adjustments"]["binding"] == 50
    assert str(runbook.fmv_low) == "110.00"
    assert say(adjustments={"binding": None}, why="It is not.")["adjustments"] == {}
    body = say(excluded=True, why="An ex-library copy.")
    assert body["excluded"] and "An ex-library copy." in body["excluded_why"]
    assert str(runbook.fmv_mid) == "180.00"
    assert say(excluded=False, relevance="low", why="After all.")["computed_relevance"] == "high"
    assert api.get(path).json()["relevance"] == "low"


@pytest.mark.parametrize(
    "said",
    [
        {"excluded": True},
        {"why": "Because."},
        {"relevance": "huge", "why": "."},
        {"adjustments": {"mood": 5}, "why": "."},
        {"adjustments": {"binding": 0}, "why": "."},
    ],
)
def test_what_cannot_be_said_is_refused(api: Client, runbook: EvalRunbook, said: dict[str, Any]) -> None:
    one = runbook.comparables.get(amount=220)
    assert api.patch(at(runbook, f"/{one.public_id}"), **json_body(**said)).status_code == 400
    assert runbook.versions.count() == 1 or runbook.versions.first().cause == "execution"


def test_of_two_things_that_are_said_at_once_both_are_kept_or_none(api: Client, runbook: EvalRunbook) -> None:
    one = runbook.comparables.get(amount=220)
    answer = api.patch(at(runbook, f"/{one.public_id}"), **json_body(relevance="low", adjustments={"binding": 99_99}, why="."))
    assert answer.status_code == 400
    one.refresh_from_db()
    assert one.relevance == "high"


def test_only_what_was_entered_is_deleted(api: Client, runbook: EvalRunbook) -> None:
    entered = api.post(at(runbook), **json_body(title="The Moonstone", price="5")).json()["id"]
    fetched = runbook.comparables.get(amount=220).public_id
    assert api.delete(at(runbook, f"/{entered}")).status_code == 204
    assert (api.delete(at(runbook, f"/{fetched}")).status_code, Comparable.objects.count()) == (409, 2)


def test_a_comparable_is_found_under_its_own_runbook_only(api: Client, owner: Any, runbook: EvalRunbook) -> None:
    other = make_valued(5, owner=owner)
    assert api.get(at(other, f"/{runbook.comparables.first().public_id}")).status_code == 404
