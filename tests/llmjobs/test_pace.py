"""How long a provider is let alone that throttles."""

from __future__ import annotations

import pytest

from llmjobs import pace
from llmjobs.pace import Pace


class Clock:
    """Tell the time that a test says."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(pace, "time", clock)
    return clock


def throttle_after_its_wait(asked: Pace, clock: Clock, **said) -> float:
    clock.now += asked.wait()
    return asked.throttled(**said)


def test_each_throttling_in_a_row_waits_longer_up_to_a_most(clock, settings):
    settings.RETRY_BASE_SECONDS, settings.RETRY_MOST_SECONDS = 2, 60
    asked = Pace()

    waits = [throttle_after_its_wait(asked, clock) for _ in range(8)]

    for wait, most in zip(waits, (2, 4, 8, 16, 32, 60, 60, 60), strict=True):
        assert most / 2 <= wait <= most
    assert len({round(wait, 6) for wait in waits[5:]}) == 3  # jitter


def test_calls_in_flight_together_are_one_throttling(clock, settings):
    settings.RETRY_BASE_SECONDS = 2
    asked = Pace()

    assert max(asked.throttled() for _ in range(32)) <= 2


def test_what_the_provider_says_is_the_least(clock):
    assert Pace().throttled(90) == 90


def test_an_answer_after_the_wait_begins_anew_and_one_in_flight_does_not(clock, settings):
    settings.RETRY_BASE_SECONDS = 2
    asked = Pace()
    asked.throttled()
    asked.answered()
    assert throttle_after_its_wait(asked, clock) > 2 - 1e-9

    clock.now += asked.wait()
    asked.answered()
    assert asked.throttled() <= 2


def test_what_never_left_the_house_is_waited_for_and_no_strike(clock, settings):
    settings.RETRY_BASE_SECONDS = 2
    asked = Pace()
    for _ in range(8):
        asked.not_asked(30)
        assert asked.wait() == 30
        clock.now += asked.wait()

    assert asked.throttled() <= 2
