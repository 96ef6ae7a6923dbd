"""AbeBooks' search page in each generation of its markup, the page without results, and the page of its firewall."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from html import escape

from sandbox.abebooks_offers import CONDITIONS, Offer, written
from sandbox.chance import number_of

NO_RESULTS = (
    '<!DOCTYPE html><html><head><title>AbeBooks | Search Results</title></head><body><main id="srp">'
    "<h1>0 results</h1><p>We could not find any results.</p><p>Please check the spelling, or search for less.</p></main></body></html>"
)
CHALLENGE = (
    '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title></title><script>window.awsWafCookieDomainList = [];'
    'window.gokuProps = {"key":"invented","iv":"invented","context":"invented"};</script>'
    '<script src="/challenge.js"></script></head><body><div id="challenge-container"></div>'
    "<noscript><h1>JavaScript is disabled</h1>In order to continue, we need to verify that you are not a robot.</noscript></body></html>"
)


def page_of_march(offers: list[Offer], currency: str) -> str:
    """Return the page as it was until July 2026: one `li` an offer."""
    return _html("".join(_item_of_march(offer, currency) for offer in offers))


def _item_of_march(offer: Offer, currency: str) -> str:
    return (
        f'<li data-test-id="listing-item"><a href="{_path(offer)}"><span data-test-id="listing-title">{escape(offer.title)}</span></a>'
        f'<p class="item-price">{written(offer.price, currency)}</p>'
        f'<button data-listingid="{offer.number}" {_costs(offer)}>Add to basket</button>'
        f'<span data-test-id="listing-book-condition">{_new_or_used(offer)} - {_cover(offer)}</span>'
        '<span class="opt-subcondition" data-test-id="listing-optional-condition">'
        f"Condition: {CONDITIONS[offer.condition]}</span>"
        f'<span class="seller-name">{escape(offer.vendor)}</span></li>'
    )


def page_of_august(offers: list[Offer], currency: str) -> str:
    """Return the page of August 2026: the number in the test id, and chips that are list items inside the list items."""
    return _html("".join(_item_of_august(offer, currency) for offer in offers))


def _item_of_august(offer: Offer, currency: str) -> str:
    chips = "".join(f'<li aria-label="{escape(chip)}">{escape(chip)}</li>' for chip in (_cover(offer), *map(_words_of, offer.marks)))
    return (
        f'<li data-test-id="listing-item-{offer.number}"><div><a href="{_path(offer)}">{escape(offer.title)}</a>'
        f'<p data-test-id="description-{offer.number}">{escape(offer.description)}</p>'
        f'<ul aria-label="Attributes">{chips}</ul>'
        f'<span data-test-id="listing-condition">{_condition(offer)}</span>'
        f'<a data-test-id="listing-seller-link" href="/{_slug(offer.vendor)}/{_vendor_number(offer)}/sf">{escape(offer.vendor)}</a>'
        f'<p class="item-price">{written(offer.price, currency)}</p>'
        f'<button data-listingid="{offer.number}" {_costs(offer)}>Add to basket</button></div></li>'
    )


def page_of_september(offers: list[Offer], currency: str) -> str:
    """Return the page since September 2026: nothing in the markup, all in the flight payload of Next.js."""
    content = {
        "searchResultsArray": {
            "results": [{"listing": _flight_listing(offer, currency)} for offer in offers],
            "totalResults": len(offers),
        }
    }
    chunk = f"1a:{json.dumps(['$', '$L2b', None, content], ensure_ascii=False, separators=(',', ':'))}\n"
    # A long payload comes in several pushes, cut anywhere.
    middle = len(chunk) // 2
    pushes = ['0:["$","html",null,{}]\n', chunk[:middle], chunk[middle:]]
    scripts = "".join(f"<script>self.__next_f.push([1,{_in_script(push)}])</script>\n" for push in pushes)
    return (
        '<!DOCTYPE html><html><head><title>Search Results | AbeBooks</title></head><body><div id="__next"></div>\n'
        f"<script>(self.__next_f=self.__next_f||[]).push([0])</script>\n{scripts}</body></html>"
    )


def _flight_listing(offer: Offer, currency: str) -> dict[str, object]:
    listing: dict[str, object] = {
        "listingId": offer.number,
        "bdpCanonicalUrl": _path(offer),
        "title": offer.title,
        "author": offer.work.author,
        "isbn13": offer.isbn,
        "binding": offer.binding,
        "condition": offer.condition,
        "vendorCondition": CONDITIONS[offer.condition],
        "vendorName": offer.vendor,
        "vendorId": _vendor_number(offer),
        "quantity": offer.quantity,
        "productType": offer.product_type,
        "bsaCodes": list(offer.marks),
        "searchAttributes": [],
        "description": offer.description,
        "priceInPurchaseCurrency": {"amount": float(offer.price), "currency": currency},
    }
    if offer.shipping is not None:
        shipping = {"amount": float(offer.shipping), "currency": currency}
        listing |= {"shippingPriceInPurchaseCurrency": shipping, "shippingRates": [{"shippingPriceInPurchaseCurrency": shipping}]}
    return listing


def page_unknown(offers: list[Offer], currency: str) -> str:
    """Return a page with results in a markup that nobody has seen yet."""
    cards = "".join(f'<article class="c-{offer.number}"><h2>{escape(offer.title)}</h2><b>{offer.price}</b></article>' for offer in offers)
    return f'<!DOCTYPE html><html><head><title>AbeBooks</title></head><body><main data-v="4">{cards}</main></body></html>'


#: By the option `markup`; any other word gives the page that nobody has seen yet.
GENERATIONS: Mapping[str, Callable[[list[Offer], str], str]] = {
    "2026-03": page_of_march,
    "2026-08": page_of_august,
    "2026-09": page_of_september,
}


def _html(items: str) -> str:
    return f"<!DOCTYPE html><html><head><title>AbeBooks | Search Results</title></head><body><ul>{items}</ul></body></html>"


def _in_script(text: str) -> str:
    """Return text as a string of JavaScript that cannot end its script."""
    return json.dumps(text, ensure_ascii=False).replace("<", "\\u003c")


def _costs(offer: Offer) -> str:
    shipping = "" if offer.shipping is None else f' data-csa-c-shipping-cost="{_plain(offer.shipping)}"'
    return f'data-csa-c-cost="{_plain(offer.price)}"{shipping}'


def _plain(amount: Decimal) -> str:
    """Return an amount as the attributes have it: no cents where there are none."""
    return f"{amount.normalize():f}"


def _path(offer: Offer) -> str:
    return f"/{_slug(offer.title)}/{offer.number}/bd"


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")


def _vendor_number(offer: Offer) -> int:
    return number_of("vendor", offer.vendor) % 90_000_000


def _words_of(mark: str) -> str:
    return mark.replace("_", " ").title()


def _new_or_used(offer: Offer) -> str:
    return "New" if offer.is_new else "Used"


def _cover(offer: Offer) -> str:
    """Return what the list pages say of a binding: which of the two covers, or what it is instead of a book."""
    if offer.product_type != "DEFAULT":
        return offer.binding
    return "Softcover" if offer.binding == "Paperback" else "Hardcover"


def _condition(offer: Offer) -> str:
    return "New" if offer.is_new else f"Used - {CONDITIONS[offer.condition]}"
