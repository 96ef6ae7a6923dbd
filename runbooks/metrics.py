"""What Prometheus is told of evaluations."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Count
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from bookops.clock import database_now
from bookops.metrics import seconds_histogram
from bookops.runs import BROKEN, State
from runbooks.models import Execution, StepRun

#: Upper bounds of the histogram, in seconds; at 90 the first design is alarmed.
BUCKETS = (2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 3600)
RECENT = timedelta(hours=24)


class EvaluationCollector(Collector):
    """Tell how evaluations stand, what keeps their steps waiting, and how long people wait for a runbook."""

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics. Four queries."""
        executions = GaugeMetricFamily("bookops_evaluations", "Evaluations, by state.", labels=["state"])
        for state, count in Execution.objects.order_by().values_list("state").annotate(n=Count("pk")):
            executions.add_metric([state], count)
        yield executions
        parked = GaugeMetricFamily("bookops_evaluation_steps_parked", "Steps that wait for a source or a budget.", labels=["what"])
        steps = StepRun.objects.filter(state=State.PARKED).order_by()
        for what, count in steps.values_list("waiting_for").annotate(n=Count("pk")):
            parked.add_metric([what], count)
        yield parked
        failed = GaugeMetricFamily(
            "bookops_evaluation_steps_failed", "Steps that failed for good in the last 24 hours.", labels=["step", "reason"]
        )
        ended = StepRun.objects.filter(state__in=BROKEN, ended_at__gte=database_now() - RECENT).order_by()
        for step, reason, count in ended.values_list("name", "reason").annotate(n=Count("pk")):
            failed.add_metric([step, reason], count)
        yield failed
        # Nobody waits for a bulk import, which lets everything else go before it.
        saved = Execution.objects.filter(saved_at__isnull=False, bulk=None)
        yield seconds_histogram(
            "bookops_evaluation_seconds", "From link to runbook, bulk imports left out.", saved, "created_at", "saved_at", BUCKETS
        )
