"""Kill parts at random in the middle of imports, then let them drain, and count what is left (R1)."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.chaos.stack import Ground, Stack
from tests.chaos.uploads import Library, Uploader
from tests.chaos.verdict import Line, at_most, extra_calls, judge, none

#: What is killed how often, in parts of a hundred.
VICTIMS = {"enrichment-1": 26, "enrichment-2": 26, "imports": 20, "beat": 6, "sweeper-1": 8, "sweeper-2": 8, "valkey": 6}
#: Seconds between two kills, on the average.
PACE = 1.2
LATENCY = 0.05
DRAIN_SECONDS = 30.0
EXTRA_PERCENT = 10.0


@dataclass
class Storm:
    """Do the faults of one seed, one after the other."""

    ground: Ground
    stack: Stack
    kills: int
    seed: int
    pace: float = PACE
    #: What is killed how often, in parts of a hundred; "valkey" is the server.
    victims: Mapping[str, int] = field(default_factory=lambda: VICTIMS)
    #: Ends it earlier; 0 for no limit.
    seconds: float = 0.0
    done: Counter[str] = field(default_factory=Counter)
    ended_by_themselves: Counter[str] = field(default_factory=Counter)

    def rage(self) -> None:
        """Kill until the number is reached, with wiped and crashed servers evenly between."""
        chance = random.Random(self.seed)
        between: dict[int, Callable[[], None]] = {}
        crashes = max(1, self.kills // 60) if self.ground.postgres else 0
        servers = [self.flush] * max(1, self.kills // 40) + [self.crash] * crashes
        for fault in servers:
            between[chance.choice([number for number in range(self.kills) if number not in between])] = fault
        began = time.monotonic()
        for number in range(self.kills):
            if self.seconds and time.monotonic() - began > self.seconds:
                return
            time.sleep(min(chance.expovariate(1 / self.pace), self.pace * 4))
            victim = chance.choices(list(self.victims), list(self.victims.values()))[0]
            if victim == "valkey":
                self.ground.restart_valkey(away=chance.uniform(0, 1))
            else:
                self.stack.replace(victim)
            self.done[f"kill -9 {victim}"] += 1
            if number in between:
                between[number]()
            self.ended_by_themselves.update(self.stack.revive())

    def flush(self) -> None:
        """Wipe Valkey."""
        self.ground.flush_valkey()
        self.done["FLUSHALL"] += 1

    def crash(self) -> None:
        """Stop PostgreSQL at once and start it again."""
        self.ground.restart_postgres()
        self.done["PostgreSQL immediate stop"] += 1


def run(
    ground: Ground, library: Library, *, kills: int, seed: int, seconds: float = 0.0, mutant: str = "", pace: float = PACE
) -> tuple[dict[str, object], list[Line]]:
    """Return what was done and the verdict on it."""
    began = time.monotonic()
    ground.sandbox.settings(latency=LATENCY, keep_calls=True)
    ground.sandbox.clear_log()
    stack = Stack(ground, mutant=mutant, parts=parts_of(VICTIMS))
    uploader = Uploader(seed, library=library)
    storm = Storm(ground, stack, kills, seed, pace, seconds=seconds)
    try:
        uploader.start()
        try:
            storm.rage()
        finally:
            uploader.stop()
        drained = drain(stack, lambda: not uploader.under_way())
    finally:
        stack.close()
    from enrichment.sources.open_library import WITNESSES

    needed, extra = extra_calls(ground.sandbox.log(calls=True), witnesses=WITNESSES)
    facts = {
        "seed": seed,
        "faults": dict(sorted(storm.done.items())),
        "imports": len(uploader.accepted),
        "rows": sum(one.rows for one in uploader.accepted),
        "imports cancelled": sum(one.cancelled for one in uploader.accepted),
        "uploads refused": dict(uploader.refused),
        "parts that ended by themselves": dict(storm.ended_by_themselves),
        "calls needed": round(needed),
        "calls beyond them": round(extra),
        "leases lost": leases_lost(),
        "seconds": round(time.monotonic() - began),
    }
    lines = [
        *judge(uploader.accepted),
        at_most("extra calls", 100 * extra / max(needed, 1), EXTRA_PERCENT, " %"),
        at_most("seconds to drain", drained, DRAIN_SECONDS, " s"),
        none("deadlocks", deadlocks(ground)),
    ]
    return facts, lines


def parts_of(victims: Mapping[str, int]) -> tuple[str, ...]:
    """Return the parts of the stack among what is killed."""
    return tuple(name for name in victims if name != "valkey")


def drain(stack: Stack, is_done: Callable[[], bool], most: float = 180.0) -> float:
    """Wait until all has ended and return the seconds that took."""
    began = time.monotonic()
    forget_connections()
    while not is_done() and time.monotonic() - began < most:
        time.sleep(0.25)
        stack.revive()
    return time.monotonic() - began


def forget_connections() -> None:
    """Close the connections of this process: a crash of the database has left dead ones in its pool."""
    from django.db import connection

    connection.close()
    if connection.vendor == "postgresql":
        connection.close_pool()  # type: ignore[attr-defined]


def leases_lost() -> int:
    """Count the rows' attempts that ended with their worker."""
    from enrichment.models import RowAttempt

    return RowAttempt.objects.filter(outcome="lost").count()


def deadlocks(ground: Ground) -> list[str]:
    """Return the lines of PostgreSQL's log that tell of a deadlock."""
    if not ground.postgres:
        return []
    text = (ground.postgres.folder / "postgres.log").read_text(errors="replace")
    return [line for line in text.splitlines() if "deadlock detected" in line]
