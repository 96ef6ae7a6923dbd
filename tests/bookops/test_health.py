"""Health and readiness."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from bookops import pulse
from bookops.health import CHECKS
from bookops.redis_link import redis_link

pytestmark = pytest.mark.django_db


def test_a_process_that_answers_is_alive(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert Client().get("/healthz").json() == {"status": "alive"}


def test_it_is_ready_when_every_part_is_there() -> None:
    redis_link.forget()
    pulse.beat("sweeper")
    pulse.beat("worker:here:1")
    answer = Client().get("/readyz")
    assert (answer.status_code, set(answer.json()["parts"].values())) == (200, {"ok"})


@pytest.mark.parametrize("silent", ["sweeper", "worker"])
def test_it_names_the_part_that_is_away(silent: str) -> None:
    redis_link.forget()
    for name in {"sweeper", "worker"} - {silent}:
        pulse.beat(name)
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer["Retry-After"]
    assert [name for name, word in answer.json()["parts"].items() if word == "away"] == [silent]


def test_a_database_or_broker_that_is_away_is_no_error(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> bool:
        raise OperationalError("away")

    monkeypatch.setitem(CHECKS, "database", away)
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "unix:///nowhere/redis.sock"}}
    redis_link.forget()
    answer = Client().get("/readyz")
    redis_link.forget()
    assert answer.status_code == 503
    assert {answer.json()["parts"][name] for name in ("database", "broker")} == {"away"}
