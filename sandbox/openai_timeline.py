"""What happens later by the sandbox's clock, and work too long to do in one go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from heapq import heappop, heappush
from itertools import count

from sandbox.clock import Clock

#: Real seconds between looks at the clock, which a test may move at any time.
TICK = 0.05

Event = Callable[[float], None]


class Timeline:
    """Let events happen when the clock shows their time, seen at the latest by whoever asks next."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._events: list[tuple[float, int, Event]] = []
        self._order = count()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_ticking = False

    def at(self, when: float, event: Event) -> None:
        """Call `event` with `when` as soon as the clock shows it; one that is past happens at the next look."""
        heappush(self._events, (when, next(self._order), event))
        if not self._is_ticking:
            self._is_ticking = True
            self._run(self._tick())

    def catch_up(self) -> None:
        """Let everything happen that is due, each at its own time and in its order."""
        while self._events and self._events[0][0] <= self._clock.now():
            when, _, event = heappop(self._events)
            event(when)

    def work_through(self, steps: Iterator[None], then: Callable[[], None]) -> None:
        """Take the first step now, the others between other callers' requests, and call `then` after the last."""
        if next(steps, steps) is steps:
            then()
        else:
            self._run(self._work(steps, then))

    def stop(self) -> None:
        """Forget what was to happen and give up unfinished work."""
        self._events.clear()
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()
        self._is_ticking = False

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tick(self) -> None:
        while self._events:
            await asyncio.sleep(TICK)
            self.catch_up()
        self._is_ticking = False

    async def _work(self, steps: Iterator[None], then: Callable[[], None]) -> None:
        for _ in steps:
            await asyncio.sleep(0)
        then()
