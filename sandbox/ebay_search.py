"""The Browse API's search: keywords, product numbers, categories, order and pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sandbox import ebay_filters
from sandbox.chance import number_of
from sandbox.ebay_errors import Refusal, problem
from sandbox.ebay_filters import Test, chosen_in, price_of
from sandbox.ebay_records import CATEGORIES, View, converted, end
from sandbox.listings_records import Listing
from sandbox.party import Request
from sandbox.words import words

LONGEST_KEYWORDS = 100
DEFAULT_LIMIT, HIGHEST_LIMIT, LISTINGS_REACHED = 50, 200, 10_000
TOP_CATEGORIES = {path[0][0] for path in CATEGORIES.values()}
#: All are taken; the containers that the refinements add are left out.
FIELDGROUPS = (
    *("MATCHING_ITEMS", "EXTENDED", "FULL", "ASPECT_REFINEMENTS", "BUYING_OPTION_REFINEMENTS", "CATEGORY_REFINEMENTS"),
    "CONDITION_REFINEMENTS",
)

_ALTERNATIVES = re.compile(r"\(([^()]*)\)")


@dataclass
class Search:
    """One search as it was asked for; reading it collects the warnings that go with the answer."""

    view: View
    tests: list[Test] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)
    order: Callable[[Listing], Any] | None = None
    limit: int = DEFAULT_LIMIT
    offset: int = 0

    def warn(self, error_id: int, **parameters: str) -> None:
        """Note that something of the request was not followed."""
        self.warnings.append(problem(error_id, **parameters))

    def among(self, listings: Iterable[Listing]) -> list[Listing]:
        """Return what is found, in the order asked for, "best match" without one."""
        found = [listing for listing in listings if all(test(listing) for test in self.tests)]
        return sorted(found, key=self.order or (lambda listing: number_of("best match", listing.item)))


def read(request: Request, view: View, *, any_buying_option: bool = False) -> Search:
    """Return the search that a request asks for; raise Refusal for one that eBay does not answer.

    A search that names no buying option finds fixed prices alone, unless `any_buying_option`.
    """
    search = Search(view)
    _read_page(request, search)
    _read_subject(request, search)
    tests, warnings = ebay_filters.read(request.parameter("filter"), buying="" if any_buying_option else "{FIXED_PRICE}")
    search.tests += tests
    search.warnings += warnings
    _read_aspects(request.parameter("aspect_filter"), search)
    _read_order(request.parameter("sort"), search)
    if request.parameter("auto_correct", "KEYWORD") != "KEYWORD":
        raise Refusal(12027)
    for name in filter(None, request.parameter("fieldgroups").split(",")):
        if name not in FIELDGROUPS:
            search.warn(12016, fieldgroups=name)
    return search


def _read_page(request: Request, search: Search) -> None:
    search.limit = _whole(request.parameter("limit", str(DEFAULT_LIMIT)), 12007)
    search.offset = _whole(request.parameter("offset", "0"), 12005)
    if not 1 <= search.limit <= HIGHEST_LIMIT:
        raise Refusal(12006)
    if search.offset < 0:
        raise Refusal(12004)
    if search.offset >= LISTINGS_REACHED:
        raise Refusal(12029)
    if search.offset % search.limit:
        raise Refusal(12515)


def _whole(text: str, error_id: int) -> int:
    try:
        return int(text)
    except ValueError:
        raise Refusal(error_id) from None


def _read_subject(request: Request, search: Search) -> None:
    keywords, gtin, epid, category = (request.parameter(name).strip() for name in ("q", "gtin", "epid", "category_ids"))
    # The documentation forbids keywords beside a product number without naming the error; this is the nearest.
    if not (keywords or gtin or epid or category) or (keywords and (gtin or epid)):
        raise Refusal(12001)
    if keywords:
        search.tests.append(_with_keywords(keywords[:LONGEST_KEYWORDS]))
    if gtin:
        _read_gtin(gtin, search)
    if epid:
        search.tests.append(lambda listing: False)
    if category:
        _read_category(category, search, alone=not (keywords or gtin or epid))


def _read_gtin(gtin: str, search: Search) -> None:
    if not re.fullmatch(r"\d{8}|\d{9}[\dXx]|\d{12,14}", gtin):
        search.warn(12022, gtin=gtin)
        search.tests.append(lambda listing: False)
    else:
        search.tests.append(lambda listing: listing.gtin == gtin)


def _read_category(category: str, search: Search, *, alone: bool) -> None:
    if category.count(","):
        raise Refusal(12030, allowedMaxCategories="1")
    if not category.isdigit():
        search.warn(12009)
    elif category in TOP_CATEGORIES and alone:
        raise Refusal(12013)
    else:
        search.tests.append(lambda listing: category in {number for number, _ in CATEGORIES[listing.category]})


# Keywords


def _with_keywords(text: str) -> Test:
    """Return whether a listing has every word; of words in brackets with commas between, one will do."""
    alternatives = [[_stems(choice) for choice in match.split(",")] for match in _ALTERNATIVES.findall(text)]
    required = _stems(_ALTERNATIVES.sub(" ", text))

    def found(listing: Listing) -> bool:
        there = _words_of(listing)
        return required <= there and all(any(choice <= there for choice in choices) for choices in alternatives)

    return found


_words_by_listing: dict[Listing, frozenset[str]] = {}


def _words_of(listing: Listing) -> frozenset[str]:
    there = _words_by_listing.get(listing)
    if there is None:
        text = " ".join((listing.title, listing.subtitle, *listing.aspects.values()))
        there = _words_by_listing.setdefault(listing, _stems(text))
    return there


def _stems(text: str) -> frozenset[str]:
    """Return the words without endings and in one form, as eBay takes "vols" for "volume"."""
    return frozenset("volume" if word in ("vol", "vols", "volumes") else word.removesuffix("s") or word for word in words(text))


def _read_aspects(text: str, search: Search) -> None:
    if not text:
        return
    category, *aspects = text.split(",")
    name, _, number = category.partition(":")
    if name != "categoryId" or not number.isdigit():
        search.warn(12017)
        return
    for aspect in aspects:
        name, _, value = aspect.partition(":")
        search.tests.append(_with_aspect(name, chosen_in(value) or {value}))


def _with_aspect(name: str, chosen: set[str]) -> Test:
    return lambda listing: listing.aspects.get(name) in chosen


# Order


def _read_order(text: str, search: Search) -> None:
    orders: Mapping[str, Callable[[Listing], Any]] = {
        "price": lambda listing: _cost(listing, search.view),
        "-price": lambda listing: -_cost(listing, search.view),
        "newlyListed": lambda listing: number_of("created", listing.item) % 200,
        "endingSoonest": lambda listing: end(listing, search.view),
        "distance": lambda listing: listing.country != search.view.marketplace[-2:],
    }
    if text and text not in orders:
        search.warn(12008)
    search.order = orders.get(text)


def _cost(listing: Listing, view: View) -> Decimal:
    """Return price and shipping together, which is what eBay orders by."""
    return converted((price_of(listing) or Decimal(0)) + (listing.shipping or Decimal(0)), listing.currency, view.currency)
