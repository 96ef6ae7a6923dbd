"""Frankfurter: the European Central Bank's exchange rates of a day.

Documentation: https://frankfurter.dev/v1/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from bookops.outbound.errors import BadAnswer
from bookops.outbound.http import Door
from runbooks.sources import loose_json as loose

NAME = "frankfurter"


@dataclass(frozen=True, slots=True)
class Rates:
    """Hold what one unit of `base` costs in other currencies."""

    #: The day the rates are of; on a weekend or holiday an earlier one than was asked for.
    day: date
    base: str
    rates: Mapping[str, Decimal]


class Frankfurter:
    """Ask Frankfurter through a door to its API (https://api.frankfurter.app, or https://api.frankfurter.dev/v1)."""

    name = NAME

    def __init__(self, door: Door) -> None:
        self.door = door

    def rates(self, base: str, day: date | None = None) -> Rates:
        """Return the rates of a day, the latest there are for None; raises one of the four errors, NotFound for an unknown currency."""
        return parse_rates(self.door.get(f"/{day.isoformat() if day else 'latest'}", {"base": base}).data, base)


def parse_rates(payload: Any, base: str) -> Rates:
    """Return the rates of an answer; raises BadAnswer unless they are for one unit of `base`."""
    said = loose.mapping(payload)
    rates = {code: rate for code, value in loose.mapping(said.get("rates")).items() if code != base and (rate := _rate(value))}
    try:
        day = date.fromisoformat(loose.text(said.get("date"), 20))
    except ValueError:
        day = None
    if day is None or not rates or said.get("base") != base or said.get("amount", 1) != 1:
        raise BadAnswer(f"expected the rates of one {base}", reason="unexpected_shape", source=NAME)
    return Rates(day, base, rates)


def _rate(value: Any) -> Decimal | None:
    """Return a rate with the digits that were sent; None for what is none, so that nothing is ever converted to 0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    rate = Decimal(str(value))
    return rate if rate > 0 else None
