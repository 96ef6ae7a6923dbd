"""eBay's notices of closed accounts: its challenge, each notice once, and what is purged."""

from __future__ import annotations

import copy
import hashlib

import pytest

from runbooks.closed_accounts import BadNotice, challenge_response, purge_closed_accounts, take_notice
from runbooks.models import AccountDeletion, Listing
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


@pytest.mark.django_db
def test_a_notice_is_kept_once_however_often_it_is_sent():
    first, is_new = take_notice(NOTICE)
    again, is_new_again = take_notice(NOTICE)
    assert (first, is_new, is_new_again) == (again, True, False)
    assert AccountDeletion.objects.get().username == "tomes"


@pytest.mark.django_db
def test_the_seller_is_purged_and_the_name_in_the_notice_too():
    make_listing(seller="tomes")
    kept = make_listing(seller="another")
    take_notice(NOTICE)
    assert purge_closed_accounts() == 1
    notice = AccountDeletion.objects.get()
    assert (notice.username, notice.listings) == ("", 1)
    assert notice.purged_at is not None
    assert list(Listing.objects.filter(purged_at=None)) == [kept]
    take_notice(NOTICE)
    assert purge_closed_accounts() == 0


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
        take_notice(payload)
    assert not AccountDeletion.objects.exists()
