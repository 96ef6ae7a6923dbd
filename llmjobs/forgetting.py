"""Forget what the poller keeps of itself: its ticks, and which webhook messages it took."""

from __future__ import annotations

from datetime import timedelta

from bookops.clock import database_now
from llmjobs.models import PollTick, ProviderMessage

#: At one tick in 30 seconds, 86,400 rows.
TICKS = timedelta(days=30)
#: A message is too old to be taken again after five minutes.
MESSAGES = timedelta(days=1)


def forget_ticks() -> int:
    """Delete ticks that nobody charts any more and messages that nobody can replay; return how many."""
    now = database_now()
    ticks, _ = PollTick.objects.filter(started_at__lt=now - TICKS).delete()
    messages, _ = ProviderMessage.objects.filter(at__lt=now - MESSAGES).delete()
    return ticks + messages
