"""eBay's endpoint for closed accounts: the challenge, the notice, and what is none."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from django.test import Client

from runbooks.closed_accounts import key_shelf, purge_closed_accounts
from runbooks.models import AccountDeletion, Listing
from sandbox.ebay_notices import Notices
from tests.api.clients import json_body
from tests.runbooks.evaluated import make_listing

SIGNER = Notices()
PATH = "/api/ebay/account-deletion"


@pytest.fixture(autouse=True)
def told_to_ebay(settings: Any, db: Any) -> None:
    """Have a token and an address that eBay knows."""
    settings.EBAY_DELETION_TOKEN, settings.PUBLIC_URL = "71745723-d031-455c-bfa5-f90d11b4f20a", "https://books.example"
    key_shelf(SIGNER.key_id).put(SIGNER.public_key()["key"], 60)


def signed(body: dict[str, Any]) -> dict[str, Any]:
    """Return how the test client posts a body with eBay's signature."""
    posted = json_body(**body)
    return posted | {"headers": {"X-EBAY-SIGNATURE": SIGNER.signature(str(posted["data"]).encode())}}


def notice(**changes: Any) -> dict[str, Any]:
    """Return eBay's notice that a seller is gone."""
    data = {"username": "tomes", "userId": "x", "eiasToken": "y"}
    notification = {"notificationId": "49feeaeb", "eventDate": "2026-11-22T12:00:00.000Z", "publishAttemptCount": 1, "data": data}
    return {"metadata": {"topic": "MARKETPLACE_ACCOUNT_DELETION"}, "notification": notification} | changes


def test_it_answers_the_challenge() -> None:
    answer = Client().get(PATH, {"challenge_code": "a8628072"})
    expected = hashlib.sha256(f"a862807271745723-d031-455c-bfa5-f90d11b4f20ahttps://books.example{PATH}".encode()).hexdigest()
    assert (answer.status_code, answer["Content-Type"], answer.json()) == (200, "application/json", {"challengeResponse": expected})


def test_it_takes_a_notice_once_and_purges_afterwards() -> None:
    listing = make_listing()
    answers = [Client().post(PATH, **signed(notice())) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert Listing.objects.get().seller == "tomes"
    assert AccountDeletion.objects.count() == 1
    assert purge_closed_accounts() == 1
    listing.refresh_from_db()
    assert (listing.seller, listing.facts) == ("", {})


@pytest.mark.parametrize(
    "wrong", [{"metadata": {}}, {"notification": []}, {"notification": {"notificationId": "x" * 101, "data": {"username": "a"}}}]
)
def test_what_is_no_notice_is_refused(wrong: dict[str, Any]) -> None:
    answer = Client().post(PATH, **signed(notice(**wrong)))
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_notice")
    assert not AccountDeletion.objects.exists()


@pytest.mark.parametrize("query", [{}, {"challenge_code": ""}, {"challenge_code": "x" * 201}])
def test_what_is_no_challenge_is_refused(query: dict[str, str]) -> None:
    assert Client().get(PATH, query).status_code == 400


@pytest.mark.parametrize("header", [{}, {"X-EBAY-SIGNATURE": "e30="}, {"X-EBAY-SIGNATURE": SIGNER.signature(b"{}")}])
def test_what_ebay_has_not_signed_is_refused(header: dict[str, str]) -> None:
    answer = Client().post(PATH, **json_body(**notice()), headers=header)
    assert (answer.status_code, answer.json()["code"]) == (412, "bad_signature")
    assert not AccountDeletion.objects.exists()


def test_it_is_off_without_a_token(settings: Any) -> None:
    settings.EBAY_DELETION_TOKEN = ""
    assert Client().get(PATH, {"challenge_code": "a"}).status_code == 404
    assert Client().post(PATH, **signed(notice())).status_code == 404
    assert not AccountDeletion.objects.exists()


def test_a_flood_from_one_address_is_slowed_down(settings: Any) -> None:
    settings.THROTTLE_RATES = settings.THROTTLE_RATES | {"user": "2/min"}
    assert [Client().post(PATH, **signed(notice())).status_code for _ in range(3)] == [200, 200, 429]
