"""Two hundred evaluations at once, beside the time that their latencies, the sources' quotas and their photos take at least."""

from __future__ import annotations

import os
import time
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any

from tests.bench.figures import Report, Table
from tests.bench.latencies import REALISTIC, SHORT, Latencies, told
from tests.bench.stack import EVALUATIONS, Stack, measured

if TYPE_CHECKING:
    from sandbox.listings_records import Listing
    from tests.bench.evaluating import Asked

AT_ONCE = 200
#: People; each evaluates as many listings, and none of them twice.
OWNERS = 10
MOST_OF_BOUND = 1.3


def measure(*, short: bool) -> Report:
    """Import many listings at the same moment and wait until all of them have their runbooks."""
    count, owners, latencies = (4, 2, SHORT) if short else (AT_ONCE, OWNERS, REALISTIC)
    report = Report(f"{count} evaluations at once")
    with measured("postgres", settings={}, parts=EVALUATIONS) as stack:
        from tests.bench.evaluating import asked, listings, photo_seconds, set_latencies

        chosen = list(islice(cycle(listings()), count // owners))
        a_photo = photo_seconds(stack, chosen)
        _evaluate(stack, chosen[:1], 1)
        set_latencies(stack, latencies)
        stack.sandbox.clear_log()
        before = stack.cpu_seconds()
        seconds = _evaluate(stack, chosen, owners)
        used = {name: spent - before[name] for name, spent in stack.cpu_seconds().items()}
        calls = asked(stack, chosen * owners)
        bounds = _bounds(stack, calls, latencies, a_photo)
        report.peaks = dict(stack.peaks)
    report.notes.append(_note(latencies, owners, chosen))
    which = max(bounds, key=lambda name: bounds[name])
    report.add(f"{count} evaluations", seconds, "s", MOST_OF_BOUND * bounds[which], remark=f"bound by the {which}; {calls}")
    report.tables.append(Table(["bound", "at least"], [[name, f"{one:.1f} s"] for name, one in bounds.items()]))
    spent = [[name, f"{one:.1f} s"] for name, one in sorted(used.items(), key=lambda part: -part[1])]
    report.tables.append(Table(["processor time of", "in all"], spent))
    return report


def _note(latencies: Latencies, owners: int, chosen: list[Listing]) -> str:
    from django.conf import settings

    shots = sum(len(listing.shots) for listing in chosen)
    return (
        f"{owners} owners, each with the same {len(chosen)} listings of {shots} photos together, posted at the same moment over {owners} "
        f"connections; until the last has its runbook. Latencies: {told(latencies)}. Limits as shipped: AbeBooks {settings.ABEBOOKS_PER_SECOND:g} calls a "
        f"second, eBay {settings.EBAY_PER_DAY:,} a day, Claude none of ours; the sandbox enforces the published ones. The bound is "
        f"{MOST_OF_BOUND} × the largest of what the first table names. Pictures were drawn before, so that the sandbox only sends them."
    )


def _evaluate(stack: Stack, listings: list[Listing], owners: int) -> float:
    """Have each of some new owners evaluate the listings, all at once, and return the seconds until the last has its runbook."""
    from tests.bench.evaluating import begin, until_ended
    from tests.bench.uploads import Person, at_once

    people = [Person(stack, f"owner {number} of {owners}") for number in range(owners)]
    begun: list[Any] = []
    start = time.monotonic()
    at_once(lambda person=person: begun.extend(begin(person, one.link) for one in listings) for person in people)  # type: ignore[misc]
    until_ended(begun)
    return time.monotonic() - start


def _bounds(stack: Stack, calls: Asked, latencies: Latencies, a_photo: float) -> dict[str, float]:
    from django.conf import settings

    threads, cores = stack.threads("evaluations-1", "evaluations-2"), os.cpu_count() or 1
    return {
        f"latencies over {threads} threads": calls.thread_seconds(latencies) / threads,
        "quota of AbeBooks": (calls.offers - 1) / settings.ABEBOOKS_PER_SECOND,
        f"photos over {cores} cores, {1000 * a_photo:.0f} ms each": calls.photos * a_photo / cores,
    }
