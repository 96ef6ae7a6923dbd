"""eBay's application tokens: the client-credentials grant (https://developer.ebay.com/api-docs/static/oauth-client-credentials-grant.html)."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from urllib.parse import parse_qs

from sandbox.chance import number_of
from sandbox.ebay_errors import Refusal
from sandbox.party import Answer, Request, encoded

BASIC_SCOPE = "https://api.ebay.com/oauth/api_scope"
INSIGHTS_SCOPE = "https://api.ebay.com/oauth/api_scope/buy.marketplace.insights"
ENDPOINT = "/identity/v1/oauth2/token"

_DESCRIPTIONS = {
    "invalid_client": "client authentication failed",
    "invalid_scope": "The requested scope is invalid, unknown, malformed, or exceeds the scope granted to the client",
    "unsupported_grant_type": "grant type in request is not supported by the authorization server",
    "invalid_request": "request is missing a required parameter or malformed.",
}


@dataclass(frozen=True, slots=True)
class Grant:
    """Which application a token was given to, what for, and until when by the sandbox's clock."""

    client: str
    scopes: frozenset[str]
    until: float


class Tokens:
    """Give tokens out and know them again."""

    def __init__(self) -> None:
        self._grants: dict[str, Grant] = {}

    def answer(self, request: Request, *, now: float, clients: str, seconds: int, scopes: frozenset[str]) -> Answer:
        """Return what the token endpoint says; `clients` are the "id:secret" taken, with commas between, "" any."""
        client = _client(request.header(b"authorization"), clients)
        if request.method != "POST":
            return _denied(405, "invalid_request")
        if not client:
            return _denied(401, "invalid_client")
        if not request.header(b"content-type").startswith("application/x-www-form-urlencoded"):
            return _denied(400, "invalid_request")
        form = parse_qs(request.body.decode("ascii", "replace"))
        if form.get("grant_type") != ["client_credentials"]:
            return _denied(400, "unsupported_grant_type")
        asked = frozenset(" ".join(form.get("scope", [])).split())
        if not asked or not asked <= scopes:
            return _denied(400, "invalid_scope")
        token = f"v^1.1#i^1#p^1#r^0#I^3#f^0#t^{number_of(client, len(self._grants), now):020d}"
        self._grants[token] = Grant(client, asked, now + seconds)
        body = encoded({"access_token": token, "expires_in": seconds, "token_type": "Application Access Token"})
        return Answer(200, body, endpoint=ENDPOINT, keys=(client,))

    def grant_of(self, request: Request, *, now: float, scope: str) -> Grant:
        """Return the grant that a call is made under; raise Refusal when it has none, or none for this scope."""
        kind, _, token = request.header(b"authorization").partition(" ")
        if not token:
            raise Refusal(1002)
        grant = self._grants.get(token) if kind == "Bearer" else None
        if grant is None or grant.until <= now:
            raise Refusal(1001)
        if scope not in grant.scopes:
            raise Refusal(1100)
        return grant


def _client(header: str, clients: str) -> str:
    """Return the id of the application that a header of Basic authentication proves, "" when it proves none."""
    kind, _, proof = header.partition(" ")
    try:
        pair = base64.b64decode(proof, validate=True).decode() if kind == "Basic" else ""
    except (binascii.Error, UnicodeDecodeError):
        return ""
    name, _, secret = pair.partition(":")
    return name if name and secret and (not clients or pair in clients.split(",")) else ""


def _denied(status: int, error: str) -> Answer:
    body = encoded({"error": error, "error_description": _DESCRIPTIONS[error]})
    return Answer(status, body, endpoint=ENDPOINT, refused=True)
