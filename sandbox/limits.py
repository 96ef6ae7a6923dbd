"""The limits third parties set: so many calls a second with a burst, so many in a window, so many a day."""

from __future__ import annotations

from collections import deque
from datetime import datetime
from zoneinfo import ZoneInfo

PACIFIC = ZoneInfo("America/Los_Angeles")


class TokenBucket:
    """Let `burst` calls through at once and `per_second` from then on."""

    def __init__(self) -> None:
        self._spent = 0.0
        self._seen_at = 0.0

    def take(self, now: float, per_second: float, burst: float) -> bool:
        """Take one call; False when there is none left."""
        spent = max(0.0, self._spent - max(0.0, now - self._seen_at) * per_second)
        self._seen_at = now
        allowed = spent + 1 <= burst
        self._spent = spent + 1 if allowed else spent
        return allowed


class SlidingWindow:
    """Let so many calls through in any stretch of `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._taken: deque[float] = deque()

    def take(self, now: float, at_most: int) -> bool:
        """Take one call; False when the window is full."""
        while self._taken and self._taken[0] <= now - self._seconds:
            self._taken.popleft()
        if len(self._taken) >= at_most:
            return False
        self._taken.append(now)
        return True


class DailyQuota:
    """Let so many calls through a day that begins at midnight Pacific time, as Google counts."""

    def __init__(self) -> None:
        self._day = ""
        self.taken = 0

    def take(self, now: float, at_most: int) -> bool:
        """Take one call; False when the day's calls are used up."""
        day = datetime.fromtimestamp(now, PACIFIC).date().isoformat()
        if day != self._day:
            self._day, self.taken = day, 0
        if self.taken >= at_most:
            return False
        self.taken += 1
        return True
