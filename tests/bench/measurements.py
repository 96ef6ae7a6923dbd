"""The measurements by name. Each runs in a process of its own: settings are read once a process."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.bench.figures import Report

ROOT = Path(__file__).resolve().parents[2]
#: Name: (module, what its `measure` is told beside `short`), in the order in which they run.
MEASUREMENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "fan-out": ("fan_out", {"database": "postgres"}),
    "fan-out-sqlite": ("fan_out", {"database": "sqlite"}),
    "rivals": ("rivals", {}),
    "quota": ("quota", {"joined": True}),
    "quota-one-by-one": ("quota", {"joined": False}),
    "quality": ("quality", {}),
    "cost": ("cost", {}),
    "warm": ("warm", {}),
    "scale": ("scale", {}),
    "fairness": ("fairness", {"rationed": False}),
    "fairness-rationed": ("fairness", {"rationed": True}),
    "upload": ("answering", {}),
    "lists": ("lists", {}),
    "import-ebay": ("import_ebay", {}),
    "evaluations": ("evaluations", {}),
    "evaluations-at-once": ("evaluations_at_once", {}),
    "listing-cost": ("listing_cost", {}),
    "poller": ("poller", {"items": 4_000}),
    "poller-10000": ("poller", {"items": 10_000}),
    "batch-results": ("batch_results", {}),
}
#: What a short run takes when none is named: enough to see that stacks start and figures are printed, in a minute.
IN_SHORT = ("fan-out-sqlite", "rivals", "upload")


class MeasurementFailed(Exception):
    """A measurement ended without a report; the message is the last it said."""


def measure(name: str, *, short: bool) -> Report:
    """Run a measurement in this process."""
    module, options = MEASUREMENTS[name]
    report: Report = import_module(f"tests.bench.{module}").measure(short=short, **options)
    return report


def measure_alone(name: str, *, short: bool) -> Report:
    """Run a measurement in a process of its own; raise MeasurementFailed when it comes to nothing."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"
        command = [sys.executable, "-m", "tests.bench.alone", name, str(path), *(["--short"] if short else [])]
        done = subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        if done.returncode or not path.exists():
            raise MeasurementFailed(done.stderr.strip()[-2000:] or f"exit code {done.returncode}")
        return Report.load(path)
