"""Libraries uploaded all the time, and what was promised for each."""

from __future__ import annotations

import random
import threading
import uuid
from collections import Counter
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from tests.bench import libraries

#: More books than so many are not uploaded in a storm, and in all scenarios together.
BOOKS_A_KILL, BOOKS_AT_LEAST = 30, 2000
#: Share of the imports that are cancelled while they run.
CANCELLED = 0.08


@dataclass
class Accepted:
    """Hold what was promised: an upload that was accepted, and the rows it has."""

    id: uuid.UUID
    rows: int
    cancelled: bool = False


class Library:
    """Upload made-up libraries of which no two share a book."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._next_book = 0

    def next_titles(self, count: int) -> list[str]:
        """Return the titles that the next library of so many books will have."""
        return [book["Title"] for book in libraries.books(count, first=self._next_book)]

    def write(self, count: int, *, identified: bool = True) -> Path:
        """Write the next library as an export, its books with or without an identifier."""
        books = list(libraries.books(count, first=self._next_book))
        if not identified:
            books = [book | {"ISBN13": '=""'} for book in books]
        self._next_book += count
        return libraries.write(self._folder / "upload.csv", books)

    def upload(self, count: int, *, owner: str = "reader", identified: bool = True, **start: Any) -> Accepted:
        """Upload the next library and return what was promised for it."""
        from enrichment.imports import start_import

        file = BytesIO(self.write(count, identified=identified).read_bytes())
        return Accepted(start_import(owner=owner_named(owner), file=file, filename="library.csv", **start).pk, count)


@dataclass
class Uploader:
    """Keep some imports under way from a thread of its own, as people do, whatever falls over meanwhile."""

    library: Library
    seed: int
    at_once: int = 6
    rows: tuple[int, int] = (40, 80)
    accepted: list[Accepted] = field(default_factory=list)
    #: Uploads that were told no (the database was away), by the error's name: nothing was promised for them.
    refused: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="uploader")

    def start(self) -> None:
        """Begin to upload."""
        self._thread.start()

    def stop(self) -> None:
        """End with the upload under way."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        from django.db import connection

        while not self._stop.is_set():
            try:
                if self._under_way() < self.at_once:
                    self._do_something()
            except Exception as error:  # whatever a service that is away can throw
                self.refused[type(error).__name__] += 1
                connection.close()
            self._stop.wait(0.2)
        connection.close()

    def _do_something(self) -> None:
        """Upload a library; now and then its owner thinks better of it."""
        accepted = self.library.upload(self._chance.randint(*self.rows), owner=self._chance.choice(("ada", "bruno", "clara")))
        self.accepted.append(accepted)
        if self._chance.random() < CANCELLED:
            self._stop.wait(self._chance.uniform(0.1, 1.5))
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


def catalogue(folder: Path, kills: int) -> Path:
    """Write the export from which the sandbox learns as many made-up books as will be uploaded."""
    return libraries.write(folder / "catalogue.csv", libraries.books(BOOKS_AT_LEAST + BOOKS_A_KILL * kills))
