"""Amounts as the desk's pages write them."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any


def usd(amount: Any) -> str:
    """Return US dollars as "$1,234.50", without cents where there are none; "–" for None."""
    number = amount_in(amount)
    if number is None:
        return "–"
    cents = "" if number == number.to_integral_value() else f"{abs(number) % 1:.2f}"[1:]
    return f"{'−' if number < 0 else ''}${int(abs(number)):,}{cents}"


def amount_in(value: Any) -> Decimal | None:
    """Return a number out of JSON or a column, None for none."""
    try:
        return None if value in (None, "") else Decimal(str(value))
    except InvalidOperation:
        return None


def delta_of(asking: Decimal | None, mid: Decimal | None) -> tuple[str, str]:
    """Return how far an asking price is from a value, in dollars and in per cent of it: "−$90", "−25 %"; "–" and "" without both."""
    if asking is None or not mid:
        return "–", ""
    sign = "+" if asking > mid else "−" if asking < mid else ""
    return f"{sign}{usd(abs(asking - mid))}", f"{sign}{abs(asking - mid) / mid * 100:.0f}\N{NO-BREAK SPACE}%"
