"""What Prometheus is told, who may ask, and that the alert rules speak of it."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from bookops import pulse
from bookops.message_counts import MessageCounts, message_counts
from bookops.redis_link import redis_link
from bookops.runs import State
from enrichment.metrics import most_at_once
from tests.api.clients import make_user
from tests.enrichment.api.factories import make_finished_import, make_import, make_row

pytestmark = pytest.mark.django_db
ALERTS = Path(__file__).resolve().parents[2] / "monitoring" / "alerts.yml"


def scrape(client: Client | None = None, **extra: Any) -> dict[str, float]:
    """Return the samples of a scrape: name{labels} -> value."""
    text = (client or Client()).get("/metrics", **extra).content.decode()
    return {
        sample.name + "".join(f"{{{name}={value}}}" for name, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_it_counts_rows_as_they_stand() -> None:
    library_import = make_import(make_user())
    states = [State.PENDING, State.PENDING, State.RUNNING, State.PARKED, State.DEAD, State.SUCCEEDED, State.SUCCEEDED, State.FAILED]
    for number, state in enumerate(states, start=1):
        make_row(library_import, number, state=state, next_at=timezone.now() - timedelta(minutes=number))
    seen = scrape()
    assert [seen[f"bookops_rows_{name}"] for name in ("waiting", "in_flight", "parked")] == [2, 1, 1]
    assert seen["bookops_dead_letters"] == 1
    assert 119 < seen["bookops_oldest_waiting_seconds"] < 180
    assert seen["bookops_success_ratio"] == 0.5
    assert seen["bookops_recent_rows{state=dead}"] == 1


def test_rows_that_could_not_be_read_are_counted_apart() -> None:
    library_import = make_import(make_user())
    make_row(library_import, 1, state=State.SUCCEEDED)
    make_row(library_import, 2, state=State.FAILED, reason="width_wrong", entry={}, attempts=0)
    seen = scrape()
    assert seen["bookops_recent_unreadable_rows"] == 1
    assert (seen["bookops_recent_rows{state=succeeded}"], seen["bookops_recent_rows{state=failed}"]) == (1, 0)
    assert seen["bookops_success_ratio"] == 1


def test_it_tells_which_share_of_imports_is_complete() -> None:
    owner = make_user()
    for changes in [
        {},
        {},
        {"state": State.FAILED, "reason": "too_many_failures"},
        {"state": State.DEAD, "reason": "worker_lost"},
        {"state": State.FAILED, "reason": "no_header"},
        {"state": State.CANCELLED},
        {"state": State.DEAD, "ended_at": timezone.now() - timedelta(hours=25)},
    ]:
        make_finished_import(owner, **changes)
    make_import(owner)
    seen = scrape()
    counts = {
        outcome: seen[f"bookops_recent_imports{{outcome={outcome}}}"]
        for outcome in ("succeeded", "failed", "dead", "unreadable", "cancelled")
    }
    assert counts == {"succeeded": 2, "failed": 1, "dead": 1, "unreadable": 1, "cancelled": 1}
    assert seen["bookops_completion_ratio"] == 0.5


def test_it_tells_how_long_imports_took() -> None:
    owner = make_user()
    for seconds in (1.5, 40, 4000):
        library_import = make_finished_import(owner)
        type(library_import).objects.filter(pk=library_import.pk).update(ended_at=library_import.created_at + timedelta(seconds=seconds))
    seen = scrape()
    assert [seen[f"bookops_import_seconds_bucket{{le={bound}}}"] for bound in ("1.0", "2.0", "60.0", "3600.0", "+Inf")] == [0, 1, 2, 2, 3]
    assert seen["bookops_import_seconds_sum"] == pytest.approx(4041.5, abs=0.1)


def test_it_tells_how_many_rows_were_worked_on_at_once() -> None:
    start = timezone.now()
    spans = [(start + timedelta(seconds=a), start + timedelta(seconds=b)) for a, b in [(0, 3), (1, 4), (2, 5), (4, 6), (5, 9)]]
    assert most_at_once(spans) == 3
    assert most_at_once([]) == 0


def test_messages_of_all_processes_are_added_up() -> None:
    redis_link.forget()
    before = message_counts.totals()
    for process in (MessageCounts(), MessageCounts()):
        for _ in range(5):
            process.add("sent")
        process.add("acknowledged")
        process.flush()
    after = message_counts.totals()
    assert {kind: after[kind] - before[kind] for kind in after} == {"sent": 10, "received": 0, "acknowledged": 2}
    assert scrape()["bookops_messages_total{what=sent}"] >= 10


def test_counts_wait_while_redis_is_away(settings: Any) -> None:
    there, redis_is_away = settings.CACHES, {"default": settings.CACHES["default"] | {"LOCATION": "unix:///nowhere/redis.sock"}}
    redis_link.forget()
    before = message_counts.totals()["sent"]
    process = MessageCounts()
    process.add("sent")
    settings.CACHES = redis_is_away
    process.flush()
    assert scrape()["bookops_redis_up"] == 0
    settings.CACHES = there
    redis_link.forget()
    process.flush()
    assert message_counts.totals()["sent"] == before + 1


def test_a_silent_sweeper_is_seen() -> None:
    assert scrape()["bookops_sweeper_age_seconds"] == float("inf")
    pulse.beat("sweeper")
    assert scrape()["bookops_sweeper_age_seconds"] < 5


@pytest.mark.parametrize(
    ("extra", "status"),
    [
        ({"REMOTE_ADDR": "127.0.0.1"}, 200),
        ({"REMOTE_ADDR": "10.1.2.3"}, 200),
        ({"REMOTE_ADDR": "8.8.8.8"}, 403),
        ({"REMOTE_ADDR": ""}, 403),
        ({"REMOTE_ADDR": "10.1.2.3", "HTTP_X_FORWARDED_FOR": "8.8.8.8"}, 403),
    ],
)
def test_without_a_token_only_neighbours_may_scrape(extra: dict[str, str], status: int) -> None:
    assert Client().get("/metrics", **extra).status_code == status


@pytest.mark.parametrize(("sent", "status"), [("Bearer right", 200), ("Bearer wrong", 403), ("", 403), ("Bearer é", 403)])
def test_with_a_token_everyone_needs_it(settings: Any, sent: str, status: int) -> None:
    settings.METRICS_TOKEN = "right"
    assert Client().get("/metrics", headers={"Authorization": sent}).status_code == status


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_prometheus_can_read_an_alerts_expression(rule: dict[str, Any]) -> None:
    parsed = promql_parser.parse(rule["expr"])
    assert isinstance(parsed, promql_parser.BinaryExpr)  # a bare metric would fire for ever


def test_an_expression_that_prometheus_refuses_is_seen() -> None:
    with pytest.raises(ValueError, match="vector matching"):
        promql_parser.parse("bookops_workers > 0.01 * ignoring(state) sum without (state) (bookops_recent_rows)")


def test_every_alert_speaks_of_a_metric_that_is_told() -> None:
    told = {name.partition("{")[0] for name in scrape()}
    assert len(rules()) >= 4
    for rule in rules():
        names = set(re.findall(r"bookops_\w+", rule["expr"]))
        assert names and names <= told, rule["alert"]
        assert rule["annotations"]["remedy"]
