"""The sandbox's ASGI application: one prefix a third party, delayed, counted and spoiled as the settings say."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, MutableMapping
from io import BytesIO
from typing import Any

from sandbox.call_log import CallLog
from sandbox.catalogue import Catalogue
from sandbox.clock import Clock
from sandbox.control import Control
from sandbox.faults import SENDINGS, UNHEARD, Receive, Rule, Send, spoiled
from sandbox.party import Answer, Party, Request
from sandbox.registry import PARTIES

#: Goes with every answer.
INVENTED = (b"x-sandbox", b"invented data")
#: Anthropic takes batches of 256 MB; the rest is for one that is too large to be told so.
LARGEST_REQUEST_BODY = 260 << 20


class Sandbox:
    """Answer for every third party of the registry under its name, and for the control of all under /_sandbox."""

    def __init__(self, catalogue: Catalogue, *, parties: Iterable[type[Party]] = PARTIES, options: dict[str, Any] | None = None) -> None:
        self.catalogue = catalogue
        self.clock = Clock()
        self.log = CallLog()
        self.rules: list[Rule] = []
        self.parties = {party.name: party(catalogue, self.clock, options or {}) for party in parties}
        self._chance = random.Random(catalogue.seed)
        self._control = Control(self)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        if scope["type"] != "http":
            return
        name, slash, path = scope["path"][1:].partition("/")
        body = b"" if scope["method"] in ("GET", "HEAD", "DELETE") else await _body(receive)
        request = Request(scope["method"], slash + path, scope["query_string"], scope["headers"], body)
        party = self.parties.get(name)
        if party is None:
            await _send(send, self._control.answer(request, name))
            return
        self.log.begin(name)
        try:
            await self._serve(party, request, receive, send)
        finally:
            self.log.end(name)

    async def _serve(self, party: Party, request: Request, receive: Receive, send: Send) -> None:
        rule = next((rule for rule in self.rules if rule.befalls(party.name, request.path)), None)
        is_unheard = rule is not None and rule.kind in UNHEARD
        answer = Answer(200, b"", refused=True) if is_unheard else party.answer(request)
        if rule:
            asked = f"/{party.name}{request.path}?{request.query_string.decode('ascii', 'replace')}"
            answer = spoiled(answer.whole(), rule, asked)
        self.log.note(party.name, request.path, answer, rule.kind if rule else "")
        options = party.options
        if (options.latency or options.jitter) and not answer.refused:
            await asyncio.sleep(options.latency + options.jitter * self._chance.random())
        if rule and rule.kind in SENDINGS:
            await SENDINGS[rule.kind](answer, _start(answer), rule, receive, send)
        elif answer.pieces is None:
            await _send(send, answer)
        else:
            await self._send_pieces(send, answer, answer.pieces, party.name)

    async def _send_pieces(self, send: Send, answer: Answer, pieces: Iterable[bytes], source: str) -> None:
        await send(_start(answer))
        for piece in pieces:
            self.log.sent(source, len(piece))
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _body(receive: Receive) -> bytes:
    held = BytesIO()  # gives out what it holds without a copy
    while True:
        message = await receive()
        held.write(message.get("body", b""))
        if not message.get("more_body") or held.tell() > LARGEST_REQUEST_BODY:
            return held.getvalue()


def _start(answer: Answer) -> MutableMapping[str, Any]:
    headers = [INVENTED, *answer.headers]
    if answer.status != 204:
        headers.append((b"content-type", answer.content_type))
        if answer.pieces is None:
            headers.append((b"content-length", str(len(answer.body)).encode()))
    return {"type": "http.response.start", "status": answer.status, "headers": headers}


async def _send(send: Send, answer: Answer) -> None:
    await send(_start(answer))
    await send({"type": "http.response.body", "body": answer.body})
