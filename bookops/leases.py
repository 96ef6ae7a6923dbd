"""The heartbeat: one thread a process keeps alive the leases of all rows that the process is working on."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, connection

from bookops.runs import Run

log = structlog.get_logger(__name__)


class Heartbeat:
    """Extend the leases of held rows every third of a lease; a row whose lease is gone is told so."""

    def __init__(self) -> None:
        self._held: dict[tuple[type[Run], Any], Run] = {}
        self._until: dict[tuple[type[Run], Any], float] = {}
        self._lost: set[tuple[type[Run], Any]] = set()
        self._lock = threading.Lock()
        self._pid = 0

    @contextmanager
    def holding(self, run: Run, *, seconds: float | None = None) -> Iterator[None]:
        """Keep the lease of `run` alive while the block runs, but for no longer than `seconds`: what hangs is taken for lost."""
        key = (type(run), run.pk)
        self._start()
        with self._lock:
            self._held[key] = run
            self._until[key] = time.monotonic() + (math.inf if seconds is None else seconds)
            self._lost.discard(key)
        try:
            yield
        finally:
            with self._lock:
                self._held.pop(key, None)
                self._until.pop(key, None)
                self._lost.discard(key)

    def has_lost(self, run: Run) -> bool:
        """Say whether the lease is known to be gone; work on such a row is wasted and should stop."""
        return (type(run), run.pk) in self._lost

    def _start(self) -> None:
        with self._lock:
            if self._pid != os.getpid():
                self._pid = os.getpid()
                self._held.clear()
                self._until.clear()
                threading.Thread(target=self._serve, name="heartbeat", daemon=True).start()

    def _serve(self) -> None:
        pause = threading.Event()
        while True:
            pause.wait(settings.LEASE_SECONDS / 3)
            try:
                self.beat()
            except DatabaseError as error:
                log.warning("heartbeat_failed", error=type(error).__name__)
            finally:
                connection.close()

    def beat(self) -> None:
        """Extend every lease now; one UPDATE and one SELECT a model."""
        with self._lock:
            now = time.monotonic()
            held = {key: run for key, run in self._held.items() if now < self._until[key]}
        by_model: dict[type[Run], list[Run]] = {}
        for (model, _), run in held.items():
            by_model.setdefault(model, []).append(run)
        for model, runs in by_model.items():
            lost = model._default_manager.all().beat(runs)
            with self._lock:
                # One that was stored in the meantime is neither held nor lost.
                self._lost.update((model, run.pk) for run in runs if run.pk in lost and self._held.get((model, run.pk)) is run)


heartbeat = Heartbeat()
