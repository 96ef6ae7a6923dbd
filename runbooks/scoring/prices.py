"""What is asked for a copy, beside what it is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any

from runbooks.jsonable import jsonable
from runbooks.sources.records import Money

CENT = Decimal("0.01")


class Position(StrEnum):
    """Name where the asking price stands against the fair market value; the best first."""

    EXCELLENT = "EXCELLENT"
    GOOD = "GOOD"
    FAIR = "FAIR"
    POOR = "POOR"


@dataclass(frozen=True, slots=True)
class Price:
    """Hold what is asked and what is fair, both in US dollars.

    Raises ValueError for another currency or an amount below nothing: a price is converted before it is scored.
    """

    #: None when nobody asks a price, or none that could be converted.
    asking: Money | None
    #: The middle of the fair market value; None when it is not known.
    mid: Decimal | None
    #: Why there is no asking price, for a reader: "an auction has no asking price".
    why_none_asked: str = ""

    def __post_init__(self) -> None:
        if self.asking is not None and (self.asking.currency != "USD" or self.asking.amount < 0):
            raise ValueError(f"an asking price is scored in US dollars, not {self.asking}")

    @property
    def position(self) -> Position | None:
        """Where the asking price stands; None when it or the value is not known."""
        if self.asking is None or not self.mid or self.mid < 0:
            return None
        # Multiplied, not divided: 140 of 200 is exactly 70 per cent.
        per_cent_of_mid = self.asking.amount * 100
        if per_cent_of_mid < 70 * self.mid:
            return Position.EXCELLENT
        if per_cent_of_mid < 85 * self.mid:
            return Position.GOOD
        return Position.FAIR if per_cent_of_mid <= 100 * self.mid else Position.POOR

    @property
    def percent_below(self) -> Decimal | None:
        """How many per cent below the fair market value is asked, negative above it, to one digit; None when not known."""
        if self.position is None or self.asking is None or self.mid is None:
            return None
        return ((self.mid - self.asking.amount) * 100 / self.mid).quantize(Decimal("0.1"), ROUND_HALF_UP)

    @property
    def why_unknown(self) -> str:
        """Why it has no position, for a reader; "" when it has one."""
        if self.position is not None:
            return ""
        if self.asking is None:
            return self.why_none_asked or "no price is asked"
        return "the fair market value is not known"

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict with every field."""
        return jsonable(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Price:
        """Return what `to_json` wrote."""
        asking, mid = data.get("asking"), data.get("mid")
        return cls(
            asking=Money.from_json(asking) if asking else None,
            mid=Decimal(mid) if mid is not None else None,
            why_none_asked=data.get("why_none_asked", ""),
        )


def dollars(amount: Decimal) -> str:
    """Return an amount of US dollars as a person writes it: "$1,250", "$12.50"."""
    return f"${amount:,.0f}" if amount == amount.to_integral_value() else f"${amount:,.2f}"
