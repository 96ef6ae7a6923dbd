"""Values that eBay writes the same way in its items, its search results and its sales."""

from __future__ import annotations

from typing import Any

from stdnum import isbn
from stdnum.exceptions import ValidationError

from runbooks.sources import loose_json as loose
from runbooks.sources.price_text import money
from runbooks.sources.records import Money

AUCTION, FIXED_PRICE = "AUCTION", "FIXED_PRICE"


def money_of(value: Any) -> Money | None:
    """Return an amount as the seller named it.

    Where eBay converted it for the site, `value` is eBay's estimate of the day and `convertedFromValue` what will be paid.
    """
    said = loose.mapping(value)
    return money(said.get("convertedFromValue"), said.get("convertedFromCurrency")) or money(said.get("value"), said.get("currency"))


def shipping_of(options: Any) -> Money | None:
    """Return the cost of the first way of shipping that names one: it is the one eBay shows; None where none is said."""
    for option in loose.mappings(options):
        cost = money_of(option.get("shippingCost"))
        if cost:
            return cost
    return None


def is_auction_only(buying_options: tuple[str, ...]) -> bool:
    return AUCTION in buying_options and FIXED_PRICE not in buying_options


def buying_options_of(said: dict[str, Any]) -> tuple[str, ...]:
    return tuple(filter(None, (loose.text(option, 40) for option in loose.items(said.get("buyingOptions"))[:10])))


def gtin_of(value: Any) -> str:
    """Return a product number, "" for what sellers write where they have none ("Does not apply")."""
    digits = loose.text(value, 40).replace("-", "").replace(" ", "").upper()
    return digits if digits.isascii() and digits.removesuffix("X").isdigit() and 8 <= len(digits) <= 14 else ""


def isbn13_of(value: Any) -> str:
    """Return a valid ISBN of either length as ISBN-13, "" for any other text."""
    try:
        return isbn.validate(loose.text(value, 40), convert=True)
    except ValidationError:
        return ""


def legacy_id_of(item_id: str) -> str:
    """Return the number in the address out of the API's form, "" where it has another."""
    parts = item_id.split("|")
    return parts[1] if len(parts) == 3 and parts[1].isascii() and parts[1].isdigit() else ""


def variation_of(item_id: str) -> str:
    """Return the variation out of the API's form, "" where it names none."""
    last = item_id.split("|")[-1]
    return "" if last == "0" or not last.isascii() or not last.isdigit() else last
