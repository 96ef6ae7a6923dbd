"""What to offer for a copy, and the price at which it would be worth acquiring."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Literal

from runbooks.scoring.criteria import Points
from runbooks.scoring.legacy import ENOUGH, PRICE, PRICE_POINTS
from runbooks.scoring.prices import CENT
from runbooks.scoring.tiers import Floors, Tier

#: Per cent below the fair market value to offer, by the lowest combined score it holds for.
#: 80 and more at a poor price is a wanted book: it is offered the most, not what the worst are offered.
_BELOW_BY_COMBINED = ((80, 10), (70, 15), (60, 25), (50, 35), (40, 45), (0, 55))
_BELOW_QUALITY_FLOOR = 50
_BELOW_STRATEGIC_FLOOR = 40


def suggested_offer(tier: Tier, combined: int, floors: Floors, mid: Decimal | None) -> Decimal | None:
    """Return what to offer, in whole US dollars; None unless the tier is CONDITIONAL and the value known."""
    if tier is not Tier.CONDITIONAL or not mid or mid < 0:
        return None
    if floors.quality:
        below = _BELOW_QUALITY_FLOOR
    elif floors.strategic:
        below = _BELOW_STRATEGIC_FLOOR
    else:
        below = next(below for lowest, below in _BELOW_BY_COMBINED if combined >= lowest)
    return (mid * (100 - below) / 100).quantize(Decimal(1), ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class RecommendedPrice:
    """Hold the highest price at which the first score says ACQUIRE."""

    #: In US dollars; None when any price will do, none will, or the value is not known.
    amount: Decimal | None
    why: str
    note: Literal["any", "unattainable", ""] = ""


def recommended_price(legacy: Points, mid: Decimal | None) -> RecommendedPrice:
    """Return the highest price at which the first score reaches 80, in cents rounded down so that it does."""
    without = legacy.total - legacy[PRICE].points
    need = ENOUGH - without
    before = f"it has {without} points before its price"
    if need <= 0:
        return RecommendedPrice(None, f"{before}, which is enough at any price", "any")
    reaching = [per_cent for per_cent, points in PRICE_POINTS if points >= need]
    if not reaching:
        return RecommendedPrice(None, f"{before}, and no price gives the {need} that are missing", "unattainable")
    if not mid or mid < 0:
        return RecommendedPrice(None, f"{before}, {need} are missing, and the fair market value is not known")
    below = min(reaching)
    where = f"{below} % below the fair market value" if below else "the fair market value"
    return RecommendedPrice((mid * (100 - below) / 100).quantize(CENT, ROUND_DOWN), f"{before}; {where} gives the {need} that are missing")
