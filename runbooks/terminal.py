"""What a person at a terminal sees of an execution: each step as it changes, and what it came to."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rich.console import Console

from bookops.spend import dollars
from runbooks.executions import progress
from runbooks.models import Execution

POLL_SECONDS = 0.3


class StepLines:
    """Print a line whenever a step has come to another state."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: dict[str, str] = {}

    def show(self, execution: Execution) -> None:
        """Print what has changed since the last time. One query."""
        for name, status in progress(execution).items():
            if status != self._shown.get(name, "PENDING"):
                self._console.print(f"{name}: {status}", highlight=False)
            self._shown[name] = status


def follow(execution: Execution, console: Console, *, timeout: float | None = None, sleep: Callable[[float], None] = time.sleep) -> bool:
    """Print the steps until the execution has an outcome; False when that took longer than `timeout` seconds."""
    stop_at = time.monotonic() + timeout if timeout is not None else None
    lines = StepLines(console)
    while execution.status == "RUNNING":
        if stop_at is not None and time.monotonic() >= stop_at:
            return False
        lines.show(execution)
        sleep(POLL_SECONDS)
        execution.refresh_from_db()
    lines.show(execution)
    return True


def outcome_of(execution: Execution) -> dict[str, Any]:
    """Return what an execution came to, as JSON-ready data."""
    runbook = execution.runbook
    facts: dict[str, Any] = {
        "execution_id": str(execution.pk),
        "status": execution.status,
        "progress": progress(execution),
        "reason": execution.reason,
        "error": execution.detail or None,
        "cost": dollars(sum(execution.steps.values_list("cost", flat=True))),
    }
    if runbook is None:
        return facts
    return facts | {
        "book_id": str(runbook.copy.book.public_id),
        "runbook": str(runbook.public_id),
        "book": str(runbook.copy.book),
        "partial": execution.partial,
        "missing": execution.missing,
        "recommendation_tier": runbook.recommendation_tier,
        "combined_score": runbook.combined_score,
        "current_asking_price": None if runbook.current_asking_price is None else str(runbook.current_asking_price),
        "fmv_mid": None if runbook.fmv_mid is None else str(runbook.fmv_mid),
        "recommendation_reasoning": runbook.recommendation_reasoning,
    }


def print_outcome(execution: Execution, console: Console) -> None:
    """Print what an execution came to."""
    told = outcome_of(execution)
    if execution.runbook is None:
        why = f": {execution.detail}" if execution.detail else ""
        console.print(f"{told['status']}{why}", highlight=False)
        return
    console.print(f"\n{told['book']}: {told['recommendation_tier']}, {told['combined_score']} of 100", highlight=False, markup=False)
    console.print(told["recommendation_reasoning"], highlight=False, markup=False)
    asked, value = told["current_asking_price"], told["fmv_mid"]
    console.print(f"Asked {f'${asked}' if asked else 'nothing'}, worth {f'${value}' if value else 'nobody knows what'}.", highlight=False)
    if execution.partial:
        console.print(f"Missing: {', '.join(execution.missing)}", highlight=False)
    console.print(f"{told['cost']}, runbook {told['runbook']}", highlight=False)
