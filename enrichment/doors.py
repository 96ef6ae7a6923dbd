"""Open the sources as the settings say: address, identification, pace, daily ledger, breaker."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import redis
from django.conf import settings

from bookops.outbound.breaker import Breaker
from bookops.outbound.http import Door
from bookops.outbound.quota import Limits, Quota, Window
from bookops.outbound.wire import Bounds
from enrichment.deciding import GOOGLE_BOOKS, OPEN_LIBRARY
from enrichment.sources.google_books import GoogleBooks
from enrichment.sources.open_library import OpenLibrary

#: Seconds a thread sleeps for its turn before its row goes back to wait; short, so that no flow holds all threads.
LONGEST_NAP = 15.0


def open_open_library(on_call: Any) -> OpenLibrary:
    """Return Open Library as the settings describe it."""
    limits = Limits(rate=settings.OPEN_LIBRARY_PER_SECOND, burst=3)
    door = _door(OPEN_LIBRARY, settings.OPEN_LIBRARY_URL, limits, on_call, allowed_hosts=["openlibrary.org", "www.openlibrary.org"])
    return OpenLibrary(door, join_searches=settings.SOURCE_JOINED_SEARCH)


def open_google_books(on_call: Any) -> GoogleBooks:
    """Return Google Books as the settings describe it. Its day ends at midnight on the Pacific coast."""
    limits = Limits(
        windows=(Window(settings.GOOGLE_BOOKS_PER_100_SECONDS, 100.0),),
        per_day=settings.GOOGLE_BOOKS_PER_DAY or None,
        day_zone="America/Los_Angeles",
    )
    return GoogleBooks(_door(GOOGLE_BOOKS, settings.GOOGLE_BOOKS_URL, limits, on_call), settings.GOOGLE_BOOKS_KEY)


#: How each source is opened, by its name.
OPENERS: dict[str, Callable[[Any], Any]] = {OPEN_LIBRARY: open_open_library, GOOGLE_BOOKS: open_google_books}


def _door(source: str, url: str, limits: Limits, on_call: Any, **more: Any) -> Door:
    return Door(
        source,
        url,
        user_agent=settings.USER_AGENT,
        bounds=Bounds(
            connect=settings.SOURCE_CONNECT_SECONDS,
            read=settings.SOURCE_DEADLINE_SECONDS,
            total=settings.SOURCE_DEADLINE_SECONDS,
            max_bytes=settings.SOURCE_MAX_BYTES,
        ),
        pool_size=settings.BOOK_CONCURRENCY,
        ca_file=settings.SOURCE_CA or None,
        quota=_quota(source, limits) if settings.SOURCE_QUOTAS else None,
        breaker=breaker_of(source),
        on_call=on_call,
        **more,
    )


def _quota(source: str, limits: Limits) -> Quota:
    return Quota(source, shared_redis(), limits, max_wait=LONGEST_NAP, prefix=f"{settings.REDIS_PREFIX}quota")


def breaker_of(source: str) -> Breaker:
    """Return the breaker that all processes share for a source."""
    return Breaker(source, shared_redis(), prefix=f"{settings.REDIS_PREFIX}breaker")


@lru_cache(maxsize=1)
def shared_redis() -> redis.Redis:
    """Return this process's client for quotas and breakers."""
    return redis.Redis.from_url(
        settings.QUOTA_REDIS_URL,
        socket_timeout=settings.REDIS_TIMEOUT,
        socket_connect_timeout=settings.REDIS_TIMEOUT,
        **(settings.REDIS_TLS if settings.USES_REDIS_TLS else {}),
    )
