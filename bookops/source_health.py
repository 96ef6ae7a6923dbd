"""SourceHealth: what staff see of each third party, gathered in memory and written now and then."""

from __future__ import annotations

import threading
import time
from typing import Any

from django.db import models, transaction
from django.db.models import F
from django.utils import timezone


class SourceHealth(models.Model):
    """Hold when a source last answered and last failed, how, and until when it is let be."""

    name = models.CharField(max_length=30, unique=True)
    calls = models.PositiveBigIntegerField(default=0)
    errors = models.PositiveBigIntegerField(default=0)
    bytes_in = models.PositiveBigIntegerField(default=0)
    last_success_at = models.DateTimeField(null=True, blank=True)
    last_error_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=200, blank=True)
    parked_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "source"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class HealthNotes:
    """Gather calls in memory; `flush` adds them to the rows at most once a second."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._notes: dict[str, dict[str, Any]] = {}
        self._flushed = 0.0

    def note(self, record: Any) -> None:
        """Take in one CallRecord of the outbound door."""
        now = timezone.now()
        with self._lock:
            note = self._notes.setdefault(record.source, {"calls": 0, "errors": 0, "bytes_in": 0})
            note["calls"] += 1
            note["bytes_in"] += record.bytes_in
            if record.error:
                note["errors"] += 1
                note |= {"last_error_at": now, "last_error": str(record.error)[:200]}
            else:
                note["last_success_at"] = now

    def park(self, name: str, until: Any) -> None:
        """Note that a source is let be until then."""
        with self._lock:
            self._notes.setdefault(name, {"calls": 0, "errors": 0, "bytes_in": 0})["parked_until"] = until

    def flush(self, *, every: float = 1.0) -> None:
        """Write what was gathered. One statement a source, and none when the last flush is younger than `every` seconds."""
        with self._lock:
            if time.monotonic() - self._flushed < every or not self._notes:
                return
            notes, self._notes, self._flushed = self._notes, {}, time.monotonic()
        with transaction.atomic():
            for name, note in sorted(notes.items()):
                counts = {key: F(key) + note.pop(key) for key in ("calls", "errors", "bytes_in")}
                rows = SourceHealth.objects.filter(name=name)
                if not rows.update(**counts, **note):
                    SourceHealth.objects.get_or_create(name=name)
                    rows.update(**counts, **note)


health = HealthNotes()
