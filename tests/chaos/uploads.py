"""Libraries uploaded all the time, and what was promised for each."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from tests.bench import libraries
from tests.chaos.people import People, owner_named

#: More books than so many are not uploaded in a storm, and in all scenarios together.
BOOKS_A_KILL, BOOKS_AT_LEAST = 30, 2000


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
class Uploader(People):
    """Keep some imports under way, as people do."""

    library: Library = field(kw_only=True)
    rows: tuple[int, int] = (40, 80)
    accepted: list[Accepted] = field(default_factory=list)

    def act(self) -> None:
        """Upload a library; now and then its owner thinks better of it."""
        accepted = self.library.upload(self.chance.randint(*self.rows), owner=self.chance.choice(("ada", "bruno", "clara")))
        self.accepted.append(accepted)
        accepted.cancelled = self.thinks_better(lambda: cancel(accepted.id))

    def under_way(self) -> int:
        """Count the imports that have not ended."""
        from bookops.runs import ENDED
        from enrichment.models import LibraryImport

        return LibraryImport.objects.exclude(state__in=ENDED).count()


def cancel(import_id: uuid.UUID) -> bool:
    """Cancel an import as its owner would."""
    from enrichment.imports import cancel_import
    from enrichment.models import LibraryImport

    return cancel_import(LibraryImport.objects.get(pk=import_id))


def catalogue(folder: Path, kills: int) -> Path:
    """Write the export from which the sandbox learns as many made-up books as will be uploaded."""
    return libraries.write(folder / "catalogue.csv", libraries.books(BOOKS_AT_LEAST + BOOKS_A_KILL * kills))
