"""Copies to be scored, as tests want them."""

from decimal import Decimal
from typing import Any

from runbooks.reference import seed_reference
from runbooks.scoring import Evidence, Price, look_up
from runbooks.sources.records import Money
from runbooks.subject import HeldCopy, Holdings, Subject


def evidence_of(*owned: HeldCopy, **facts: Any) -> Evidence:
    """Return the evidence of a copy with these facts, in a collection of these copies."""
    return look_up(Subject(**{"title": "Bleak House"} | facts), seed_reference(), Holdings(owned))


def price_of(asking: str | int | None, mid: str | int | None) -> Price:
    """Return a price in US dollars."""
    return Price(
        asking=None if asking is None else Money(Decimal(asking), "USD"),
        mid=None if mid is None else Decimal(mid),
    )


#: A copy that has 100 points of quality and 70 of fit.
SPLENDID = {
    "author": "Charles Dickens",
    "publisher": "Chapman & Hall",
    "binder": "Zaehnsdorf",
    "binder_authenticated": True,
    "year": 1853,
    "condition": "Fine",
    "binding": "full morocco",
}
