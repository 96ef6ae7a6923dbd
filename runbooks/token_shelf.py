"""Where eBay's token lies: in Redis, for all processes; with each process alone while Redis is away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from redis import Redis
from redis.exceptions import RedisError
from redis.lock import Lock

from bookops.outbound.shared import RedisAway, Shared
from runbooks.sources.ebay_tokens import ProcessShelf

#: Seconds that one asking takes at most; who has waited so long asks, too.
LONGEST_ASKING = 10.0

_DROP = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


class SharedShelf:
    """Keep one token under a key of Redis."""

    def __init__(self, client: Redis, key: str) -> None:
        self._redis = Shared(client)
        self._key = key
        self._ours = ProcessShelf()

    def get(self) -> str:
        try:
            found = self._redis.ask(lambda redis: redis.get(self._key))
        except RedisAway:
            return self._ours.get()
        return found.decode() if isinstance(found, bytes) else ""

    def put(self, token: str, seconds: float) -> None:
        self._ours.put(token, seconds)
        with suppress(RedisAway):
            self._redis.ask(lambda redis: redis.set(self._key, token, px=max(int(seconds * 1000), 1)))

    def drop(self, token: str) -> None:
        self._ours.drop(token)
        with suppress(RedisAway):
            self._redis.ask(lambda redis: redis.eval(_DROP, 1, self._key, token))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Let one thread of one process ask; a process that dies meanwhile holds up the others for one asking."""
        with self._ours.lock():
            held = None
            with suppress(RedisAway):
                held = self._redis.ask(self._acquired)
            try:
                yield
            finally:
                if held is not None:
                    with suppress(RedisError, OSError):  # it may have run out meanwhile
                        held.release()

    def _acquired(self, redis: Redis) -> Lock | None:
        lock = redis.lock(f"{self._key}:lock", timeout=LONGEST_ASKING)
        return lock if lock.acquire(blocking_timeout=LONGEST_ASKING) else None
