"""Fair market value: what comparable prices come to, each basis by itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from statistics import median
from typing import Any, Literal, get_args

from runbooks.jsonable import jsonable
from runbooks.relevance import Level
from runbooks.sources.records import Basis, Money

Origin = Literal["ebay", "abebooks", "manual", "ledger"]
Confidence = Literal["high", "medium", "low", ""]

#: A basis with as many relevant comparables is trusted before a fuller one that is worth less.
ENOUGH = 3
#: As many of each fetched source are kept, and as many count where none is relevant.
MOST_KEPT = 5
INSUFFICIENT = "Insufficient comparable data"

#: The best first: a price that was paid, one that is bid, one that is hoped for.
BASES: tuple[Basis, ...] = get_args(Basis)
_RANKS: dict[Level, int] = {"high": 0, "medium": 1, "low": 2}
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Rate:
    """Hold what a US dollar was worth on a day."""

    currency: str
    #: Units of the currency for one US dollar.
    per_dollar: Decimal
    day: date
    source: str


def in_dollars(price: Money, rate: Rate | None) -> Decimal | None:
    """Return a price in US dollars, in cents; None without a rate for its currency."""
    if price.currency == "USD":
        return price.amount
    if rate is None or rate.currency != price.currency or rate.per_dollar <= 0:
        return None
    return (price.amount / rate.per_dollar).quantize(_CENT, ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Adjustments:
    """Hold what a person takes of a comparable's price, in per cent of it: 100 leaves it, 55 for a better binding than ours."""

    edition: Decimal = Decimal(100)
    binding: Decimal = Decimal(100)
    condition: Decimal = Decimal(100)

    def __post_init__(self) -> None:
        if min(self.edition, self.binding, self.condition) <= 0:
            raise ValueError("an adjustment is a per cent of the price, above 0")

    def applied_to(self, amount: Decimal) -> Decimal:
        """Return an amount after all three, in cents."""
        return (amount * self.edition * self.binding * self.condition / 1_000_000).quantize(_CENT, ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Comparable:
    """Hold one price that may say what a copy is worth."""

    key: str
    basis: Basis
    origin: Origin
    title: str
    #: As it was asked, bid or paid.
    price: Money
    #: None for US dollars, or where no rate is known.
    rate: Rate | None = None
    at: date | None = None
    condition: str = ""
    binding: str = ""
    #: A person's word where there is one.
    relevance: Level = "medium"
    relevance_why: str = ""
    #: By a person, or as junk.
    excluded: bool = False
    excluded_why: str = ""
    adjustments: Adjustments = field(default_factory=Adjustments)

    @property
    def usd(self) -> Decimal | None:
        """The price in US dollars; None where no rate is known."""
        return in_dollars(self.price, self.rate)

    @property
    def counted(self) -> Decimal | None:
        """The price that counts: in US dollars, adjusted; None where no rate is known."""
        usd = self.usd
        return None if usd is None else self.adjustments.applied_to(usd)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Hold a comparable that counts for nothing, and why."""

    key: str
    why: str


@dataclass(frozen=True, slots=True)
class Value:
    """Hold what the prices of one basis come to, in US dollars; no prices, no amounts."""

    basis: Basis
    #: How many are of high or medium relevance.
    relevant: int = 0
    low: Decimal | None = None
    high: Decimal | None = None
    #: Half-way between low and high.
    mid: Decimal | None = None
    median: Decimal | None = None
    confidence: Confidence = ""
    #: Keys of the comparables that it was computed from.
    used: tuple[str, ...] = ()
    note: str = ""

    @property
    def n(self) -> int:
        """How many prices it was computed from."""
        return len(self.used)

    @property
    def is_sufficient(self) -> bool:
        """Whether there was enough to be confident at all."""
        return self.confidence in ("high", "medium")

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict with every field."""
        return jsonable(self) | {"n": self.n}


@dataclass(frozen=True, slots=True)
class Valuation:
    """Hold the value by each basis, and which of them counts."""

    values: tuple[Value, ...]
    #: None when there is no price at all.
    chosen: Value | None
    #: Which basis counts and why, for a reader.
    why: str
    left_out: tuple[LeftOut, ...] = ()

    def of(self, basis: Basis) -> Value:
        """Return the value by a basis."""
        return next(value for value in self.values if value.basis == basis)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict with the values by basis."""
        return {
            "values": {value.basis: value.to_json() for value in self.values},
            "chosen": self.chosen.basis if self.chosen else None,
            "why": self.why,
            "left_out": jsonable(self.left_out),
        }


def appraise(comparables: Iterable[Comparable]) -> Valuation:
    """Return the value by each basis, and choose one: the first with three relevant comparables, else the fullest.

    A sale, a bid and a hope are never counted together.
    """
    everything = tuple(comparables)
    left_out = tuple(LeftOut(one.key, why) for one in everything if (why := _left_out_because(one)))
    absent = {one.key for one in left_out}
    values = tuple(_value(basis, [one for one in everything if one.basis == basis and one.key not in absent]) for basis in BASES)
    chosen, why = _choose(values)
    return Valuation(values, chosen, why, left_out)


def most_relevant(comparables: Iterable[Comparable], most: int = MOST_KEPT) -> list[Comparable]:
    """Return the comparables worth keeping: of each fetched source and basis the most relevant, what persons entered all."""
    kept: list[Comparable] = []
    counts: dict[tuple[Origin, Basis], int] = {}
    for one in sorted(comparables, key=lambda one: (one.excluded, _RANKS[one.relevance])):
        key = (one.origin, one.basis)
        counts[key] = counts.get(key, 0) + 1
        if one.origin in ("manual", "ledger") or counts[key] <= most:
            kept.append(one)
    return kept


def _left_out_because(one: Comparable) -> str:
    if one.excluded:
        return one.excluded_why or "excluded"
    if one.usd is None:
        return f"no rate from {one.price.currency} to US dollars is known"
    return ""


def _value(basis: Basis, comparables: Sequence[Comparable]) -> Value:
    """Return the value by one basis: of what is highly relevant if that is two or more, else of all that is relevant."""
    high = [one for one in comparables if one.relevance == "high"]
    relevant = [one for one in comparables if one.relevance != "low"]
    if len(high) >= 2:
        return _of(basis, high, relevant, "high", f"{len(high)} highly relevant {basis} prices")
    if len(relevant) >= ENOUGH:
        return _of(basis, relevant, relevant, "medium", f"{len(relevant)} relevant {basis} prices")
    if relevant:
        number = "one relevant" if len(relevant) == 1 else f"{len(relevant)} relevant"
        return _of(basis, relevant, relevant, "low", f"{INSUFFICIENT}: only {number} {basis} price{'s' if len(relevant) > 1 else ''}")
    if comparables:
        first = comparables[:MOST_KEPT]
        return _of(basis, first, relevant, "low", f"{INSUFFICIENT}: no {basis} price is relevant, these are the first {len(first)} of any")
    return Value(basis, note=f"{INSUFFICIENT}: no {basis} prices")


def _of(basis: Basis, used: Sequence[Comparable], relevant: Sequence[Comparable], confidence: Confidence, note: str) -> Value:
    prices = sorted(one.counted for one in used if one.counted is not None)
    n = len(prices)
    low, high = (prices[n // 4], prices[3 * n // 4]) if n >= 4 else (prices[0], prices[-1])
    return Value(
        basis,
        relevant=len(relevant),
        low=low,
        high=high,
        mid=((low + high) / 2).quantize(_CENT, ROUND_HALF_UP),
        median=Decimal(median(prices)).quantize(_CENT, ROUND_HALF_UP),
        confidence=confidence,
        used=tuple(one.key for one in used),
        note=note,
    )


def _choose(values: Sequence[Value]) -> tuple[Value | None, str]:
    for value in values:
        if value.relevant >= ENOUGH:
            return value, f"{value.basis} prices: {value.note}"
    # The first of equals, so that a sale goes before a hope.
    fullest = max(values, key=lambda value: (value.relevant, value.n))
    if not fullest.n:
        return None, f"{INSUFFICIENT}: no comparable has a price that counts"
    return fullest, f"{fullest.basis} prices, of which there are most: {fullest.note}"
