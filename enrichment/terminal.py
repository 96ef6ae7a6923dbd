"""What a person at a terminal sees of an import: a bar while it runs, and the account when it has ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from bookops.runs import State
from enrichment.account import Account, has_ended
from enrichment.models import LibraryImport

POLL_SECONDS = 0.3


class ImportBar:
    """Show the progress of an import from the counts of its rows; use it as a context manager."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[waiting]}"),
            console=console,
        )
        self._task: TaskID = self._progress.add_task("reading", total=None, waiting="")

    def __enter__(self) -> ImportBar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, library_import: LibraryImport) -> None:
        """Draw where the import stands. One query."""
        counts = library_import.counts()
        total = sum(counts.values())
        parked = counts[State.PARKED]
        self._progress.update(
            self._task,
            description=library_import.get_stage_display(),
            total=total or None,
            completed=total - counts[State.PENDING] - counts[State.RUNNING],
            waiting=f"{parked} wait for a source" if parked else "",
        )


def follow(
    library_import: LibraryImport, console: Console, *, timeout: float | None = None, sleep: Callable[[float], None] = time.sleep
) -> bool:
    """Show the bar until the import has ended and its dashboard is there; False when that took longer than `timeout` seconds."""
    stop_at = time.monotonic() + timeout if timeout is not None else None
    with ImportBar(console) as bar:
        while not has_ended(library_import):
            if stop_at is not None and time.monotonic() >= stop_at:
                return False
            bar.show(library_import)
            sleep(POLL_SECONDS)
        bar.show(library_import)
    return True


def print_account(account: Account, console: Console) -> None:
    """Print what became of every row, and whether the counts add up."""
    table = Table(show_header=False, box=None, pad_edge=False, padding=(0, 2))
    table.add_column(justify="right")
    table.add_column()
    for number, meaning in (
        (account.rows, "rows in the file"),
        (account.dashboard_books, "books in the dashboard"),
        (account.unreadable, "rows that could not be read"),
        (account.matched, "matched"),
        (account.needs_review, "need review"),
        (account.not_found, "not found"),
        (account.failed, "failed"),
        (account.dead, "dead letters"),
        (account.parked, "parked until a source answers again"),
        (account.cancelled, "cancelled"),
        (account.unfinished, "not done yet"),
    ):
        if number or meaning in {"rows in the file", "books in the dashboard", "rows that could not be read", "matched", "failed"}:
            table.add_row(str(number), meaning)
    console.print()
    console.print(table)
    for reason, count in sorted(account.reasons.items(), key=lambda pair: -pair[1]):
        console.print(f"  {count} × {reason}")
    if account.cells_left_out:
        columns = ", ".join(f"{column} {count:,}" for column, count in sorted(account.cells_left_out.items(), key=lambda pair: -pair[1]))
        console.print(f"{sum(account.cells_left_out.values()):,} cells were left out: {columns}. Their rows say why.", highlight=False)
    for source, used in account.sources.items():
        console.print(f"{source}: {used['calls']} calls, {used['bytes']:,} bytes", highlight=False)
    for waiting in account.waiting:
        again = datetime.fromisoformat(waiting["until"])
        console.print(f"{waiting['rows']:,} rows wait for {waiting['name']}, which is asked again at {again:%H:%M:%S} UTC", highlight=False)
    console.print(f"{account.seconds} s, {account.cpu_seconds} CPU-s in workers, import {account.id}", highlight=False)
    if account.sandbox:
        console.print("sandbox: invented data")
    console.print(
        f"The counts add up: {account.rows} rows = {account.dashboard_books} books + {account.unreadable} unreadable."
        if account.adds_up
        else f"The counts do NOT add up: {account.rows} rows, {account.dashboard_books} books, {account.unreadable} unreadable."
    )
