"""Redis for what may be lost (throttles, counters): short time-outs, and after one failure nobody waits for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import redis
import structlog
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

log = structlog.get_logger(__name__)

T = TypeVar("T")
QUIET_SECONDS = 5.0
#: So many threads talk to Redis at once, the others queue: a burst of connects overflows the backlog of a unix socket.
CONNECTIONS = 16
#: Whoever asks through this link can do without the answer, so a slow Redis is not worth more.
PATIENCE_SECONDS = 0.5


class RedisAway(Exception):
    """Redis did not answer, or has not answered a moment ago."""


class RedisLink:
    """Run commands against the cache's Redis; raise RedisAway at once while it is known to be away."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._client: redis.Redis | None = None
        self._address = ""
        self._quiet_until = 0.0

    def run(self, command: Callable[[redis.Redis], T]) -> T:
        """Return what `command` makes of a client. Blocks for PATIENCE_SECONDS at most per round trip."""
        if self.is_away():
            raise RedisAway
        try:
            return command(self._connected())
        except (redis.RedisError, OSError) as error:
            self._quiet_until = time.monotonic() + QUIET_SECONDS
            log.warning("redis_away", error=type(error).__name__)
            raise RedisAway from error

    def is_away(self) -> bool:
        """Say whether Redis has failed a moment ago; what hangs on the same server need not find out for itself."""
        return time.monotonic() < self._quiet_until

    def forget(self) -> None:
        """Drop the client and the memory of failures."""
        with self._lock:
            self._client, self._quiet_until = None, 0.0

    def _connected(self) -> redis.Redis:
        cache: dict[str, Any] = settings.CACHES["default"]
        with self._lock:
            if self._client is None or self._address != cache["LOCATION"]:
                patience = min(PATIENCE_SECONDS, settings.REDIS_TIMEOUT)
                options = cache.get("OPTIONS", {}) | {
                    "socket_timeout": patience,
                    "socket_connect_timeout": patience,
                    "retry": Retry(NoBackoff(), 0),  # redis-py would try three times more
                }
                pool = redis.BlockingConnectionPool.from_url(cache["LOCATION"], max_connections=CONNECTIONS, timeout=patience, **options)
                self._client, self._address = redis.Redis(connection_pool=pool), cache["LOCATION"]
            return self._client


redis_link = RedisLink()
