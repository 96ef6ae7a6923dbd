"""The account of an import: what became of every row, added up, and held against the dashboard itself."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from itertools import islice
from typing import IO, Any

from django.core.files.storage import default_storage
from django.db.models import Case, Count, Value, When

from bookops.clock import database_now
from bookops.runs import BROKEN, ENDED, State
from enrichment.models import ImportRow, LibraryImport
from enrichment.status import describe


@dataclass(frozen=True, slots=True)
class Account:
    """Hold the counts of an import as of now."""

    id: str
    state: str
    rows: int
    #: Books counted in the stored dashboard, not in the database.
    dashboard_books: int
    unreadable: int
    matched: int
    needs_review: int
    not_found: int
    #: Failed and dead rows that could be read.
    failed: int
    dead: int
    parked: int
    cancelled: int
    unfinished: int
    reasons: dict[str, int]
    #: Cells that could not be used, by column; the rest of their rows counts.
    cells_left_out: dict[str, int]
    #: [{"source", "name", "rows", "until"}]
    waiting: list[dict[str, Any]]
    #: {source: {"calls", "bytes"}}
    sources: dict[str, dict[str, Any]]
    seconds: float
    cpu_seconds: float
    sandbox: bool

    @property
    def adds_up(self) -> bool:
        """Say whether every row is a book in the dashboard or could not be read, and has exactly one end."""
        ends = self.matched + self.needs_review + self.not_found + self.failed + self.dead + self.parked + self.cancelled + self.unfinished
        return self.rows == self.dashboard_books + self.unreadable and ends == self.dashboard_books

    @property
    def succeeded(self) -> bool:
        return self.state == State.SUCCEEDED and self.adds_up

    def to_json(self) -> dict[str, Any]:
        """Return everything, with whether it adds up, for scripts."""
        return asdict(self) | {"adds_up": self.adds_up}


def account_of(library_import: LibraryImport) -> Account:
    """Count the rows of an import and the books of its dashboard. Six queries and one reading of the file."""
    status = describe(library_import)
    readable = Case(When(entry={}, then=Value(False)), default=Value(True))
    kinds = library_import.rows.order_by().annotate(readable=readable).values_list("readable", "state", "outcome").annotate(n=Count("*"))
    ends: Counter[str] = Counter()
    for is_readable, state, outcome, count in kinds:
        ends[_end_of(is_readable, state, outcome)] += count
    end = library_import.ended_at or database_now()
    return Account(
        id=str(library_import.pk),
        state=library_import.state,
        rows=ends.total(),
        dashboard_books=books_in(library_import.dashboard_key),
        unreadable=ends["unreadable"],
        matched=ends[ImportRow.Outcome.MATCHED],
        needs_review=ends[ImportRow.Outcome.NEEDS_REVIEW],
        not_found=ends[ImportRow.Outcome.NOT_FOUND],
        failed=ends[State.FAILED],
        dead=ends[State.DEAD],
        parked=ends[State.PARKED],
        cancelled=ends[State.CANCELLED],
        unfinished=ends[State.PENDING] + ends[State.RUNNING],
        reasons=status.reasons,
        cells_left_out=library_import.cells_left_out,
        waiting=status.waiting,
        sources=status.sources,
        seconds=round((end - library_import.created_at).total_seconds(), 1),
        cpu_seconds=status.cpu_seconds,
        sandbox=library_import.sandbox,
    )


def _end_of(readable: bool, state: str, outcome: str) -> str:
    if not readable and state in BROKEN:
        return "unreadable"
    return outcome if state == State.SUCCEEDED else state


def books_in(dashboard_key: str) -> int:
    """Count the books of a stored dashboard, each parsed, one at a time; 0 when there is none."""
    if not dashboard_key or not default_storage.exists(dashboard_key):
        return 0
    with default_storage.open(dashboard_key) as file:
        return count_books(file)


def count_books(file: IO[bytes]) -> int:
    """Count the books of a dashboard: one a line, after the two lines that open it."""
    books = 0
    for line in islice(file, 2, None):
        if line.startswith(b"]"):
            return books
        if line.strip():
            json.loads(line.rstrip(b",\n"))
            books += 1
    raise ValueError("The dashboard ends in the middle of its books.")


def has_ended(library_import: LibraryImport) -> bool:
    """Say whether the import has ended and its dashboard is there; asks the database."""
    library_import.refresh_from_db()
    return library_import.state in ENDED and (library_import.state == State.CANCELLED or bool(library_import.dashboard_key))
