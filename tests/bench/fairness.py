"""Fairness: 100 rows uploaded behind 100,000, beside the time that 100 rows need alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.bench import fan_out, libraries
from tests.bench.figures import Report
from tests.bench.stack import Stack, measured

MOST_OF_ALONE = 3.0
#: Seconds between the uploads behind the large one.
APART = 10.0
TRIES = 3


def measure(*, short: bool, rationed: bool) -> Report:
    """Import small libraries alone, then the same number behind a large one; nothing is remembered of any."""
    small, large, latency, apart = (30, 2_000, 0.1, 1.0) if short else (100, 100_000, fan_out.LATENCY, APART)
    how = "the shipped settings, at Open Library's three calls a second" if rationed else f"one book a task, two {latency} s calls each"
    report = Report(f"Fairness: {small} rows behind {large:,}; {how}")
    report.notes.append(
        f"First {TRIES} libraries of {small} rows alone, one after the other; then {large:,} rows, and behind them {TRIES} more libraries of "
        f"{small}: the first right after the large upload is answered, each further one {apart:.0f} s after the one before has ended. All by "
        "different owners, of different books. Behind is the slowest of them, alone the median. The large import is cancelled at the end."
    )
    settings: dict[str, Any] = {} if rationed else fan_out.SETTINGS
    arguments = () if rationed else ("--no-limits",)
    with TemporaryDirectory() as name:
        paths = _libraries(Path(name), small)
        everything = libraries.write(Path(name) / "all.csv", libraries.books((2 * TRIES + 1) * small + 5_000))
        crowd = libraries.write(Path(name) / "large.csv", libraries.books(large, first=(2 * TRIES + 1) * small))
        with measured("postgres", catalogue=[everything], settings=settings, sandbox_arguments=arguments) as stack:
            if not rationed:
                stack.sandbox.settings(latency=latency)
            _import(stack, next(paths))
            alone = sorted(_import(stack, next(paths)) for _ in range(TRIES))
            behind, moments = _behind(stack, crowd, paths, apart)
            report.peaks = dict(stack.peaks)
    typical = alone[TRIES // 2]
    report.add(f"{small} rows alone", typical, "s", remark=f"{TRIES} tries: {_listed(alone)} s")
    report.add(
        f"{small} rows behind {large:,}", max(behind), "s", MOST_OF_ALONE * typical, remark=f"{TRIES} tries: {_listed(behind)} s; {moments}"
    )
    return report


def _listed(times: list[float]) -> str:
    return ", ".join(f"{seconds:.2f}" for seconds in times)


def _libraries(folder: Path, rows: int) -> Iterator[Path]:
    for number in range(2 * TRIES + 1):
        yield libraries.write(folder / f"small-{number}.csv", libraries.books(rows, first=number * rows))


def _import(stack: Stack, path: Path) -> float:
    from tests.bench.uploads import Person

    return Person(stack, path.stem).imports(path)[1]


def _behind(stack: Stack, crowd: Path, paths: Iterator[Path], apart: float) -> tuple[list[float], str]:
    """Return the seconds of each small import behind the large one, and how far that was when each began."""
    from enrichment.imports import cancel_import
    from enrichment.models import LibraryImport
    from tests.bench.uploads import Person

    ahead = LibraryImport.objects.get(pk=Person(stack, "crowd").upload(crowd).id)
    times: list[float] = []
    read: list[str] = []
    for path in paths:
        if times:
            time.sleep(apart)
        ahead.refresh_from_db()
        if ahead.has_ended:
            raise RuntimeError("the large import ended before the small ones: nothing was measured")
        read.append(f"{ahead.rows_read:,}")
        times.append(_import(stack, path))
    cancel_import(ahead)
    return times, f"{', '.join(read)} rows of the large one had been read as they were uploaded"
