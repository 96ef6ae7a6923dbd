"""eBay's application tokens: asked for once, shared by all who need one until shortly before they expire.

Documentation: https://developer.ebay.com/api-docs/static/oauth-client-credentials-grant.html
"""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol
from urllib.parse import urlencode

from bookops.outbound.answers import Answer
from bookops.outbound.errors import BadAnswer, Refused, SourceError
from bookops.outbound.http import Door
from runbooks.sources import loose_json as loose

#: What every application may do.
PUBLIC_SCOPE = "https://api.ebay.com/oauth/api_scope"
#: Sold prices, for those whom eBay has let in.
SOLD_SCOPE = "https://api.ebay.com/oauth/api_scope/buy.marketplace.insights"

#: Seconds before its end at which a token is no longer used.
EARLY = 300
_PATH = "/identity/v1/oauth2/token"


class TokenShelf(Protocol):
    """Keep one token where all who use it find it; one shelf for each application and scope."""

    def get(self) -> str:
        """Return the token, "" when there is none or its time is over."""
        ...

    def put(self, token: str, seconds: float) -> None:
        """Keep a token for so long."""
        ...

    def drop(self, token: str) -> None:
        """Forget this token, and none that has taken its place."""
        ...

    def lock(self) -> AbstractContextManager[object]:
        """Let one caller at a time ask for a token.

        Wait no longer than one asking takes and go on then: two tokens do no harm, waiting for ever does.
        """
        ...


class ProcessShelf:
    """Keep a token in this process, for its threads."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        #: Token and end of its time, replaced as one.
        self._kept = ("", 0.0)

    def __repr__(self) -> str:
        return "<ProcessShelf>"

    def get(self) -> str:
        token, until = self._kept
        return token if self._clock() < until else ""

    def put(self, token: str, seconds: float) -> None:
        self._kept = (token, self._clock() + seconds)

    def drop(self, token: str) -> None:
        if self._kept[0] == token:
            self._kept = ("", 0.0)

    def lock(self) -> AbstractContextManager[object]:
        return self._lock


class EbayTokens:
    """Hand out the application's token for one scope; `door` leads to eBay's API, no secret is ever shown."""

    def __init__(self, door: Door, client_id: str, client_secret: str, shelf: TokenShelf, *, scope: str = PUBLIC_SCOPE) -> None:
        self._door = door
        self._credentials = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode("ascii")
        self._shelf = shelf
        self._scope = scope

    def __repr__(self) -> str:
        return f"<EbayTokens for {self._scope}>"

    def current(self) -> str:
        """Return a token that holds, asking for one where there is none; of many who need it at once, one asks.

        Raises one of the four errors: Refused with "bad_key" or "bad_scope" where eBay does not know the application or does not let it.
        """
        token = self._shelf.get()
        if token:
            return token
        with self._shelf.lock():
            return self._shelf.get() or self._ask()

    def drop(self, token: str) -> None:
        """Forget a token that eBay no longer takes."""
        self._shelf.drop(token)

    def _ask(self) -> str:
        answer = self._door.post(
            _PATH,
            urlencode({"grant_type": "client_credentials", "scope": self._scope}).encode("ascii"),
            content_type="application/x-www-form-urlencoded",
            headers={"Authorization": f"Basic {self._credentials}"},
            explain=_explain,
        )
        said = loose.mapping(answer.data)
        token, seconds = said.get("access_token"), loose.number(said.get("expires_in"))
        # A token goes into a header: one line of printable ASCII or it is none.
        if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable() or not seconds:
            raise BadAnswer("eBay's token cannot be read", reason="unexpected_shape")
        self._shelf.put(token, max(seconds - EARLY, seconds / 2))
        return token


def _explain(answer: Answer) -> SourceError | None:
    try:
        error = loose.text(loose.mapping(answer.data).get("error"))
    except BadAnswer:
        return None
    if error in ("invalid_client", "unauthorized_client"):
        return Refused("eBay does not know these credentials", reason="bad_key")
    if error == "invalid_scope":
        return Refused("eBay does not let this application do that", reason="bad_scope")
    return None
