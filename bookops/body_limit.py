"""Refusing request bodies that are too large while they arrive, before anything is kept of them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from bookops.api.problems import PROBLEM_TYPE, document

Message = dict[str, Any]
App = Callable[[dict[str, Any], Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]
#: What a multipart body holds beside the file.
ENVELOPE_BYTES = 64 * 1024


class BodyLimit:
    """Wrap an ASGI app; Django itself would first spool the whole body to disk and then look at its size."""

    def __init__(self, app: App, *, most: int) -> None:
        self._app = app
        self._most = most + ENVELOPE_BYTES

    async def __call__(
        self, scope: dict[str, Any], receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self._most:
            await self._refuse(scope, send)
            return
        received = 0
        too_large = False

        async def receive_counted() -> Message:
            nonlocal received, too_large
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._most:
                too_large = True
                return {"type": "http.disconnect"}  # Django drops what it has and answers nothing
            return message

        await self._app(scope, receive_counted, send)
        if too_large:
            await self._refuse(scope, send)

    async def _refuse(self, scope: dict[str, Any], send: Callable[[Message], Awaitable[None]]) -> None:
        limit = self._most - ENVELOPE_BYTES
        body = document(
            413,
            "file_too_large",
            f"File too large. Maximum size: {limit / (1 << 20):.0f}MB.",
            remedy="Part the file, keep the header in each part, and upload the parts one by one.",
            instance=scope["path"],
        )
        headers = [(b"content-type", PROBLEM_TYPE.encode()), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})
