"""Count the calls that one piece of work makes, whichever doors they go through."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bookops.outbound.http import CallRecord
from bookops.source_health import health


@dataclass
class Tally:
    """Hold the calls that one piece of work made."""

    calls: dict[str, int] = field(default_factory=dict)
    bytes_in: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(self, record: CallRecord) -> None:
        with self._lock:
            self.calls[record.source] = self.calls.get(record.source, 0) + 1
            self.bytes_in[record.source] = self.bytes_in.get(record.source, 0) + record.bytes_in


_current = threading.local()


@contextmanager
def tallied(tally: Tally) -> Iterator[Tally]:
    """Count the calls that this thread makes while the block runs."""
    before = getattr(_current, "tally", None)
    _current.tally = tally
    try:
        yield tally
    finally:
        _current.tally = before


def note_call(record: CallRecord) -> None:
    """Count a call for whom it was made and for the source's health."""
    tally = getattr(_current, "tally", None)
    if tally is not None:
        tally.add(record)
    health.note(record)
