"""Subjects that met no genre, gathered in memory and added to their counts now and then, so that the vocabulary can grow."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable

from django.db import connection
from django.utils import timezone

from enrichment.models import SubjectCount

#: Seconds between two writes of one process.
EVERY = 30.0
#: More different subjects than this are written at once, before they take memory.
MOST = 20_000
AT_ONCE = 500
LONGEST = 200


class UnmappedSubjects:
    """Count subjects in memory; `flush` adds the counts to their rows in one order, so that two processes never wait for each other in a ring.

    A process that is killed loses what it has counted since: a figure for whoever tends the vocabulary, and no one's data.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._times: Counter[str] = Counter()
        self._flushed = time.monotonic()

    def note(self, subjects: Iterable[str]) -> None:
        """Count subjects once more."""
        with self._lock:
            self._times.update(subject[:LONGEST] for subject in subjects)

    def flush(self, *, every: float = EVERY) -> int:
        """Write what was counted and return how many subjects that were; none when the last flush is younger than `every` seconds."""
        with self._lock:
            due = time.monotonic() - self._flushed >= every or len(self._times) >= MOST
            if not due or not self._times:
                return 0
            times, self._times, self._flushed = self._times, Counter(), time.monotonic()
        names = sorted(times)
        for start in range(0, len(names), AT_ONCE):
            _add({name: times[name] for name in names[start : start + AT_ONCE]})
        return len(names)


def _add(times: dict[str, int]) -> None:
    """Add to the counts by one statement; Django's own upsert can replace a value but not add to it."""
    quote = connection.ops.quote_name
    table = quote(SubjectCount._meta.db_table)
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    values = ", ".join(["(%s, %s, %s)"] * len(times))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (subject, times, last_seen) VALUES {values} "  # noqa: S608 - names of our own columns
            f"ON CONFLICT (subject) DO UPDATE SET times = {table}.times + excluded.times, last_seen = excluded.last_seen",
            [value for name, count in times.items() for value in (name, count, now)],
        )


unmapped = UnmappedSubjects()
