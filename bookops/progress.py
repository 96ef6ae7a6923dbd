"""Waking those who watch a run; what they then see is read from rows and events, never from the message."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from typing import Any

import structlog
from channels.layers import get_channel_layer

from bookops.redis_link import redis_link

log = structlog.get_logger(__name__)

#: A run that changes often wakes its watchers at most this often, in seconds.
WAKE_EVERY = 0.5
#: After the channel layer has failed, nobody is woken for this many seconds.
QUIET_SECONDS = 5.0
_woken: dict[Any, float] = {}
_lock = threading.Lock()


def group_of(run_id: Any) -> str:
    """Return the channel group in which a run's watchers stand."""
    return f"run.{run_id}"


class Waker:
    """One thread a process through which all watchers are woken: its loop keeps its connection, and whoever does the work goes on."""

    def __init__(self) -> None:
        self._waiting: set[Any] = set()
        self._lock = threading.Lock()
        self._rung = threading.Event()
        self._quiet_until = 0.0
        self._pid = 0

    def wake(self, run_id: Any) -> None:
        """Have the watchers of a run woken soon; of several calls that come before it, one is enough."""
        if time.monotonic() < self._quiet_until or redis_link.is_away():
            return
        with self._lock:
            self._waiting.add(run_id)
            if self._pid != os.getpid():
                self._pid = os.getpid()
                threading.Thread(target=self._serve, name="waker", daemon=True).start()
        self._rung.set()

    def _serve(self) -> None:
        with asyncio.Runner() as runner:
            while True:
                self._rung.wait()
                self._rung.clear()
                with self._lock:
                    waiting, self._waiting = self._waiting, set()
                try:
                    runner.run(_send(waiting))
                except Exception as error:
                    # A channel layer that is away must not end this thread.
                    self._quiet_until = time.monotonic() + QUIET_SECONDS
                    log.warning("wake_failed", error=type(error).__name__)


async def _send(run_ids: set[Any]) -> None:
    layer = get_channel_layer()
    for run_id in run_ids if layer is not None else ():
        await layer.group_send(group_of(run_id), {"type": "look"})


waker = Waker()


def wake(run_id: Any) -> None:
    """Tell the watchers of a run to look again. Losing this is harmless: they also look by themselves every few seconds."""
    waker.wake(run_id)


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
