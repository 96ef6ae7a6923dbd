"""Run an import from its file to its dashboard in this process, without a broker or workers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.db.models import Min

from bookops.clock import database_now
from bookops.dispatch import rung_here
from bookops.runs import ENDED, OPEN
from enrichment.imports import start_import
from enrichment.models import LibraryImport
from enrichment.sweeping import sweep_imports

#: Threads that ask the sources.
THREADS = 32


def import_inline(*, watch: Callable[[LibraryImport], Any] = lambda library_import: None, **start: Any) -> LibraryImport:
    """Do all the work of `start_import(**start)` here and return the ended import; `watch` is called as it goes on."""
    with rung_here() as here:
        library_import = start_import(**start)
        while True:
            here.work(threads=THREADS, between=lambda: watch(library_import))
            library_import.refresh_from_db()
            if library_import.state in ENDED:
                watch(library_import)
                return library_import
            _wait_until_due(library_import)
            sweep_imports(database_now())


def _wait_until_due(library_import: LibraryImport) -> None:
    due = library_import.rows.filter(state__in=OPEN).aggregate(due=Min("next_at"))["due"]
    seconds = (due - database_now()).total_seconds() if due else 0.0
    time.sleep(min(max(seconds, 0.05), 5.0))
