"""kombu's Redis transport, with one client a channel instead of a new one for each message taken, acknowledged or sent.

A redis-py client builds a table of some two hundred response callbacks when it is made, which came to a tenth of a busy worker's time.
Clients are made to be shared by threads; only the connections of their pool are not.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis


class Channel(redis.Channel):
    """Keep the client for as long as its pool is the channel's."""

    _kept: Any = None

    @contextmanager
    def conn_or_acquire(self, client: Any = None) -> Iterator[Any]:
        """Yield the client that was passed, else the channel's own; after a reconnect, which makes a new pool, a new one."""
        if client:
            yield client
            return
        if self._kept is None or self._kept.connection_pool is not self.pool:
            self._kept = self._create_client()  # type: ignore[attr-defined]  # the stubs leave it out
        yield self._kept


class Transport(redis.Transport):
    """Redis, by the channel above."""

    Channel = Channel


def use() -> None:
    """Have redis:// and rediss:// mean this transport in this process."""
    TRANSPORT_ALIASES["redis"] = TRANSPORT_ALIASES["rediss"] = f"{__name__}:Transport"
