"""A websocket client that speaks ASGI to the application; Channels' own needs daphne to be imported."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from asgiref.testing import ApplicationCommunicator


class WebsocketClient(ApplicationCommunicator):
    """Open a websocket, send and receive text."""

    def __init__(self, application: Any, path: str, headers: list[tuple[bytes, bytes]], subprotocols: list[str] | None = None) -> None:
        parts = urlsplit(path)
        scope = {
            "type": "websocket",
            "path": "/" + unquote(parts.path).lstrip("/"),
            "query_string": parts.query.encode(),
            "headers": headers,
            "subprotocols": subprotocols or [],
        }
        super().__init__(application, scope)

    async def connect(self, timeout: float = 5) -> tuple[bool, str | None]:
        """Return whether it opened, and the subprotocol that was agreed on."""
        await self.send_input({"type": "websocket.connect"})
        answer = await self.receive_output(timeout)
        return answer["type"] == "websocket.accept", answer.get("subprotocol")

    async def send_text(self, text: str) -> None:
        """Send a message."""
        await self.send_input({"type": "websocket.receive", "text": text})

    async def receive_text(self, timeout: float = 5) -> str:
        """Return the next message; fails on anything else."""
        answer = await self.receive_output(timeout)
        assert answer["type"] == "websocket.send", answer
        return answer["text"]

    async def disconnect(self) -> None:
        """Hang up and wait for the application to end."""
        await self.send_input({"type": "websocket.disconnect", "code": 1005})
        await self.wait()
