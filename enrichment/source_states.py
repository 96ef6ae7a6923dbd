"""How each source stands now: whether it may be asked, what is left of its day, until when it is let be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.utils import timezone

from bookops.outbound.breaker import BreakerState
from bookops.outbound.http import Door
from bookops.outbound.quota import QuotaState
from bookops.source_health import SourceHealth
from enrichment.asking import NAMES
from enrichment.deciding import OPEN_LIBRARY, SOURCES
from enrichment.doors import open_google_books, open_open_library


@dataclass(frozen=True, slots=True)
class SourceState:
    """Hold what the desk shows of one source."""

    #: "open_library" or "google_books".
    source: str
    name: str
    #: None until it was first asked.
    health: SourceHealth | None
    #: None where quotas are switched off.
    quota: QuotaState | None
    #: When the source's day begins anew, None without a daily limit.
    resets_at: datetime | None
    breaker: BreakerState
    #: Until when nobody asks it, None when everybody may.
    parked_until: datetime | None


def source_states(names: Sequence[str] = SOURCES) -> list[SourceState]:
    """Return how the sources stand, in the order they are asked. One query, and two round trips to Redis for each."""
    health = SourceHealth.objects.filter(name__in=names).in_bulk(field_name="name")
    return [_state_of(name, health.get(name)) for name in names]


def _state_of(name: str, health: SourceHealth | None) -> SourceState:
    door = _door(name)
    now = timezone.now()
    quota = door.quota.state() if door.quota else None
    assert door.breaker  # noqa: S101 - every source has one
    breaker = door.breaker.state()
    until = [moment for moment in (health.parked_until if health else None,) if moment and moment > now]
    until += [now + timedelta(seconds=seconds) for seconds in (quota.blocked_for if quota else 0, breaker.open_for) if seconds]
    return SourceState(
        source=name,
        name=NAMES.get(name, name),
        health=health,
        quota=quota,
        resets_at=now + timedelta(seconds=quota.resets_in) if quota and quota.limit_today is not None else None,
        breaker=breaker,
        parked_until=max(until, default=None),
    )


@cache
def _door(name: str) -> Door:
    """Return a door that nothing goes through: its counts are in Redis, shared with the workers."""
    opened: Any = open_open_library(None) if name == OPEN_LIBRARY else open_google_books(None)
    door: Door = opened.door
    return door
