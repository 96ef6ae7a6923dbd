"""What an import costs: CPU-seconds, calls, bytes, and dollars at dated prices, beside what the seed counted for 565 books."""

from __future__ import annotations

import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.bench.exports import export_in
from tests.bench.figures import Report, Table
from tests.bench.quota import forget_everything
from tests.bench.stack import Stack, measured

PRICES = tomllib.loads(Path(__file__).with_name("prices.toml").read_text())
#: Dollars for 565 books as seed 002 states them: AWS Step Functions, and its plan of a queue with functions.
SEED = {"seed 002, Step Functions": 0.61, "seed 002, queue and functions": 0.13}
SEED_ROWS = 565


def measure(*, short: bool) -> Report:
    """Import the export cold, at the sources' pace, and once more warm; turn what all processes used into dollars."""
    with TemporaryDirectory() as name:
        export = export_in(Path(name), short=short)
        report = Report(f"Cost of an import of {export.rows} books")
        report.notes.append(
            f"{export.what.capitalize()}, shipped settings, the sandbox enforcing the published limits. CPU is that of every process but the "
            "sandbox, servers included, from upload to dashboard; memory is the sum of their peaks, held for as long as the import took, as "
            "if nothing else ran in it. The import's own count is what its status shows: the work on its rows, without the waiting around."
        )
        prices = [f"${price['usd_per_hour']} for {price['what']} ({price['as_of']}, {price['source']})" for price in PRICES.values()]
        report.notes.append("Prices: " + "; ".join(prices) + ". Inbound bytes are free there.")
        table = Table(["import", "seconds", "CPU-s", "its own count", "peak GB", "calls", "bytes in", "$ CPU", "$ memory", "$"])
        with measured("postgres", catalogue=export.catalogue, settings={}) as stack:
            forget_everything(stack)
            dollars = {what: _measure_one(stack, table, what, export.whole) for what in ("cold", "warm")}
            report.peaks = dict(stack.peaks)
    rows = f"{export.rows} books"
    for what, cost in dollars.items():
        report.add(
            f"{rows}, {what}", cost, "$", None if short else SEED["seed 002, queue and functions"], remark="held against the seed's plan"
        )
    for what, cost in SEED.items():
        report.add(f"{SEED_ROWS} books, {what}", cost, "$", remark="as the seed states it, not measured")
    report.tables.append(table)
    return report


def _measure_one(stack: Stack, table: Table, what: str, path: Path) -> float:
    from enrichment.status import describe
    from tests.bench.uploads import Person

    person = Person(stack, what)
    stack.peaks.clear()
    before = stack.cpu_seconds()
    library_import, seconds = person.imports(path)
    after = stack.cpu_seconds()
    cpu = sum(after[name] - before.get(name, 0) for name in after if name != "sandbox")
    gigabytes = sum(peak for name, peak in stack.peaks.items() if name != "sandbox") / 1e9
    status = describe(library_import)
    calls = ", ".join(f"{name} {source['calls']}" for name, source in sorted(status.sources.items()))
    taken_in = sum(source["bytes"] for source in status.sources.values())
    for_cpu, for_memory = _dollars("cpu", cpu), _dollars("memory", gigabytes * seconds)
    cells: list[Any] = [what, f"{seconds:.1f}", f"{cpu:.2f}", f"{status.cpu_seconds:.2f}", f"{gigabytes:.2f}", calls, f"{taken_in:,}"]
    table.rows.append([*cells, *(f"{dollars:.6f}" for dollars in (for_cpu, for_memory, for_cpu + for_memory))])
    return for_cpu + for_memory


def _dollars(what: str, seconds: float) -> float:
    return float(PRICES[what]["usd_per_hour"]) * seconds / 3600
