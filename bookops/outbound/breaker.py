"""A circuit breaker for each source: after a row of failures nobody asks for a while, then one asks for all.

Not pybreaker: it holds one lock for the length of each call, so that 350 threads would ask one after the other, and it goes to Redis
several times a call.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from redis import Redis

from bookops.outbound.errors import TryAgain
from bookops.outbound.shared import RedisAway, Shared

#: How long a source that was down is remembered as such when nobody asks it any more (seconds).
FORGET_AFTER = 3600


@dataclass(frozen=True, slots=True)
class BreakerState:
    """Say whether a source may be asked."""

    #: "closed", "open" or "half-open" (open until one call has tried).
    name: str
    #: Seconds until it is half-open, 0.0 unless open.
    open_for: float
    #: How often in a row it opened.
    trips: int
    #: Failures in a row seen by this process.
    failures: int


class Breaker:
    """Stop asking a source that fails.

    Closed until `threshold` calls of one process fail in a row; then open for all processes for `cooldown` seconds (twice as long each
    time it happens again, up to `longest`); then half-open: one call is let through, and its end closes the breaker or opens it again.

    While it is closed a call costs no round trip: what other processes found is read once in `refresh` seconds. While Redis is away
    each process has its own breaker.
    """

    def __init__(
        self,
        name: str,
        redis: Redis | None,
        *,
        threshold: int = 10,
        cooldown: float = 15.0,
        longest: float = 300.0,
        refresh: float = 1.0,
        prefix: str = "breaker",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._shared = Shared(redis)
        self._threshold = threshold
        self._cooldown = cooldown
        self._longest = longest
        self._refresh = refresh
        self._clock = clock
        # Three keys: `open` lives as long as the breaker is open, `trips` until it closes, `probe` as long as a try may take.
        self._open_key, self._trips_key, self._probe_key = (f"{prefix}:{{{name}}}:{part}" for part in ("open", "trips", "probe"))
        self._lock = threading.Lock()
        self._failures = 0
        self._trips = 0
        self._open_until = 0.0
        self._probe_until = 0.0
        self._read_again_at = 0.0

    def enter(self) -> None:
        """Let a call through; raises TryAgain while the source is left alone."""
        self._read_shared()
        if not self._trips:
            return
        open_for = self._open_until - self._clock()
        if open_for <= 0 and self._may_probe():
            return
        raise TryAgain("left alone after failures", reason="breaker_open", retry_after=max(open_for, 1.0), asked=False, source=self.name)

    def succeeded(self) -> None:
        """Note that the source answered."""
        self._failures = 0
        if self._trips:
            self._trips, self._open_until = 0, 0.0
            self._tell(lambda redis: redis.delete(self._open_key, self._trips_key, self._probe_key))

    def failed(self, *, at_once: bool = False) -> None:
        """Note that the source failed; `at_once` opens the breaker without waiting for the threshold."""
        with self._lock:
            self._failures += 1
            now = self._clock()
            is_enough = at_once or self._trips > 0 or self._failures >= self._threshold
            if now < self._open_until or not is_enough:
                return
            open_for = min(self._cooldown * 2**self._trips, self._longest)
            self._trips = min(self._trips + 1, 20)
            self._open_until, self._probe_until = now + open_for, 0.0
            trips = self._trips

        def open_for_all(redis: Redis) -> None:
            pipeline = redis.pipeline(transaction=False)
            pipeline.set(self._open_key, 1, px=round(open_for * 1000))
            pipeline.set(self._trips_key, trips, ex=FORGET_AFTER)
            pipeline.delete(self._probe_key)
            pipeline.execute()

        self._tell(open_for_all)

    def state(self) -> BreakerState:
        """Return the state as of at most `refresh` seconds ago."""
        self._read_shared()
        open_for = max(0.0, self._open_until - self._clock())
        name = "closed" if not self._trips else "open" if open_for else "half-open"
        return BreakerState(name, open_for, self._trips, self._failures)

    def reset(self) -> None:
        """Close the breaker by hand."""
        self._trips = max(self._trips, 1)  # another process may have opened it a moment ago
        self.succeeded()

    def _read_shared(self) -> None:
        """Take over what all processes know, unless that was done a moment ago."""
        now = self._clock()
        with self._lock:
            if now < self._read_again_at:
                return
            self._read_again_at = now + self._refresh  # the others go on with what is known

        def read(redis: Redis) -> list[Any]:
            pipeline = redis.pipeline(transaction=False)
            pipeline.pttl(self._open_key)
            pipeline.get(self._trips_key)
            return pipeline.execute()

        try:
            open_ms, trips = self._shared.ask(read)
        except RedisAway:
            return
        with self._lock:
            self._trips = int(trips or 0)
            self._open_until = now + open_ms / 1000 if open_ms > 0 else 0.0

    def _may_probe(self) -> bool:
        """Win or lose the right to be the one call that tries; a right that nobody came back from ends with the cooldown."""
        with self._lock:
            now = self._clock()
            if now < self._probe_until:
                return False
            self._probe_until = now + self._cooldown
        try:
            return bool(self._shared.ask(lambda redis: redis.set(self._probe_key, 1, nx=True, px=round(self._cooldown * 1000))))
        except RedisAway:
            return True

    def _tell(self, question: Callable[[Redis], Any]) -> None:
        try:
            self._shared.ask(question)
        except RedisAway:
            return
