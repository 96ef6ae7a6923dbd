"""People who keep some work under way, whatever falls over meanwhile."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

#: Share of what they begin that they cancel while it runs.
CANCELLED = 0.08


@dataclass
class People:
    """Begin something whenever less than so much is under way, from a thread of its own. A subclass says what, and counts it."""

    seed: int
    at_once: int = 6
    #: What was told no (the database was away), by the error's name: nothing was promised for it.
    refused: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="people")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End with what is being begun."""
        self._stop.set()
        self._thread.join()

    def act(self) -> None:
        """Begin one thing more."""
        raise NotImplementedError

    def under_way(self) -> int:
        """Count what has not ended."""
        raise NotImplementedError

    def thinks_better(self, cancel: Callable[[], bool]) -> bool:
        """Now and then cancel after a moment; return whether that was done."""
        if self.chance.random() >= CANCELLED:
            return False
        self._stop.wait(self.chance.uniform(0.1, 1.5))
        return cancel()

    def _run(self) -> None:
        from django.db import connection

        while not self._stop.is_set():
            try:
                if self.under_way() < self.at_once:
                    self.act()
            except Exception as error:  # whatever a service that is away can throw
                self.refused[type(error).__name__] += 1
                connection.close()
            self._stop.wait(0.2)
        connection.close()


def owner_named(name: str, **facts: Any) -> Any:
    """Return the user of that name, made with these facts if need be."""
    from django.contrib.auth import get_user_model

    return get_user_model().objects.get_or_create(username=name, defaults=facts)[0]
