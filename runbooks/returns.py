"""What a purchase saved and what it has gained, in per cent."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

_HUNDREDTH = Decimal("0.01")


def discount_percent(value_mid: Decimal | None, purchase_price: Decimal | None) -> Decimal | None:
    """Return how far below its value a copy was bought, to two digits half-up; None when that is not defined."""
    if purchase_price is None or not value_mid or value_mid < 0:
        return None
    return ((value_mid - purchase_price) * 100 / value_mid).quantize(_HUNDREDTH, ROUND_HALF_UP)


def gain_percent(value_mid: Decimal | None, acquisition_cost: Decimal | None) -> Decimal | None:
    """Return what a copy is worth beyond its cost, in per cent of the cost to two digits half-up; None when that is not defined."""
    if value_mid is None or not acquisition_cost or acquisition_cost < 0:
        return None
    return ((value_mid - acquisition_cost) * 100 / acquisition_cost).quantize(_HUNDREDTH, ROUND_HALF_UP)
