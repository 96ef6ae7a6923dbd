"""When work that goes on should end, from its pace; pure."""

from __future__ import annotations

from datetime import datetime, timedelta

#: Less work, or work for less time, says nothing of the pace.
ENOUGH_ROWS = 10
ENOUGH_TIME = timedelta(seconds=10)


def halfway(begun: datetime, now: datetime) -> datetime:
    """Return the middle of the time so far: what ended since then makes the pace.

    The beginning is not like the rest: what many books are asked about at once ends in one go. So it drops out, and the longer the work
    has taken, the less a moment changes.
    """
    return begun + (now - begun) / 2


def end_of(begun: datetime, now: datetime, *, ended_lately: int, left: int) -> datetime | None:
    """Return when the rows that are left should have ended, None while too little has; `ended_lately` did so since `halfway`."""
    if now - begun < ENOUGH_TIME or ended_lately < ENOUGH_ROWS:
        return None
    return now + (now - halfway(begun, now)) / ended_lately * left
