"""Bulk imports through the API: the forecast before, the list, its counts, stopping and going on."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from bookops.spend import Budget
from runbooks.bulk import advance_bulk
from runbooks.models import BulkImport, Execution
from tests.api.clients import json_body

LINKS = ["https://www.ebay.com/itm/256712345678", "256712345679", "https://www.amazon.com/dp/1", "https://www.ebay.de/itm/256712345678"]


def test_the_forecast_comes_first_and_begins_nothing(api: Client, owner: Any, settings: Any) -> None:
    settings.EBAY_PER_DAY, settings.EBAY_CLIENT_ID = 10, ""
    wanted = json_body(text="\n".join(str(256_712_345_600 + one) for one in range(10)))
    body = api.post("/api/bulk-imports/forecast", **wanted).json()
    assert (body["listings"], body["calls"], body["calls_a_day"]) == (10, 30, 9)
    assert body["days"] == 4
    Budget.objects.create(owner=owner, dollars_per_day=Decimal("0.05"))
    assert api.post("/api/bulk-imports/forecast", **wanted).json()["days"] == 6
    assert not BulkImport.objects.exists()


@pytest.mark.parametrize("how", ["links", "text", "file"])
def test_a_list_is_taken_in_and_each_line_that_is_no_listing_told(api: Client, owner: Any, how: str) -> None:
    text = "\n".join(LINKS)
    sent: Any = {"links": lambda: json_body(links=LINKS), "text": lambda: json_body(text=text),
                 "file": lambda: {"data": {"file": SimpleUploadedFile("links.csv", f"url\n{text}".encode())}}}[how]()  # fmt: skip
    answer = api.post("/api/bulk-imports", **sent)
    body = answer.json()
    first = 2 if how == "file" else 1
    assert answer.status_code == 202
    assert (body["total"], body["forecast"]["listings"], body["counts"]["waiting"]) == (2, 2, 2)
    assert [line["line"] for line in body["refused"]] == [first + 2, first + 3]
    assert BulkImport.objects.get(owner=owner).filename == ("links.csv" if how == "file" else "")


@pytest.mark.parametrize(
    "sent", [{}, {"links": LINKS, "text": "x"}, {"links": []}, {"text": "nothing"}, {"links": LINKS, "tolerated_failures": 2}]
)
def test_a_list_that_is_none_is_refused(api: Client, sent: dict[str, Any]) -> None:
    answer = api.post("/api/bulk-imports", **json_body(**sent))
    assert answer.status_code in (400, 422)
    assert answer["Content-Type"] == "application/problem+json"
    assert not BulkImport.objects.exists()


def test_its_evaluations_are_listed_and_it_is_cancelled_with_them(api: Client) -> None:
    bulk = api.post("/api/bulk-imports", **json_body(links=LINKS)).json()["id"]
    advance_bulk(bulk)
    assert len(api.get(f"/api/books/import?bulk={bulk}").json()["results"]) == 2
    assert api.get(f"/api/bulk-imports/{bulk}").json()["counts"]["at_work"] == 2
    assert api.post(f"/api/bulk-imports/{bulk}/cancel").json() == {"cancelled": True}
    assert not Execution.objects.active().exists()


def test_what_failed_takes_its_turn_again(api: Client) -> None:
    bulk = api.post("/api/bulk-imports", **json_body(links=LINKS)).json()["id"]
    advance_bulk(bulk)
    Execution.objects.filter(listing_key="ebay:256712345678").update(state="failed")
    advance_bulk(bulk)
    assert api.get(f"/api/bulk-imports/{bulk}").json()["counts"]["failed"] == 1
    assert api.post(f"/api/bulk-imports/{bulk}/retry").json() == {"retried": 1}


def test_a_key_sent_twice_is_one_bulk_import(api: Client) -> None:
    answers = [api.post("/api/bulk-imports", **json_body(links=LINKS), headers={"Idempotency-Key": "a"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert BulkImport.objects.count() == 1
