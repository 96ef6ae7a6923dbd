"""Throttles count exactly, with Redis and without."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from bookops.api.throttles import hit, key_of, local_counts, rate_of
from bookops.redis_link import redis_link


@pytest.fixture(autouse=True)
def fresh_link() -> Any:
    """Forget failures of other tests and leave none to the next."""
    redis_link.forget()
    yield
    redis_link.forget()


def away(settings: Any) -> None:
    """Point at a Redis that is not there."""
    cache = settings.CACHES["default"]
    settings.CACHES = {"default": cache | {"LOCATION": "unix:///nowhere/redis.sock"}}


@pytest.mark.parametrize("redis_is_there", [True, False])
def test_of_two_hundred_at_once_exactly_the_limit_passes(settings: Any, redis_is_there: bool) -> None:
    settings.THROTTLE_RATES = {"upload": "20/min"}
    if not redis_is_there:
        away(settings)
    who = str(uuid4())
    with ThreadPoolExecutor(200) as pool:
        waits = list(pool.map(lambda _: hit("upload", who), range(200)))
    assert waits.count(None) == 20
    assert all(0 < wait <= 60 for wait in waits if wait is not None)


def test_one_user_does_not_use_up_anothers(settings: Any) -> None:
    settings.THROTTLE_RATES = {"upload": "1/min"}
    one, other = str(uuid4()), str(uuid4())
    assert [hit("upload", one), hit("upload", other)] == [None, None]
    assert hit("upload", one) is not None


def test_a_new_window_begins_when_the_old_one_is_over(settings: Any) -> None:
    settings.THROTTLE_RATES = {"upload": "1/s"}
    who = str(uuid4())
    assert hit("upload", who) is None
    wait = hit("upload", who)
    assert wait is not None
    time.sleep(wait + 0.02)
    assert hit("upload", who) is None


def test_a_window_that_lost_its_end_gets_one(settings: Any) -> None:
    settings.THROTTLE_RATES = {"upload": "5/min"}
    who = str(uuid4())
    hit("upload", who)
    redis_link.run(lambda client: client.persist(key_of("upload", who)))
    hit("upload", who)
    assert 0 < redis_link.run(lambda client: client.pttl(key_of("upload", who))) <= 60_000


def test_memory_of_our_own_does_not_grow_for_ever() -> None:
    for number in range(10_001):
        local_counts.count(f"gone {number}", -1)
    local_counts.count("now", 60)
    assert len(local_counts._windows) < 10_000


@pytest.mark.parametrize(("text", "rate"), [("10/min", (10, 60)), ("3/s", (3, 1)), ("7/hour", (7, 3600)), ("1000/day", (1000, 86_400))])
def test_it_reads_rates(settings: Any, text: str, rate: tuple[int, int]) -> None:
    settings.THROTTLE_RATES = {"user": text}
    assert rate_of("user") == rate
