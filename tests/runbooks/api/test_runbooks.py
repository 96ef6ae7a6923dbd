"""Runbooks as resources: lists, the whole document, versions, prices, decisions, refreshes, deletion, export and print."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bookops.runs import State
from runbooks.evaluating import rescore
from runbooks.models import Comparable, Copy, EvalRunbook, Execution
from runbooks.versions import document_of
from tests.api.clients import body_of, json_body, make_user
from tests.runbooks.api.routes import make_photo
from tests.runbooks.evaluated import make_copy, make_listing, make_runbook, make_valued
from tests.runbooks.factories import make_execution, make_step

SIXTY = {"binding": "cloth"}
FORMULA = '=HYPERLINK("https://evil.example")'
SCRIPT = "<script>alert(1)</script>"


def at(runbook: EvalRunbook, rest: str = "") -> str:
    """Return an address of a runbook."""
    return f"/api/runbooks/{runbook.public_id}{rest}"


def patch(api: Client, path: str, **values: Any) -> Any:
    """Send a change."""
    return api.patch(path, **json_body(**values))


def test_the_whole_one_is_the_document(api: Client, owner: Any) -> None:
    runbook = make_valued(180, 220, owner=owner)
    body = api.get(at(runbook)).json()
    assert body == document_of(runbook)
    assert {"total_score", "score_breakdown", "recommendation", "recommendation_tier", "price_position", "fmv_low", "comparables"} <= set(
        body
    )


def test_the_list_is_filtered(api: Client, owner: Any) -> None:
    cheap, dear = make_valued(180, 220, owner=owner, asking=100), make_valued(180, 220, owner=owner, asking=900)
    EvalRunbook.objects.filter(pk=dear.pk).update(partial=True, decision="PASS")
    Copy.objects.filter(pk=cheap.copy_id).update(status="ON_HAND", purchase_price=1)
    make_step(make_execution(owner, runbook=dear), "abebooks_fmv", state=State.PARKED)
    make_valued(180, 220, owner=make_user())

    def found(query: str) -> set[str]:
        return {one["id"] for one in api.get(f"/api/runbooks?{query}").json()["results"]}

    both = {str(cheap.public_id), str(dear.public_id)}
    assert found("") == found("q=moonstone") == both
    for query in ("position=POOR", f"tier={dear.recommendation_tier}&position=POOR", "partial=true", "parked=true", "decided=true"):
        assert found(query) == {str(dear.public_id)}, query
    for query in ("position=EXCELLENT", "status=ON_HAND", "parked=false", "decided=false", "partial=false"):
        assert found(query) == {str(cheap.public_id)}, query
    assert api.get("/api/runbooks?tier=MAYBE").status_code == 400


def test_the_list_costs_the_same_with_more_runbooks(api: Client, owner: Any) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert api.get("/api/runbooks").status_code == 200
        return len(asked)

    make_runbook(owner)
    few = queries()
    for _ in range(4):
        make_runbook(owner)
    assert queries() == few


def test_a_new_price_tells_what_it_did(api: Client, owner: Any) -> None:
    runbook = make_valued(180, 220, owner=owner, subject=SIXTY)
    body = patch(api, at(runbook, "/price"), new_price="140.00", discount_code="SPRING", notes="asked nicely").json()
    assert (body["previous_price"], body["new_price"]) == ("275.00", "140.00")
    assert (body["score_before"], body["score_after"]) == (60, 80)
    assert (body["recommendation_before"], body["recommendation_after"]) == ("PASS", "ACQUIRE")
    runbook.refresh_from_db()
    assert body["runbook"] == document_of(runbook)
    assert (body["runbook"]["current_asking_price"], body["runbook"]["discount_code"]) == ("140.00", "SPRING")
    [change] = api.get(at(runbook, "/history")).json()["history"]
    assert (change["notes"], change["changed_by"]) == ("asked nicely", owner.username)


@pytest.mark.parametrize("price", ["-1", "free", "NaN", "1e9", "1.234"])
def test_a_price_that_is_none_is_refused(api: Client, owner: Any, price: str) -> None:
    runbook = make_valued(180, 220, owner=owner)
    assert patch(api, at(runbook, "/price"), new_price=price).status_code == 400
    assert api.get(at(runbook, "/history")).json() == {"history": []}


def test_no_price_is_a_price(api: Client, owner: Any) -> None:
    runbook = make_valued(180, 220, owner=owner)
    assert patch(api, at(runbook, "/price"), new_price=None).json()["runbook"]["current_asking_price"] is None


def test_what_if_changes_nothing(api: Client, owner: Any) -> None:
    runbook = make_valued(180, 220, owner=owner, subject=SIXTY)
    before = document_of(runbook)
    body = api.get(at(runbook, "/what-if?price=140")).json()
    assert (body["before"]["total_score"], body["after"]["total_score"], body["flips"]) == (60, 80, True)
    runbook.refresh_from_db()
    assert document_of(runbook) == before
    for query in ("", "?price=free", "?price=NaN", "?price=-1", "?price=1e99"):
        assert api.get(at(runbook, f"/what-if{query}")).status_code == 400, query


def test_each_change_is_a_version(api: Client, owner: Any) -> None:
    runbook = make_valued(180, 220, owner=owner)
    patch(api, at(runbook, "/price"), new_price="140.00")
    versions = api.get(at(runbook, "/versions")).json()["versions"]
    assert versions[0]["cause"] == "price"
    assert versions[0]["by"] == owner.username
    first = api.get(at(runbook, "/versions/1")).json()
    assert (first["number"], first["document"]["current_asking_price"]) == (1, "275.00")
    assert api.get(at(runbook, "/versions/99")).status_code == 404


def test_a_decision_stands_beside_the_recommendation(api: Client, owner: Any) -> None:
    runbook = make_valued(180, 220, owner=owner)
    body = patch(api, at(runbook, "/decision"), decision="STRONG_BUY", reason="The missing volume.").json()
    assert (body["decision"], body["decision_reason"], body["decided_by"]) == ("STRONG_BUY", "The missing volume.", owner.username)
    assert body["recommendation_tier"] == runbook.recommendation_tier
    assert patch(api, at(runbook, "/decision"), decision="PASS").json()["errors"][0]["field"] == "reason"
    assert patch(api, at(runbook, "/decision"), decision="MAYBE", reason="?").status_code == 400


def test_a_refresh_is_another_execution_of_the_same_listing(api: Client, owner: Any) -> None:
    runbook = make_valued(180, 220, owner=owner)
    answers = [api.post(at(runbook, "/refresh")) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    execution = Execution.objects.get()
    assert {answer.json()["execution_id"] for answer in answers} == {str(execution.pk)}
    assert (execution.cause, execution.listing) == ("refresh", runbook.copy.listing)


def test_it_is_deleted_with_its_copy(api: Client, owner: Any) -> None:
    runbook = make_valued(180, 220, owner=owner)
    assert api.delete(at(runbook)).status_code == 204
    assert not EvalRunbook.objects.exists() and not Comparable.objects.exists()
    assert Copy.objects.get().status == "REMOVED"
    assert api.get(at(runbook)).status_code == 404


def test_what_is_owned_keeps_its_runbook(api: Client, owner: Any) -> None:
    runbook = make_runbook(owner)
    Copy.objects.update(status="ON_HAND", purchase_price=1)
    answer = api.delete(at(runbook))
    assert (answer.status_code, answer.json()["code"]) == (409, "copy_is_owned")
    assert EvalRunbook.objects.exists()


def test_the_csv_runs_nothing_in_a_spreadsheet(api: Client, owner: Any) -> None:
    make_valued(180, 220, owner=owner, copy=make_copy(owner, title=FORMULA, author="+44", listing=make_listing(owner)))
    make_valued(100, owner=owner)
    answer = api.get("/api/runbooks.csv")
    rows = list(csv.DictReader(io.StringIO(body_of(answer).decode())))
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert [row["title"] for row in rows] == [f"'{FORMULA}", "The Moonstone"]
    assert (rows[0]["author"], rows[0]["fmv_mid_usd"], rows[0]["asking_usd"]) == ("'+44", "200.00", "275.00")
    assert len(list(csv.DictReader(io.StringIO(body_of(api.get("/api/runbooks.csv?q=moonstone")).decode())))) == 1


def test_the_page_shows_all_and_runs_nothing(api: Client, owner: Any) -> None:
    runbook = make_valued(180, 220, owner=owner, copy=make_copy(owner, title=SCRIPT, listing=make_listing(owner, title=SCRIPT)))
    photo = make_photo(runbook.copy.listing)
    EvalRunbook.objects.update(critical_issues=[{"text": SCRIPT, "images": []}], partial=True, missing=["abebooks_fmv"])
    answer = api.get(at(runbook, "/print"))
    page = answer.content.decode()
    assert answer["Content-Type"] == "text/html; charset=utf-8"
    assert "'unsafe-inline'" not in answer["Content-Security-Policy"] and "default-src 'none'" in answer["Content-Security-Policy"]
    assert SCRIPT not in page and "&lt;script&gt;" in page
    for shown in (
        "$200.00",
        "abebooks_fmv is missing",
        f"/api/photos/{photo.public_id}?size=small",
        "First score",
        "The Moonstone, 3 volumes",
    ):
        assert shown in page, shown


def test_a_print_says_which_source_is_off_and_why_another_failed(api: Client, owner: Any) -> None:
    steps = {
        "claude_analysis": {"status": "COMPLETED", "run": 1},
        "ebay_fmv": {"status": "FAILED", "run": 1, "reason": "quota_day", "why": ""},
        "abebooks_fmv": {"status": "SKIPPED", "run": 1, "why": "It is switched off."},
    }
    runbook = make_runbook(owner, provenance={"steps": steps})
    page = api.get(at(runbook, "/print")).content.decode()
    assert "ebay_fmv, failed: quota_day" in page
    assert "abebooks_fmv, skipped: It is switched off." in page
    assert "claude_analysis" not in page


def test_a_runbook_without_anything_can_be_printed(api: Client, owner: Any) -> None:
    runbook = make_runbook(owner, asking=None, copy=make_copy(owner))
    rescore(runbook, cause="rescore")
    page = api.get(at(runbook, "/print")).content.decode()
    assert "insufficient data" in page
    assert "<i>no data:</i>" in page
    assert Decimal(0) == (runbook.fmv_mid or 0)
