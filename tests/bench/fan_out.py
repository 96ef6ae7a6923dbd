"""Fan-out, latency-bound: two 0.9 s calls a book, one after the other, one book a task, nothing remembered, joined or rationed."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from tests.bench import libraries
from tests.bench.figures import Report, Table
from tests.bench.stack import IMPORTS, Stack, measured

if TYPE_CHECKING:
    from tests.bench.uploads import Person

LATENCY = 0.9
CONCURRENCY = 350
MOST_OF_BOUND = 1.3
SIZES = [150, 565, 762, 1000, 1500, 3500]
#: What seed 001 was content with.
SEED_SECONDS = {1000: 60.0}
SETTINGS = {
    "SOURCE_MEMORY": "0",
    "SOURCE_BATCHING": "0",
    "SOURCE_QUOTAS": "0",
    "SOURCE_POLICY": "thorough",
    "BOOK_CONCURRENCY": CONCURRENCY,
}


def bound(rows: int, latency: float = LATENCY) -> float:
    """Return the seconds that the calls alone take with 350 books at a time."""
    return math.ceil(rows / CONCURRENCY) * 2 * latency


def measure(*, short: bool, database: str = "postgres") -> Report:
    """Import a library of each size."""
    sizes, latency = ([40], 0.1) if short else (SIZES, LATENCY)
    title = {"postgres": "PostgreSQL", "sqlite": "SQLite"}[database]
    report = Report(f"Fan-out on {title}: two {latency} s calls a book, one after the other")
    report.notes.append(
        f"From the first byte of POST /api/upload to the dashboard in its place. The bound is {MOST_OF_BOUND} × "
        f"ceil(N / {CONCURRENCY}) × {2 * latency:.1f} s, the calls' own time; calls and the most at once are from the sandbox's own log. "
        "Every book is known to both sources under its ISBN, so that each needs two calls and no third."
    )
    by_process = Table(["rows", "core-ms a row", "of which"])
    most_books = int(max(sizes) * 1.7)
    with TemporaryDirectory() as name:
        everything = libraries.write(Path(name) / "all.csv", libraries.books(most_books))
        parts = [part for part in IMPORTS if part != "sweeper"]
        with measured(database, catalogue=[everything], settings=SETTINGS, sandbox_arguments=("--no-limits",), parts=parts) as stack:
            from tests.bench.uploads import Person

            known = known_books(most_books)
            stack.sandbox.settings(latency=latency)
            Person(stack, "warm-up").imports(libraries.write(Path(name) / "warm-up.csv", known[:40]))
            for rows in sizes:
                person = Person(stack, f"reader of {rows}")
                _measure_one(report, by_process, stack, person, libraries.write(Path(name) / f"{rows}.csv", known[:rows]), rows, latency)
            report.tables.append(by_process)
            report.peaks = dict(stack.peaks)
    return report


def known_books(count: int) -> list[dict[str, str]]:
    """Return the books that both sources know under their ISBN, as the sandbox answers."""
    with ThreadPoolExecutor(16) as pool:
        return [book for book, direct in pool.map(_is_direct, libraries.books(count)) if direct]


def _is_direct(book: dict[str, str]) -> tuple[dict[str, str], bool]:
    from enrichment.asking import ask
    from enrichment.deciding import SOURCES, Question
    from enrichment.matching import Wanted, judge

    isbn = book["ISBN13"].strip('="')
    wanted = Wanted(book["Title"], book["Author"], isbn13=isbn)
    answers = [ask(Question(source, "isbn", isbn13=isbn)) for source in SOURCES]
    return book, all(judge(wanted, answer.found).outcome == "matched" for answer in answers)


def _measure_one(report: Report, by_process: Table, stack: Stack, person: Person, path: Path, rows: int, latency: float) -> None:
    from enrichment.status import describe

    stack.sandbox.clear_log()
    before = stack.cpu_seconds()
    library_import, seconds = person.imports(path)
    after = stack.cpu_seconds()
    log, status = stack.sandbox.log(), describe(library_import)
    used = {name: 1000 * (after[name] - before.get(name, 0)) / rows for name in after}
    told = f"{seconds / bound(rows, latency):.2f} × the calls' own time; {log['calls']} calls, {log['peak_concurrency']} at once, {status.outcomes.get('matched', 0)} of {rows} matched; "
    told += when(library_import, log)
    report.add(f"{rows} rows", seconds, "s", MOST_OF_BOUND * bound(rows, latency), remark=told)
    if latency == LATENCY and rows in SEED_SECONDS:
        report.add(f"{rows} rows, as seed 001 has it", seconds, "s", SEED_SECONDS[rows])
    of_which = ", ".join(f"{name} {spent:.1f}" for name, spent in used.items() if spent >= 0.05)
    by_process.rows.append([str(rows), f"{sum(used.values()):.1f}", of_which])


def when(library_import: Any, log: dict[str, Any]) -> str:
    """Say at which second after the upload the file was read, the calls began and ended, and the dashboard was there."""
    from bookops.events import RunEvent

    start = library_import.created_at
    events = dict(RunEvent.objects.filter(run_id=library_import.pk).order_by("seq").values_list("kind", "at"))
    moments = {kind: (at - start).total_seconds() for kind, at in events.items() if kind in ("read", "finished")}
    moments |= {word: log[key] - start.timestamp() for word, key in (("first call", "first_at"), ("last call", "last_at")) if log[key]}
    return ", ".join(f"{word} {second:.1f}" for word, second in sorted(moments.items(), key=lambda one: one[1])) + " s"
