"""The first design's alerts on the poller, as lights of the desk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.conf import settings
from django.db.models import Count, Max, Q, Sum

from llmjobs.models import PollTick

#: Over how long shares and maxima are taken.
RECENT = timedelta(minutes=15)
#: Share of the polls that may fail, and of its time that a tick may take.
MOST_ERRORS = 0.05
NEAR_LIMIT = 0.8
SILENT_AFTER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Light:
    """Hold one light: what it watches, its colour and what it says."""

    name: str
    label: str
    #: "alive" is green, "parked" amber, "silent" red.
    colour: Literal["alive", "parked", "silent"]
    says: str

    @property
    def word(self) -> str:
        return {"alive": "well", "parked": "look", "silent": "alert"}[self.colour]


def lights_on(now: datetime) -> list[Light]:
    """Return all lights. Two queries."""
    last = PollTick.objects.order_by("-started_at").first()
    recent = PollTick.objects.filter(started_at__gte=now - RECENT).aggregate(
        polled=Sum("items_polled", default=0),
        errors=Sum("errors", default=0),
        throttled=Sum("throttled", default=0),
        longest=Max("seconds", default=0.0),
        cut_short=Count("pk", filter=Q(cut_short=True)),
        unmapped=Count("pk", filter=~Q(unmapped={})),
    )
    share = recent["errors"] / max(recent["polled"], recent["errors"], 1)
    longest, budget = recent["longest"], settings.TICK_SECONDS
    is_near = longest > NEAR_LIMIT * budget or recent["cut_short"]
    return [
        _seen(last, now),
        Light("errors", "Errors", "silent" if share > MOST_ERRORS else "alive", f"{share:.1%} of {recent['polled']:,} polls in 15 minutes"),
        Light("time", "Time", "silent" if is_near else "alive", f"the longest tick took {longest:.1f} of {budget:g} s"),
        Light("throttled", "Throttled", "parked" if recent["throttled"] else "alive", f"{recent['throttled']:,} calls in 15 minutes"),
        Light(
            "unmapped",
            "Words nobody mapped",
            "parked" if recent["unmapped"] else "alive",
            f"ticks of 15 minutes that met one: {recent['unmapped']}" if recent["unmapped"] else "none",
        ),
    ]


def worst(lights: Iterable[Light]) -> Light:
    """Return the one to look at first."""
    return max(lights, key=lambda light: ("alive", "parked", "silent").index(light.colour))


def unmapped_words(ticks: Iterable[PollTick]) -> list[tuple[str, int]]:
    """Return the providers' words that nobody has mapped, the most frequent first."""
    words: Counter[str] = Counter()
    for tick in ticks:
        words.update(tick.unmapped)
    return words.most_common()


def _seen(last: PollTick | None, now: datetime) -> Light:
    if last is None:
        return Light("seen", "Seen", "silent", "no tick has been seen: is beat running?")
    age = now - last.started_at
    is_silent = age > SILENT_AFTER
    words = (
        f"{max(age.total_seconds(), 0):.0f} s ago"
        if age < SILENT_AFTER
        else f"{age.total_seconds() / 60:.0f} minutes ago: is beat running?"
    )
    return Light("seen", "Last tick", "silent" if is_silent else "alive", words)
