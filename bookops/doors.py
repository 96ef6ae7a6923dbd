"""Doors to third parties as the settings describe them: each with the quota and breaker that all processes share."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import redis
from django.conf import settings

from bookops.connections import let_go
from bookops.outbound.breaker import Breaker
from bookops.outbound.http import CallRecord, Door
from bookops.outbound.quota import Limits, Quota
from bookops.outbound.wire import Bounds

#: Seconds a thread sleeps for its turn before its row goes back to wait; short, so that no flow holds all threads.
LONGEST_NAP = 15.0


def asks_sandbox() -> bool:
    """Say whether this process asks the sandbox instead of the sources."""
    return bool(settings.SOURCES == "sandbox")


def open_door(
    source: str,
    url: str,
    limits: Limits,
    on_call: Callable[[CallRecord], None] | None,
    *,
    deadline: float | None = None,
    max_bytes: int | None = None,
    longest_nap: float = LONGEST_NAP,
    **more: Any,
) -> Door:
    """Return a door; `deadline` (seconds of one call) and `max_bytes` take the place of the settings'.

    Whoever asks through it lets go of its database connection first.
    """
    seconds = deadline or settings.SOURCE_DEADLINE_SECONDS
    return Door(
        source,
        url,
        user_agent=settings.USER_AGENT,
        bounds=Bounds(
            connect=min(settings.SOURCE_CONNECT_SECONDS, seconds),
            read=seconds,
            total=seconds,
            max_bytes=max_bytes or settings.SOURCE_MAX_BYTES,
        ),
        pool_size=settings.BOOK_CONCURRENCY,
        ca_file=settings.SOURCE_CA or None,
        quota=quota_of(source, limits, longest_nap=longest_nap) if settings.SOURCE_QUOTAS else None,
        breaker=breaker_of(source),
        before_call=let_go,
        on_call=on_call,
        **more,
    )


def quota_of(source: str, limits: Limits, *, longest_nap: float = LONGEST_NAP) -> Quota:
    """Return the quota that all processes share for a source."""
    return Quota(source, shared_redis(), limits, max_wait=longest_nap, prefix=_prefix("quota"))


def breaker_of(source: str) -> Breaker:
    """Return the breaker that all processes share for a source."""
    return Breaker(source, shared_redis(), prefix=_prefix("breaker"))


def _prefix(kind: str) -> str:
    # A call to the sandbox is none to the real source: each has counts of its own, also in one Redis.
    return f"{settings.REDIS_PREFIX}{'sandbox:' if settings.SOURCES == 'sandbox' else ''}{kind}"


@lru_cache(maxsize=1)
def shared_redis() -> redis.Redis:
    """Return this process's client for quotas and breakers."""
    return redis.Redis.from_url(
        settings.QUOTA_REDIS_URL,
        socket_timeout=settings.REDIS_TIMEOUT,
        socket_connect_timeout=settings.REDIS_TIMEOUT,
        **(settings.REDIS_TLS if settings.USES_REDIS_TLS else {}),
    )
