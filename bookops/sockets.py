"""The websocket on which a run is watched, with resume by event number."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

import structlog
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.http.request import validate_host

from bookops.credentials import SUBPROTOCOL, Credential, of_handshake
from bookops.watch import Kind, follow

log = structlog.get_logger(__name__)

NORMAL, POLICY, TOO_BIG, REVOKED = 1000, 1008, 1009, 4401
#: What a client may send: {"after": n} to resume, {} to show that it is there.
MOST_BYTES = 1024
MOST_MESSAGES, PER_SECONDS = 20, 10.0
#: A number of an event fits in this; a larger one was made up.
HIGHEST_SEQ = 2**31 - 1


class RunConsumer(AsyncWebsocketConsumer):
    """Let an owner watch one run: ws/…/{run_id}?after=seq.

    A connection from another site, without a valid token, session or ticket, or for a run of someone else is refused before it
    opens. One that is open ends with the run (1000), with a revoked token (4401), or when the client sends too much.
    """

    kind: Kind | None = None
    #: No channel layer for Channels itself: follow() has its own, and goes on when it is away.
    channel_layer_alias = ""

    async def connect(self) -> None:
        """Check who asks, from where and for what; then start telling."""
        self.teller: asyncio.Task[None] | None = None
        self.run_id: uuid.UUID = self.scope["url_route"]["kwargs"]["pk"]
        self.heard: list[float] = []
        self.credential = await self._admit()
        if self.credential is None:
            await self.close()
            return
        await self.accept(SUBPROTOCOL if SUBPROTOCOL in (self.scope.get("subprotocols") or []) else None)
        query = parse_qs(self.scope["query_string"].decode("latin-1"))
        self._tell(as_seq(query.get("after", [""])[0]))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Take {"after": n} and begin again behind that event."""
        now = time.monotonic()
        self.heard = [at for at in self.heard if at > now - PER_SECONDS] + [now]
        if len(self.heard) > MOST_MESSAGES:
            await self.close(POLICY)
            return
        if text_data is None or len(text_data) > MOST_BYTES:
            await self.close(TOO_BIG)
            return
        try:
            message = json.loads(text_data)
        except ValueError:
            await self.close(POLICY)
            return
        if isinstance(message, dict) and (after := as_seq(message.get("after"))) is not None:
            await self._hush()
            self._tell(after)

    async def disconnect(self, code: int) -> None:
        """Stop telling."""
        await self._hush()

    async def _admit(self) -> Credential | None:
        if not is_same_site(self.scope):
            return None
        credential = await database_sync_to_async(of_handshake)(self.scope)
        if credential is None or not await database_sync_to_async(self._owns)(credential):
            return None
        return credential

    def _owns(self, credential: Credential) -> bool:
        assert self.kind  # noqa: S101 - given in the route
        return self.kind.model._default_manager.filter(pk=self.run_id, owner_id=credential.user_id).exists()

    def _tell(self, after: int | None) -> None:
        self.teller = asyncio.create_task(self._pump(after))

    async def _hush(self) -> None:
        if self.teller is not None:
            self.teller.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.teller
            self.teller = None

    async def _pump(self, after: int | None) -> None:
        assert self.kind and self.credential  # noqa: S101 - it was admitted before
        code = NORMAL
        try:
            async with contextlib.aclosing(follow(self.kind, self.run_id, self.credential, after)) as messages:
                async for message in messages:
                    if message is not None:
                        await self.send(json.dumps(message, ensure_ascii=False, default=str))
                        code = REVOKED if message["type"] == "revoked" else NORMAL
        except asyncio.CancelledError:
            raise
        except Exception:
            # The client comes back and resumes; 1011 tells it that the fault is ours.
            log.exception("watch_failed", run_id=str(self.run_id))
            code = 1011
        with contextlib.suppress(Exception):
            await self.close(code)


def as_seq(value: Any) -> int | None:
    """Return an event number from a query string or a message, None where there is none."""
    try:
        seq = int(value) if isinstance(value, str | int) and not isinstance(value, bool) else -1
    except ValueError:
        return None
    return seq if 0 <= seq <= HIGHEST_SEQ else None


def is_same_site(scope: dict[str, Any]) -> bool:
    """Say whether a handshake comes from our own pages, an origin in CORS_ORIGINS, or from no browser at all."""
    headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
    host = headers.get(b"host", "")
    hosts = settings.ALLOWED_HOSTS or ([".localhost", "127.0.0.1", "[::1]"] if settings.DEBUG else [])
    # A foreign name that resolves to us would otherwise be "the same host".
    if not validate_host(urlsplit(f"//{host}").hostname or "", [name.strip("[]") for name in hosts]):
        return False
    if b"origin" not in headers:
        return True
    origin = headers[b"origin"]
    return origin in settings.CORS_ORIGINS or urlsplit(origin).netloc.lower() == host.lower()
