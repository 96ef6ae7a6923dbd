"""Pulse: when each long-running part of the system was last seen alive."""

from __future__ import annotations

import os
import socket
import threading
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import DatabaseError, connection, models

from bookops.clock import database_now

log = structlog.get_logger(__name__)

#: Seconds between two signs of life of a worker.
EVERY = 10.0
#: A part that was silent for longer is not counted as alive.
FRESH = timedelta(seconds=45)


class Pulse(models.Model):
    """Hold the last sign of life of one part: the sweeper, beat, or a worker by host and process."""

    name = models.CharField(max_length=120, unique=True)
    at = models.DateTimeField()
    counts = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return f"{self.name} {self.at:%H:%M:%S}"


def beat(name: str, **counts: Any) -> None:
    """Note that a part is alive now."""
    Pulse.objects.update_or_create(name=name, defaults={"at": database_now(), "counts": counts})


def last_seen(name: str) -> datetime | None:
    """Return when a part last gave a sign of life, None if never."""
    return Pulse.objects.filter(name=name).values_list("at", flat=True).first()


def alive(prefix: str) -> int:
    """Count the parts whose name starts so and that were seen within the last 45 seconds."""
    return Pulse.objects.filter(name__startswith=prefix, at__gt=database_now() - FRESH).count()


def keep_beating(kind: str) -> None:
    """Beat from a thread of this process until it ends."""
    name = f"{kind}:{socket.gethostname()}:{os.getpid()}"[:120]
    threading.Thread(target=_serve, args=(name,), name="pulse", daemon=True).start()


def _serve(name: str) -> None:
    pause = threading.Event()
    while True:
        try:
            beat(name)
            Pulse.objects.filter(at__lt=database_now() - timedelta(hours=1)).delete()
        except DatabaseError as error:
            log.warning("pulse_failed", error=type(error).__name__)
        finally:
            connection.close()
        pause.wait(EVERY)
