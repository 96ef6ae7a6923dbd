"""How many messages Celery sent, received and acknowledged, added up over all processes in Redis."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

from celery import signals
from django.conf import settings

from bookops.redis_link import RedisAway, redis_link

FLUSH_SECONDS = 2.0
KINDS = ("sent", "received", "acknowledged")


class MessageCounts:
    """Count in memory; a timer adds what has come together to Redis, so that a message costs no round trip."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._timer: threading.Timer | None = None

    def add(self, kind: str) -> None:
        """Count one message."""
        with self._lock:
            self._counts[kind] += 1
            if self._timer is None:
                self._timer = threading.Timer(FLUSH_SECONDS, self.flush)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        """Add the counts to Redis; while it is away they wait here."""
        with self._lock:
            counts, self._counts, self._timer = self._counts, Counter(), None
        try:
            redis_link.run(lambda client: [client.hincrby(_key(), kind, count) for kind, count in counts.items()])
        except RedisAway:
            with self._lock:
                self._counts.update(counts)

    def totals(self) -> dict[str, int]:
        """Return the totals of all processes; raises RedisAway. They begin anew when Redis is wiped, as counters may."""
        found = redis_link.run(lambda client: client.hgetall(_key()))
        return {kind: int(found.get(kind.encode(), 0)) for kind in KINDS}


def _key() -> str:
    return f"{settings.REDIS_PREFIX}messages"


message_counts = MessageCounts()


@signals.after_task_publish.connect
def _sent(**kwargs: Any) -> None:
    message_counts.add("sent")


@signals.task_received.connect
def _received(**kwargs: Any) -> None:
    message_counts.add("received")


@signals.task_postrun.connect
def _acknowledged(**kwargs: Any) -> None:
    # Late acknowledgement: the worker acknowledges when the task has run.
    message_counts.add("acknowledged")


@signals.worker_shutdown.connect
def _ending(**kwargs: Any) -> None:
    message_counts.flush()
