"""How the Browse API shows a listing: as a whole item, as one find of a search, as one sale."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from html import unescape
from typing import Any
from urllib.parse import quote

from sandbox.chance import number_of
from sandbox.ebay_images import image_hash, image_path
from sandbox.listings_records import Listing, Variation

DAY = 86400.0
CONDITIONS = {"Brand New": "1000", "Like New": "2750", "Very Good": "4000", "Good": "5000", "Acceptable": "6000"}
#: By leaf category: the ids and the names from the top down.
CATEGORIES = {
    "261186": (("267", "Books & Magazines"), ("261186", "Books")),
    "29223": (("267", "Books & Magazines"), ("29223", "Antiquarian & Collectible")),
    "10034": (("11700", "Home & Garden"), ("10033", "Home Décor"), ("10034", "Decorative Books")),
    "617": (("11232", "Movies & TV"), ("617", "DVDs & Blu-ray Discs")),
}
#: The marketplaces of the Browse API and the money of each.
CURRENCIES = {
    **{"EBAY_US": "USD", "EBAY_GB": "GBP", "EBAY_AU": "AUD", "EBAY_CA": "CAD", "EBAY_CH": "CHF", "EBAY_HK": "HKD", "EBAY_PL": "PLN"},
    **dict.fromkeys(("EBAY_AT", "EBAY_BE", "EBAY_DE", "EBAY_ES", "EBAY_FR", "EBAY_IE", "EBAY_IT", "EBAY_NL"), "EUR"),
    "EBAY_SG": "SGD",
}
#: Dollars that one unit is worth here, every day.
DOLLARS = {
    "USD": "1",
    "GBP": "1.27",
    "EUR": "1.08",
    "AUD": "0.66",
    "CAD": "0.73",
    "CHF": "1.13",
    "HKD": "0.128",
    "PLN": "0.25",
    "SGD": "0.75",
}
CITIES = {"US": ("Portland", "972**"), "GB": ("Hay-on-Wye", "HR3**"), "DE": ("Leipzig", "041**"), "AU": ("Hobart", "70**")}
#: The fields that fieldgroups=COMPACT leaves.
COMPACT = (
    *("itemId", "bidCount", "currentBidPrice", "eligibleForInlineCheckout", "estimatedAvailabilities", "gtin", "itemCreationDate"),
    *("itemWebUrl", "legacyItemId", "minimumPriceToBid", "price", "priorityListing", "reservePriceMet", "sellerItemRevision"),
    *("shippingOptions", "topRatedBuyingExperience", "uniqueBidderCount"),
)
_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True)
class View:
    """From where a listing is looked at: the addresses it is given, the money it is priced in, and the time."""

    #: Addresses of the API and of the image host, without a slash at the end.
    api: str
    images: str
    marketplace: str
    now: float
    #: When the sandbox began; auctions end so many days after it.
    begun: float

    @property
    def currency(self) -> str:
        """Return the money of the marketplace."""
        return CURRENCIES[self.marketplace]


def item(listing: Listing, view: View, variation: Variation | None = None) -> dict[str, Any]:
    """Return a listing as getItem does, one of its variations where it has some."""
    categories = CATEGORIES[listing.category]
    pictures = _pictures(listing, view)
    record: dict[str, Any] = {
        "itemId": item_id(listing, variation),
        "legacyItemId": listing.item,
        "sellerItemRevision": "2",
        "title": listing.title,
        "subtitle": listing.subtitle,
        "shortDescription": _short(listing),
        "description": listing.description,
        **_money(listing, view, variation),
        "categoryPath": "|".join(name for _, name in categories),
        "categoryIdPath": "|".join(number for number, _ in categories),
        "categoryId": listing.category,
        "condition": listing.condition,
        "conditionId": CONDITIONS[listing.condition],
        "conditionDescription": listing.condition_note,
        "itemLocation": _location(listing),
        "image": pictures[0] if pictures else {},
        "additionalImages": pictures[1:],
        "itemCreationDate": _moment(_created(listing, view)),
        "itemEndDate": _moment(end(listing, view)) if "AUCTION" in listing.buying else "",
        "seller": _seller(listing),
        "gtin": listing.gtin,
        "estimatedAvailabilities": [_availability(listing)],
        "shippingOptions": [_shipping(listing, view)],
        "buyingOptions": list(listing.buying),
        "itemWebUrl": listing.link,
        "localizedAspects": [{"type": "STRING", "name": name, "value": value} for name, value in _aspects(listing, variation).items()],
        "primaryItemGroup": _group(listing, view) if variation else {},
        "topRatedBuyingExperience": False,
        "priorityListing": False,
        "adultOnly": False,
        "eligibleForInlineCheckout": listing.buying != ("AUCTION",),
        "enabledForGuestCheckout": True,
        "listingMarketplaceId": listing.marketplace,
    }
    return _without_nothing(record)


def summary(listing: Listing, view: View, *, extended: bool) -> dict[str, Any]:
    """Return a listing as a search shows it; `extended` adds what fieldgroups=EXTENDED does."""
    variation = listing.variations[0] if listing.variations else None
    location = _location(listing)
    record: dict[str, Any] = {
        "itemId": item_id(listing, variation),
        "title": listing.title,
        "leafCategoryIds": [listing.category],
        "categories": [{"categoryId": number, "categoryName": name} for number, name in reversed(CATEGORIES[listing.category])],
        **_pictures_of_summary(listing, view),
        **_money(listing, view, variation),
        "itemHref": f"{view.api}/buy/browse/v1/item/{quote(item_id(listing, variation))}",
        "itemGroupHref": group_href(listing, view) if variation else "",
        "itemGroupType": "SELLER_DEFINED_VARIATIONS" if variation else "",
        "seller": _seller(listing),
        "condition": listing.condition,
        "conditionId": CONDITIONS[listing.condition],
        "shippingOptions": [_shipping(listing, view, of_summary=True)],
        "buyingOptions": list(listing.buying),
        "itemWebUrl": listing.link,
        "itemLocation": location if extended else {name: location[name] for name in ("postalCode", "country")},
        "shortDescription": _short(listing) if extended else "",
        "adultOnly": False,
        "legacyItemId": listing.item,
        "itemCreationDate": _moment(_created(listing, view)),
        "itemOriginDate": _moment(_created(listing, view)),
        "itemEndDate": _moment(end(listing, view)) if "AUCTION" in listing.buying else "",
        "topRatedBuyingExperience": False,
        "priorityListing": False,
        "listingMarketplaceId": listing.marketplace,
    }
    return _without_nothing(record)


def sale(listing: Listing, view: View) -> dict[str, Any]:
    """Return a past sale as Marketplace Insights does."""
    return {
        "itemId": item_id(listing, None),
        "title": listing.title,
        "lastSoldDate": _moment(view.now - listing.sold_days_ago * DAY),
        "lastSoldPrice": _amount(listing.price or Decimal(0), listing, view),
        "totalSoldQuantity": 1,
        "condition": listing.condition,
        "conditionId": CONDITIONS[listing.condition],
        "categories": [{"categoryId": number} for number, _ in reversed(CATEGORIES[listing.category])],
        "buyingOptions": list(listing.buying),
        "seller": _seller(listing),
        "itemLocation": _location(listing),
        "itemWebUrl": listing.link,
    }


def item_id(listing: Listing, variation: Variation | None) -> str:
    """Return the id by which the API knows a listing, or one of its variations."""
    return f"v1|{listing.item}|{variation.number if variation else 0}"


def group_href(listing: Listing, view: View) -> str:
    """Return the address of all variations of a listing."""
    return f"{view.api}/buy/browse/v1/item/get_items_by_item_group?item_group_id={listing.item}"


def end(listing: Listing, view: View) -> float:
    """Return when a listing ends, in seconds since the epoch; what is no auction has no end in sight."""
    return view.begun + listing.ends_in_days * DAY if "AUCTION" in listing.buying else float("inf")


def converted(amount: Decimal, currency: str, into: str) -> Decimal:
    """Return an amount in another money, to the cent."""
    return (amount * Decimal(DOLLARS[currency]) / Decimal(DOLLARS[into])).quantize(Decimal("0.01"))


def _amount(value: Decimal, listing: Listing, view: View) -> dict[str, str]:
    if listing.currency == view.currency:
        return {"value": f"{value:.2f}", "currency": view.currency}
    return {
        "value": f"{converted(value, listing.currency, view.currency):.2f}",
        "currency": view.currency,
        "convertedFromValue": f"{value:.2f}",
        "convertedFromCurrency": listing.currency,
    }


def _money(listing: Listing, view: View, variation: Variation | None) -> dict[str, Any]:
    """Return what is asked and what is bid: a pure auction has no price, and what is no auction no bids."""
    price = variation.price if variation else listing.price
    money: dict[str, Any] = {"price": _amount(price, listing, view)} if price is not None else {}
    if listing.bid is not None:
        money["currentBidPrice"] = _amount(listing.bid, listing, view)
        money["bidCount"] = listing.bids
    return money


def _pictures(listing: Listing, view: View) -> list[dict[str, str]]:
    return [{"imageUrl": view.images + image_path(listing, place)} for place in range(len(listing.shots))]


def _pictures_of_summary(listing: Listing, view: View) -> dict[str, Any]:
    thumbs = [{"imageUrl": f"{view.images}/thumbs/images/g/{image_hash(listing, place)}/s-l225.jpg"} for place in range(len(listing.shots))]
    return {"image": thumbs[0], "thumbnailImages": _pictures(listing, view)[:1], "additionalImages": thumbs[1:]} if thumbs else {}


def _short(listing: Listing) -> str:
    """Return the beginning of the description without its tags, as eBay cuts it."""
    return " ".join(unescape(_TAG.sub(" ", listing.description[:2000])).split())[:200]


def _location(listing: Listing) -> dict[str, str]:
    city, postcode = CITIES[listing.country]
    return {"city": city, "postalCode": postcode, "country": listing.country}


def _seller(listing: Listing) -> dict[str, Any]:
    chance = number_of("seller", listing.seller)
    return {"username": listing.seller, "feedbackPercentage": f"{97 + chance % 31 / 10:.1f}", "feedbackScore": 12 + chance % 9000}


def _availability(listing: Listing) -> dict[str, Any]:
    return {
        "deliveryOptions": ["SHIP_TO_HOME"],
        "estimatedAvailabilityStatus": "IN_STOCK",
        "estimatedAvailableQuantity": listing.quantity,
        "estimatedSoldQuantity": 0 if listing.quantity == 1 else listing.quantity * 3,
    }


def _shipping(listing: Listing, view: View, *, of_summary: bool = False) -> dict[str, Any]:
    service = {} if of_summary else {"shippingServiceCode": "Standard Shipping", "type": "Standard Shipping", "quantityUsedForEstimate": 1}
    if listing.shipping is None:
        return {**service, "shippingCostType": "CALCULATED"}
    return {**service, "shippingCostType": "FIXED", "shippingCost": _amount(listing.shipping, listing, view)}


def _aspects(listing: Listing, variation: Variation | None) -> dict[str, str]:
    return {**listing.aspects, **({"Volume": variation.choice} if variation else {})}


def _group(listing: Listing, view: View) -> dict[str, str]:
    return {
        "itemGroupId": listing.item,
        "itemGroupType": "SELLER_DEFINED_VARIATIONS",
        "itemGroupHref": group_href(listing, view),
        "itemGroupTitle": listing.title,
    }


def _created(listing: Listing, view: View) -> float:
    return view.begun - (1 + number_of("created", listing.item) % 200) * DAY


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _without_nothing(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record without the keys that eBay leaves out when it has nothing to put there."""
    return {name: value for name, value in record.items() if value not in ("", [], {})}
