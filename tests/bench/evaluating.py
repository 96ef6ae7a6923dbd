"""Listings of the sandbox evaluated as a person has them evaluated, and what that takes at least. Import it once Django is set up."""

from __future__ import annotations

import math
import time
import uuid
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil
import requests

from bookops.runs import ENDED
from runbooks.images.decoding import Decoder
from runbooks.images.fetching import AT_ONCE
from runbooks.images.refusals import ImageRefused
from runbooks.models import Execution
from sandbox.ebay import SEARCH
from sandbox.ebay_images import image_path
from sandbox.listings import script
from sandbox.listings_records import Listing
from tests.bench.latencies import Latencies
from tests.bench.stack import Stack
from tests.bench.uploads import LOOK, Person

#: States of a listing, and cases of the script, that come to no runbook or wait for a person.
FRUITLESS = {"revising", "ended", "group"}


def listings() -> list[Listing]:
    """Return the script's listings that come to a runbook, each with one photo at least."""
    return [one for one in script() if one.shots and one.state == "live" and one.case not in FRUITLESS]


def set_latencies(stack: Stack, latencies: Latencies) -> None:
    """Have the sandbox answer as slowly as that, and log each call."""
    stack.sandbox.settings(keep_calls=True, sources={name: {"latency": one} for name, one in latencies.items()})


def begin(person: Person, url: str) -> uuid.UUID:
    """Import a listing and return its execution."""
    return uuid.UUID(person.post("/api/books/import-ebay", {"url": url})["execution_id"])


def until_ended(ids: Collection[uuid.UUID], *, seconds: float = 600) -> None:
    """Wait until executions have ended; raise RuntimeError for one that has not come to a whole runbook."""
    deadline = time.monotonic() + seconds
    executions = Execution.objects.filter(pk__in=ids)
    while executions.exclude(state__in=ENDED).exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{executions.exclude(state__in=ENDED).count()} of {len(ids)} executions go on after {seconds:.0f} s")
        time.sleep(LOOK)
    for one in executions.exclude(state="succeeded", partial=False):
        raise RuntimeError(f"{one.url}: {one.state}, {one.reason or one.missing} {one.detail}")


@dataclass(frozen=True)
class Asked:
    """Hold how often third parties were asked."""

    #: Items and tokens, of eBay.
    items: int
    searches: int
    photos: int
    #: So many photos of a listing are fetched at a time.
    rounds_of_photos: int
    readings: int
    offers: int

    def critical_path(self, latencies: Latencies) -> float:
        """Return the seconds that the calls of one execution take, the three branches of its analysis side by side."""
        return self._before(latencies) + max(self._branches(latencies))

    def thread_seconds(self, latencies: Latencies) -> float:
        """Return the seconds for which threads wait for answers, of all executions together."""
        return self._before(latencies) + sum(self._branches(latencies))

    def _before(self, latencies: Latencies) -> float:
        return self.items * latencies["ebay"] + self.rounds_of_photos * latencies["ebayimg"]

    def _branches(self, latencies: Latencies) -> tuple[float, float, float]:
        return self.readings * latencies["anthropic"], self.searches * latencies["ebay"], self.offers * latencies["abebooks"]

    def __str__(self) -> str:
        return f"{self.items} items, {self.photos} photos, {self.searches} searches, {self.readings} readings, {self.offers} of AbeBooks"


def asked(stack: Stack, evaluated: Sequence[Listing]) -> Asked:
    """Count the calls that the sandbox logged while these listings were evaluated."""
    calls = stack.sandbox.log(calls=True)["each_call"]
    by_source = Counter(call["source"] for call in calls)
    searches = sum(call["source"] == "ebay" and call["endpoint"] == SEARCH for call in calls)
    return Asked(
        items=by_source["ebay"] - searches,
        searches=searches,
        photos=by_source["ebayimg"],
        rounds_of_photos=sum(math.ceil(len(listing.shots) / AT_ONCE) for listing in evaluated),
        readings=by_source["anthropic"],
        offers=by_source["abebooks"],
    )


def photo_seconds(stack: Stack, shown: Sequence[Listing]) -> float:
    """Return the processor seconds that a warm decoder takes for one photo of these listings; they are drawn in the sandbox by this."""
    photos = [_photo(stack, listing, place) for listing in shown for place in range(len(listing.shots))]
    decoder = Decoder(processes=1, images_each=2 * len(photos) + 1)
    decoder.prepare(photos[0])
    process = psutil.Process(decoder.idle[0])
    before = process.cpu_times()
    for photo in photos:
        with suppress(ImageRefused):  # a few of the script's photos are no photos
            decoder.prepare(photo)
    after = process.cpu_times()
    decoder.close()
    return (after.user + after.system - before.user - before.system) / len(photos)


def _photo(stack: Stack, listing: Listing, place: int) -> bytes:
    answer = requests.get(f"{stack.sandbox.url}/ebayimg{image_path(listing, place)}", timeout=30)
    answer.raise_for_status()
    return answer.content
