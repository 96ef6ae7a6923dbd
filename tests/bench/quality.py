"""Quality under fire: libraries imported side by side while every twentieth call to a source goes wrong in one of ten ways."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.bench import libraries
from tests.bench.fan_out import SETTINGS
from tests.bench.figures import Report, Table
from tests.bench.stack import Stack, measured

#: Ways in which a call goes wrong; each befalls one call in two hundred.
FAULTS: list[dict[str, Any]] = [
    {"kind": "429", "retry_after": 1},
    {"kind": "500"},
    {"kind": "503"},
    {"kind": "html"},
    {"kind": "truncated"},
    {"kind": "bad_bytes"},
    {"kind": "empty"},
    {"kind": "swallowed"},
    {"kind": "cut"},
    {"kind": "hang", "seconds": 60},
]
SHARE = 0.05
LATENCY = 0.9


def measure(*, short: bool) -> Report:
    """Import several libraries at once, with faults, and count what became of their rows."""
    imports, rows = (2, 60) if short else (20, 150)
    report = Report(f"Quality: {imports} imports of {rows} rows at once, {SHARE:.0%} of all calls spoiled")
    report.notes.append(
        f"Spoiled in equal parts: {', '.join(fault['kind'] for fault in FAULTS)}. One book a task, both sources for each, quotas and memory "
        f"off, {LATENCY} s a call, so that a fault hits one book and many are in flight. The sandbox says which books it knows, in at "
        "least one source; enriched means matched with one of its records."
    )
    with TemporaryDirectory() as name:
        books = list(libraries.books(imports * rows))
        paths = [libraries.write(Path(name) / f"{number}.csv", books[number * rows : (number + 1) * rows]) for number in range(imports)]
        with measured("postgres", catalogue=paths, settings=SETTINGS, sandbox_arguments=("--no-limits",)) as stack:
            faults = [fault | {"share": SHARE / len(FAULTS), "seed": seed} for seed, fault in enumerate(FAULTS)]
            stack.sandbox.settings(latency=LATENCY, faults=faults)
            seconds = _import_all(stack, paths)
            stack.sandbox.settings(faults=[])
            _count(report, stack, books, imports)
            report.notes.append(f"All imports had ended {seconds:.0f} s after the first upload.")
            report.peaks = dict(stack.peaks)
    return report


def _import_all(stack: Stack, paths: list[Path]) -> float:
    from tests.bench.uploads import Person, at_once, ready

    people = [Person(stack, path.stem) for path in paths]
    taken = [person.upload(path) for person, path in zip(people, paths, strict=True)]
    ends: list[float] = []
    at_once(lambda one=one: ends.append(ready(one)[1] + one.start) for one in taken)  # type: ignore[misc]
    return max(ends) - taken[0].start


def _count(report: Report, stack: Stack, books: list[dict[str, str]], imports: int) -> None:
    from django.db.models import Count

    from bookops.runs import State
    from enrichment.models import ImportRow, LibraryImport

    log = stack.sandbox.log()
    rows = ImportRow.objects.order_by()
    states = dict(rows.values_list("state").annotate(Count("pk")))
    known = {book["Book Id"] for book, told in zip(books, _knowledge(stack, books), strict=True) if told["sources"]}
    matched = set(rows.filter(outcome=ImportRow.Outcome.MATCHED).values_list("entry__goodreads_id", flat=True))
    done = LibraryImport.objects.filter(state=State.SUCCEEDED).count()
    spoiled = sum(log["faults"].values())
    report.add("imports complete", 100 * done / imports, "%", 99, "at least", f"{done} of {imports}")
    report.add("rows dead", 100 * states.get(State.DEAD, 0) / len(books), "%", 1, "below", f"{states.get(State.DEAD, 0)} of {len(books)}")
    report.add(
        "known books enriched", 100 * len(known & matched) / len(known), "%", 95, "at least", f"{len(known & matched)} of {len(known)}"
    )
    report.add("calls in flight at once", log["peak_concurrency"], "", 100, "above")
    report.add("calls spoiled", 100 * spoiled / log["calls"], "%", remark=f"{spoiled} of {log['calls']}")
    kinds = Table(["what", "counts"])
    kinds.rows.append(["states of rows", ", ".join(f"{state} {count}" for state, count in sorted(states.items()))])
    reasons = rows.exclude(reason="").values_list("reason").annotate(Count("pk"))
    kinds.rows.append(["reasons of those that did not succeed", ", ".join(f"{reason} {count}" for reason, count in reasons) or "none"])
    kinds.rows.append(["faults", ", ".join(f"{kind} {count}" for kind, count in sorted(log["faults"].items()))])
    report.tables.append(kinds)


def _knowledge(stack: Stack, books: list[dict[str, str]]) -> list[dict[str, Any]]:
    return stack.sandbox.knows_all(
        [{"isbn": book["ISBN13"].strip('="'), "title": book["Title"], "author": book["Author"]} for book in books]
    )
