"""How long a provider is let alone that throttles us: each time in a row longer, with jitter, whoever in this process asked.

What it says itself in Retry-After holds for all processes, by the quota of its door.
"""

from __future__ import annotations

import threading
import time
from functools import cache

from bookops.runs import wait_before


class Pace:
    """Count how often in a row a provider has told us to wait; any number of threads may."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._strikes = 0
        self._open_at = 0.0

    def wait(self) -> float:
        """Return the seconds until it may be asked again, 0.0 when it may."""
        return max(self._open_at - time.monotonic(), 0.0)

    def throttled(self, retry_after: float | None = None) -> float:
        """Learn that a call was turned away and return the seconds to wait; of calls that were in flight together one counts."""
        with self._lock:
            if self.wait() == 0.0:
                self._strikes += 1
            self._open_at = max(self._open_at, time.monotonic() + wait_before(self._strikes, retry_after))
            return self.wait()

    def not_asked(self, retry_after: float | None = None) -> None:
        """Learn that a call never left the house, as its breaker or quota held it back; that is no word of the provider's."""
        with self._lock:
            self._open_at = max(self._open_at, time.monotonic() + wait_before(1, retry_after))

    def answered(self) -> None:
        """Learn that a call was answered; one that was in flight when others were turned away says nothing."""
        with self._lock:
            if self.wait() == 0.0:
                self._strikes = 0


@cache
def pace_of(provider: str) -> Pace:
    """Return the pace at which this process asks a provider."""
    return Pace()
