"""Waking those who watch a run; what they then see is read from rows and events, never from the message."""

from __future__ import annotations

import threading
import time
from typing import Any

import structlog
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

from bookops.redis_link import redis_link

log = structlog.get_logger(__name__)

#: A run that changes often wakes its watchers at most this often, in seconds.
WAKE_EVERY = 0.5
_woken: dict[Any, float] = {}
_lock = threading.Lock()
_quiet_until = 0.0


def group_of(run_id: Any) -> str:
    """Return the channel group in which a run's watchers stand."""
    return f"run.{run_id}"


def wake(run_id: Any) -> None:
    """Tell the watchers of a run to look again. Losing this is harmless: they also look by themselves every few seconds."""
    global _quiet_until
    if time.monotonic() < _quiet_until or redis_link.is_away():
        return
    layer = get_channel_layer()
    if layer is None:
        return
    try:
        async_to_sync(layer.group_send)(group_of(run_id), {"type": "look"})
    except Exception as error:
        # A channel layer that is away must not undo what was committed.
        _quiet_until = time.monotonic() + 5
        log.warning("wake_failed", error=type(error).__name__)


def wake_sometimes(run_id: Any) -> None:
    """Wake as `wake` does, but not more often than every half second for one run from this process."""
    now = time.monotonic()
    with _lock:
        if now - _woken.get(run_id, 0) < WAKE_EVERY:
            return
        if len(_woken) > 1000:
            _woken.clear()
        _woken[run_id] = now
    wake(run_id)
