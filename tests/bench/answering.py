"""How long POST /api/upload takes to answer for a library of 1,000 rows."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import libraries
from tests.bench.figures import Report, p95
from tests.bench.stack import measured

MOST_SECONDS = 0.3


def measure(*, short: bool) -> Report:
    """Upload one library over and over: each after the last import has ended, then one upload right after the other."""
    rows, times = (100, 5) if short else (1_000, 60)
    report = Report(f"POST /api/upload: {times} uploads of {rows:,} rows")
    report.notes.append(
        "Until the answer has arrived, over one kept connection, by one owner. The books are remembered, so that the imports behind take "
        "no calls; in the second figure they are still being worked on by the same two cores."
    )
    with TemporaryDirectory() as name, measured("postgres", catalogue=[], settings={}) as stack:
        from tests.bench.uploads import Person, ready, remember_books

        remember_books(libraries.books(rows))
        path = libraries.write(Path(name) / "library.csv", libraries.books(rows))
        person = Person(stack, "reader")
        person.imports(path)
        apart = []
        for _ in range(times):
            taken = person.upload(path)
            ready(taken)
            apart.append(taken.answered_after)
        taken_together = [person.upload(path) for _ in range(times)]
        for taken in taken_together:
            ready(taken)
        together = [taken.answered_after for taken in taken_together]
        report.peaks = dict(stack.peaks)
    for what, seconds in (("nothing else going on", apart), ("imports behind going on", together)):
        spread = f"from {1000 * min(seconds):.0f} to {1000 * max(seconds):.0f} ms"
        report.add(f"p95, {what}", 1000 * p95(seconds), "ms", 1000 * MOST_SECONDS, remark=spread)
    return report
