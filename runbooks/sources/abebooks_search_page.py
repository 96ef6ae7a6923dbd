"""AbeBooks' search page in the three forms it has had: two of list items, and one whose data travels in scripts (Next.js)."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote

from runbooks.sources import loose_json as loose
from runbooks.sources.abebooks_errors import NAME, UnknownMarkup, wrong_currency
from runbooks.sources.plain_text import plain_text
from runbooks.sources.price_text import currency_of, money
from runbooks.sources.records import Money, Offer, Offers

SITE = "https://www.abebooks.com"

_SCRIPT_CHUNK = re.compile(r'self\.__next_f\.push\(\[1,("[^"\\]*(?:\\.[^"\\]*)*")\]\)', re.S)
_RESULTS_KEY = '"searchResultsArray":'
_DECODER = json.JSONDecoder(parse_float=Decimal)
_LISTING = re.compile(r"listing-item(?:-[0-9]+)?")
_LISTING_PATH = re.compile(r"/[^\s\"'<>\\]*/bd(?:[?#].*)?")
_NOTHING_FOUND = re.compile(r"(?:could not|couldn.t|did not|didn.t|unable to) find any|found no results|\bno results|\b0 results", re.I)
#: Share an ISBN with a book, and are none.
_NO_BOOK = re.compile(r"\b(?:audio|cds?|compact disc|cassettes?|mp3|dvd|vhs|e-?book|kindle|video)\b", re.I)
_BINDING = re.compile(r"\b(?:hard ?cover|soft ?cover|hard ?back|paper ?back|leather|cloth|mass market|library binding|board book)\b", re.I)
_SHOWN_CURRENCY = re.compile(r"(US\$|CA?\$|AU?\$|NZ\$|£|€|EUR|GBP|USD)\s?[0-9]")
_CONDITIONS = {
    "NEW": "New",
    "USED_ASNEW": "As New",
    "USED_FINE": "Fine",
    "USED_VERYGOOD": "Very Good",
    "USED_GOOD": "Good",
    "USED_FAIR": "Fair",
    "USED_POOR": "Poor",
}


def read_search_page(page: bytes, *, query: str, currency: str) -> Offers:
    """Return the offers of a page, none where it says so itself.

    Raises UnknownMarkup where neither listings nor the words for "nothing found" can be read, Refused for another currency.
    """
    markup = page.decode("utf-8", "replace")
    found = _results(markup)
    if found is not None:
        listings = [loose.mapping(loose.mapping(entry).get("listing")) for entry in found["results"]]
        offers = [_told(listing) for listing in listings if not _is_no_book(loose.text(listing.get("binding")), listing)]
        total = loose.number(found.get("totalResults")) or len(listings)
        return _offers(offers, total, page, query=query, currency=currency)
    items = _list_items(markup)
    if items:
        # The amounts stand in attributes without a currency; a description may name a price in another.
        named = Counter(_SHOWN_CURRENCY.findall(plain_text(markup))).most_common(1)
        read_as = currency_of(named[0][0]) if named else currency
        offers = [_listed(item, read_as) for item in items if not _NO_BOOK.search(_binding(item))]
        warnings = () if named else (f"the page does not name its currency, {currency} is taken for it",)
        return _offers(offers, len(items), page, query=query, currency=currency, warnings=warnings)
    if _NOTHING_FOUND.search(plain_text(markup)):
        return Offers((), 0, query)
    raise UnknownMarkup("neither listings nor the words for none", page)


def _offers(offers: list[Offer | None], total: int, page: bytes, *, query: str, currency: str, warnings: tuple[str, ...] = ()) -> Offers:
    priced = tuple(offer for offer in offers if offer)
    unread = len(offers) - len(priced)
    if unread and not priced:
        raise UnknownMarkup(f"{unread} listings, and the price of none can be read", page)
    other = next((offer.price.currency for offer in priced if offer.price.currency != currency), "")
    if other:
        raise wrong_currency(other, currency)
    if unread:
        warnings = (*warnings, f"{unread} of {len(offers)} listings name no price that can be read")
    return Offers(priced, total, query, warnings=warnings)


def _is_no_book(binding: str, listing: Mapping[str, Any]) -> bool:
    return (listing.get("productType") or "DEFAULT") != "DEFAULT" or bool(_NO_BOOK.search(binding))


def _address(path: Any) -> str:
    return SITE + path if isinstance(path, str) and _LISTING_PATH.fullmatch(path) and not path.startswith("//") else ""


def _title_in(path: str) -> str:
    """Return the words in a listing's address, which are its title's."""
    parts = path.split("/")
    return loose.text(unquote(parts[-3]).replace("-", " "), 300) if len(parts) > 3 else ""


# In scripts


def _results(markup: str) -> dict[str, Any] | None:
    """Return what the page's scripts carry, None where they carry no results; a payload may be cut over several of them."""
    try:
        payload = "".join(json.loads(chunk, strict=False) for chunk in _SCRIPT_CHUNK.findall(markup))
    except ValueError:
        return None
    for start in _places(payload, _RESULTS_KEY):
        try:
            found, _ = _DECODER.raw_decode(payload, start)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict) and isinstance(found.get("results"), list):
            return found
    return None


def _places(text: str, key: str, most: int = 10) -> Iterator[int]:
    end = 0
    for _ in range(most):
        start = text.find(key, end)
        if start < 0:
            return
        end = start + len(key)
        yield end


def _told(listing: Mapping[str, Any]) -> Offer | None:
    price, shipping = (_amount(listing.get(name)) for name in ("priceInPurchaseCurrency", "shippingPriceInPurchaseCurrency"))
    if price is None or price.amount == 0:
        return None
    path = listing.get("bdpCanonicalUrl")
    codes = [*loose.items(listing.get("bsaCodes")), *loose.items(listing.get("searchAttributes"))]
    aspects = {
        "Attributes": ", ".join(filter(None, (loose.text(code, 60).replace("_", " ").capitalize() for code in codes[:20]))),
        "Description": loose.text(listing.get("description"), 500),
    }
    return Offer(
        source=NAME,
        basis="asking",
        title=loose.text(listing.get("title"), 300) or _title_in(loose.text(path, 500)),
        price=price,
        shipping=shipping,
        url=_address(path),
        condition=loose.text(listing.get("vendorCondition"), 100) or _CONDITIONS.get(loose.text(listing.get("condition")), ""),
        binding=loose.text(listing.get("binding"), 100),
        item_id=loose.text(str(listing.get("listingId", "")), 40),
        isbn=loose.text(listing.get("isbn13"), 13),
        seller=loose.text(listing.get("vendorName"), 100),
        aspects={name: value for name, value in aspects.items() if value},
    )


def _amount(value: Any) -> Money | None:
    said = loose.mapping(value)
    return money(said.get("amount"), said.get("currency"))


# In list items


class _ListItems(HTMLParser):
    """Collect the attributes and the texts of each listing by name; a listing holds list items of its own (its chips)."""

    #: Names of texts, by what marks their element.
    _TEXTS = {
        "listing-book-condition": "book condition",
        "listing-optional-condition": "condition",
        "listing-condition": "condition",
        "listing-seller-link": "seller",
        "listing-title": "title",
    }
    _ATTRIBUTES = {"data-listingid": "id", "data-csa-c-cost": "price", "data-csa-c-shipping-cost": "shipping"}

    def __init__(self) -> None:
        super().__init__()
        self.listings: list[dict[str, str]] = []
        self._depth = 0
        #: Element and name of the text that is being read.
        self._reading = ("", "")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        mark = said.get("data-test-id", "")
        if tag == "li" and _LISTING.fullmatch(mark):
            self.listings.append({})
            self._depth = 1
        elif not self._depth:
            return
        elif tag == "li":
            self._depth += 1
            self._add("chips", f", {said.get('aria-label', '')}")
        listing = self.listings[-1]
        for attribute, name in self._ATTRIBUTES.items():
            if attribute in said:
                listing.setdefault(name, said[attribute])
        self._begin(tag, mark, said, listing)

    def _begin(self, tag: str, mark: str, said: Mapping[str, str], listing: dict[str, str]) -> None:
        name = self._TEXTS.get(mark, "description" if mark.startswith("description-") else "")
        if "seller-name" in said.get("class", "").split():
            name = "seller"
        if tag == "a" and not name and _address(said.get("href")):
            listing.setdefault("path", said["href"])
            name = "link"
        if name:
            self._reading = (tag, name)

    def handle_endtag(self, tag: str) -> None:
        if tag == self._reading[0]:
            self._reading = ("", "")
        if tag == "li" and self._depth:
            self._depth -= 1

    def handle_data(self, data: str) -> None:
        if self._depth and self._reading[1]:
            self._add(self._reading[1], data)

    def _add(self, name: str, text: str) -> None:
        listing = self.listings[-1]
        listing[name] = listing.get(name, "") + text


def _list_items(markup: str) -> list[dict[str, str]]:
    reader = _ListItems()
    reader.feed(markup)  # never closed: what is unfinished at the end is not read
    return reader.listings


def _binding(item: Mapping[str, str]) -> str:
    """Return the chip, or the part of "Used - Softcover", that names a binding or what is no book."""
    words = f"{item.get('chips', '')}, {item.get('book condition', '').replace(' - ', ', ')}".split(",")
    return next((word.strip() for word in words if _BINDING.search(word) or _NO_BOOK.search(word)), "")


def _listed(item: Mapping[str, str], currency: str) -> Offer | None:
    price = money(item.get("price"), currency)
    if price is None or price.amount == 0:
        return None
    path = item.get("path", "")
    condition = loose.text(item.get("condition") or item.get("book condition"), 100)
    aspects = {"Attributes": loose.text(item.get("chips", "").strip(" ,"), 500), "Description": loose.text(item.get("description"), 500)}
    return Offer(
        source=NAME,
        basis="asking",
        title=loose.text(item.get("title") or item.get("link"), 300) or _title_in(path),
        price=price,
        shipping=money(item.get("shipping"), currency),
        url=_address(path),
        condition=condition.removeprefix("Condition:").strip(),
        binding=loose.text(_binding(item), 100),
        item_id=loose.text(item.get("id"), 40),
        seller=loose.text(item.get("seller"), 100),
        aspects={name: value for name, value in aspects.items() if value},
    )
