"""Responses: answered at once, or in the background with a life that one polls (https://platform.openai.com/docs/guides/background)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.chance import happens, number_of
from sandbox.openai_answers import Writer, new_id, response_object
from sandbox.openai_errors import Refused
from sandbox.openai_options import OpenAIOptions
from sandbox.openai_requests import Question
from sandbox.openai_timeline import Timeline
from sandbox.openai_webhooks import Webhooks
from sandbox.party import encoded

SECONDS_STORED = 30 * 86400
#: A background response that is not stored can still be polled for a while.
SECONDS_UNSTORED = 600
#: The oldest go first when there are more, in whatever state.
MOST_KEPT = 100_000
OPEN = ("queued", "in_progress")


#: Ended by the clock, though nobody has looked yet: the answer is written for the first who does, so that ending 10,000 costs nothing.
UNWRITTEN = "unwritten"


@dataclass(slots=True)
class _Kept:
    """Hold a response: its question as long as it is open, then only what is told of it."""

    id: str
    question: Question | None
    created_at: float
    fate: str
    background: bool
    store: bool
    status: str = "queued"
    ended_at: float | None = None
    told: bytes = b""

    def is_over(self, now: float) -> bool:
        """Tell whether its data are no longer there."""
        if self.store:
            return now >= self.created_at + SECONDS_STORED
        return self.ended_at is not None and now >= self.ended_at + SECONDS_UNSTORED


class Responses:
    """Create, tell, cancel and delete responses."""

    def __init__(self, seed: int, writer: Writer, timeline: Timeline, webhooks: Webhooks, options: Callable[[], OpenAIOptions]) -> None:
        self._seed = seed
        self._writer = writer
        self._timeline = timeline
        self._webhooks = webhooks
        self._options = options
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def create(self, question: Question, now: float) -> bytes:
        """Return a new response: ended, or queued where it is a background one. Raise Refused for one that fails at once."""
        fate = self._writer.fate(question, self._options())
        kept = _Kept(new_id("resp"), question, now, fate, question.background, question.store)
        if question.background:
            self._keep(kept, now)
            digest = self._writer.digest(question)
            self._timeline.at(now + self._lasting(self._options().queued_seconds, digest), lambda when: self._start(kept, digest, when))
        else:
            self._writer.refuse_what_fails(question, fate, self._options())
            kept.status, kept.ended_at = UNWRITTEN, now
            if question.store:
                self._keep(kept, now)
        return self._tell(kept)

    def retrieve(self, response_id: str, now: float) -> bytes:
        """Return what is told of a response; raise Refused when it is not there, or no longer."""
        return self._tell(self._find(response_id, now))

    def cancel(self, response_id: str, now: float) -> bytes:
        """End a background response that is still open; return what is told of it."""
        kept = self._find(response_id, now)
        if not kept.background:
            raise Refused("Cannot cancel a synchronous response.")
        self._end(kept, "cancelled", now)
        return self._tell(kept)

    def delete(self, response_id: str, now: float) -> dict[str, Any]:
        """Forget a response."""
        self._find(response_id, now).status = "deleted"
        del self._kept[response_id]
        return {"id": response_id, "object": "response.deleted", "deleted": True}

    def _keep(self, kept: _Kept, now: float) -> None:
        self._kept[kept.id] = kept
        oldest = next(iter(self._kept.values()))
        if len(self._kept) > MOST_KEPT or oldest.is_over(now):
            self._kept.popitem(last=False)

    def _find(self, response_id: str, now: float) -> _Kept:
        kept = self._kept.get(response_id)
        if kept is None or kept.is_over(now):
            raise Refused(f"Response with id '{response_id}' not found.", status=404)
        return kept

    def _tell(self, kept: _Kept) -> bytes:
        if kept.told or kept.question is None:
            return kept.told
        outcome = None
        if kept.status == UNWRITTEN:
            outcome = self._writer.outcome(kept.question, kept.fate, self._options())
            kept.status = outcome.status
        status = (kept.status == "in_progress" and self._options().open_status) or kept.status
        told = encoded(response_object(kept.question, kept.id, kept.created_at, status=status, ended_at=kept.ended_at, outcome=outcome))
        if kept.ended_at is not None:
            kept.told, kept.question = told, None
        return told

    # The life of a background response

    def _lasting(self, seconds: float, digest: str) -> float:
        spread = self._options().spread
        return seconds * (1 - spread + 2 * spread * number_of("lasting", seconds, digest) / 2**64)

    def _start(self, kept: _Kept, digest: str, now: float) -> None:
        if kept.status != "queued":
            return
        kept.status = "in_progress"
        if not happens(self._options().hang_rate, "hang", self._seed, digest):
            lasting = self._lasting(self._options().working_seconds, digest)
            self._timeline.at(now + lasting, lambda when: self._end(kept, UNWRITTEN, when))

    def _end(self, kept: _Kept, status: str, now: float) -> None:
        if kept.status not in OPEN:
            return
        kept.status, kept.ended_at = status, now
        if self._options().webhook_url:
            self._tell(kept)
            self._webhooks.announce(f"response.{kept.status}", kept.id, now)
