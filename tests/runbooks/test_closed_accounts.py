"""eBay's notices of closed accounts: its challenge, its signature, each notice once, and what is purged."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from typing import Any

import pytest
import requests
from django.conf import settings

from bookops import forgetting
from bookops.dispatch import rung_here
from runbooks.closed_accounts import BadNotice, challenge_response, key_shelf, purge_closed_accounts, ring_for_closed_accounts, take_notice
from runbooks.models import AccountDeletion, Listing
from runbooks.sources.ebay_signatures import BadSignature
from sandbox.ebay_notices import Notices
from sandbox.running import RunningSandbox
from tests.runbooks.evaluated import make_listing

NOTICE = {
    "metadata": {"topic": "MARKETPLACE_ACCOUNT_DELETION", "schemaVersion": "1.0", "deprecated": False},
    "notification": {
        "notificationId": "49feeaeb-4982-42d9-a377-9645b8479411_33f7e043",
        "eventDate": "2026-03-19T20:43:59.462Z",
        "publishDate": "2026-03-19T20:43:59.679Z",
        "publishAttemptCount": 1,
        "data": {"username": "tomes", "userId": "ma8vp1jySJC", "eiasToken": "nY+sHZ2PrBmdj6wVnY+sEZ2PrA2dj6wJnY+gAZGEpwmdj6x9nY+seQ=="},
    },
}


def test_the_challenge_is_answered_over_code_token_and_address_in_this_order():
    told = challenge_response("a8628072-3d33-45ee-9004-bee86830a22d", "71745723-d031-455c-bfa5-f90d11b4f20a", "https://books.example/ebay")
    plain = "a8628072-3d33-45ee-9004-bee86830a22d71745723-d031-455c-bfa5-f90d11b4f20ahttps://books.example/ebay"
    assert told == hashlib.sha256(plain.encode()).hexdigest()
    assert len(told) == 64


SIGNER = Notices()


@pytest.fixture
def signer() -> Notices:
    """Have eBay's key lie where it is kept, so that nobody is asked for it."""
    key_shelf(SIGNER.key_id).put(SIGNER.public_key()["key"], 60)
    return SIGNER


def take(sent: dict[str, Any]) -> tuple[AccountDeletion, bool]:
    return take_notice(json.loads(sent["body"]), sent["body"].encode(), sent["signature"])


@pytest.mark.django_db
def test_a_notice_is_kept_once_however_often_it_is_sent(signer: Notices):
    sent = signer.send("tomes", "", 0)
    first, is_new = take(sent)
    again, is_new_again = take(sent)
    assert (first, is_new, is_new_again) == (again, True, False)
    assert AccountDeletion.objects.get().username == "tomes"


@pytest.mark.django_db
def test_the_seller_is_purged_and_the_name_in_the_notice_too(signer: Notices):
    make_listing(seller="tomes")
    kept = make_listing(seller="another")
    sent = signer.send("tomes", "", 0)
    take(sent)
    assert purge_closed_accounts() == 1
    notice = AccountDeletion.objects.get()
    assert (notice.username, notice.listings) == ("", 1)
    assert notice.purged_at is not None
    assert list(Listing.objects.filter(purged_at=None)) == [kept]
    take(sent)
    assert purge_closed_accounts() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("forged", ["", "x", "e30=", "another body", "another key", "another digest"])
def test_what_ebay_has_not_signed_is_refused_and_not_kept(signer: Notices, forged: str):
    sent = signer.send("tomes", "", 0)
    if forged == "another body":
        sent["body"] = sent["body"].replace("tomes", "tames")
    elif forged == "another key":
        other = Notices()
        other.key_id = signer.key_id
        sent["signature"] = other.signature(sent["body"].encode())
    elif forged == "another digest":
        said = json.loads(base64.b64decode(sent["signature"])) | {"digest": "MD5"}
        sent["signature"] = base64.b64encode(json.dumps(said).encode()).decode()
    else:
        sent["signature"] = forged
    with pytest.raises(BadSignature):
        take(sent)
    assert not AccountDeletion.objects.exists()


@pytest.mark.django_db
def test_without_a_key_a_notice_is_kept_and_purges_nobody_until_it_is_verified(settings: Any):
    settings.EBAY_CLIENT_ID, signer = "", Notices()
    make_listing(seller="tomes")
    sent = signer.send("tomes", "", 0)
    take(sent)
    assert purge_closed_accounts() == 0
    key_shelf(signer.key_id).put(signer.public_key()["key"], 60)
    assert purge_closed_accounts() == 1
    kept = AccountDeletion.objects.get()
    assert (bytes(kept.body), kept.signature, kept.username) == (b"", "", "")


@pytest.mark.django_db
def test_a_forged_notice_that_was_kept_is_deleted_and_purges_nobody(settings: Any):
    settings.EBAY_CLIENT_ID, signer = "", Notices()
    make_listing(seller="tomes")
    sent = signer.send("another", "", 0)
    sent["body"] = sent["body"].replace("another", "tomes")
    take(sent)
    key_shelf(signer.key_id).put(signer.public_key()["key"], 60)
    assert purge_closed_accounts() == 0
    assert not AccountDeletion.objects.exists()
    assert Listing.objects.get().purged_at is None


@pytest.mark.django_db
def test_a_notice_that_is_verified_takes_the_place_of_one_that_was_not(settings: Any):
    settings.EBAY_CLIENT_ID, signer = "", Notices()
    sent = signer.send("tomes", "", 0)
    take(sent | {"body": sent["body"].replace("tomes", "innocent")})
    key_shelf(signer.key_id).put(signer.public_key()["key"], 60)
    take(sent)
    assert AccountDeletion.objects.get().username == "tomes"


def test_the_key_is_asked_of_ebay_once_and_one_that_it_does_not_know_is_nobodys(sandbox: RunningSandbox):
    sent = requests.post(f"{sandbox.url}/ebay/_notices", json={"username": "tomes"}, timeout=10).json()
    make_listing(seller="tomes")
    take(sent)
    take(sent)
    assert json.dumps(sandbox.log(calls=False)).count('"/commerce/notification/v1/public_key/*": 1') == 2, "of eBay and of all"
    assert purge_closed_accounts() == 1
    with pytest.raises(BadSignature, match="no key of this id"):
        take(Notices().send("tomes", "", 0))


def without(*path: str) -> dict:
    notice = copy.deepcopy(NOTICE)
    inner = notice
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return notice


@pytest.mark.django_db
@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        "x",
        {},
        {"metadata": [], "notification": {}},
        without("metadata", "topic"),
        without("notification"),
        without("notification", "notificationId"),
        without("notification", "data"),
        without("notification", "data", "username"),
        {**NOTICE, "metadata": {"topic": "ITEM_SOLD"}},
        {**NOTICE, "notification": {"notificationId": "x" * 101, "data": {"username": "tomes"}}},
        {**NOTICE, "notification": {"notificationId": "1", "data": {"username": "to\0mes"}}},
        {**NOTICE, "notification": {"notificationId": 1, "data": {"username": "tomes"}}},
    ],
)
def test_what_is_no_notice_is_refused_and_purges_nobody(payload):
    with pytest.raises(BadNotice):
        take_notice(payload, b"", "")
    assert not AccountDeletion.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_hourly_round_has_it_done_where_ebays_keys_are(signer: Notices):
    assert ring_for_closed_accounts() == 0
    make_listing(seller="tomes")
    take(signer.send("tomes", "", 0))
    with rung_here() as here:
        assert forgetting.forget_old()["closed_accounts"] == 1
        assert Listing.objects.get().purged_at is None
        here.work()
    assert Listing.objects.get().purged_at is not None
    assert settings.CELERY_TASK_ROUTES["runbooks.tasks.*"] == {"queue": "runbooks"}
