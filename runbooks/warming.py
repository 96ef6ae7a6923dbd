"""What the first evaluation of a worker would wait for is loaded when the worker starts: Claude's SDK, and a process that decodes photos."""

from __future__ import annotations

import threading
from collections.abc import Collection
from importlib import import_module

from runbooks.images.decoding import shared_decoder

QUEUE = "runbooks"


def warm_worker(queues: Collection[str]) -> threading.Thread | None:
    """Begin to load it beside the worker's first messages, which wait no longer for it than before; None where it takes no evaluations."""
    if QUEUE not in queues:
        return None
    thread = threading.Thread(target=_warm, name="warming", daemon=True)
    thread.start()
    return thread


def _warm() -> None:
    import_module("anthropic")
    shared_decoder().warm()
