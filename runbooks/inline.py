"""Evaluate a listing in this process from its link to its runbook, without a broker or workers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.db.models import Min

from bookops.clock import database_now
from bookops.dispatch import rung_here
from bookops.runs import OPEN
from runbooks.executions import start_import
from runbooks.models import Execution
from runbooks.sweeping import sweep_executions

#: The branches run at the same time.
THREADS = 4


def evaluate_inline(*, watch: Callable[[Execution], Any] = lambda execution: None, **start: Any) -> Execution:
    """Do all the work of `start_import(**start)` here and return the execution, ended or waiting for a parked step.

    `watch` is called as it goes on.
    """
    with rung_here() as here:
        execution, _ = start_import(**start)
        while True:
            here.work(threads=THREADS, between=lambda: watch(execution))
            execution.refresh_from_db()
            due = execution.steps.filter(state__in=OPEN).aggregate(due=Min("next_at"))["due"]
            if due is None:
                watch(execution)
                return execution
            time.sleep(min(max((due - database_now()).total_seconds(), 0.05), 5.0))
            sweep_executions(database_now())
