"""What was asked of whom: counts, bytes and the highest number of calls in flight at once."""

from __future__ import annotations

import time
from collections import Counter, deque
from typing import Any

from sandbox.party import Answer

#: Single calls kept, where they are kept at all; the counts go on beyond it.
CALLS_KEPT = 500_000


class _Tally:
    """Count the calls of one party, or of all."""

    def __init__(self) -> None:
        self.calls = 0
        self.bytes_sent = 0
        self.in_flight = 0
        self.peak_concurrency = 0
        self.first_at: float | None = None
        self.last_at: float | None = None
        self.by_endpoint: Counter[str] = Counter()
        self.by_status: Counter[int] = Counter()
        self.faults: Counter[str] = Counter()

    def as_dict(self) -> dict[str, Any]:
        return dict(vars(self))


class CallLog:
    """Count every call; with `keep_calls`, also keep each with its keys."""

    def __init__(self) -> None:
        self.keep_calls = False
        self._in_flight: Counter[str] = Counter()
        self.clear()

    def clear(self) -> None:
        """Start counting anew; calls still in flight stay in flight."""
        self._tallies: dict[str, _Tally] = {}
        self._all = _Tally()
        self._calls: deque[dict[str, Any]] = deque(maxlen=CALLS_KEPT)
        self._all.in_flight = self._in_flight.total()

    def _tally(self, source: str) -> _Tally:
        tally = self._tallies.get(source)
        if tally is None:
            tally = self._tallies[source] = _Tally()
            tally.in_flight = self._in_flight[source]
        return tally

    def begin(self, source: str) -> None:
        """Note that a call came in."""
        now = time.time()
        for tally in (self._tally(source), self._all):
            tally.calls += 1
            tally.in_flight += 1
            tally.peak_concurrency = max(tally.peak_concurrency, tally.in_flight)
            tally.first_at = tally.first_at or now
            tally.last_at = now
        self._in_flight[source] += 1

    def note(self, source: str, path: str, answer: Answer, fault: str) -> None:
        """Note what was answered, and how it was spoiled, if it was."""
        for tally in (self._tally(source), self._all):
            tally.by_endpoint[answer.endpoint] += 1
            tally.by_status[answer.status] += 1
            tally.bytes_sent += len(answer.body)
            if fault:
                tally.faults[fault] += 1
        if self.keep_calls:
            self._calls.append(
                {
                    "at": time.time(),
                    "source": source,
                    "path": path,
                    "endpoint": answer.endpoint,
                    "status": answer.status,
                    "keys": answer.keys,
                    "fault": fault,
                }
            )

    def sent(self, source: str, size: int) -> None:
        """Note bytes of an answer that is made while it is sent."""
        for tally in (self._tally(source), self._all):
            tally.bytes_sent += size

    def end(self, source: str) -> None:
        """Note that a call is over, answered or given up."""
        for tally in (self._tally(source), self._all):
            tally.in_flight -= 1
        self._in_flight[source] -= 1

    def as_dict(self, *, calls: bool = False) -> dict[str, Any]:
        """Return the counts in all and by source, with the kept calls where asked."""
        counts = {**self._all.as_dict(), "sources": {name: tally.as_dict() for name, tally in sorted(self._tallies.items())}}
        return {**counts, "each_call": list(self._calls)} if calls else counts
