"""Webhooks: events signed as OpenAI signs them and posted to one address (https://platform.openai.com/docs/guides/webhooks).

The signature is that of https://www.standardwebhooks.com: an HMAC over id, time and body, keyed with what follows whsec_ in the secret.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import secrets
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from sandbox.chance import happens
from sandbox.openai_errors import Refused
from sandbox.openai_options import OpenAIOptions
from sandbox.openai_timeline import Timeline
from sandbox.party import encoded

SECONDS_TO_ANSWER = 10
#: Seconds until an event is tried again that was not taken, by try.
RETRIES = (5.0, 60.0, 600.0, 3600.0)
EVENTS_KEPT = 10_000
AT_ONCE = 8


@dataclass(slots=True)
class _Event:
    """Hold an event with the headers it was last sent with and what came back each time: a status, 0 for no answer."""

    id: str
    about: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    answers: list[int] = field(default_factory=list)
    dropped: bool = False

    def as_dict(self) -> dict[str, Any]:
        return {"id": self.id, "about": self.about, "body": self.body.decode(), "answers": self.answers, "dropped": self.dropped}


class Webhooks:
    """Announce events, and remember them for replays."""

    def __init__(self, seed: int, timeline: Timeline, options: Callable[[], OpenAIOptions]) -> None:
        self._seed = seed
        self._timeline = timeline
        self._options = options
        self._events: deque[_Event] = deque(maxlen=EVENTS_KEPT)
        self._senders = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook")
        self._deliveries: set[asyncio.Task[None]] = set()

    def announce(self, kind: str, about: str, now: float) -> None:
        """Post an event that something happened to a response or batch, if anybody listens."""
        options = self._options()
        if not options.webhook_url:
            return
        body = {"id": f"evt_{secrets.token_hex(16)}", "object": "event", "created_at": int(now), "type": kind, "data": {"id": about}}
        event = _Event(f"wh_{secrets.token_hex(16)}", about, encoded(body))
        self._events.append(event)
        event.dropped = happens(options.webhook_drop_rate, "webhook", self._seed, about)
        if not event.dropped:
            for _ in range(options.webhook_copies):
                self._timeline.at(now + options.webhook_delay, lambda when: self._send_signed(event, when))

    def sent(self) -> dict[str, Any]:
        """Return every event, oldest first."""
        return {"events": [event.as_dict() for event in self._events]}

    def replay(self, about: str) -> dict[str, Any]:
        """Post again, letter by letter with its old signature, what was posted about one id, or about all with ""."""
        chosen = [event for event in self._events if event.headers and about in ("", event.about)]
        if not chosen:
            raise Refused(f"Nothing was sent about '{about}'.", status=404)
        for event in chosen:
            self._run(event, None)
        return {"replayed": len(chosen)}

    def forget(self) -> None:
        """Send nothing any more and forget what was sent."""
        for delivery in self._deliveries:
            delivery.cancel()
        self._events.clear()

    def _send_signed(self, event: _Event, when: float) -> None:
        # Receivers compare this with their own clock, which nobody moves.
        sent_at = str(int(time.time()))
        event.headers = {
            "Content-Type": "application/json",
            "User-Agent": "OpenAI/1.0 (+https://platform.openai.com/docs/webhooks)",
            "webhook-id": event.id,
            "webhook-timestamp": sent_at,
            "webhook-signature": signature(self._options().webhook_secret, event.id, sent_at, event.body),
        }
        self._run(event, when)

    def _run(self, event: _Event, when: float | None) -> None:
        delivery = asyncio.get_running_loop().create_task(self._deliver(event, when))
        self._deliveries.add(delivery)
        delivery.add_done_callback(self._deliveries.discard)

    async def _deliver(self, event: _Event, when: float | None) -> None:
        """Post an event once; one that is not taken is tried again later, except a replay (`when` is None)."""
        url, headers = self._options().webhook_url, dict(event.headers)
        status = await asyncio.get_running_loop().run_in_executor(self._senders, _post, url, event.body, headers)
        event.answers.append(status)
        tried = len(event.answers)
        if when is not None and not 200 <= status < 300 and tried <= len(RETRIES):
            self._timeline.at(when + RETRIES[tried - 1], lambda later: self._send_signed(event, later))


def signature(secret: str, webhook_id: str, sent_at: str, body: bytes) -> str:
    """Return the header webhook-signature of a body."""
    key = base64.b64decode(secret.removeprefix("whsec_")) if secret.startswith("whsec_") else secret.encode()
    signed = hmac.new(key, b".".join((webhook_id.encode(), sent_at.encode(), body)), sha256).digest()
    return f"v1,{base64.b64encode(signed).decode()}"


def _post(url: str, body: bytes, headers: dict[str, str]) -> int:
    if not url.startswith(("http://", "https://")):
        return 0
    try:
        with urlopen(Request(url, data=body, headers=headers, method="POST"), timeout=SECONDS_TO_ANSWER) as answer:  # noqa: S310 — http(s) as checked
            return int(answer.status)
    except HTTPError as refusal:
        return refusal.code
    except (URLError, OSError, ValueError):
        return 0
