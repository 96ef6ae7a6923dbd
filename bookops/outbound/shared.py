"""Redis as something that may be gone at any moment: asked while it answers, left alone for a while when it does not."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from redis import Redis
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

T = TypeVar("T")


class RedisAway(Exception):
    """Redis does not answer: go by what this process knows."""


class Shared:
    """Hold a Redis client that 350 threads must not wait for, each in turn, when Redis hangs."""

    def __init__(self, client: Redis | None, *, retry_every: float = 5.0) -> None:
        """Without a client, Redis is always away; `retry_every` is in seconds."""
        self.client = client
        self._retry_every = retry_every
        self._lock = threading.Lock()
        self._is_away = False
        self._again_at = 0.0

    def ask(self, question: Callable[[Redis], T]) -> T:
        """Return what `question` gets out of the client; raises RedisAway, at once while Redis is known to be away."""
        if self.client is None or (self._is_away and not self._is_my_turn()):
            raise RedisAway
        try:
            answer = question(self.client)
        except (RedisError, OSError) as error:
            if not self._is_away:
                logger.warning("Redis is away (%s): limits are kept by each process alone", type(error).__name__)
            self._is_away, self._again_at = True, time.monotonic() + self._retry_every
            raise RedisAway from error
        self._is_away = False
        return answer

    def _is_my_turn(self) -> bool:
        """Let one thread at a time try whether Redis is back."""
        with self._lock:
            if time.monotonic() < self._again_at:
                return False
            self._again_at = time.monotonic() + self._retry_every
            return True
