"""What Prometheus is told of jobs, the poller and what models cost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Max, Min, Q, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from bookops.language_models import MILLION
from bookops.runs import OPEN, State
from llmjobs.models import LLMJob, LLMJobItem, PollTick, Proposal, ProviderBatch

#: Over how long the poller's error rate is taken.
RECENT = timedelta(minutes=15)
DAY = timedelta(days=1)


class JobCollector(Collector):
    """Tell of jobs, of items at their providers, of the last ticks, and of the day's answers and money by model."""

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; each count reads an index of what is open or recent. A dozen queries."""
        now = timezone.now()
        yield from self._jobs(now)
        yield from self._poller(now)
        yield from self._models(now - DAY)

    def _jobs(self, now: Any) -> Iterator[Metric]:
        jobs = GaugeMetricFamily("bookops_llm_jobs", "LLM jobs, by state.", labels=["state"])
        for state, count in LLMJob.objects.filter(deleted_at=None).order_by().values_list("state").annotate(n=Count("pk")):
            jobs.add_metric([state], count)
        yield jobs
        items = GaugeMetricFamily("bookops_llm_items", "Items of jobs at work, by where they stand.", labels=["where"])
        for where, query in {
            "queued": Q(state=State.PENDING),
            "at_provider": Q(state=State.RUNNING, stage="processing"),
            "perhaps_sent": Q(state=State.RUNNING, stage="unknown"),
            "parked": Q(state=State.PARKED),
        }.items():
            items.add_metric([where], LLMJobItem.objects.filter(query, job__state__in=OPEN).count())
        yield items
        at_provider = LLMJobItem.objects.at_provider().filter(batch=None)
        oldest = at_provider.aggregate(at=Min(Coalesce("last_polled_at", "submitted_at")))["at"]
        age = (now - oldest).total_seconds() if oldest else 0
        yield GaugeMetricFamily("bookops_llm_longest_unasked_seconds", "How long ago a background item was asked for last, or sent.", age)
        batches = ProviderBatch.objects.filter(state__in=OPEN).count()
        yield GaugeMetricFamily("bookops_llm_batches_open", "Batches that have not ended.", batches)
        waiting = Proposal.objects.filter(state=Proposal.State.WAITING).count()
        yield GaugeMetricFamily("bookops_llm_proposals_waiting", "Answers that wait for a review.", waiting)

    def _poller(self, now: Any) -> Iterator[Metric]:
        last = PollTick.objects.first()
        age = (now - last.started_at).total_seconds() if last else float("inf")
        yield GaugeMetricFamily("bookops_poll_age_seconds", "Time since the poller's last tick began.", age)
        recent = PollTick.objects.filter(started_at__gte=now - RECENT).aggregate(
            polled=Sum("items_polled"), updated=Sum("items_updated"), errors=Sum("errors"), throttled=Sum("throttled"),
            jobs=Max("jobs_polled"), longest=Max("seconds"), cut_short=Count("pk", filter=Q(cut_short=True)),
        )  # fmt: skip
        polled, errors = recent["polled"] or 0, recent["errors"] or 0
        yield GaugeMetricFamily(
            "bookops_poll_error_ratio", "Share of the polls of 15 minutes that failed.", errors / max(polled, errors, 1)
        )
        yield GaugeMetricFamily("bookops_poll_seconds", "The longest tick of 15 minutes.", recent["longest"] or 0)
        yield GaugeMetricFamily("bookops_poll_budget_seconds", "What a tick may take (TICK_SECONDS).", settings.TICK_SECONDS)
        yield GaugeMetricFamily("bookops_poll_cut_short", "Ticks of 15 minutes that ran out of time.", recent["cut_short"])
        yield GaugeMetricFamily("bookops_poll_jobs", "The most jobs that one tick of 15 minutes asked for.", recent["jobs"] or 0)
        for name, what in {"polled": "asked for", "updated": "moved", "throttled": "throttled"}.items():
            yield GaugeMetricFamily(f"bookops_poll_items_{name}", f"Items {what} in 15 minutes.", recent[name] or 0)
        unmapped = PollTick.objects.filter(started_at__gte=now - RECENT).exclude(unmapped={}).count()
        yield GaugeMetricFamily("bookops_poll_unmapped", "Ticks of 15 minutes that met a word nobody has mapped.", unmapped)

    def _models(self, since: Any) -> Iterator[Metric]:
        help_ = "Items of the jobs at work or ended within 24 hours, by model and state."
        answers = GaugeMetricFamily("bookops_llm_answers", help_, labels=["model", "state"])
        dollars = GaugeMetricFamily("bookops_llm_dollars", "What those cost.", labels=["model"])
        spent: dict[str, int] = {}
        recent = list(LLMJob.objects.filter(Q(state__in=OPEN) | Q(ended_at__gte=since)).values_list("pk", flat=True))
        rows = LLMJobItem.objects.filter(job__in=recent).order_by().values("model", "state")
        for row in rows.annotate(n=Count("pk"), cost=Sum("cost")).order_by("model", "state"):
            answers.add_metric([row["model"], row["state"]], row["n"])
            spent[row["model"]] = spent.get(row["model"], 0) + row["cost"]
        for model, cost in spent.items():
            dollars.add_metric([model], cost / MILLION)
        yield answers
        yield dollars
