"""Money as the API tells it."""

from __future__ import annotations

from decimal import Decimal

from bookops.language_models import MILLION

MICRODOLLAR = Decimal("0.000001")


def usd(microdollars: float) -> str:
    """Return microdollars as dollars, to the last digit."""
    return str((Decimal(round(microdollars)) / MILLION).quantize(MICRODOLLAR))
