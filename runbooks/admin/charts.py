"""What the charts of a runbook are drawn from: places in per cent, so that they fit any width without a script."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import Any

from runbooks.admin.money import amount_in, usd
from runbooks.evaluating import priced
from runbooks.fmv import BASES
from runbooks.models import Comparable, EvalRunbook

TICKS = 5
#: What the first of the bases is called on a chart.
BASIS_WORDS = {"sold": "Sold", "auction": "At auction", "asking": "Asked for"}


@dataclass(frozen=True, slots=True)
class Scale:
    """Lay out amounts from nothing to a round number, in per cent."""

    most: Decimal

    @classmethod
    def over(cls, amounts: Iterable[Decimal | None]) -> Scale:
        """Return a scale that has room for the largest amount."""
        largest = max((one for one in amounts if one is not None), default=Decimal(0)) or Decimal(1)
        step = Decimal(10) ** math.floor(math.log10(largest * Decimal("1.05") / TICKS))
        factor = next(factor for factor in (1, 2, 5, 10) if factor * step * TICKS >= largest * Decimal("1.05"))
        return cls(factor * step * TICKS)

    def place(self, amount: Decimal) -> float:
        return round(float(amount / self.most * 100), 2)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        return [(100 * at / TICKS, usd(self.most * at / TICKS)) for at in range(TICKS + 1)]


@dataclass(frozen=True, slots=True)
class Dot:
    """Hold one comparable on the chart."""

    place: float
    title: str
    #: "high", "medium", "low" or "excluded".
    kind: str


@dataclass(frozen=True, slots=True)
class Lane:
    """Hold the comparables of one basis, and what they come to."""

    label: str
    dots: tuple[Dot, ...]
    #: Where the value begins and how wide it is; None when there is none.
    band: tuple[float, float] | None
    is_chosen: bool
    note: str


@dataclass(frozen=True, slots=True)
class ComparableChart:
    """Hold the comparables by basis beside what is asked and what it is worth."""

    scale: Scale
    lanes: tuple[Lane, ...]
    asking: float | None
    mid: float | None
    #: Excluded ones whose price is beyond the scale.
    beyond: int


def comparable_chart(runbook: EvalRunbook, comparables: Sequence[Comparable]) -> ComparableChart | None:
    """Return the chart of a runbook's comparables; None where none has a price that could be drawn."""
    counted = {one.pk: priced(one) for one in comparables if one.is_current}
    drawn = [one for one in comparables if one.pk in counted and counted[one.pk].counted is not None]
    if not drawn:
        return None
    amounts = {one.pk: counted[one.pk].counted or Decimal(0) for one in drawn}
    scale = Scale.over([*(amounts[one.pk] for one in drawn if not one.excluded), runbook.current_asking_price, runbook.fmv_high])
    fitting = [one for one in drawn if amounts[one.pk] <= scale.most]
    lanes = [_lane(runbook, basis, [one for one in fitting if one.basis == basis], amounts, scale) for basis in BASES]
    return ComparableChart(
        scale,
        tuple(lane for lane in lanes if lane.dots),
        scale.place(runbook.current_asking_price) if runbook.current_asking_price is not None else None,
        scale.place(runbook.fmv_mid) if runbook.fmv_mid is not None else None,
        len(drawn) - len(fitting),
    )


def _lane(runbook: EvalRunbook, basis: str, comparables: Sequence[Comparable], amounts: Mapping[int, Decimal], scale: Scale) -> Lane:
    value = runbook.fmv_by_basis.get("values", {}).get(basis, {})
    low, high = amount_in(value.get("low")), amount_in(value.get("high"))
    band = None
    if low is not None and high is not None:
        band = (min(scale.place(low), 99.5), max(scale.place(high) - scale.place(low), 0.5))
    dots = tuple(
        Dot(scale.place(amounts[one.pk]), f"{usd(amounts[one.pk])} {one.title[:100]}", "excluded" if one.excluded else one.relevance)
        for one in comparables
    )
    return Lane(BASIS_WORDS[basis], dots, band, runbook.fmv_basis == basis, value.get("note", ""))


@dataclass(frozen=True, slots=True)
class ScoreBar:
    """Hold one criterion of a score with its points and why."""

    label: str
    points: int
    most: int
    why: str
    is_known: bool

    @property
    def share(self) -> int:
        """Of what it can give or take, in per cent."""
        return min(round(100 * abs(self.points) / max(self.most, abs(self.points), 1)), 100)


def score_bars(breakdown: Mapping[str, Mapping[str, Any]]) -> list[ScoreBar]:
    """Return the criteria of a stored breakdown, in their order."""
    return [
        ScoreBar(one.get("label") or key.replace("_", " "), one["points"], one["most"], one.get("notes", ""), one.get("known", True))
        for key, one in breakdown.items()
    ]


@dataclass(frozen=True, slots=True)
class Point:
    """Hold one version on a line, from the top in per cent."""

    x: float
    y: float
    title: str


@dataclass(frozen=True, slots=True)
class Curve:
    """Hold how one figure went from version to version."""

    name: str
    label: str
    points: tuple[Point, ...]
    lines: tuple[tuple[Point, Point], ...] = field(default=())


@dataclass(frozen=True, slots=True)
class HistoryChart:
    """Hold price, value and score over the versions of a runbook."""

    scale: Scale
    curves: tuple[Curve, ...]


def history_chart(versions: Sequence[Mapping[str, Any]]) -> HistoryChart | None:
    """Return the chart of versions, the oldest first, each with number, price, value and score; None for fewer than two."""
    if len(versions) < 2:
        return None
    prices = [amount_in(one["price"]) for one in versions]
    values = [amount_in(one["value"]) for one in versions]
    scale = Scale.over([*prices, *values])
    scores = [Decimal(one["score"]) if one["score"] is not None else None for one in versions]
    return HistoryChart(
        scale,
        (
            _curve("price", "Asking price", versions, prices, scale.most, usd),
            _curve("value", "Value", versions, values, scale.most, usd),
            _curve("score", "Combined score, of 100", versions, scores, Decimal(100), str),
        ),
    )


def _curve(
    name: str, label: str, versions: Sequence[Mapping[str, Any]], amounts: Sequence[Decimal | None], most: Decimal, written: Any
) -> Curve:
    last = len(versions) - 1
    points = [
        Point(
            round(2 + 96 * at / last, 2),
            round(95 - 90 * float(amount / most), 2),
            f"version {version['number']}: {label} {written(amount)}",
        )
        if amount is not None
        else None
        for at, (version, amount) in enumerate(zip(versions, amounts, strict=True))
    ]
    lines = tuple((one, other) for one, other in pairwise(points) if one and other)
    return Curve(name, label, tuple(point for point in points if point), lines)
