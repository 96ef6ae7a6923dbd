"""The figures that an import's charts are drawn from: the summary at the end of its stored dashboard."""

from __future__ import annotations

import json
import os
from typing import Any

from django.core.files.storage import default_storage

from enrichment.models import LibraryImport

#: The summary and what follows it are shorter than this, whatever the size of the library.
TAIL_BYTES = 512 * 1024
MOST_BARS = 15


def charts_of(library_import: LibraryImport) -> list[dict[str, Any]]:
    """Return the bars of genres, ratings and years for bookops/desk/bars.html; [] while there is no dashboard."""
    summary = summary_of(library_import)
    charts = [
        _chart("Genres", sorted(summary.get("books_by_genre", {}).items(), key=lambda one: -one[1])[:MOST_BARS]),
        _chart("Ratings", [(f"{stars} ★", count) for stars, count in summary.get("books_by_rating", {}).items()]),
        _chart("Books read by year", list(summary.get("books_by_year", {}).items())[-MOST_BARS:]),
    ]
    return [chart for chart in charts if chart["bars"]]


def summary_of(library_import: LibraryImport) -> dict[str, Any]:
    """Read the summary from the end of the dashboard, whose last lines are one key each; {} when there is none."""
    if not library_import.dashboard_key:
        return {}
    try:
        with default_storage.open(library_import.dashboard_key, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - TAIL_BYTES, 0))
            tail = file.read()
    except FileNotFoundError:
        return {}
    # JSON writes no line break within a text, so that only the key itself stands at the start of a line.
    _, found, rest = tail.rpartition(b'\n"summary": ')
    summary: dict[str, Any] = json.loads(rest.partition(b',\n"metadata": ')[0]) if found else {}
    return summary


def _chart(caption: str, bars: list[tuple[str, int]]) -> dict[str, Any]:
    return {"caption": caption, "bars": bars, "most": max((count for _, count in bars), default=0)}
