"""Copies, photos, the ledger and wishes through the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from runbooks.models import AuthorTier, LedgerEntry
from tests.api.clients import json_body, make_user
from tests.runbooks.api.routes import make_photo
from tests.runbooks.evaluated import make_valued

BOUGHT = {"purchase_price": "150.00", "purchase_date": "2024-11-01", "order_number": "12-3", "place_of_purchase": "eBay"}


def test_a_copy_is_acquired_received_and_removed(api: Client, owner: Any) -> None:
    copy = make_valued(180, 220, owner=owner).copy
    path = f"/api/copies/{copy.public_id}"
    bought = api.post(f"{path}/acquire", **json_body(**BOUGHT)).json()
    assert (bought["status"], bought["purchase_price"], bought["discount_pct"], bought["roi_pct"]) == (
        "IN_TRANSIT",
        "150.00",
        "25.00",
        "33.33",
    )
    assert bought["scoring_snapshot"]["fmv_at_purchase"] == {"low": "180.00", "mid": "200.00", "high": "220.00"}
    assert api.post(f"{path}/receive").json()["status"] == "ON_HAND"
    removed = api.post(f"{path}/remove").json()
    assert (removed["status"], removed["runbook_id"]) == ("REMOVED", None)
    assert [entry["amount"] for entry in api.get("/api/ledger").json()["results"]] == ["150.00"]
    assert [one["status"] for one in api.get("/api/copies?status=REMOVED").json()["results"]] == ["REMOVED"]


def test_only_what_is_evaluated_is_acquired(api: Client, owner: Any) -> None:
    copy = make_valued(180, 220, owner=owner).copy
    answers = [api.post(f"/api/copies/{copy.public_id}/acquire", **json_body(**BOUGHT)) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 400]
    assert answers[1].json()["code"] == "wrong_status"


@pytest.mark.parametrize(
    "wrong",
    [
        {"purchase_price": "-1"},
        {"purchase_date": "soon"},
        {"purchase_date": "2999-01-01"},
        {"tracking": "x" * 201},
        {"purchase_price": None},
    ],
)
def test_what_is_no_purchase_is_refused(api: Client, owner: Any, wrong: dict[str, Any]) -> None:
    copy = make_valued(180, 220, owner=owner).copy
    answer = api.post(f"/api/copies/{copy.public_id}/acquire", **json_body(**BOUGHT | wrong))
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (400, list(wrong))


def test_a_photo_is_given_out_as_the_picture_that_we_wrote(api: Client, owner: Any) -> None:
    photo = make_photo(make_valued(5, owner=owner).copy.listing)
    for query, content in (("", b"key"), ("?size=small", b"thumbnail_key"), ("?size=reduced", b"reduced_key"), ("?size=../x", b"key")):
        answer = api.get(f"/api/photos/{photo.public_id}{query}")
        assert (answer.status_code, answer["Content-Type"], answer["X-Content-Type-Options"]) == (200, "image/jpeg", "nosniff")
        assert answer.content == content
    assert "default-src 'none'" in answer["Content-Security-Policy"]


def test_a_photo_without_a_picture_is_not_found(api: Client, owner: Any) -> None:
    listing = make_valued(5, owner=owner).copy.listing
    refused = make_photo(listing, key="", thumbnail_key="", reduced_key="", fate="refused")
    lost = make_photo(listing, position=2, key="photos/nothing.jpg")
    for photo in (refused, lost):
        assert api.get(f"/api/photos/{photo.public_id}").status_code == 404


def test_a_photo_is_put_aside_and_taken_back(api: Client, owner: Any) -> None:
    runbook = make_valued(5, owner=owner)
    path = f"/api/photos/{make_photo(runbook.copy.listing).public_id}"
    aside = api.post(f"{path}/quarantine", **json_body(why="A banner."))
    assert aside.status_code == 200, aside.json()
    assert (aside.json()["fate"], aside.json()["reason"], aside.json()["said_by"]) == ("quarantined", "A banner.", owner.username)
    assert api.post(f"{path}/quarantine", **json_body(why="A banner.")).status_code == 409
    assert api.post(f"{path}/quarantine", **json_body(why=" ")).status_code == 400
    [shown] = api.get(f"/api/runbooks/{runbook.public_id}/photos").json()["photos"]
    assert (shown["fate"], shown["url"]) == ("quarantined", path)
    assert api.post(f"{path}/restore", **json_body()).json()["fate"] == "kept"


def test_the_ledger_is_written_by_hand(api: Client) -> None:
    entry = {"kind": "sold", "title": "The Moonstone", "amount": "310.00", "currency": "GBP", "at": "2024-05-02"}
    made = api.post("/api/ledger", **json_body(**entry))
    assert made.status_code == 201
    path = f"/api/ledger/{made.json()['id']}"
    assert api.patch(path, **json_body(amount="300.00")).json()["amount"] == "300.00"
    assert api.get("/api/ledger?kind=sold&q=moon").json()["results"][0]["currency"] == "GBP"
    assert api.get("/api/ledger?kind=paid").json()["results"] == []
    assert api.delete(path).status_code == 204
    for wrong in ({"amount": "0"}, {"kind": "lent"}, {"currency": "pounds"}, {"at": ""}, {"at": "2999-01-01"}):
        assert api.post("/api/ledger", **json_body(**entry | wrong)).status_code == 400, wrong
    assert not LedgerEntry.objects.exists()


def test_the_ledger_comes_back_from_its_own_file(api: Client, owner: Any) -> None:
    LedgerEntry.objects.create(owner=owner, kind="paid", title="=1+1", amount=5, at="2026-01-01", notes="-x")
    LedgerEntry.objects.create(owner=make_user(), kind="paid", title="Another's", amount=5, at="2026-01-01")
    answer = api.get("/api/ledger.csv")
    assert "'=1+1" in answer.content.decode() and "Another's" not in answer.content.decode()
    again = api.post("/api/ledger.csv", {"file": SimpleUploadedFile("ledger.csv", answer.content)}).json()
    assert again == {"added": 0, "already_there": 1, "refused": [], "ignored": []}
    LedgerEntry.objects.filter(owner=owner).delete()
    api.post("/api/ledger.csv", {"file": SimpleUploadedFile("ledger.csv", answer.content)})
    assert LedgerEntry.objects.get(owner=owner).title == "=1+1"


def test_wishes_are_the_owners(api: Client, owner: Any) -> None:
    AuthorTier.objects.create(owner=make_user(), author="Another's", tier=1)
    made = api.post("/api/author-tiers", **json_body(author="John Ruskin", tier=2))
    assert made.status_code == 201
    assert api.post("/api/author-tiers", **json_body(author="John Ruskin", tier=1)).status_code == 409
    assert api.patch(f"/api/author-tiers/{made.json()['id']}", **json_body(tier=None)).json()["tier"] is None
    assert [one["author"] for one in api.get("/api/author-tiers").json()["results"]] == ["John Ruskin"]
    assert AuthorTier.objects.filter(owner=owner).count() == 1


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("author-tiers", {"author": "John Ruskin", "tier": 9}),
        ("preferences", {"kind": "printer", "name": "Whittingham"}),
        ("requirements", {"author": "Wilkie Collins"}),
        ("goals", {"label": "Anything"}),
        ("goals", {"label": "Old", "first_year": 99999}),
    ],
)
def test_a_wish_for_nothing_is_refused(api: Client, path: str, wrong: dict[str, Any]) -> None:
    assert api.post(f"/api/{path}", **json_body(**wrong)).status_code == 400
