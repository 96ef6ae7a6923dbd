"""eBay's notices of closed accounts: answer its challenge, keep each notice once, purge what its seller had here.

Documentation: https://developer.ebay.com/marketplace-account-deletion
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from bookops.clock import database_now
from runbooks.models import AccountDeletion
from runbooks.retention import purge_seller

TOPIC = "MARKETPLACE_ACCOUNT_DELETION"
_LONGEST = 100


class BadNotice(Exception):
    """This is no notice of a closed account."""


def challenge_response(code: str, token: str, endpoint: str) -> str:
    """Return what eBay wants to see before it sends notices: the SHA-256 of its code, the token and our address, one after the other."""
    return hashlib.sha256(f"{code}{token}{endpoint}".encode()).hexdigest()


def take_notice(payload: Any) -> tuple[AccountDeletion, bool]:
    """Keep a notice, to be purged within the hour; False beside one that was sent before. Raises BadNotice for what is none."""
    said = _mapping(payload)
    notification = _mapping(said.get("notification"))
    if _mapping(said.get("metadata")).get("topic") != TOPIC:
        raise BadNotice(f"Only {TOPIC} is expected.")
    notification_id = _text(notification, "notificationId")
    username = _text(_mapping(notification.get("data")), "username")
    return AccountDeletion.objects.get_or_create(notification_id=notification_id, defaults={"username": username})


def purge_closed_accounts() -> int:
    """Purge what was noted and not yet purged, the name in the notice itself included; return how many listings."""
    purged = 0
    for notice in AccountDeletion.objects.filter(purged_at=None).order_by("pk"):
        listings = purge_seller(notice.username)
        AccountDeletion.objects.filter(pk=notice.pk).update(username="", listings=listings, purged_at=database_now())
        purged += listings
    return purged


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise BadNotice("A notice has metadata and a notification with its data.")
    return value


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST or not value.isprintable():
        raise BadNotice(f"{name} is missing, or is no text of at most {_LONGEST} characters.")
    return value
