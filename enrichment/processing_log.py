"""A row's processing log, told line by line from its stored attempts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from enrichment.asking import NAMES
from enrichment.models import RowAttempt
from enrichment.reasons import explain

ASKED = {"isbn": "by ISBN", "title": "by title and author"}


def lines_of(attempts: Iterable[RowAttempt]) -> list[str]:
    """Return the log of a row in words; each line stands for something that was stored."""
    return [line for attempt in attempts for line in _lines(attempt)]


def _lines(attempt: RowAttempt) -> Iterator[str]:
    if attempt.outcome == "chosen":
        yield f"A person decided: {attempt.detail}"
        return
    if attempt.outcome == "overdue":
        yield explain(attempt.reason, attempt.detail)
        return
    yield f"Attempt {attempt.number}: starting enrichment"
    if not attempt.log and attempt.outcome == "succeeded":
        yield "Answered from what the sources told before; no call was made"
    yield from map(_line, attempt.log)
    if attempt.outcome != "succeeded":
        yield f"Attempt {attempt.number} ended {attempt.outcome}: {explain(attempt.reason, attempt.detail)}"


def _line(entry: dict[str, Any]) -> str:
    name = NAMES.get(entry["source"], entry["source"])
    asked = ASKED.get(entry["asked"], entry["asked"])
    if "error" in entry:
        return f"{name}: error {entry['error']} ({asked}, {entry['ms']} ms)"
    told = f"{entry['subjects']} subjects" if entry.get("found") else "No data"
    if entry.get("remembered"):
        return f"{name}: {told} ({asked}, told before)"
    shared = f", one request for {entry['shared_by']} books" if entry.get("shared_by") else ""
    return f"{name}: {told} ({asked}, {entry['ms']} ms{shared})"
