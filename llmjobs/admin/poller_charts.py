"""What the charts of the poller's ticks are drawn from: places in per cent, so that they fit any width without a script."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.conf import settings

from llmjobs.admin.poller_lights import NEAR_LIMIT
from llmjobs.models import PollTick


@dataclass(frozen=True, slots=True)
class Bar:
    """Hold one figure of one tick, from the left and the bottom in per cent."""

    x: float
    width: float
    y: float
    height: float
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Hold one figure, or two before each other, over the ticks."""

    name: str
    label: str
    #: What the top of the chart stands for.
    most: str
    bars: tuple[Bar, ...]
    #: What is drawn, by its kind.
    legend: tuple[tuple[str, str], ...]
    #: From the top in per cent, where something begins to be too much.
    line: float | None = None


Figure = tuple[str, str, Callable[[PollTick], float]]


def charts_of(ticks: Sequence[PollTick]) -> list[Chart]:
    """Return the charts of some ticks, the oldest first; [] of none."""
    if not ticks:
        return []
    budget = float(settings.TICK_SECONDS)
    longest = max(budget, *(tick.seconds for tick in ticks))
    return [
        _chart(
            "seconds", "How long a tick took", ticks, [("seconds", "seconds", lambda tick: tick.seconds)], longest,
            f"{longest:g} s", line=100 - 100 * NEAR_LIMIT * budget / longest,
        ),
        _chart("items", "Items asked for, and moved", ticks, [
            ("polled", "asked for", lambda tick: tick.items_polled), ("updated", "moved", lambda tick: tick.items_updated),
        ]),
        _chart("errors", "Errors, and throttled calls", ticks, [
            ("errors", "errors", lambda tick: tick.errors), ("throttled", "throttled", lambda tick: tick.throttled),
        ]),
    ]  # fmt: skip


def _chart(
    name: str,
    label: str,
    ticks: Sequence[PollTick],
    figures: Sequence[Figure],
    most: float = 0,
    top: str = "",
    *,
    line: float | None = None,
) -> Chart:
    most = most or max(max(read(tick) for _, _, read in figures) for tick in ticks) or 1
    step = 100 / len(ticks)
    bars = []
    for at, tick in enumerate(ticks):
        for place, (kind, words, read) in enumerate(figures):
            amount = read(tick)
            if not amount:
                continue
            height = max(100 * min(amount / most, 1), 1)
            # Those of one tick stand beside each other.
            width = step * 0.8 / len(figures)
            title = f"{tick.started_at:%H:%M:%S}: {amount:g} {words}"
            bars.append(Bar(round(at * step + place * width, 3), round(width, 3), round(100 - height, 2), round(height, 2), kind, title))
    return Chart(name, label, top or f"{most:,.0f}", tuple(bars), tuple((kind, words) for kind, words, _ in figures), line)
