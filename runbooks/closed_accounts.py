"""eBay's notices of closed accounts: answer its challenge, keep each notice once, verify it, purge what its seller had here.

Documentation: https://developer.ebay.com/marketplace-account-deletion
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction

from bookops.clock import database_now
from bookops.dispatch import ring
from bookops.doors import shared_redis
from bookops.outbound.errors import NotFound, SourceError
from runbooks.doors import open_ebay
from runbooks.models import AccountDeletion
from runbooks.retention import purge_seller
from runbooks.sources.ebay_signatures import BadSignature, check_signature, read_signature
from runbooks.token_shelf import SharedShelf

log = structlog.get_logger(__name__)

TOPIC = "MARKETPLACE_ACCOUNT_DELETION"
#: Seconds for which a key is kept.
KEY_SECONDS = 86_400
#: Notices verified in one round, which forged ones must not make endless.
MOST = 500
_LONGEST = 100


class BadNotice(Exception):
    """This is no notice of a closed account."""


def challenge_response(code: str, token: str, endpoint: str) -> str:
    """Return what eBay wants to see before it sends notices: the SHA-256 of its code, the token and our address, one after the other."""
    return hashlib.sha256(f"{code}{token}{endpoint}".encode()).hexdigest()


def take_notice(payload: Any, body: bytes, signature: str) -> tuple[AccountDeletion, bool]:
    """Keep a notice, to be purged within the hour; False beside one that was sent before.

    `body` is what the payload was read from and `signature` its X-EBAY-SIGNATURE. Where eBay's key cannot be had now, the notice is kept
    and verified by the round that purges. Raises BadNotice for what is none, BadSignature for what eBay has not signed.
    """
    said = _mapping(payload)
    notification = _mapping(said.get("notification"))
    if _mapping(said.get("metadata")).get("topic") != TOPIC:
        raise BadNotice(f"Only {TOPIC} is expected.")
    notification_id = _text(notification, "notificationId")
    values: dict[str, Any] = {"username": _text(_mapping(notification.get("data")), "username")}
    if _is_verified(body, signature):
        values["verified_at"] = database_now()
    else:
        values |= {"body": body, "signature": signature}
    with transaction.atomic():
        notice, is_new = AccountDeletion.objects.select_for_update().get_or_create(notification_id=notification_id, defaults=values)
        if "verified_at" in values and notice.verified_at is None:
            # Anybody may have been first to send a notice of this id.
            AccountDeletion.objects.filter(pk=notice.pk).update(**values, body=b"", signature="")
    return notice, is_new


def ring_for_closed_accounts() -> int:
    """Have a worker that is given eBay's keys purge what waits, for this one may not be; return how many notices that are."""
    from runbooks import tasks

    waiting = AccountDeletion.objects.filter(purged_at=None).count()
    if waiting:
        ring(tasks.purge_closed_accounts)
    return waiting


def purge_closed_accounts() -> int:
    """Verify what could not be before; purge what is verified, the name in the notice itself included; return how many listings."""
    for notice in AccountDeletion.objects.filter(verified_at=None).order_by("pk")[:MOST]:
        _verify(notice)
    purged = 0
    for notice in AccountDeletion.objects.filter(purged_at=None, verified_at__isnull=False).order_by("pk"):
        listings = purge_seller(notice.username)
        AccountDeletion.objects.filter(pk=notice.pk).update(username="", listings=listings, purged_at=database_now())
        purged += listings
    return purged


def _verify(notice: AccountDeletion) -> None:
    unverified = AccountDeletion.objects.filter(pk=notice.pk, verified_at=None)
    try:
        if _is_verified(bytes(notice.body), notice.signature):
            unverified.update(verified_at=database_now(), body=b"", signature="")
    except BadSignature as error:
        log.warning("account_deletion_forged", notice=notice.notification_id, why=str(error))
        unverified.delete()


def _is_verified(body: bytes, header: str) -> bool:
    """Return whether eBay has signed this; False where its key cannot be had now. Raises BadSignature where it has not."""
    signature = read_signature(header)
    try:
        key = _public_key(signature.key_id)
    except NotFound as error:
        raise BadSignature("eBay knows no key of this id.") from error
    except SourceError as error:
        log.info("account_deletion_unverified", reason=error.reason)
        return False
    check_signature(body, signature, key)
    return True


def _public_key(key_id: str) -> str:
    shelf = key_shelf(key_id)
    key = shelf.get()
    if not key:
        key = open_ebay().public_key(key_id)
        shelf.put(key, KEY_SECONDS)
    return key


def key_shelf(key_id: str) -> SharedShelf:
    """Return where one of eBay's public keys lies for all processes."""
    return SharedShelf(shared_redis(), f"{settings.REDIS_PREFIX}ebay_notice_key:{settings.EBAY_URL}:{key_id}")


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise BadNotice("A notice has metadata and a notification with its data.")
    return value


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST or not value.isprintable():
        raise BadNotice(f"{name} is missing, or is no text of at most {_LONGEST} characters.")
    return value
