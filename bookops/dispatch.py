"""The doorbell: rows to Celery messages. A message may be lost, doubled or late without harm."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from celery import Task, chord, group
from celery.canvas import Signature
from django.db import transaction

log = structlog.get_logger(__name__)

#: After a broker has failed to take a message, nobody waits for it again for this many seconds.
QUIET_SECONDS = 5.0
_quiet_until = 0.0
_lock = threading.Lock()


def ring(task: Task[..., Any], *args: Any, countdown: float | None = None) -> None:
    """Publish one message once the transaction has committed; a broker that is away is no error: the sweeper rings again.

    `countdown` is for seconds only: longer waits stand in a row's `next_at`.
    """
    _after_commit(lambda: task.apply_async(args=args, countdown=countdown))


def ring_each(task: Task[..., Any], ids: Sequence[Any]) -> None:
    """Publish one message an id after the commit."""
    if ids:
        _after_commit(lambda: group(task.si(one) for one in ids).apply_async())


def ring_chord(task: Task[..., Any], ids: Sequence[Any], body: Signature) -> None:
    """Publish a chord after the commit: one `task` an id, then `body`, which must be idempotent.

    Chord members return None and never raise, or the body would not run. With no ids the body is rung at once.
    """
    _after_commit(lambda: chord((task.si(one) for one in ids), body).apply_async() if ids else body.apply_async())


def _after_commit(publish: Callable[[], Any]) -> None:
    transaction.on_commit(lambda: _publish(publish), robust=True)


def _publish(publish: Callable[[], Any]) -> None:
    global _quiet_until
    if time.monotonic() < _quiet_until:
        return
    try:
        publish()
    except Exception as error:
        # Whatever a broker can throw, the row is committed and will be rung again.
        with _lock:
            _quiet_until = time.monotonic() + QUIET_SECONDS
        log.warning("doorbell_failed", error=type(error).__name__)
