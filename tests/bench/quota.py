"""Quota-bound: an export of 565 rows, nothing remembered, at the pace that the sources publish and the sandbox enforces."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.bench.exports import Export, export_in
from tests.bench.figures import Report, Table
from tests.bench.stack import Stack, measured

PACE = 3.0
CALLS_IDENTIFIED = 0.05
CALLS_UNIDENTIFIED = {True: 0.35, False: 1.1}
MOST_OF_PACE = 1.2


def measure(*, short: bool, joined: bool) -> Report:
    """Import the export as a whole, then its rows with an identifier and those without, each with nothing remembered."""
    report = Report("Quota-bound: " + ("searches joined" if joined else "searches one by one"))
    settings = {"SOURCE_JOINED_SEARCH": int(joined)}
    with TemporaryDirectory() as name:
        export = export_in(Path(name), short=short)
        report.notes.append(
            f"{export.what.capitalize()}: {export.rows_identified} rows with an identifier, {export.rows_unidentified} without; policy "
            "frugal, memory empty before each import, the product's quotas on and the sandbox enforcing the published limits (Open "
            "Library 3 a second, Google Books 100 in 100 s and 1,000 a day). Calls and times are from the sandbox's log. The whole is "
            "imported once for the wall clock; the two kinds of rows once more, apart, so that each call has its kind."
        )
        table = Table(
            ["import", "rows", "seconds", "Open Library calls", "last after", "Google calls", "last after", "refused (429)", "found"]
        )
        with measured("postgres", catalogue=export.catalogue, settings=settings) as stack:
            whole = _import(stack, table, "whole", export.whole)
            identified = _import(stack, table, "with identifier", export.identified)
            unidentified = _import(stack, table, "without", export.unidentified)
            report.peaks = dict(stack.peaks)
    _add_figures(report, export, joined, whole, identified, unidentified)
    report.tables.append(table)
    return report


def _add_figures(
    report: Report, export: Export, joined: bool, whole: dict[str, Any], identified: dict[str, Any], rest: dict[str, Any]
) -> None:
    by_isbn, by_title = identified["calls"] / export.rows_identified, rest["calls"] / export.rows_unidentified
    report.add("Open Library calls a row with identifier", by_isbn, bound=CALLS_IDENTIFIED, remark=identified["endpoints"])
    report.add("Open Library calls a row without", by_title, bound=CALLS_UNIDENTIFIED[joined], remark=rest["endpoints"])
    report.add(
        "wall clock of the whole",
        whole["seconds"],
        "s",
        MOST_OF_PACE * whole["calls"] / PACE,
        remark=f"1.2 × {whole['calls']} Open Library calls at 3 a second; Google's {whole['google_calls']} have a pace of their own: below",
    )
    report.add("until the last call to Open Library", whole["last_after"], "s", remark="the same without what Google's pace adds")

    windows = (whole["google_calls"] - 1) // 100 * 100
    report.add(
        "until the last call to Google", whole["google_last_after"], "s", remark=f"100 in 100 s alone make it {max(windows, 0)} s at least"
    )
    report.add("found of the rows with identifier", 100 * identified["found"] / export.rows_identified, "%")
    report.add("found of the rows without", 100 * rest["found"] / export.rows_unidentified, "%")


def _import(stack: Stack, table: Table, what: str, path: Path) -> dict[str, Any]:
    from enrichment.status import describe
    from tests.bench.uploads import Person

    forget_everything(stack)
    person = Person(stack, what)
    began = time.time()
    library_import, seconds = person.imports(path)
    status = describe(library_import)
    log = stack.sandbox.log()["sources"]
    open_library, google = (
        log.get(name, {"calls": 0, "last_at": None, "by_status": {}, "by_endpoint": {}}) for name in ("openlibrary", "googlebooks")
    )
    last, google_last = ((one["last_at"] or began) - began for one in (open_library, google))
    refused = sum(one["by_status"].get("429", 0) for one in (open_library, google))
    found = status.outcomes.get("matched", 0)
    waits = "".join(f"; {one['rows']} rows wait for {one['name']}" for one in status.waiting)
    outcomes = ", ".join(f"{outcome} {count}" for outcome, count in sorted(status.outcomes.items())) + waits
    cells = [
        status.total,
        f"{seconds:.1f}",
        open_library["calls"],
        f"{last:.1f} s",
        google["calls"],
        f"{google_last:.1f} s",
        refused,
        outcomes,
    ]
    table.rows.append([what, *map(str, cells)])
    return {
        "seconds": seconds,
        "calls": open_library["calls"],
        "endpoints": ", ".join(f"{path} {count}" for path, count in sorted(open_library["by_endpoint"].items())),
        "google_calls": google["calls"],
        "last_after": last,
        "google_last_after": google_last,
        "found": found,
    }


def forget_everything(stack: Stack) -> None:
    """Empty the memory, and let nobody have made a call before: neither in the product's ledgers nor in the sandbox's."""
    from bookops.doors import shared_redis
    from enrichment.models import EditionRecord

    EditionRecord.objects.all().delete()
    shared_redis().flushdb()
    stack.sandbox.reset()
