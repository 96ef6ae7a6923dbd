"""What the home page says about evaluations: what is at work, what is partial or waits, what was spent, how long they take."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Sum
from django.http import HttpRequest

from bookops.clock import database_now
from bookops.home_page import Panel, add_panel
from bookops.markup import list_of
from bookops.runs import OPEN, State
from bookops.spend import Account, dollars
from runbooks.admin.execution_buttons import RUN
from runbooks.models import Execution, StepRun

SHOWN = 6
#: Seconds that 95 of 100 executions may take before the home page says so: the seed's figure.
SLOW_FROM = 90.0
#: Executions of the last day that are looked at, the newest first.
MOST_MEASURED = 5_000


def slowest_of_most(seconds: list[float]) -> float | None:
    """Return the 95th percentile by the nearest rank; None of nothing."""
    return sorted(seconds)[math.ceil(0.95 * len(seconds)) - 1] if seconds else None


def seconds_taken(since: datetime) -> list[float]:
    """Return how long each execution since then took from its beginning to its runbook; bulk ones wait by intent and are left out."""
    ended = Execution.objects.filter(created_at__gte=since, saved_at__isnull=False, bulk=None).order_by("-created_at")
    return [(saved - created).total_seconds() for created, saved in ended.values_list("created_at", "saved_at")[:MOST_MEASURED]]


def look_at_executions(request: HttpRequest) -> dict[str, Any]:
    """Return what is at work, what misses something, and what the last day took."""
    now = database_now()
    taken = seconds_taken(now - timedelta(days=1))
    p95 = slowest_of_most(taken)
    with_parts = Execution.objects.select_related("listing", "owner").defer("listing__facts")
    parked = StepRun.objects.filter(execution=OuterRef("pk"), is_current=True, state=State.PARKED)
    return {
        "at_work": with_parts.filter(state__in=OPEN).order_by("-created_at")[:SHOWN],
        "ended": with_parts.exclude(state__in=OPEN).order_by("-created_at")[:SHOWN],
        "partial": Execution.objects.filter(partial=True).count(),
        "partial_address": list_of(Execution, partial__exact=1),
        "parked": Execution.objects.filter(Exists(parked)).count(),
        "parked_address": list_of(Execution, waiting="parked"),
        "spent": dollars(
            Account.objects.filter(scope__startswith="owner:", scope__endswith=f":{now.date()}").aggregate(n=Sum("spent"))["n"] or 0
        ),
        "measured": len(taken),
        "p95": p95,
        "slow_from": SLOW_FROM,
        "is_slow": p95 is not None and p95 > SLOW_FROM,
        "list_address": list_of(Execution),
        "may_run": request.user.has_perm(RUN),
    }


add_panel(Panel("Evaluations", "runbooks/desk/home_executions.html", look_at_executions, "runbooks.view_execution", place=5))
