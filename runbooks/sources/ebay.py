"""eBay: one listing by its number, what comparable books are offered for, and what they sold for.

Documentation: https://developer.ebay.com/api-docs/buy/browse/overview.html,
https://developer.ebay.com/api-docs/buy/marketplace-insights/overview.html, https://developer.ebay.com/api-docs/developer/analytics/overview.html
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from bookops.outbound.answers import Answer
from bookops.outbound.errors import BadAnswer, NotFound, Refused, SourceError, TryAgain
from bookops.outbound.http import Door
from runbooks.sources import ebay_values as values
from runbooks.sources import loose_json as loose
from runbooks.sources.ebay_errors import BeingRevised, IsGroup, TokenNotTaken, explain
from runbooks.sources.ebay_images import EBAY_PICTURES
from runbooks.sources.ebay_items import parse_group, parse_item
from runbooks.sources.ebay_offers import NAME, parse_sales, parse_search
from runbooks.sources.ebay_tokens import EbayTokens
from runbooks.sources.records import ListingFacts, Offers

#: "Books"; antiquarian books have a category of their own beside it.
BOOKS = "261186"
#: "Books & Magazines", above both. As a top-level category it is taken together with keywords only.
BOOKS_AND_MAGAZINES = "267"
#: Results of one call, the most that eBay sends; a search is one call.
MOST_OFFERS = 200
#: Characters of a query that eBay reads.
LONGEST_QUERY = 100
#: Seconds after which a listing that its seller is changing is asked for again.
REVISED_AFTER = 180.0

_BROWSE = "/buy/browse/v1"
_SOLD_SEARCH = "/buy/marketplace_insights/v1_beta/item_sales/search"
_PUBLIC_KEY = "/commerce/notification/v1/public_key"
_RATE_LIMIT = "/developer/analytics/v1_beta/rate_limit"
#: Brackets and commas mean "or" in a query, an asterisk is not allowed, a minus before a word excludes it.
_OPERATORS = re.compile(r"[(),\"*\\]|(?<!\S)[-+]+")


@dataclass(frozen=True, slots=True)
class DayLimit:
    """Say what eBay counts of an application's calls."""

    limit: int
    remaining: int
    #: None where eBay does not say.
    resets_at: datetime | None


class Ebay:
    """Ask eBay through a door to its API (https://api.ebay.com).

    Every method may raise one of the four errors. A method is one call, two where a listing has variations or a token had run out.
    `sold_tokens` (of SOLD_SCOPE) are for those whom eBay shows sold prices; `picture_origins` name the hosts that a picture's address
    may have. `flow` is whoever shares the pace fairly.
    """

    name = NAME

    def __init__(
        self,
        door: Door,
        tokens: EbayTokens,
        *,
        marketplace: str = "EBAY_US",
        sold_tokens: EbayTokens | None = None,
        picture_origins: Collection[str] = (EBAY_PICTURES,),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.door = door
        self.marketplace = marketplace
        self._tokens = tokens
        self._sold_tokens = sold_tokens
        self._picture_origins = frozenset(picture_origins)
        self._clock = clock

    def __repr__(self) -> str:
        return f"<Ebay {self.marketplace} through {self.door!r}>"

    @property
    def shows_sold(self) -> bool:
        return self._sold_tokens is not None

    def item(self, legacy_id: str, variation: str = "", *, marketplace: str = "", flow: str = "") -> ListingFacts:
        """Return a listing by the number in its address; of one with variations the named one, else the first.

        Raises NotFound ("gone") for one that has ended, was sold or never was, TryAgain ("being_revised") for one that changes now.
        """
        params = {"legacy_item_id": legacy_id} | ({"legacy_variation_id": variation} if variation else {})
        try:
            answer = self._get(f"{_BROWSE}/item/get_item_by_legacy_id", params, marketplace=marketplace, flow=flow)
        except IsGroup as group:
            group_id = group.group_id or legacy_id
        else:
            return parse_item(answer, picture_origins=self._picture_origins)
        answer = self._get(f"{_BROWSE}/item/get_items_by_item_group", {"item_group_id": group_id}, marketplace=marketplace, flow=flow)
        return parse_group(answer, variation, group_id=group_id, picture_origins=self._picture_origins)

    def item_by_id(self, item_id: str, *, marketplace: str = "", flow: str = "") -> ListingFacts:
        """Return a listing by the API's form of its number, "v1|256712345678|0"; like `item` otherwise."""
        answer = self._get(f"{_BROWSE}/item/{item_id}", {}, marketplace=marketplace, flow=flow)
        return parse_item(answer, picture_origins=self._picture_origins)

    def search(
        self,
        *,
        gtin: str = "",
        q: str = "",
        lowest: Decimal | None = None,
        highest: Decimal | None = None,
        currency: str = "USD",
        limit: int = MOST_OFFERS,
        flow: str = "",
    ) -> Offers:
        """Return what is offered now, at a fixed price or as an auction, by product number or by keywords (one of the two).

        Of auctions the current bid is told. `lowest` and `highest` are prices in `currency`. Where eBay ignored a part of the
        question the offers are not usable, and its warnings say why.
        """
        params = _question(gtin, q, _price_filter(lowest, highest, currency), limit)
        answer = self._get(f"{_BROWSE}/item_summary/search", params, flow=flow)
        return parse_search(answer, query=params.get("q") or gtin, isbn=values.isbn13_of(gtin))

    def sold(self, *, gtin: str = "", q: str = "", limit: int = MOST_OFFERS, flow: str = "") -> Offers:
        """Return what was sold in the last 90 days; raises Refused ("not_entitled") where eBay shows this application no sales."""
        if self._sold_tokens is None:
            raise Refused("sold prices are switched off", reason="not_entitled", source=NAME)
        params = _question(gtin, q, "", limit)
        answer = self._get(_SOLD_SEARCH, params, tokens=self._sold_tokens, flow=flow)
        return parse_sales(answer, query=params.get("q") or gtin, isbn=values.isbn13_of(gtin))

    def limits(self) -> DayLimit:
        """Return what eBay itself has counted today for the calls of `item` and `search`, of all who use this application."""
        return parse_limits(self._get(_RATE_LIMIT, {"api_name": "browse", "api_context": "buy"}))

    def public_key(self, key_id: str) -> str:
        """Return the key, as PEM on one line, that notices signed under this id are checked with; raises NotFound where there is none."""
        try:
            said = self._get(f"{_PUBLIC_KEY}/{key_id}", {})
        except Refused as error:
            # Its own number, and so no word about us: about the only thing that was asked.
            if error.reason.startswith("ebay_"):
                raise NotFound("no such key", source=NAME) from None
            raise
        key = loose.text(loose.mapping(said).get("key"))
        if not key:
            raise BadAnswer("expected a public key", reason="unexpected_shape", source=NAME)
        return key

    def _get(self, path: str, params: Mapping[str, str], *, marketplace: str = "", tokens: EbayTokens | None = None, flow: str = "") -> Any:
        """Ask with a token, once more with a new one when eBay no longer takes it."""
        tokens = tokens or self._tokens
        token = tokens.current()
        try:
            try:
                return self._ask(path, params, token, marketplace, flow)
            except TokenNotTaken:
                tokens.drop(token)
                return self._ask(path, params, tokens.current(), marketplace, flow)
        except BeingRevised as error:
            raise TryAgain(error.detail, reason=error.reason, retry_after=REVISED_AFTER, source=NAME) from None

    def _ask(self, path: str, params: Mapping[str, str], token: str, marketplace: str, flow: str) -> Any:
        headers = {"Authorization": f"Bearer {token}", "X-EBAY-C-MARKETPLACE-ID": marketplace or self.marketplace}
        return self.door.get(path, params, headers=headers, flow=flow, explain=self._explain).data

    def _explain(self, answer: Answer) -> SourceError | None:
        return explain(answer, self._clock())


def _question(gtin: str, q: str, price_filter: str, limit: int) -> dict[str, str]:
    if bool(gtin) == bool(q):
        raise ValueError("eBay is asked by product number or by keywords, one of the two")
    words = keywords(q)
    if not gtin and not words:
        raise Refused("there is no word to search for", reason="empty_query", source=NAME)
    asked = {"gtin": gtin, "category_ids": BOOKS} if gtin else {"q": words, "category_ids": BOOKS_AND_MAGAZINES}
    # Without the filter eBay brings fixed prices only.
    filters = "buyingOptions:{FIXED_PRICE|AUCTION}" + price_filter
    return asked | {"filter": filters, "limit": str(min(max(limit, 1), MOST_OFFERS))}


def _price_filter(lowest: Decimal | None, highest: Decimal | None, currency: str) -> str:
    if lowest is None and highest is None:
        return ""
    bounds = ("" if lowest is None else f"{lowest:f}") + ("" if highest is None else f"..{highest:f}")
    # Without a currency eBay ignores the price, and says so in a warning only.
    return f",price:[{bounds}],priceCurrency:{currency}"


def keywords(text: str) -> str:
    """Return a query that means its words and nothing more, cut between two words."""
    words = " ".join(_OPERATORS.sub(" ", loose.text(text)).split())
    if len(words) <= LONGEST_QUERY:
        return words
    return words[: LONGEST_QUERY + 1].rpartition(" ")[0] or words[:LONGEST_QUERY]


def parse_limits(payload: Any) -> DayLimit:
    """Return the day's limit; eBay lists a second one, for reading in bulk, which is not ours."""
    for api in loose.mappings(loose.mapping(payload).get("rateLimits")):
        for resource in loose.mappings(api.get("resources")):
            rates = loose.mappings(resource.get("rates"))
            limit, remaining = (loose.number(rates[0].get(name)) for name in ("limit", "remaining")) if rates else (None, None)
            if limit is not None and remaining is not None and "bulk" not in loose.text(resource.get("name")):
                return DayLimit(limit, remaining, loose.moment(rates[0].get("reset")))
    raise BadAnswer("expected the rate limits of the Browse API", reason="unexpected_shape", source=NAME)
