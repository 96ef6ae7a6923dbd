"""Turns: what only one may do at a time is done by whoever wins one conditional UPDATE, and for no longer than it said."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db.models import Q
from django.db.models.functions import Now

from llmjobs.models import Turn


@contextmanager
def turn(name: str, seconds: float) -> Iterator[Turn | None]:
    """Have the turn while the block runs, None if another has it; after `seconds` it is anybody's, so that a killed one holds up nobody."""
    mine = take(name, seconds)
    try:
        yield mine
    finally:
        if mine is not None:
            give_back(mine)


def take(name: str, seconds: float) -> Turn | None:
    """Take a turn that is free or over; None if it is another's."""
    token = uuid.uuid4()
    free = Turn.objects.filter(Q(until=None) | Q(until__lt=Now()), name=name)
    until = Now() + timedelta(seconds=seconds)
    if not free.update(token=token, until=until):
        Turn.objects.bulk_create([Turn(name=name)], ignore_conflicts=True)
        if not free.update(token=token, until=until):
            return None
    return Turn(name=name, token=token)


def keep(mine: Turn, seconds: float) -> bool:
    """Have a turn for longer; False if it was over and is another's by now."""
    return bool(Turn.objects.filter(name=mine.name, token=mine.token).update(until=Now() + timedelta(seconds=seconds)))


def give_back(mine: Turn) -> None:
    """Let the next one have it."""
    Turn.objects.filter(name=mine.name, token=mine.token).update(until=None, token=None)
