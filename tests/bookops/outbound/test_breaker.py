from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from redis import Redis

from bookops.outbound.breaker import Breaker
from bookops.outbound.errors import TryAgain
from tests.servers.valkey import ValkeyServer


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def is_let_through(breaker: Breaker) -> bool:
    try:
        breaker.enter()
    except TryAgain:
        return False
    return True


def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        breaker.failed()


def test_it_stays_closed_while_failures_are_not_in_a_row():
    breaker = Breaker("a_source", None, threshold=3)
    for _ in range(5):
        fail(breaker, 2)
        breaker.succeeded()
    assert breaker.state().name == "closed"
    assert is_let_through(breaker)


def test_it_opens_after_a_row_of_failures_and_says_for_how_long(clock):
    breaker = Breaker("a_source", None, threshold=3, cooldown=15, clock=clock)
    fail(breaker, 3)
    with pytest.raises(TryAgain) as caught:
        breaker.enter()
    assert (caught.value.reason, caught.value.retry_after, caught.value.asked) == ("breaker_open", 15, False)
    assert (breaker.state().name, breaker.state().trips) == ("open", 1)


def test_it_lets_one_call_try_when_the_time_is_over(clock):
    breaker = Breaker("a_source", None, threshold=3, cooldown=15, clock=clock)
    fail(breaker, 3)
    clock.now += 16
    assert breaker.state().name == "half-open"
    assert [is_let_through(breaker) for _ in range(5)] == [True, False, False, False, False]
    breaker.succeeded()
    assert breaker.state().name == "closed"
    assert is_let_through(breaker)


def test_a_try_that_fails_opens_it_for_twice_as_long(clock):
    breaker = Breaker("a_source", None, threshold=3, cooldown=15, longest=50, clock=clock)
    fail(breaker, 3)
    open_for = []
    for _ in range(3):
        clock.now += breaker.state().open_for + 1
        assert is_let_through(breaker)
        breaker.failed()
        open_for.append(breaker.state().open_for)
    assert open_for == [30, 50, 50]


def test_a_try_that_never_ends_gives_its_right_to_another(clock):
    breaker = Breaker("a_source", None, threshold=1, cooldown=15, clock=clock)
    breaker.failed()
    clock.now += 16
    assert is_let_through(breaker)
    clock.now += 14
    assert not is_let_through(breaker)
    clock.now += 2
    assert is_let_through(breaker)


def test_calls_under_way_when_it_opened_do_not_open_it_for_longer(clock):
    breaker = Breaker("a_source", None, threshold=3, cooldown=15, clock=clock)
    fail(breaker, 350)
    assert (breaker.state().open_for, breaker.state().trips) == (15, 1)


def test_what_one_process_found_holds_for_the_others(redis):
    here, there = (Breaker("a_source", redis, threshold=3, cooldown=0.2, refresh=0.0) for _ in range(2))
    fail(here, 3)
    assert not is_let_through(there)
    time.sleep(0.25)
    assert [is_let_through(there), is_let_through(here)] == [True, False]
    there.succeeded()
    assert here.state().name == "closed"
    assert is_let_through(here)


def test_of_many_threads_in_two_processes_one_tries(redis):
    breakers = [Breaker("a_source", redis, threshold=1, cooldown=1.0, refresh=0.0) for _ in range(2)]
    breakers[0].failed()
    time.sleep(1.05)
    let_through = []
    threads = [threading.Thread(target=lambda b=b: let_through.append(is_let_through(b))) for b in breakers * 25]  # type: ignore[misc]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(let_through) == 1


def test_a_closed_breaker_asks_redis_once_a_second_and_no_more(redis, clock):
    breaker = Breaker("a_source", redis, clock=clock)
    before = redis.info("stats")["total_commands_processed"]
    for _ in range(1000):
        breaker.enter()
        breaker.succeeded()
    assert redis.info("stats")["total_commands_processed"] - before <= 5
    clock.now += 1.1
    breaker.enter()
    assert redis.info("stats")["total_commands_processed"] - before <= 10


def test_it_works_alone_while_redis_is_away(mortal_redis: ValkeyServer):
    client: Redis[Any] = Redis.from_url(mortal_redis.url, socket_timeout=0.5)
    breaker = Breaker("a_source", client, threshold=3, cooldown=30, refresh=0.0)
    assert is_let_through(breaker)
    mortal_redis.kill()
    fail(breaker, 3)
    assert not is_let_through(breaker)
    breaker.reset()
    assert is_let_through(breaker)


def test_it_is_closed_by_hand_for_everybody(redis):
    here, there = (Breaker("a_source", redis, threshold=1, refresh=0.0) for _ in range(2))
    here.failed()
    there.reset()
    assert is_let_through(here)
