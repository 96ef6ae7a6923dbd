"""Who stands at the other end of a long connection, and whether they still may: a token, a session or a single-use ticket."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs

from django.conf import settings
from django.contrib.auth import get_user
from django.db import models
from django.http import HttpRequest
from knox.crypto import hash_token
from knox.models import AuthToken

from bookops.clock import database_now

TICKET_SECONDS = 60
#: The subprotocol that we speak; a browser, which cannot set headers, may offer its token beside it.
SUBPROTOCOL = "bookops"
TOKEN_SUBPROTOCOL = "token."  # noqa: S105 - the prefix before one


@dataclass(frozen=True)
class Credential:
    """What someone came in with; it is looked at again while they stay."""

    user_id: int
    token_digest: str = ""
    session_key: str = ""

    def is_valid(self) -> bool:
        """Say whether it would still let its user in. One or two queries."""
        if self.token_digest:
            return token_user(self.token_digest) == self.user_id
        return session_user(self.session_key) == self.user_id


class WatchTicket(models.Model):
    """Hold the digest of a ticket that opens one websocket within a minute: a query string may be written to logs."""

    digest = models.CharField(max_length=64, primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    token_digest = models.CharField(max_length=128, blank=True)
    session_key = models.CharField(max_length=40, blank=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"ticket of {self.user_id}"


def issue_ticket(credential: Credential) -> str:
    """Return a new ticket; it is valid for as long as what it was issued for, a minute at most."""
    ticket = secrets.token_urlsafe(32)
    WatchTicket.objects.create(
        digest=_digest(ticket),
        user_id=credential.user_id,
        token_digest=credential.token_digest,
        session_key=credential.session_key,
        expires_at=database_now() + timedelta(seconds=TICKET_SECONDS),
    )
    return ticket


def redeem(ticket: str) -> Credential | None:
    """Return what a ticket stands for and use it up; None for one that is unknown, used or too old."""
    row = WatchTicket.objects.filter(digest=_digest(ticket), expires_at__gt=database_now()).first()
    if row is None or not WatchTicket.objects.filter(pk=row.pk).delete()[0]:
        return None
    return Credential(row.user_id, row.token_digest, row.session_key)


def forget_old_tickets() -> int:
    """Delete tickets that nobody used in time and return how many."""
    return WatchTicket.objects.filter(expires_at__lt=database_now()).delete()[0]


def of_request(request: Any) -> Credential:
    """Return the credential with which a request of the API was let in."""
    if isinstance(request.auth, AuthToken):
        return Credential(request.user.pk, token_digest=request.auth.digest)
    return Credential(request.user.pk, session_key=request.session.session_key or "")


def of_handshake(scope: dict[str, Any]) -> Credential | None:
    """Return the credential of a websocket handshake, None where it has none that is valid."""
    headers = {name.lower(): value for name, value in scope["headers"]}
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    if "ticket" in query:
        credential = redeem(query["ticket"][0])
        return credential if credential and credential.is_valid() else None
    if token := _token_in(headers, scope.get("subprotocols") or []):
        digest = hash_token(token)
        user_id = token_user(digest)
        return Credential(user_id, token_digest=digest) if user_id else None
    try:
        cookies = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1"))
    except CookieError:
        return None
    if settings.SESSION_COOKIE_NAME not in cookies:
        return None
    key = cookies[settings.SESSION_COOKIE_NAME].value
    user_id = session_user(key)
    return Credential(user_id, session_key=key) if user_id else None


def token_user(digest: str) -> int | None:
    """Return the id of the active user whose unexpired token this is."""
    unexpired = models.Q(expiry=None) | models.Q(expiry__gt=database_now())
    return AuthToken.objects.filter(unexpired, digest=digest, user__is_active=True).values_list("user_id", flat=True).first()


def session_user(key: str) -> int | None:
    """Return the id of the active user who is logged in under a session key."""
    if not key:
        return None
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    user = get_user(request)
    return user.pk if user.is_authenticated and user.is_active else None


def _token_in(headers: dict[bytes, bytes], subprotocols: list[str]) -> str:
    kind, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    if kind.lower() == str(settings.REST_KNOX["AUTH_HEADER_PREFIX"]).lower():
        return token.strip()
    return next((name.removeprefix(TOKEN_SUBPROTOCOL) for name in subprotocols if name.startswith(TOKEN_SUBPROTOCOL)), "")


def _digest(ticket: str) -> str:
    return hashlib.sha256(ticket.encode(errors="replace")).hexdigest()
