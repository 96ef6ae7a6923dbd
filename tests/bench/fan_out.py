"""Fan-out, latency-bound: two 0.9 s calls a book, one after the other, one book a task, nothing remembered, joined or rationed."""

from __future__ import annotations

import json
import math
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.bench import libraries
from tests.bench.stack import Stack, measured

LATENCY = 0.9
CONCURRENCY = 350
SETTINGS = {
    "SOURCE_MEMORY": "0",
    "SOURCE_BATCHING": "0",
    "SOURCE_QUOTAS": "0",
    "SOURCE_POLICY": "thorough",
    "BOOK_CONCURRENCY": CONCURRENCY,
}


def bound(rows: int) -> float:
    """Return the seconds that the calls alone take with 350 books at a time."""
    return math.ceil(rows / CONCURRENCY) * 2 * LATENCY


def measure(database: str, sizes: list[int]) -> list[dict[str, Any]]:
    """Import a library of each size and return a record of each."""
    with tempfile.TemporaryDirectory() as name:
        everything = libraries.write(Path(name) / "all.csv", libraries.books(int(max(sizes) * 1.7)))
        with measured(database, catalogue=[everything], settings=SETTINGS, sandbox_arguments=("--no-limits",), sweeper=False) as stack:
            known = known_books(int(max(sizes) * 1.7))
            stack.sandbox.settings(latency=LATENCY)
            _import(stack, libraries.write(Path(name) / "warm-up.csv", known[:40]))
            return [_measure_one(stack, rows, libraries.write(Path(name) / f"{rows}.csv", known[:rows])) for rows in sizes]


def known_books(count: int) -> list[dict[str, str]]:
    """Return the books that both sources know under their ISBN, so that each needs two calls and no third."""
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


def _import(stack: Stack, path: Path) -> tuple[Any, float]:
    from django.contrib.auth import get_user_model

    from bookops.runs import ENDED
    from enrichment.imports import start_import
    from enrichment.models import LibraryImport

    owner, _ = get_user_model().objects.get_or_create(username=path.stem)
    start = time.monotonic()
    with path.open("rb") as file:
        library_import = start_import(owner=owner, file=file, filename=path.name)
    while LibraryImport.objects.values_list("state", flat=True).get(pk=library_import.pk) not in ENDED:
        time.sleep(0.02)
    seconds = time.monotonic() - start
    library_import.refresh_from_db()
    return library_import, seconds


def timeline(library_import: Any, log: dict[str, Any]) -> dict[str, float]:
    """Return when what happened, in seconds from the upload."""
    from bookops.events import RunEvent

    start = library_import.created_at
    events = RunEvent.objects.filter(run_id=library_import.pk).order_by("seq")
    told = {f"{event.seq} {event.kind}": round((event.at - start).total_seconds(), 2) for event in events}
    return told | {name: round(log[name] - start.timestamp(), 2) for name in ("first_at", "last_at")}


def _measure_one(stack: Stack, rows: int, path: Path) -> dict[str, Any]:
    from enrichment.status import describe

    stack.sandbox.clear_log()
    before = stack.cpu_seconds()
    library_import, seconds = _import(stack, path)
    after = stack.cpu_seconds()
    log = stack.sandbox.log()
    status = describe(library_import)
    used = {name: round(1000 * (after[name] - before.get(name, 0)) / rows, 2) for name in after}
    return {
        "rows": rows,
        "seconds": round(seconds, 2),
        "bound": bound(rows),
        "ratio": round(seconds / bound(rows), 2),
        "state": library_import.state,
        "outcomes": status.outcomes,
        "counts": {state: count for state, count in status.counts.items() if count},
        "calls": log["calls"],
        "peak_concurrency": log["peak_concurrency"],
        "timeline": timeline(library_import, log),
        "core_ms_a_row": used,
        "core_ms_total": round(sum(used.values()), 2),
        "peak_mb": {name: round(peak / 1e6) for name, peak in stack.peaks.items()},
    }


if __name__ == "__main__":
    for record in measure(sys.argv[1], [int(size) for size in sys.argv[2:]]):
        print(json.dumps(record))
