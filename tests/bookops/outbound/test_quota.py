from __future__ import annotations

import multiprocessing
import threading
import time
from collections import Counter
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from redis import Redis

from bookops.outbound.errors import TryAgain
from bookops.outbound.quota import Limits, Quota, Window, seconds_to_midnight
from tests.servers.valkey import ValkeyServer

PACIFIC = ZoneInfo("America/Los_Angeles")


def at(*moment: int) -> float:
    return datetime(*moment, tzinfo=PACIFIC).timestamp()  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("now", "seconds"),
    [
        (at(2026, 11, 22, 23, 59, 50), 10),
        (at(2026, 11, 22, 0, 0, 0), 86_400),
        (at(2026, 3, 8, 0, 0, 0), 23 * 3600),  # clocks go forward
        (at(2026, 11, 1, 0, 0, 0), 25 * 3600),  # clocks go back
    ],
)
def test_it_counts_the_seconds_to_midnight_over_there(now, seconds):
    assert seconds_to_midnight("America/Los_Angeles", now) == seconds


def local(*args: Any, **options: Any) -> Quota:
    return Quota(*args, None, local_share=1.0, **options)


@pytest.fixture(params=["shared", "local"])
def make(request: pytest.FixtureRequest):
    """Build quotas as they are with Redis, and as they are without."""
    client = request.getfixturevalue("redis") if request.param == "shared" else None

    def build(limits: Limits, **options: Any) -> Quota:
        return Quota("a_source", client, limits, local_share=1.0, **options)

    return build


def waits_of(quota: Quota, calls: int) -> list[float]:
    """Return how long each of so many calls, asked for at one moment, is told to wait."""
    waits: list[float] = []
    quota._sleep = waits.append
    granted = []
    for _ in range(calls):
        before = len(waits)
        quota.take()
        granted.append(waits[-1] if len(waits) > before else 0.0)
    return granted


def test_it_paces_calls_after_a_burst(make):
    waits = waits_of(make(Limits(rate=10, burst=3)), 8)
    assert waits[:3] == [0, 0, 0]
    assert waits[3:] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5], abs=0.05)


def test_it_keeps_to_a_window(make):
    waits = waits_of(make(Limits(windows=(Window(4, 10.0),)), max_wait=60), 9)
    assert waits == pytest.approx([0, 0, 0, 0, 10, 10, 10, 10, 20], abs=0.1)


def test_it_keeps_to_pace_and_window_together(make):
    waits = waits_of(make(Limits(rate=2, burst=1, windows=(Window(3, 10.0),)), max_wait=60), 6)
    assert waits == pytest.approx([0, 0.5, 1.0, 10, 10.5, 11], abs=0.1)


def test_a_call_that_would_wait_too_long_is_sent_away_and_not_counted(make):
    quota = make(Limits(rate=1, burst=1, per_day=100), max_wait=2.5)
    assert waits_of(quota, 3) == pytest.approx([0, 1, 2], abs=0.05)
    with pytest.raises(TryAgain) as caught:
        quota.take()
    assert (caught.value.reason, caught.value.spent, caught.value.asked) == ("quota_pace", False, False)
    assert 0.4 < caught.value.retry_after < 2.5
    assert quota.state().used_today == 3


def test_a_used_up_day_is_spent_until_the_midnight_of_the_source(make):
    now = at(2026, 11, 22, 23, 0, 0)
    quota = make(Limits(per_day=3, day_zone="America/Los_Angeles"), clock=lambda: now)
    waits_of(quota, 3)
    with pytest.raises(TryAgain) as caught:
        quota.take()
    assert (caught.value.reason, caught.value.spent, caught.value.retry_after) == ("quota_day", True, 3600)
    state = quota.state()
    assert (state.used_today, state.remaining_today, state.resets_in) == (3, 0, 3600)


def test_a_new_day_starts_at_nought(make):
    now = at(2026, 11, 22, 23, 59, 59)
    quota = make(Limits(per_day=3, day_zone="America/Los_Angeles"), clock=lambda: now)
    waits_of(quota, 3)
    now = at(2026, 11, 23, 0, 0, 1)
    waits_of(quota, 2)
    assert quota.state().remaining_today == 1


def test_what_the_source_said_stops_everybody_until_it_is_over(make):
    quota = make(Limits(rate=100, burst=10, per_day=100))
    quota.block(0.2)
    with pytest.raises(TryAgain) as caught:
        quota.take()
    assert (caught.value.reason, caught.value.spent) == ("quota_blocked", False)
    assert 0 < caught.value.retry_after <= 0.2
    time.sleep(0.22)
    quota.take()


def test_a_longer_pause_stays(make):
    quota = make(Limits())
    quota.block(30, spent=True)
    quota.block(1)
    state = quota.state()
    assert 29 < state.blocked_for <= 30
    assert state.is_spent


def test_a_source_that_says_it_is_spent_has_nothing_left_whatever_was_counted(make):
    quota = make(Limits(per_day=1000))
    waits_of(quota, 5)
    quota.block(3600, spent=True)
    assert quota.state().remaining_today == 0
    with pytest.raises(TryAgain) as caught:
        quota.take()
    assert (caught.value.reason, caught.value.spent) == ("quota_day", True)
    quota.unblock()
    quota.take()
    assert quota.state().remaining_today == 994


def test_no_limits_limit_nothing(make):
    assert waits_of(make(Limits()), 50) == [0] * 50


def _take_many(url: str, calls: int, granted: Any) -> None:
    quota = Quota("a_source", Redis.from_url(url), Limits(rate=100, burst=5, per_day=60), max_wait=5)
    for _ in range(calls):
        try:
            quota.take()
            granted.append(time.monotonic())
        except TryAgain:
            pass


def test_the_limits_are_exact_across_processes(mortal_redis: ValkeyServer):
    spawn = multiprocessing.get_context("spawn")
    with spawn.Manager() as manager:
        granted = manager.list()
        processes = [spawn.Process(target=_take_many, args=(mortal_redis.url, 40, granted)) for _ in range(3)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        moments = sorted(granted)
    assert len(moments) == 60  # of 120, to the call
    busiest = max(sum(1 for other in moments if moment <= other < moment + 0.2) for moment in moments)
    assert busiest <= 5 + 20 + 4  # burst + 0.2 s at 100/s + threads that woke late


def test_the_limits_are_exact_across_threads(redis):
    quota = Quota("a_source", redis, Limits(per_day=500))
    outcomes: Counter[str] = Counter()

    def take() -> None:
        for _ in range(20):
            try:
                quota.take()
                outcomes["granted"] += 1
            except TryAgain as error:
                outcomes[error.reason] += 1

    run_threads([take] * 50)
    assert outcomes == {"granted": 500, "quota_day": 500}


def run_threads(targets: list[Any]) -> None:
    threads = [threading.Thread(target=target) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def finishing_time(quota: Quota, flow: str, calls: int, waiters: int, done: dict[str, float], stop: threading.Event) -> list[Any]:
    """Return the threads' work of a flow: so many calls, asked for by so many at once, each coming back when it is told to."""
    left = [calls]
    lock = threading.Lock()

    def wait_in_line() -> None:
        while not stop.is_set():
            with lock:
                if left[0] <= 0:
                    return
            try:
                quota.take(flow)
            except TryAgain as error:
                stop.wait(error.retry_after)
                continue
            with lock:
                left[0] -= 1
                if left[0] == 0:
                    done[flow] = time.monotonic()

    return [wait_in_line] * waiters


def test_a_flow_with_700_waiting_does_not_starve_one_with_10(redis):
    quota = Quota("a_source", redis, Limits(rate=40, burst=5), max_wait=1.0)
    done: dict[str, float] = {}
    stop = threading.Event()
    started = time.monotonic()
    big = [threading.Thread(target=target) for target in finishing_time(quota, "big", 700, 200, done, stop)]
    for thread in big:
        thread.start()
    time.sleep(1.0)  # the big one has taken every slot there is
    small_started = time.monotonic()
    run_threads(finishing_time(quota, "small", 10, 10, done, stop))
    took = done["small"] - small_started
    used = quota.state().used_today
    elapsed = time.monotonic() - started
    stop.set()
    for thread in big:
        thread.join()
    # Alone: 10 calls at 40/s, 0.25 s. Behind all of the others: 17 s. With half of the slots, and a second in line: below 3.
    assert took < 3.0
    # And nothing was lost by sharing: the source was busy all the time.
    assert used >= 0.8 * 40 * elapsed


def test_one_flow_alone_gets_all_of_the_pace(redis):
    quota = Quota("a_source", redis, Limits(rate=50, burst=1), max_wait=0.5)
    done: dict[str, float] = {}
    started = time.monotonic()
    run_threads(finishing_time(quota, "alone", 100, 100, done, threading.Event()))
    assert 1.9 < done["alone"] - started < 3.0


def test_without_redis_a_process_keeps_to_its_share():
    quota = Quota("a_source", None, Limits(rate=10, burst=4), local_share=0.5)
    waits = waits_of(quota, 4)
    assert waits == pytest.approx([0, 0, 0.2, 0.4], abs=0.05)
    assert not quota.state().is_shared


def test_it_goes_on_when_redis_dies_and_comes_back(mortal_redis: ValkeyServer):
    client: Redis[Any] = Redis.from_url(mortal_redis.url, socket_timeout=0.5)
    quota = Quota("a_source", client, Limits(per_day=100), local_share=1.0)
    quota._shared._retry_every = 0.2
    waits_of(quota, 30)

    mortal_redis.kill()
    waits_of(quota, 30)
    state = quota.state()
    assert (state.used_today, state.is_shared) == (60, False)

    mortal_redis.start()  # with nothing in it
    time.sleep(0.25)
    waits_of(quota, 30)
    state = quota.state()
    assert (state.used_today, state.is_shared) == (90, True)
    waits_of(quota, 10)
    with pytest.raises(TryAgain):
        quota.take()


def test_a_flush_does_not_give_the_day_back(redis):
    quota = Quota("a_source", redis, Limits(per_day=100))
    waits_of(quota, 60)
    redis.flushdb()
    waits_of(quota, 1)
    assert quota.state().remaining_today == 39


def test_a_hanging_redis_holds_nobody_for_long(mortal_redis: ValkeyServer):
    client: Redis[Any] = Redis.from_url(mortal_redis.url, socket_timeout=0.3, max_connections=200)
    quota = Quota("a_source", client, Limits(rate=1000, burst=1000))
    quota.take()
    other: Redis[Any] = Redis.from_url(mortal_redis.url)
    other.client_pause(3000)
    started = time.monotonic()
    run_threads([quota.take] * 100)
    waits_of(quota, 100)
    assert time.monotonic() - started < 1.5


def test_a_take_costs_one_round_trip(redis):
    quota = Quota("a_source", redis, Limits(rate=1000, burst=1000, per_day=1000))
    quota.take("import")
    before = redis.info("commandstats")
    for _ in range(10):
        quota.take("import")
    after = redis.info("commandstats")
    assert after["cmdstat_evalsha"]["calls"] - before["cmdstat_evalsha"]["calls"] == 10
