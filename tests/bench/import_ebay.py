"""How long POST /api/books/import-ebay takes to answer, one request at a time and fifty at once."""

from __future__ import annotations

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tests.bench.figures import Report, p95
from tests.bench.stack import EVALUATIONS, measured

if TYPE_CHECKING:
    from tests.bench.uploads import Person

MOST_SECONDS, MOST_SECONDS_AT_ONCE = 0.05, 1.0
AT_ONCE = 50
#: Of the sandbox's script: a listing without photos, so that its evaluation is soon out of the way.
CASE = "no-photos"


def measure(*, short: bool) -> Report:
    """Import a listing over and over: each time after the last evaluation has ended, then by fifty people at the same moment."""
    times, at_once, rounds = (5, 5, 1) if short else (60, AT_ONCE, 3)
    report = Report("POST /api/books/import-ebay")
    report.notes.append(
        f"Until the answer has arrived, over kept connections. First {times} times by one owner, each after the evaluation before it has "
        f"ended; then by {at_once} owners at the same moment, {rounds} times, each round after the evaluations of the one before have ended. "
        "As shipped, one web process; the sandbox answers at once, so that what is begun is worked on while others still wait."
    )
    with measured("postgres", settings={}, parts=EVALUATIONS) as stack:
        from tests.bench.uploads import Person

        apart = _apart(Person(stack, "first"), times)
        people = [Person(stack, f"reader {number}") for number in range(at_once)]
        together = [seconds for _ in range(rounds) for seconds in _together(people)]
        report.peaks = dict(stack.peaks)
    for what, seconds, bound in (("one at a time", apart, MOST_SECONDS), (f"{at_once} at once", together, MOST_SECONDS_AT_ONCE)):
        spread = f"{len(seconds)} answers, from {1000 * min(seconds):.0f} to {1000 * max(seconds):.0f} ms"
        report.add(f"p95, {what}", 1000 * p95(seconds), "ms", 1000 * bound, remark=spread)
    return report


def _apart(person: Person, times: int) -> list[float]:
    from tests.bench.evaluating import begin, until_ended

    taken = []
    for _ in range(times + 1):
        start = time.monotonic()
        execution = begin(person, _link())
        taken.append(time.monotonic() - start)
        until_ended([execution])
    return taken[1:]  # the first opened the connection and loaded what the web process needs


def _together(people: list[Person]) -> list[float]:
    from tests.bench.evaluating import begin, until_ended

    barrier = threading.Barrier(len(people))

    def post(person: Person) -> tuple[float, uuid.UUID]:
        barrier.wait()
        start = time.monotonic()
        execution = begin(person, _link())
        return time.monotonic() - start, execution

    with ThreadPoolExecutor(len(people)) as pool:
        answers = list(pool.map(post, people))
    until_ended([execution for _, execution in answers])
    return [seconds for seconds, _ in answers]


def _link() -> str:
    from sandbox.listings import by_case

    return by_case(CASE).link
