"""Server-sent events: the websocket's messages for those who cannot open one."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import AsyncIterator

from django.http import StreamingHttpResponse
from rest_framework.renderers import BaseRenderer

from bookops.credentials import Credential
from bookops.watch import Kind, follow


class EventStreamRenderer(BaseRenderer):
    """Say in content negotiation that a view answers with text/event-stream."""

    media_type = "text/event-stream"
    format = "stream"
    charset = None

    def render(self, data: object, accepted_media_type: str | None = None, renderer_context: object = None) -> bytes:
        """Return a refusal as JSON; streams themselves are not rendered."""
        return json.dumps(data, default=str).encode()


def stream(kind: Kind, run_id: uuid.UUID, credential: Credential, after: int | None) -> StreamingHttpResponse:
    """Return a response that goes on until the run ends. Holds no thread under ASGI."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(_lines(kind, run_id, credential, after), content_type="text/event-stream", headers=headers)


async def _lines(kind: Kind, run_id: uuid.UUID, credential: Credential, after: int | None) -> AsyncIterator[bytes]:
    async with contextlib.aclosing(follow(kind, run_id, credential, after)) as messages:
        async for message in messages:
            if message is None:
                yield b": still here\n\n"  # keeps proxies from closing a silent connection
                continue
            number = f"id: {message['seq']}\n" if message["type"] == "event" else ""
            data = json.dumps(message, ensure_ascii=False, default=str)
            yield f"{number}event: {message['type']}\ndata: {data}\n\n".encode()
