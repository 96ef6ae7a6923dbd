"""What a directed scenario is made of: a stack of its own on the shared servers, uploads, and patience with a limit."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.stack import Ground, Stack
from tests.chaos.uploads import Accepted, Library
from tests.chaos.verdict import Line


@dataclass
class Trial:
    """Hold one run of one scenario."""

    ground: Ground
    library: Library
    mutant: str = ""
    #: The form run by hand, with the full numbers, instead of the short one for CI.
    long: bool = False
    #: Kills of a storm in its long form, and the seed of all chance.
    kills: int = 0
    seed: int = 1
    facts: dict[str, Any] = field(default_factory=dict)

    @contextmanager
    def stack(self, *parts: str, **options: Any) -> Iterator[Stack]:
        """Run these parts for the block, on a quiet sandbox and an empty Valkey."""
        self.ground.sandbox.reset()
        self.ground.flush_valkey()
        stack = Stack(self.ground, mutant=self.mutant, parts=parts, **options)
        try:
            yield stack
        finally:
            stack.close()

    def upload(self, rows: int, **start: Any) -> Accepted:
        """Upload a library of so many books that nobody has uploaded."""
        return self.library.upload(rows, **start)

    def wait_for_end(self, accepted: Sequence[Accepted], seconds: float) -> float:
        """Wait until these imports have ended, so many seconds at most, and return how long that took."""
        from bookops.runs import ENDED
        from enrichment.models import LibraryImport

        ids = [one.id for one in accepted]
        return self.wait_until(lambda: not LibraryImport.objects.filter(pk__in=ids).exclude(state__in=ENDED).exists(), seconds)

    def wait_until(self, condition: Callable[[], bool], seconds: float) -> float:
        """Wait until a condition holds, so many seconds at most, and return how long that took."""
        began = time.monotonic()
        while not condition() and time.monotonic() - began < seconds:
            time.sleep(0.1)
        return time.monotonic() - began


@dataclass(frozen=True)
class Scenario:
    """Hold a directed scenario: what it shows, and the function that runs it and returns the lines of its verdict."""

    shows: str
    run: Callable[[Trial], list[Line]]
