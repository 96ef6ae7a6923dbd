"""Ask providers many things at once, each provider in threads of its own, until a moment when no more is asked.

A provider that hangs, throttles or is left alone by its breaker delays no other. What was not asked by then is simply not answered.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

import structlog

from bookops.outbound.errors import Refused, SourceError, TryAgain
from llmjobs.pace import Pace, pace_of

log = structlog.get_logger(__name__)

RATE_LIMITED = "rate_limited"


@dataclass(frozen=True, slots=True)
class Call:
    """Hold one thing to ask, and of whom."""

    #: All calls of one name share threads and pace.
    provider: str
    #: Handed back with what came of it.
    about: Any
    ask: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """Hold what came of a call: what it returned, or the error that ended it."""

    call: Call
    said: Any = None
    error: SourceError | None = None

    @property
    def was_throttled(self) -> bool:
        """Say whether the provider itself told us to slow down."""
        return isinstance(self.error, TryAgain) and self.error.asked and self.error.reason == RATE_LIMITED


def ask_all(calls: Iterable[Call], *, at_once: int, stop_at: float, wait: float = 1.0) -> Iterator[Reply | None]:
    """Yield replies as they come, in any order, and None after each `wait` seconds without one; none after `stop_at` (monotonic).

    Calls of a provider begin in their order, `at_once` at a time. Those in flight at `stop_at` are left to their own deadlines.
    """
    by_provider: dict[str, deque[Call]] = defaultdict(deque)
    for call in calls:
        by_provider[call.provider].append(call)
    replies: SimpleQueue[Reply | None] = SimpleQueue()
    at_work = 0
    for waiting in by_provider.values():
        counter = _Counter(waiting, replies, stop_at, pace_of(waiting[0].provider))
        for _ in range(min(at_once, len(waiting))):
            # Daemons: a process that ends does not wait for a provider that hangs.
            threading.Thread(target=counter.serve, name="ask", daemon=True).start()
            at_work += 1
    while at_work and (left := stop_at - time.monotonic()) > 0:
        try:
            reply = replies.get(timeout=min(left, wait))
        except Empty:
            yield None
            continue
        if reply is None:
            at_work -= 1
        else:
            yield reply


class _Counter:
    """Serve the calls of one provider from many threads, at its pace."""

    def __init__(self, waiting: deque[Call], replies: SimpleQueue[Reply | None], stop_at: float, pace: Pace) -> None:
        self._waiting = waiting
        self._replies = replies
        self._stop_at = stop_at
        self._pace = pace

    def serve(self) -> None:
        """Ask until nothing is left or it is time to stop; then say so with None."""
        try:
            while self._wait_for_turn():
                try:
                    call = self._waiting.popleft()
                except IndexError:
                    return
                reply = _asked(call)
                if not self._learn(reply):
                    self._waiting.appendleft(call)
                else:
                    self._replies.put(reply)
        finally:
            self._replies.put(None)

    def _wait_for_turn(self) -> bool:
        """Sleep while the provider wants to be let alone; False if that is for longer than there is time."""
        while (pause := self._pace.wait()) > 0:
            if time.monotonic() + pause >= self._stop_at:
                return False
            time.sleep(pause)
        return time.monotonic() < self._stop_at

    def _learn(self, reply: Reply) -> bool:
        """Slow down or give up by what came back; False if the question never left the house and is to be asked again."""
        error = reply.error
        if isinstance(error, TryAgain) and not error.asked:
            self._pace.not_asked(error.retry_after)
            return False
        if isinstance(error, TryAgain) and reply.was_throttled:
            self._pace.throttled(error.retry_after)
        elif isinstance(error, Refused) and error.account_wide:
            self._stop_at = 0.0
        elif error is None:
            self._pace.answered()
        return True


def _asked(call: Call) -> Reply:
    try:
        return Reply(call, call.ask())
    except SourceError as error:
        return Reply(call, error=error)
    except Exception as error:
        # A fault of ours costs one call and not the round.
        with suppress(Exception):
            log.exception("call_crashed", provider=call.provider)
        return Reply(call, error=TryAgain(type(error).__name__, reason="crashed", source=call.provider))
