"""Libraries uploaded all the time, and what was promised for each."""

from __future__ import annotations

import random
import threading
import time
import uuid
from dataclasses import dataclass, field
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

from tests.bench import libraries

#: Books that the sandbox knows of the made-up ones; uploads beyond them are of books that nobody knows.
KNOWN = 12_000


@dataclass
class Accepted:
    """Hold what was promised: an upload that was accepted, and the rows it has."""

    id: uuid.UUID
    rows: int
    cancelled: bool = False


@dataclass
class Uploader:
    """Keep some imports under way from a thread of its own, as people do, whatever falls over meanwhile."""

    folder: Path
    seed: int
    at_once: int = 3
    rows: tuple[int, int] = (40, 80)
    cancels: bool = True
    accepted: list[Accepted] = field(default_factory=list)
    #: Uploads that were told no (the database was away), by the error's name: nothing was promised for them.
    refused: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._stop = threading.Event()
        self._next_book = 0
        self._thread = threading.Thread(target=self._run, name="uploader")

    def start(self) -> None:
        """Begin to upload."""
        self._thread.start()

    def stop(self) -> None:
        """End with the upload under way."""
        self._stop.set()
        self._thread.join()

    def upload(self, count: int, *, owner: str = "reader", **start: Any) -> Accepted:
        """Upload a library of books that no upload had before."""
        books = list(islice(libraries.books(count, first=self._next_book), count))
        self._next_book += count
        return self._start(books, owner, **start)

    def _start(self, books: list[dict[str, str]], owner: str, **start: Any) -> Accepted:
        from enrichment.imports import start_import

        path = libraries.write(self.folder / "upload.csv", books)
        library_import = start_import(owner=owner_named(owner), file=BytesIO(path.read_bytes()), filename="library.csv", **start)
        accepted = Accepted(library_import.pk, len(books))
        self.accepted.append(accepted)
        return accepted

    def _run(self) -> None:
        from django.db import connection

        while not self._stop.is_set():
            try:
                if self._under_way() < self.at_once:
                    self._do_something()
            except Exception as error:  # whatever a service that is away can throw
                self.refused[type(error).__name__] = self.refused.get(type(error).__name__, 0) + 1
                connection.close()
            self._stop.wait(0.2)
        connection.close()

    def _do_something(self) -> None:
        accepted = self.upload(self._chance.randint(*self.rows), owner=self._chance.choice(("ada", "bruno", "clara")))
        if self.cancels and self._chance.random() < 0.08:
            time.sleep(self._chance.uniform(0.1, 1.5))
            accepted.cancelled = cancel(accepted.id)

    def _under_way(self) -> int:
        from bookops.runs import ENDED
        from enrichment.models import LibraryImport

        return LibraryImport.objects.exclude(state__in=ENDED).count()


def owner_named(name: str) -> Any:
    """Return the user of that name, made if need be."""
    from django.contrib.auth import get_user_model

    return get_user_model().objects.get_or_create(username=name)[0]


def cancel(import_id: uuid.UUID) -> bool:
    """Cancel an import as its owner would."""
    from enrichment.imports import cancel_import
    from enrichment.models import LibraryImport

    return cancel_import(LibraryImport.objects.get(pk=import_id))


def catalogue(folder: Path) -> Path:
    """Write the export from which the sandbox learns the made-up books."""
    return libraries.write(folder / "catalogue.csv", libraries.books(KNOWN))
