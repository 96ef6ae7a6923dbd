"""Scale: core-milliseconds a row from 1,000 to 100,000 rows with everything remembered, and what the processes grow to."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import libraries
from tests.bench.figures import Report, Table
from tests.bench.stack import Stack, measured

SIZES = [1_000, 10_000, 100_000]
MOST_GROWTH = 1.3
MEGABYTE = 1e6
WEB_MB, WORKER_MB, REDIS_MB = 64, 384, 64
SMALLEST = 100
#: Seconds in which the idle stack's own use is measured, to be taken off nothing and told beside.
IDLE = 5.0


def measure(*, short: bool) -> Report:
    """Import larger and larger libraries into one stack and divide what they cost by their rows."""
    sizes = [200, 1_000] if short else SIZES
    report = Report(f"Scale: {sizes[0]:,} to {sizes[-1]:,} rows, memory warm")
    report.notes.append(
        "The answers are put into memory by the product's own `remember`, one made-up record a book, so that no call is needed. CPU of all "
        "parts and their servers, from the upload to the dashboard in its place, divided by the rows; the dashboard is then downloaded "
        "too, outside that figure but inside the peaks. Growth is against the smallest library; web grows from where it stands after an "
        f"import of {SMALLEST} rows."
    )
    with TemporaryDirectory() as name, measured("postgres", catalogue=[], settings={}) as stack:
        from tests.bench.uploads import remember_books

        folder = Path(name)
        remember_books(libraries.books(sizes[-1]))
        _import(stack, folder, SMALLEST)
        web_before = stack.memory()["web"]
        stack.peaks.clear()
        stack.sandbox.clear_log()
        idle = _idle_use(stack)
        table = Table(["rows", "seconds", "core-ms a row", "of which"])
        costs = {size: _measure_one(stack, folder, size, table) for size in sizes}
        calls = stack.sandbox.log()["calls"]
        report.peaks = dict(stack.peaks)
    for size in sizes[1:]:
        growth = costs[size] / costs[sizes[0]]
        report.add(
            f"core-ms a row at {size:,} rows by those at {sizes[0]:,}",
            growth,
            "",
            MOST_GROWTH,
            remark=f"{costs[size]:.2f} by {costs[sizes[0]]:.2f}",
        )
    _add_memory(report, web_before)
    report.add("calls", calls, bound=0)
    report.add("idle stack, core-ms a second", idle, remark="included in the figures above")
    report.tables.append(table)
    return report


def _add_memory(report: Report, web_before: int) -> None:
    peaks = {name: peak / MEGABYTE for name, peak in report.peaks.items()}
    before = web_before / MEGABYTE
    report.add("web grows by", peaks["web"] - before, "MB", WEB_MB, remark=f"from {before:.0f} to {peaks['web']:.0f} MB")
    worker = max((name for name in peaks if name.startswith(("enrichment", "imports"))), key=lambda name: peaks[name])
    report.add("largest worker", peaks[worker], "MB", WORKER_MB, remark=worker)
    report.add("Valkey", peaks["valkey"], "MB", REDIS_MB)


def _idle_use(stack: Stack) -> float:
    before = sum(stack.cpu_seconds().values())
    time.sleep(IDLE)
    return 1000 * (sum(stack.cpu_seconds().values()) - before) / IDLE


def _measure_one(stack: Stack, folder: Path, rows: int, table: Table) -> float:
    before = stack.cpu_seconds()
    seconds, after = _import(stack, folder, rows)
    used = {name: 1000 * (after[name] - before.get(name, 0)) / rows for name in after}
    of_which = ", ".join(f"{name} {spent:.2f}" for name, spent in used.items() if spent >= 0.005)
    table.rows.append([f"{rows:,}", f"{seconds:.1f}", f"{sum(used.values()):.2f}", of_which])
    return sum(used.values())


def _import(stack: Stack, folder: Path, rows: int) -> tuple[float, dict[str, float]]:
    """Import a library of so many rows, download its dashboard, and return the seconds and the CPU used by its end."""
    from tests.bench.uploads import Person

    path = libraries.write(folder / f"{rows}.csv", libraries.books(rows))
    person = Person(stack, f"reader of {rows}")
    library_import, seconds = person.imports(path)
    used = stack.cpu_seconds()
    person.download(library_import)
    return seconds, used
