"""How messages are doubled or lost on their way to Valkey, in the processes of the harness only."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from copy import deepcopy
from typing import Any


def tamper(*, copies: int = 1, dropped: Collection[str] = ()) -> None:
    """From now on put every message `copies` times on its queue, and none of the tasks named in `dropped`."""
    from kombu.transport.redis import Channel

    put = Channel._put

    def tampered(self: Any, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
        if message["headers"].get("task") in dropped:
            return
        for _ in range(copies):
            one = deepcopy(message)
            one["properties"]["delivery_tag"] = str(uuid.uuid4())
            put(self, queue, one, **kwargs)

    setattr(Channel, "_put", tampered)  # noqa: B010 - mypy has no other way to replace a method
