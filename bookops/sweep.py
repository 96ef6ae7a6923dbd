"""The sweeper: free what lost its worker, ring again what was not heard, end what is done. Any number may run."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

import structlog
from django.conf import settings
from django.db import DatabaseError, connection

from bookops import pulse
from bookops.clock import database_now

log = structlog.get_logger(__name__)

#: What each app wants done in a round: a function of the database's time that returns how much it moved, by name.
Broom = Callable[[datetime], dict[str, int]]
_brooms: list[Broom] = []


def register(broom: Broom) -> Broom:
    """Add a function to every round; apps call this when they are ready."""
    if broom not in _brooms:
        _brooms.append(broom)
    return broom


def sweep_once() -> dict[str, int]:
    """Do one round and return what was moved, by name. A broom that fails does not keep the others from sweeping."""
    moved: dict[str, int] = {}
    now = database_now()
    for broom in _brooms:
        try:
            for name, count in broom(now).items():
                moved[name] = moved.get(name, 0) + count
        except DatabaseError:
            raise
        except Exception:
            log.exception("broom_failed", broom=f"{broom.__module__}.{broom.__qualname__}")
            moved["failed_brooms"] = moved.get("failed_brooms", 0) + 1
    pulse.beat("sweeper", **moved)
    if any(moved.values()):
        log.info("swept", **{name: count for name, count in moved.items() if count})
    return moved


def sweep_for_ever(*, should_stop: Callable[[], bool] = lambda: False) -> None:
    """Sweep every SWEEP_SECONDS until told to stop; a database that is away is waited for."""
    while not should_stop():
        start = time.monotonic()
        try:
            sweep_once()
        except DatabaseError as error:
            log.warning("sweep_failed", error=type(error).__name__)
            connection.close()
        time.sleep(max(settings.SWEEP_SECONDS - (time.monotonic() - start), 0.05))


def last_round() -> datetime | None:
    """Return when a sweeper last finished a round."""
    return pulse.last_seen("sweeper")


def workers_seen() -> int:
    """Count the workers that were alive within the last 45 seconds."""
    return pulse.alive("worker")
