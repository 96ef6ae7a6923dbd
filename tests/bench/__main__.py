"""Measure: `python -m tests.bench [NAME …] [--short] [--markdown FILE]`; every figure is printed as it came out.

The exit code is 1 when a measurement could not be made, not when a bound is missed: what is missed is said beside the figure.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.bench.figures import Report
from tests.bench.measurements import IN_SHORT, MEASUREMENTS, MeasurementFailed, measure_alone
from tests.bench.printing import as_markdown, header


def main(arguments: list[str] | None = None) -> int:
    """Run the measurements asked for, one after the other, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *MEASUREMENTS], metavar="NAME", help=", ".join(MEASUREMENTS))
    parser.add_argument("--short", action="store_true", help="tiny sizes, to see that it runs; its figures mean nothing")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there too")
    asked = parser.parse_args(arguments)
    parts = [_title(asked.short), header()]
    print("\n\n".join(parts), flush=True)
    reports: list[Report] = []
    failed = []
    for name in asked.names or (IN_SHORT if asked.short else MEASUREMENTS):
        start = time.monotonic()
        try:
            report = measure_alone(name, short=asked.short)
        except MeasurementFailed as failure:
            failed.append(name)
            parts.append(f"## {name}\n\nCould not be measured.")
            print(f"\n{parts[-1]}\n\n{failure}", flush=True)
            continue
        reports.append(report)
        parts.append(f"{as_markdown(report)}\n\nTook {time.monotonic() - start:.0f} s: `make bench ARGS={name}`.")
        print(f"\n{parts[-1]}", flush=True)
    parts.append(_sum(reports, failed))
    print(f"\n{parts[-1]}")
    if asked.markdown:
        asked.markdown.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return 1 if failed else 0


def _title(short: bool) -> str:
    return "# Measurements" + (", in short: to see that they run; the figures mean nothing" if short else "")


def _sum(reports: list[Report], failed: list[str]) -> str:
    judged = [(report, figure) for report in reports for figure in report.figures if figure.is_met is not None]
    missed = [f"{report.title}: {figure.what}" for report, figure in judged if not figure.is_met]
    lines = [f"{len(judged) - len(missed)} of {len(judged)} bounds met."]
    lines += [f"- not met: {one}" for one in missed] + [f"- not measured: {name}" for name in failed]
    return "\n".join(["## In sum", "", *lines])


if __name__ == "__main__":
    sys.exit(main())
