"""Warm: the same books again, for other owners, with everything remembered from the first import."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import libraries
from tests.bench.figures import Report
from tests.bench.stack import measured

#: Rows and the seconds they may take.
BOUNDS = {565: 2.0, 10_000: 20.0}
TRIES = 3


def measure(*, short: bool) -> Report:
    """Import a library once from the sandbox, then its parts again for others."""
    sizes = [50, 200] if short else list(BOUNDS)
    rows = max(sizes)
    report = Report("Warm: the same books for another owner")
    report.notes.append(
        f"One import of {rows:,} rows from the sandbox fills the memory (no latency, no quotas, else as shipped); then each size is imported "
        f"{TRIES} times, each time by somebody new. Each figure is the slowest of them; calls are all that the sandbox saw meanwhile."
    )
    with TemporaryDirectory() as name:
        books = list(libraries.books(rows))
        paths = {size: libraries.write(Path(name) / f"{size}.csv", books[:size]) for size in sizes}
        settings = {"SOURCE_QUOTAS": 0}
        with measured("postgres", catalogue=[paths[rows]], settings=settings, sandbox_arguments=("--no-limits",)) as stack:
            from tests.bench.uploads import Person

            _, cold = Person(stack, "first").imports(paths[rows])
            log = stack.sandbox.log()
            report.add(f"{rows:,} rows cold, for comparison", cold, "s", remark=f"{log['calls']} calls")
            for size in sizes:
                stack.sandbox.clear_log()
                times = [Person(stack, f"reader {number} of {size}").imports(paths[size])[1] for number in range(TRIES)]
                each = ", ".join(f"{seconds:.2f}" for seconds in times)
                report.add(f"{size:,} rows again", max(times), "s", BOUNDS.get(size), remark=f"{TRIES} tries: {each} s")
                report.add(f"{size:,} rows again, calls", stack.sandbox.log()["calls"], bound=0)
            report.peaks = dict(stack.peaks)
    return report
