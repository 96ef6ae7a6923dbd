"""A Redis that is away, or accepts and never answers, is waited for once."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from bookops.redis_link import RedisAway, RedisLink


@pytest.fixture
def black_hole() -> Iterator[str]:
    """The address of something that accepts and says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(50)
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/2"


def test_it_waits_half_a_second_once_and_then_not_at_all(settings: Any, black_hole: str) -> None:
    settings.CACHES = {"default": {"LOCATION": black_hole, "OPTIONS": {}}}
    link = RedisLink()
    start = time.monotonic()
    with pytest.raises(RedisAway):
        link.run(lambda client: client.ping())
    assert time.monotonic() - start < 1.5
    start = time.monotonic()
    for _ in range(100):
        with pytest.raises(RedisAway):
            link.run(lambda client: client.ping())
    assert time.monotonic() - start < 0.1


def test_it_asks_again_after_a_while(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    there = settings.CACHES
    monkeypatch.setattr("bookops.redis_link.QUIET_SECONDS", 0.05)
    settings.CACHES = {"default": {"LOCATION": "unix:///nowhere/redis.sock", "OPTIONS": {}}}
    link = RedisLink()
    with pytest.raises(RedisAway):
        link.run(lambda client: client.ping())
    settings.CACHES = there
    time.sleep(0.06)
    assert link.run(lambda client: client.ping())
