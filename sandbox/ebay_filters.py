"""The filters of eBay's searches (https://developer.ebay.com/api-docs/buy/static/ref-buy-browse-filters.html).

Those that have no meaning for invented sellers are not here, and are answered as invalid ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from sandbox.ebay_errors import problem
from sandbox.ebay_records import CONDITIONS, CURRENCIES, converted
from sandbox.listings_records import Listing

_FILTER = re.compile(r"(?P<name>\w+):(?P<value>\[[^\]]*\]|\{[^}]*\}|[^,]*)(?:,|$)")
_SPAN = re.compile(r"\[(?P<low>\d+(?:\.\d+)?)?(?:\.\.(?P<high>\d+(?:\.\d+)?)?)?\]", re.ASCII)

Test = Callable[[Listing], bool]


def read(text: str, *, buying: str) -> tuple[list[Test], list[dict[str, Any]]]:
    """Return what a listing must pass, and warnings of the filters that were ignored; `buying` applies where none is named, "" none."""
    asked = {match["name"]: match["value"] for match in _FILTER.finditer(text)}
    tests: list[Test] = []
    warnings = [problem(12002, filterName=unread)] if (unread := _FILTER.sub("", text).strip(" ,")) else []
    if buying:
        asked.setdefault("buyingOptions", buying)
    if span := {name: asked.pop(name) for name in ("price", "priceCurrency") if name in asked}:
        within = _price(span.get("price", ""), span.get("priceCurrency", ""))
        tests += [within] if within else []
        warnings += [] if within else [problem(12012)]
    for name, value in asked.items():
        read_filter = FILTERS.get(name)
        test = read_filter(value) if read_filter else None
        tests += [test] if test else []
        warnings += [] if test else [problem(12002, filterName=name)]
    return tests, warnings


def _price(span: str, currency: str) -> Test | None:
    bounds = _bounds(span)
    if bounds is None or currency not in CURRENCIES.values():
        return None
    lowest, highest = bounds

    def within(listing: Listing) -> bool:
        price = price_of(listing)
        return price is not None and lowest <= converted(price, listing.currency, currency) <= highest

    return within


def _bounds(span: str) -> tuple[Decimal, Decimal] | None:
    """Return the ends of "[10..50]", "[10]" (from 10 on) or "[..50]"; None for anything else."""
    match = _SPAN.fullmatch(span)
    return (Decimal(match["low"] or 0), Decimal(match["high"] or "Infinity")) if match else None


def price_of(listing: Listing) -> Decimal | None:
    """Return what a listing is ordered and filtered by: its price, the lowest of its variations, or the bid."""
    if listing.price is not None:
        return listing.price
    return min((variation.price for variation in listing.variations), default=listing.bid)


def chosen_in(value: str, allowed: Iterable[str] | None = None) -> set[str] | None:
    """Return what stands in "{A|B}"; None when it is no such list, or names what is not allowed."""
    if not (value.startswith("{") and value.endswith("}")):
        return None
    chosen = set(value[1:-1].split("|"))
    return None if "" in chosen or (allowed is not None and not chosen <= set(allowed)) else chosen


def _buying(value: str) -> Test | None:
    chosen = chosen_in(value, ("FIXED_PRICE", "AUCTION", "BEST_OFFER", "CLASSIFIED_AD"))
    return None if chosen is None else lambda listing: bool(chosen & set(listing.buying))


def _condition_ids(value: str) -> Test | None:
    chosen = chosen_in(value)
    return None if chosen is None or not all(map(str.isdigit, chosen)) else lambda listing: CONDITIONS[listing.condition] in chosen


def _conditions(value: str) -> Test | None:
    chosen = chosen_in(value, ("NEW", "USED", "UNSPECIFIED"))
    return None if chosen is None else lambda listing: ("NEW" if listing.condition == "Brand New" else "USED") in chosen


def _sellers(value: str) -> Test | None:
    chosen = chosen_in(value)
    return None if chosen is None else lambda listing: listing.seller in chosen


def _other_sellers(value: str) -> Test | None:
    chosen = chosen_in(value)
    return None if chosen is None else lambda listing: listing.seller not in chosen


def _country(value: str) -> Test | None:
    return (lambda listing: listing.country == value) if re.fullmatch("[A-Z]{2}", value) else None


def _delivery(value: str) -> Test | None:
    """Take a country of delivery: every seller here sends everywhere."""
    return (lambda listing: True) if re.fullmatch("[A-Z]{2}", value) else None


def _free_shipping(value: str) -> Test | None:
    return (lambda listing: listing.shipping == 0) if value == "0" else None


FILTERS: Mapping[str, Callable[[str], Test | None]] = {
    "buyingOptions": _buying,
    "conditionIds": _condition_ids,
    "conditions": _conditions,
    "sellers": _sellers,
    "excludeSellers": _other_sellers,
    "itemLocationCountry": _country,
    "deliveryCountry": _delivery,
    "maxDeliveryCost": _free_shipping,
}
