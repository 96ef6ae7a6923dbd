"""/metrics for Prometheus, read from rows at each scrape: the same from every process, and right after a restart."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.db.models import Count, DurationField, ExpressionWrapper, F, Min, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from bookops import sweep
from bookops.api.problems import Problem, problem_response
from bookops.message_counts import message_counts
from bookops.notices import Delivery
from bookops.redis_link import RedisAway
from bookops.runs import State
from bookops.source_health import SourceHealth


class CoreCollector(Collector):
    """Tell of messages, the sweeper, workers, sources and notices."""

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics. Six queries and a round trip to Redis."""
        yield from self._messages()
        last = sweep.last_round()
        age = (timezone.now() - last).total_seconds() if last else float("inf")
        yield GaugeMetricFamily("bookops_sweeper_age_seconds", "Time since a sweeper came round.", age)
        yield GaugeMetricFamily("bookops_workers", "Workers seen lately.", sweep.workers_seen())
        yield from self._sources()
        waiting = Delivery.objects.filter(state=State.PENDING)
        yield GaugeMetricFamily("bookops_notices_waiting", "Deliveries that have not arrived yet.", waiting.count())
        oldest = waiting.aggregate(at=Min("created_at"))["at"]
        age = (timezone.now() - oldest).total_seconds() if oldest else 0
        yield GaugeMetricFamily("bookops_notices_oldest_waiting_seconds", "Age of the oldest of them.", age)

    def _messages(self) -> Iterator[Metric]:
        messages = CounterMetricFamily("bookops_messages", "Celery messages, by what became of them.", labels=["what"])
        try:
            for kind, total in message_counts.totals().items():
                messages.add_metric([kind], total)
            away = 0
        except RedisAway:
            away = 1
        yield messages
        yield GaugeMetricFamily("bookops_redis_up", "Whether Redis answers.", 1 - away)

    def _sources(self) -> Iterator[Metric]:
        calls = CounterMetricFamily("bookops_source_calls", "Calls to a source.", labels=["source"])
        errors = CounterMetricFamily("bookops_source_errors", "Calls to a source that failed.", labels=["source"])
        for source in SourceHealth.objects.all():
            calls.add_metric([source.name], source.calls)
            errors.add_metric([source.name], source.errors)
        yield calls
        yield errors


def seconds_histogram(name: str, text: str, rows: QuerySet[Any], since: str, until: str, bounds: Sequence[int]) -> Metric:
    """Return how long rows took from one of their times to another, counted up to each of the bounds (seconds). One query."""
    took = ExpressionWrapper(F(until) - F(since), output_field=DurationField())
    counts = {f"below_{bound}": Count("pk", filter=Q(took__lte=timedelta(seconds=bound))) for bound in bounds}
    found = rows.annotate(took=took).aggregate(n=Count("pk"), total=Sum("took"), **counts)
    histogram = HistogramMetricFamily(name, text)
    buckets = [(str(float(bound)), found[f"below_{bound}"]) for bound in bounds]
    histogram.add_metric([], [*buckets, ("+Inf", found["n"])], found["total"].total_seconds() if found["total"] else 0)
    return histogram


def metrics_view(*collectors: Collector) -> Callable[[HttpRequest], HttpResponse]:
    """Return the view that answers a scrape with what these collectors tell."""
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)

    @require_safe
    def metrics(request: HttpRequest) -> HttpResponse:
        if not may_scrape(request):
            remedy = "Send 'Authorization: Bearer METRICS_TOKEN', or scrape from a private address without a proxy."
            return problem_response(request, Problem(403, "permission_denied", "You may not scrape.", remedy=remedy))
        return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    return metrics


def may_scrape(request: HttpRequest) -> bool:
    """Say whether the caller has the token or, where none is set, stands on a private network without a proxy in between."""
    if settings.METRICS_TOKEN:
        sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(sent.encode(), settings.METRICS_TOKEN.encode())
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False
    try:
        address = ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    return address.is_loopback or address.is_private
