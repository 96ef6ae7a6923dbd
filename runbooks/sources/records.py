"""What sources say about listings and offers, in one shape for all sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

#: An asking price was not paid by anybody, an auction's bid not yet; only a sale was.
Basis = Literal["sold", "auction", "asking"]


@dataclass(frozen=True, slots=True)
class Money:
    """Hold an amount in one currency."""

    amount: Decimal
    #: ISO 4217, upper case.
    currency: str

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    def to_json(self) -> dict[str, str]:
        """Return a JSON-ready dict; the amount as text, so that no digit is lost."""
        return {"amount": str(self.amount), "currency": self.currency}

    @classmethod
    def from_json(cls, data: Mapping[str, str]) -> Money:
        """Return what `to_json` wrote."""
        return cls(Decimal(data["amount"]), data["currency"])


@dataclass(frozen=True, slots=True)
class ListingFacts:
    """Hold one listing as eBay told it, or as a person pasted it."""

    #: The API's form, "v1|123456789012|0"; "" for a pasted one without a link.
    item_id: str
    #: The number in the address.
    legacy_id: str
    #: Canonical, without tracking; "" for a pasted one without a link.
    url: str
    title: str
    subtitle: str = ""
    #: Plain text, without markup.
    description: str = ""
    #: What is asked; None for a pure auction.
    price: Money | None = None
    current_bid: Money | None = None
    bids: int | None = None
    buying_options: tuple[str, ...] = ()
    condition: str = ""
    condition_id: str = ""
    condition_description: str = ""
    category_id: str = ""
    #: "Books|Antiquarian & Collectible"
    category_path: str = ""
    #: Item specifics by their name as the site writes it.
    aspects: Mapping[str, str] = field(default_factory=dict)
    gtin: str = ""
    epid: str = ""
    seller: str = ""
    seller_feedback_percent: float | None = None
    seller_feedback_score: int | None = None
    quantity: int | None = None
    sold_quantity: int | None = None
    #: None when it is not said, which is not free.
    shipping: Money | None = None
    #: In the largest form, in the listing's order.
    image_urls: tuple[str, ...] = ()
    created_at: datetime | None = None
    ends_at: datetime | None = None
    country: str = ""
    #: "EBAY_US"
    marketplace: str = ""
    #: The group of a listing with variations.
    group_id: str = ""
    is_pasted: bool = False

    @property
    def is_auction_only(self) -> bool:
        """Whether nobody can buy it at a price that is known now."""
        return self.price is None and "AUCTION" in self.buying_options

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict without empty values."""
        return _to_json(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ListingFacts:
        """Return the facts that `to_json` wrote; keys of later versions are ignored."""
        known = _known(cls, data)
        for name in ("price", "current_bid", "shipping"):
            known[name] = _money(data, name)
        for name in ("created_at", "ends_at"):
            known[name] = datetime.fromisoformat(data[name]) if data.get(name) else None
        for name in ("buying_options", "image_urls"):
            known[name] = tuple(data.get(name, ()))
        return cls(**{"item_id": "", "legacy_id": "", "url": "", "title": ""} | known)


@dataclass(frozen=True, slots=True)
class Offer:
    """Hold one price that somebody asked, bid or paid for a book that may be comparable."""

    #: "ebay" or "abebooks".
    source: str
    basis: Basis
    title: str
    price: Money
    #: None when it is not said, which is not free.
    shipping: Money | None = None
    url: str = ""
    #: As the source writes it.
    condition: str = ""
    binding: str = ""
    #: When it was sold, listed, or the auction ends; None when the source does not say.
    at: date | None = None
    #: The source's own key.
    item_id: str = ""
    isbn: str = ""
    seller: str = ""
    aspects: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict without empty values."""
        return _to_json(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Offer:
        """Return the offer that `to_json` wrote; keys of later versions are ignored."""
        known = _known(cls, data)
        at = date.fromisoformat(data["at"]) if data.get("at") else None
        return cls(**known | {"price": Money.from_json(data["price"]), "shipping": _money(data, "shipping"), "at": at})


@dataclass(frozen=True, slots=True)
class Offers:
    """Hold what one source offered for one question."""

    offers: tuple[Offer, ...]
    #: How many the source says there are.
    total: int
    #: What was asked, as a person would type it.
    query: str
    calls: int = 1
    #: The source's own words about what it ignored.
    warnings: tuple[str, ...] = ()
    #: False when the source ignored a part of the question, so that these are not what was asked for.
    usable: bool = True


def _to_json(record: Any) -> dict[str, Any]:
    written = {}
    for one in fields(record):
        value = getattr(record, one.name)
        # A zero says something, and equals False.
        if value is None or value is False or value in ("", (), {}):
            continue
        if isinstance(value, Money):
            value = value.to_json()
        elif isinstance(value, date):
            value = value.isoformat()
        elif isinstance(value, tuple):
            value = list(value)
        elif isinstance(value, Mapping):
            value = dict(value)
        written[one.name] = value
    return written


def _money(data: Mapping[str, Any], name: str) -> Money | None:
    return Money.from_json(data[name]) if data.get(name) else None


def _known(cls: Any, data: Mapping[str, Any]) -> dict[str, Any]:
    names = {one.name for one in fields(cls)}
    return {name: value for name, value in data.items() if name in names}
