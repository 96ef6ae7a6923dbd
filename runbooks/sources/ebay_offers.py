"""What eBay's searches bring: what is offered now (Browse), and what was sold (Marketplace Insights).

Documentation: https://developer.ebay.com/api-docs/buy/browse/resources/item_summary/methods/search,
https://developer.ebay.com/api-docs/buy/marketplace-insights/resources/item_sales/methods/search
"""

from __future__ import annotations

from datetime import date
from typing import Any

from bookops.outbound.errors import BadAnswer
from runbooks.links import ItemLink
from runbooks.sources import ebay_values as values
from runbooks.sources import loose_json as loose
from runbooks.sources.ebay_errors import warnings
from runbooks.sources.records import Offer, Offers

NAME = "ebay"


def parse_search(payload: Any, *, query: str, isbn: str = "") -> Offers:
    """Return the offers of a search; without any there is no list at all. One without a price, or with a price of 0, is left out."""
    said = _found(payload, "itemSummaries")
    offers = [_asked(summary, isbn) for summary in loose.mappings(said.get("itemSummaries"))]
    return _offers(said, offers, query)


def parse_sales(payload: Any, *, query: str, isbn: str = "") -> Offers:
    """Return the sales of a search, each at what was last paid."""
    said = _found(payload, "itemSales")
    offers = [_sold(sale, isbn) for sale in loose.mappings(said.get("itemSales"))]
    return _offers(said, offers, query)


def _found(payload: Any, key: str) -> dict[str, Any]:
    said = loose.mapping(payload)
    if loose.number(said.get("total")) is None and not isinstance(said.get(key), list):
        raise BadAnswer("expected the page of a search", reason="unexpected_shape", source=NAME)
    return said


def _offers(said: dict[str, Any], offers: list[Offer | None], query: str) -> Offers:
    told, usable = warnings(said)
    priced = tuple(offer for offer in offers if offer and offer.price.amount > 0)
    return Offers(offers=priced, total=loose.number(said.get("total")) or len(offers), query=query, warnings=told, usable=usable)


def _asked(summary: dict[str, Any], isbn: str) -> Offer | None:
    options = values.buying_options_of(summary)
    auction = values.is_auction_only(options)
    price = values.money_of(summary.get("currentBidPrice") if auction else summary.get("price"))
    at = _day(summary, "itemEndDate") if auction else _day(summary, "itemOriginDate", "itemCreationDate")
    return Offer(basis="auction" if auction else "asking", price=price, at=at, **_common(summary, isbn)) if price else None


def _sold(sale: dict[str, Any], isbn: str) -> Offer | None:
    price = values.money_of(sale.get("lastSoldPrice"))
    return Offer(basis="sold", price=price, at=_day(sale, "lastSoldDate"), **_common(sale, isbn)) if price else None


def _common(said: dict[str, Any], isbn: str) -> dict[str, Any]:
    item_id = loose.text(said.get("itemId"), 100)
    legacy_id = values.legacy_id_of(item_id)
    return {
        "source": NAME,
        "title": loose.text(said.get("title"), 300),
        "shipping": values.shipping_of(said.get("shippingOptions")),
        "url": ItemLink(legacy_id, values.variation_of(item_id)).url if legacy_id else "",
        "condition": loose.text(said.get("condition"), 100),
        "item_id": item_id,
        "isbn": isbn,
        "seller": loose.text(loose.mapping(said.get("seller")).get("username"), 100),
    }


def _day(said: dict[str, Any], *names: str) -> date | None:
    moments = (loose.moment(said.get(name)) for name in names)
    return next((moment.date() for moment in moments if moment), None)
