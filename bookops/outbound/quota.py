"""How many calls a source allows, counted for all processes together: a pace, windows, a day's ledger, and what the source itself said.

Redis holds the counts. While it is away each process keeps to its own share of the same limits: never to none.
"""

from __future__ import annotations

import enum
import math
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from redis import Redis

from bookops.outbound.errors import TryAgain
from bookops.outbound.shared import RedisAway, Shared

_RESERVE = files("bookops.outbound").joinpath("quota.lua").read_text()
#: Extend the pause of a source, never shorten it.
_BLOCK = "if tonumber(ARGV[1]) > redis.call('PTTL', KEYS[1]) then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[1]) end"


def seconds_to_midnight(zone: str, now: float) -> float:
    """Return the seconds from `now` (of `time.time`) to the next midnight in a time zone such as "America/Los_Angeles"."""
    local = datetime.fromtimestamp(now, ZoneInfo(zone))
    midnight = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight.timestamp() - now


@dataclass(frozen=True, slots=True)
class Window:
    """Allow so many calls in any stretch of so many seconds."""

    calls: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What a source allows; every part may be left out."""

    #: Calls a second, with so many at once after a rest.
    rate: float | None = None
    burst: int = 1
    windows: Sequence[Window] = ()
    per_day: int | None = None
    #: Where the source's day ends at midnight.
    day_zone: str = "UTC"

    def share(self, part: float) -> Limits:
        """Return the same limits for one of several processes, each at least one call."""
        return Limits(
            rate=self.rate and self.rate * part,
            burst=max(1, int(self.burst * part)),
            windows=tuple(Window(max(1, int(window.calls * part)), window.seconds) for window in self.windows),
            per_day=self.per_day,
            day_zone=self.day_zone,
        )


@dataclass(frozen=True, slots=True)
class QuotaState:
    """Say where a source's quota stands."""

    used_today: int
    #: None without a daily limit.
    limit_today: int | None
    #: 0 while the source says that the day is used up, whatever was counted here; None without a daily limit.
    remaining_today: int | None
    #: Seconds until the source's next day.
    resets_in: float
    #: Seconds for which nobody may ask, 0.0 when everybody may.
    blocked_for: float
    #: Whether it is blocked because it said that the quota is used up.
    is_spent: bool
    #: False while Redis is away and this is one process's own count.
    is_shared: bool


class _Verdict(enum.IntEnum):
    GRANTED, PACED, BLOCKED, SPENT, DAY_USED_UP = range(5)


class Quota:
    """Give each call to a source its time, or say when to come back.

    `flow` names whoever shares the source fairly, usually an import: of those who wait, each flow gets its share, however many calls
    it has waiting. `max_wait` (seconds) is the longest that `take` sleeps. `local_share` is the part of the limits that this process
    keeps to while Redis is away: one over the number of processes.
    """

    def __init__(
        self,
        name: str,
        redis: Redis | None,
        limits: Limits,
        *,
        max_wait: float = 20.0,
        local_share: float = 0.5,
        prefix: str = "quota",
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = name
        self.limits = limits
        self._max_wait = max_wait
        self._keys = f"{prefix}:{{{name}}}"  # braces: one slot of a cluster for all keys of a source
        self._shared = Shared(redis)
        self._reserve = redis.register_script(_RESERVE) if redis else None
        self._block = redis.register_script(_BLOCK) if redis else None
        self._local = _LocalCount(limits.share(local_share), max_wait)
        self._clock = clock
        self._sleep = sleep
        self._known_used: tuple[str, int] = ("", 0)

    def take(self, flow: str = "") -> None:
        """Wait for the call's turn; raises TryAgain when that is too far off (`spent` when the day's calls are used up)."""
        verdict, wait = self._reserved(flow)
        if verdict is _Verdict.GRANTED:
            if wait > 0:
                self._sleep(wait)
            return
        if verdict is _Verdict.PACED:
            # All who are beyond the farthest promise got the same one.
            wait *= random.uniform(1.0, 1.2)  # noqa: S311 - spreads load
            raise TryAgain("its turn has not come", reason="quota_pace", retry_after=wait, asked=False, source=self.name)
        if verdict is _Verdict.BLOCKED:
            raise TryAgain("told to wait", reason="quota_blocked", retry_after=wait, asked=False, source=self.name)
        if verdict is _Verdict.DAY_USED_UP:
            wait = seconds_to_midnight(self.limits.day_zone, self._clock())
        raise TryAgain("the day's calls are used up", reason="quota_day", retry_after=wait, spent=True, asked=False, source=self.name)

    def block(self, seconds: float, *, spent: bool = False) -> None:
        """Let nobody ask for so long, because the source said so; a longer pause that is on already stays."""
        self._local.block(seconds, spent)
        if seconds > 0:
            self._ask(lambda _: self._block(keys=[self._key("block")], args=[math.ceil(seconds * 1000), int(spent)]))  # type: ignore[misc]

    def unblock(self) -> None:
        """Forget what the source said, and let everybody ask again."""
        self._local.unblock()
        self._ask(lambda redis: redis.delete(self._key("block")))

    def state(self) -> QuotaState:
        """Return where the quota stands; costs one round trip."""
        day, now = self._day(), self._clock()
        block, day_key = self._key("block"), self._key("day", day)

        def read(redis: Redis) -> list[Any]:
            pipeline = redis.pipeline(transaction=False)
            pipeline.pttl(block)
            pipeline.get(block)
            pipeline.get(day_key)
            return pipeline.execute()

        answer = self._ask(read)
        if answer is None:
            blocked_for, is_spent = self._local.blocked()
            used = self._used(day)
        else:
            blocked_for, is_spent = max(0, answer[0]) / 1000, answer[1] in (b"1", "1")
            used = max(int(answer[2] or 0), self._used(day))
        limit = self.limits.per_day
        remaining = None if limit is None else 0 if is_spent and blocked_for else max(0, limit - used)
        resets_in = seconds_to_midnight(self.limits.day_zone, now)
        return QuotaState(used, limit, remaining, resets_in, blocked_for, is_spent and blocked_for > 0, answer is not None)

    def _reserved(self, flow: str) -> tuple[_Verdict, float]:
        """Return the verdict on one call and the seconds it has to wait."""
        day = self._day()
        limits = self.limits
        keys = [
            *(self._key(part) for part in ("pace", "slots")),
            self._key("day", day),
            *(self._key(part) for part in ("block", "flows")),
            *(self._key(part, flow) for part in ("mine", "promise")),
        ]
        arguments: list[str | int] = [
            flow,
            _microseconds(1 / limits.rate if limits.rate else 0),
            limits.burst,
            _microseconds(self._max_wait),
        ]
        arguments += [limits.per_day or 0, self._used(day)]
        for window in limits.windows:
            arguments += [window.calls, _microseconds(window.seconds)]
        answer = self._ask(lambda _: self._reserve(keys=keys, args=arguments))  # type: ignore[misc]
        if answer is None:
            verdict, wait, used = self._local.reserve(self._used(day))
        else:
            verdict, wait, used = _Verdict(answer[0]), answer[1] / 1_000_000, answer[2]
        self._known_used = (day, max(used, self._used(day)))
        return verdict, wait

    def _ask(self, question: Callable[[Redis], Any]) -> Any:
        """Return Redis's answer, None while it is away."""
        try:
            return self._shared.ask(question)
        except RedisAway:
            return None

    def _used(self, day: str) -> int:
        known_day, used = self._known_used
        return used if known_day == day else 0

    def _day(self) -> str:
        return datetime.fromtimestamp(self._clock(), ZoneInfo(self.limits.day_zone)).date().isoformat()

    def _key(self, part: str, of: str = "") -> str:
        return f"{self._keys}:{part}:{of}" if of else f"{self._keys}:{part}"


def _microseconds(seconds: float) -> int:
    return round(seconds * 1_000_000)


class _LocalCount:
    """Keep one process to its limits while Redis is away: the same pace, windows and day, without shares for the flows."""

    def __init__(self, limits: Limits, max_wait: float) -> None:
        self._limits = limits
        self._max_wait = max_wait
        self._lock = threading.Lock()
        self._next_slot = 0.0
        self._slots: deque[float] = deque(maxlen=max((window.calls for window in limits.windows), default=1))
        self._blocked_until = 0.0
        self._is_spent = False

    def reserve(self, used: int) -> tuple[_Verdict, float, int]:
        """Return the verdict, the seconds to wait and the calls used today."""
        interval = 1 / self._limits.rate if self._limits.rate else 0.0
        with self._lock:
            now = time.monotonic()
            if now < self._blocked_until:
                return _Verdict.SPENT if self._is_spent else _Verdict.BLOCKED, self._blocked_until - now, used
            if self._limits.per_day is not None and used >= self._limits.per_day:
                return _Verdict.DAY_USED_UP, 0.0, used
            slot = max(now, self._next_slot - (self._limits.burst - 1) * interval)
            for window in self._limits.windows:
                if len(self._slots) >= window.calls:
                    slot = max(slot, self._slots[-window.calls] + window.seconds)
            if slot - now > self._max_wait:
                return _Verdict.PACED, slot - now - self._max_wait + interval, used
            self._next_slot = max(self._next_slot, slot) + interval
            self._slots.append(slot)
            return _Verdict.GRANTED, slot - now, used + 1

    def block(self, seconds: float, spent: bool) -> None:
        with self._lock:
            until = time.monotonic() + seconds
            if until > self._blocked_until:
                self._blocked_until, self._is_spent = until, spent

    def unblock(self) -> None:
        with self._lock:
            self._blocked_until = 0.0

    def blocked(self) -> tuple[float, bool]:
        with self._lock:
            return max(0.0, self._blocked_until - time.monotonic()), self._is_spent
