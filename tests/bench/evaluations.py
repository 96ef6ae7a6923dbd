"""Evaluations one at a time: their time beside the latencies of those they ask, their searches, and what a photo costs the processor."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from tests.bench.figures import Report
from tests.bench.latencies import REALISTIC, SHORT, Latencies, told
from tests.bench.stack import EVALUATIONS, Stack, measured

if TYPE_CHECKING:
    from sandbox.listings_records import Listing

#: Seconds beyond the critical path and the photos.
MARGIN = 0.4
MOST_SEARCHES = 2
#: Of the sandbox's script: one, seven, ten and twenty-four photos.
CASES = ("single-banner", "buy", "strong-buy", "many-photos")
TRIES = 3


def measure(*, short: bool) -> Report:
    """Evaluate a few listings, one after the other, each for somebody who has never seen it."""
    cases, tries, latencies = (CASES[:1], 1, SHORT) if short else (CASES, TRIES, REALISTIC)
    report = Report("Evaluations one at a time")
    with measured("postgres", settings={}, parts=EVALUATIONS) as stack:
        from sandbox.listings import by_case
        from tests.bench.evaluating import photo_seconds, set_latencies

        cores = os.cpu_count() or 1
        report.notes.append(
            f"From the first byte of POST /api/books/import-ebay to the end of the execution, as shipped, the sandbox enforcing the published "
            f"limits and answering after {told(latencies)}. The bound is the critical path of these latencies over the calls in the "
            f"sandbox's own log (six photos at a time, the three branches side by side), the photos' processor time over {cores} cores, and "
            f"{MARGIN} s. The slowest by its bound of {tries} tries."
        )
        shown = [by_case(case) for case in cases]
        each_photo = photo_seconds(stack, shown)
        _evaluate(stack, by_case("no-photos"), "warm-up")
        set_latencies(stack, latencies)
        for listing in shown:
            _measure_one(report, stack, listing, latencies, each_photo / cores, tries)
        _add_searches(report)
        report.add("processor time of a photo", 1000 * each_photo, "ms", remark="three sizes, in a decoder that is warm and alone")
        report.peaks = dict(stack.peaks)
    return report


def _evaluate(stack: Stack, listing: Listing, name: str) -> float:
    """Evaluate a listing and return the seconds until its end."""
    from tests.bench.evaluating import begin, until_ended
    from tests.bench.uploads import Person

    person = Person(stack, name)
    began = time.monotonic()
    until_ended([begin(person, listing.link)])
    return time.monotonic() - began


def _measure_one(report: Report, stack: Stack, listing: Listing, latencies: Latencies, a_photo: float, tries: int) -> None:
    from tests.bench.evaluating import asked

    found = []
    for number in range(tries):
        stack.sandbox.clear_log()
        before = stack.cpu_seconds()
        seconds = _evaluate(stack, listing, f"{listing.case} {number}")
        sandbox = stack.cpu_seconds()["sandbox"] - before["sandbox"]
        calls = asked(stack, [listing])
        path, photos = calls.critical_path(latencies), calls.photos * a_photo
        remark = f"latencies {path:.2f} s, photos {photos:.2f} s; {calls}; of the processors the sandbox took {sandbox:.2f} s"
        found.append((seconds / (path + photos + MARGIN), seconds, path + photos + MARGIN, remark))
    _, seconds, bound, remark = max(found)
    report.add(f"{listing.case}, {len(listing.shots)} photos", seconds, "s", bound, remark=remark)


def _add_searches(report: Report) -> None:
    from runbooks.models import StepRun

    searches = [run.calls.get("ebay", 0) for run in StepRun.objects.filter(name="ebay_fmv")]
    report.add("calls to eBay for a search of comparables, most", max(searches), "", MOST_SEARCHES, remark=f"of {len(searches)} searches")
