"""A clock that a test can set, advance and speed up, so that daily quotas end while one watches."""

from __future__ import annotations

import time


class Clock:
    """Tell the sandbox's time in seconds since the epoch; latency and faults keep to real time."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Go back to the real time at the real speed."""
        self._speed = 1.0
        self._anchor = time.monotonic()
        self._shown_at_anchor = time.time()

    def now(self) -> float:
        """Return the time shown."""
        return self._shown_at_anchor + (time.monotonic() - self._anchor) * self._speed

    @property
    def speed(self) -> float:
        """Return how many seconds pass here in a real one."""
        return self._speed

    def set(self, *, now: float | None = None, advance: float = 0.0, speed: float | None = None) -> None:
        """Show another time, `advance` seconds later, and go on at `speed`."""
        self._shown_at_anchor = (self.now() if now is None else now) + advance
        self._anchor = time.monotonic()
        self._speed = self._speed if speed is None else speed
