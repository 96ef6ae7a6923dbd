"""Pulse: when each long-running part of the system was last seen alive."""

from __future__ import annotations

import atexit
import os
import socket
import threading
from collections.abc import Iterable
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
    """Hold the last sign of life of one part: the sweeper, beat, or a worker by host, process and what it is called there."""

    name = models.CharField(max_length=120, unique=True)
    at = models.DateTimeField()
    counts = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return f"{self.name} {self.at:%H:%M:%S}"

    @property
    def kind(self) -> str:
        """Name what it is: sweeper, beat or worker."""
        return self.name.partition(":")[0]

    @property
    def role(self) -> str:
        """Name what another can stand in for: a worker of the same name takes from the same queues."""
        return self._parts[3] or self.kind

    @property
    def place(self) -> str:
        """Say where it runs: "vm, process 12"; "" for the sweeper, of which any counts."""
        _, host, process, _ = self._parts
        return f"{host}, process {process}" if host else ""

    @property
    def _parts(self) -> list[str]:
        return [*self.name.split(":"), "", "", ""][:4]


def beat(name: str, **counts: Any) -> None:
    """Note that a part is alive now."""
    Pulse.objects.update_or_create(name=name, defaults={"at": database_now(), "counts": counts})


def last_seen(name: str) -> datetime | None:
    """Return when a part last gave a sign of life, None if never."""
    return Pulse.objects.filter(name=name).values_list("at", flat=True).first()


def alive(prefix: str) -> int:
    """Count the parts whose name starts so and that were seen within the last 45 seconds."""
    return Pulse.objects.filter(name__startswith=prefix, at__gt=database_now() - FRESH).count()


def standings(pulses: Iterable[Pulse], now: datetime) -> dict[str, str]:
    """Return how each part stands, by name: alive; gone, where another in its role is alive; or silent, which is an alarm."""
    pulses = list(pulses)
    fresh = {pulse.name for pulse in pulses if pulse.at > now - FRESH}
    roles = {pulse.role for pulse in pulses if pulse.name in fresh}
    return {pulse.name: "alive" if pulse.name in fresh else "gone" if pulse.role in roles else "silent" for pulse in pulses}


class Beating:
    """Beat from a thread of this process until `end`."""

    def __init__(self, kind: str, role: str = "") -> None:
        self.name = f"{kind}:{socket.gethostname()}:{os.getpid()}:{role}".rstrip(":")[:120]
        self._pid = os.getpid()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="pulse", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def end(self) -> None:
        """Stop beating and take the pulse away."""
        # A process that was forked off has no part in this.
        if os.getpid() != self._pid:
            return
        self._ended.set()
        self._thread.join(5)
        try:
            Pulse.objects.filter(name=self.name).delete()
        except DatabaseError as error:
            log.warning("pulse_failed", error=type(error).__name__)

    def _serve(self) -> None:
        while True:
            try:
                beat(self.name)
                Pulse.objects.filter(at__lt=database_now() - timedelta(hours=1)).delete()
            except DatabaseError as error:
                log.warning("pulse_failed", error=type(error).__name__)
            finally:
                connection.close()
            if self._ended.wait(EVERY):
                return


def keep_beating(kind: str, role: str = "") -> None:
    """Beat from a thread of this process until it ends, and say goodbye then; of one that was killed the pulse falls silent."""
    beating = Beating(kind, role)
    beating.start()
    atexit.register(beating.end)
