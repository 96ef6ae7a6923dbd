"""eBay: application tokens, the Browse API, its quota, past sales, and short links (https://developer.ebay.com/api-docs/buy/browse/overview.html)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode

from sandbox import ebay_records, ebay_search, ebay_tokens
from sandbox.catalogue import Catalogue
from sandbox.clock import Clock
from sandbox.ebay_errors import Refusal, refused
from sandbox.ebay_notices import Notices
from sandbox.ebay_records import CURRENCIES, View
from sandbox.ebay_short_links import short_link
from sandbox.ebay_tokens import BASIC_SCOPE, INSIGHTS_SCOPE, Tokens
from sandbox.limits import PACIFIC, DailyQuota
from sandbox.listings import inventory, script, works
from sandbox.listings_market import sales
from sandbox.listings_records import Listing, Variation
from sandbox.party import Answer, Options, Party, Request, encoded

BROWSE = "/buy/browse/v1"
ITEM = f"{BROWSE}/item"
SEARCH = f"{BROWSE}/item_summary/search"
SALES = "/buy/marketplace_insights/v1_beta/item_sales/search"
RATE_LIMIT = "/developer/analytics/v1_beta/rate_limit"
PUBLIC_KEY = "/commerce/notification/v1/public_key"
#: Not eBay's: POST {"username", "to"} signs a notice that this account was closed and posts it; GET shows them all.
NOTICES = "/_notices"
#: Not eBay's: what there is to import, and what for.
SCRIPT = "/_listings"
ITEM_FIELDGROUPS = ("PRODUCT", "COMPACT", "ADDITIONAL_SELLER_DETAILS", "CHARITY_DETAILS")

_OF_ITEM = frozenset({"fieldgroups", "quantity_for_shipping_estimate"})
_OF_SEARCH = frozenset(
    {"q", "gtin", "epid", "category_ids", "charity_ids", "filter", "sort", "limit", "offset", "fieldgroups"}
    | {"aspect_filter", "compatibility_filter", "auto_correct"}
)
#: The query parameters that each call has.
PARAMETERS: Mapping[str, frozenset[str]] = {
    f"{ITEM}/*": _OF_ITEM,
    f"{ITEM}/get_item_by_legacy_id": _OF_ITEM | {"legacy_item_id", "legacy_variation_id", "legacy_variation_sku"},
    f"{ITEM}/get_items_by_item_group": _OF_ITEM | {"item_group_id"},
    SEARCH: _OF_SEARCH,
    SALES: _OF_SEARCH,
    RATE_LIMIT: frozenset({"api_name", "api_context"}),
    f"{PUBLIC_KEY}/*": frozenset(),
}


@dataclass(frozen=True, slots=True)
class EBayOptions(Options):
    """What can be set of eBay."""

    #: Browse calls a day of one application, counted from midnight Pacific time.
    per_day: int = 5000
    #: Applications that get tokens, as "id:secret" with commas between; "" takes any.
    clients: str = ""
    token_seconds: int = 7200
    #: Whether applications may see past sales; without it their scope is refused, and the call answered with 403.
    insights: bool = False
    #: For how long a listing that is being revised stays so once it was asked for, in seconds of the sandbox's clock.
    revising_seconds: float = 180.0
    #: What an unknown item is answered with: 404 as the live service does, or 400 as its specification says.
    not_found_status: int = 404
    #: Answer 400 to a query parameter that the call does not have. The live service ignores it, and so would hide a slip of ours.
    refuse_unknown_parameters: bool = True


class EBay(Party):
    """Answer as api.ebay.com does, under /short/ as ebay.us, under /_listings with the script, and under /_notices to whoever has a notice sent."""

    name: ClassVar[str] = "ebay"
    default_options: ClassVar[Options] = EBayOptions()
    options: EBayOptions

    def __init__(self, catalogue: Catalogue, clock: Clock, options: dict[str, Any] | None = None) -> None:
        super().__init__(catalogue, clock, options)
        self._listings = {listing.item: listing for listing in inventory()}
        self._sales = tuple(sales(iter(works().values())))
        self._calls: Mapping[str, Callable[[Request, View], dict[str, Any]]] = {
            f"{ITEM}/*": self._item,
            f"{ITEM}/get_item_by_legacy_id": self._item_by_legacy_id,
            f"{ITEM}/get_items_by_item_group": self._items_of_group,
            SEARCH: self._search,
        }

    def forget_calls(self) -> None:
        """Begin a new life: no token is known, no call counted, and auctions have their days before them."""
        self._tokens = Tokens()
        self._notices = Notices()
        self._days: dict[str, DailyQuota] = {}
        self._asked_while_revising: dict[str, float] = {}
        # Not now: a reset puts the clock back after this.
        self._begun: float | None = None

    def answer(self, request: Request) -> Answer:
        """Return what eBay says to a request."""
        if request.path == ebay_tokens.ENDPOINT:
            scopes = frozenset({BASIC_SCOPE, INSIGHTS_SCOPE} if self.options.insights else {BASIC_SCOPE})
            options = self.options
            return self._tokens.answer(request, now=self.clock.now(), clients=options.clients, seconds=options.token_seconds, scopes=scopes)
        if request.path.startswith("/short/"):
            return short_link(request)
        if request.path == SCRIPT:
            return Answer(200, encoded({"listings": [_scripted(listing) for listing in script()]}), endpoint=SCRIPT)
        if request.path == NOTICES:
            return Answer(200, encoded(self._noticed(request)), endpoint=NOTICES)
        endpoint = _endpoint(request.path)
        try:
            return self._called(endpoint, request)
        except Refusal as refusal:
            return refused(refusal, endpoint=endpoint, not_found_status=self.options.not_found_status, headers=self.refusal_headers())

    def _called(self, endpoint: str, request: Request) -> Answer:
        scope = INSIGHTS_SCOPE if endpoint == SALES else BASIC_SCOPE
        client = self._tokens.grant_of(request, now=self.clock.now(), scope=scope).client
        if endpoint not in PARAMETERS or request.method != "GET":
            raise Refusal(2002)
        if self.options.refuse_unknown_parameters and (unknown := set(request.query) - PARAMETERS[endpoint]):
            return _slip(endpoint, unknown)
        if endpoint == RATE_LIMIT:
            return Answer(200, encoded(self._rate_limits(client)), endpoint=endpoint)
        if endpoint == f"{PUBLIC_KEY}/*":
            return self._public_key(request.path.rpartition("/")[2], endpoint)
        if self.options.limits and not self._quota(client).take(self.clock.now(), self.options.per_day):
            raise Refusal(2001)
        view = self._view(request, endpoint)
        content = self._past_sales(request, view) if endpoint == SALES else self._calls[endpoint](request, view)
        return Answer(200, encoded(content), endpoint=endpoint, keys=_asked(request))

    def _view(self, request: Request, endpoint: str) -> View:
        """Return from where the caller looks; raise Refusal for a marketplace that the Browse API does not serve."""
        marketplace = request.header(b"x-ebay-c-marketplace-id") or "EBAY_US"
        if marketplace not in CURRENCIES:
            raise Refusal(
                12019 if endpoint == SEARCH else 11011, marketplaceId=marketplace, allowedMarketplaces=", ".join(sorted(CURRENCIES))
            )
        host, now = _host(request), self.clock.now()
        self._begun = now if self._begun is None else self._begun
        return View(f"{host}/{self.name}", f"{host}/ebayimg", marketplace, now, self._begun)

    # Notices

    def _noticed(self, request: Request) -> dict[str, Any]:
        if request.method != "POST":
            return self._notices.sent()
        asked = json.loads(request.body)
        return self._notices.send(str(asked["username"]), str(asked.get("to", "")), self.clock.now())

    def _public_key(self, key_id: str, endpoint: str) -> Answer:
        if key_id == self._notices.key_id:
            return Answer(200, encoded(self._notices.public_key()), endpoint=endpoint)
        entry = {"errorId": 195003, "domain": "API_NOTIFICATION", "category": "REQUEST", "message": "The public key was not found."}
        return Answer(404, encoded({"errors": [entry]}), endpoint=endpoint)

    # Quota

    def _quota(self, client: str) -> DailyQuota:
        return self._days.setdefault(client, DailyQuota())

    def _rate_limits(self, client: str) -> dict[str, Any]:
        now, quota = self.clock.now(), self._quota(client)
        quota.take(now, 0)  # takes nothing, but begins a new day if it is one
        midnight = (datetime.fromtimestamp(now, PACIFIC) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        rate = {
            "limit": self.options.per_day,
            "remaining": max(0, self.options.per_day - quota.taken),
            "reset": midnight.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "timeWindow": 86400,
        }
        browse = {"apiContext": "buy", "apiName": "browse", "apiVersion": "v1", "resources": [{"name": "buy.browse", "rates": [rate]}]}
        return {"rateLimits": [browse]}

    # Items

    def _item(self, request: Request, view: View) -> dict[str, Any]:
        version, _, rest = request.path.removeprefix(f"{ITEM}/").partition("|")
        number, bar, variation = rest.partition("|")
        if version != "v1" or not bar or not (number + variation).isdigit():
            raise Refusal(11012)
        listing = self._available(number, view, unknown=11001)
        if not listing.variations and variation != "0":
            raise Refusal(11001)
        return self._shown(request, listing, view, _variation(listing, variation, unknown=11001))

    def _item_by_legacy_id(self, request: Request, view: View) -> dict[str, Any]:
        if request.parameter("legacy_variation_id") and request.parameter("legacy_variation_sku"):
            raise Refusal(11010)
        if request.parameter("legacy_variation_sku"):
            raise Refusal(11009)
        listing = self._available(request.parameter("legacy_item_id"), view, unknown=11003)
        variation = request.parameter("legacy_variation_id")
        if listing.variations and not variation:
            raise Refusal(11006, itemGroupHref=ebay_records.group_href(listing, view))
        return self._shown(request, listing, view, _variation(listing, variation, unknown=11003))

    def _items_of_group(self, request: Request, view: View) -> dict[str, Any]:
        listing = self._available(request.parameter("item_group_id"), view, unknown=11002)
        if not listing.variations:
            raise Refusal(11005, itemHref=f"{view.api}{ITEM}/{ebay_records.item_id(listing, None)}")
        items = [self._shown(request, listing, view, variation) for variation in listing.variations]
        ids = [entry["itemId"] for entry in items]
        return {"items": items, "commonDescriptions": [{"description": listing.description, "itemIds": ids}]}

    def _available(self, number: str, view: View, *, unknown: int) -> Listing:
        listing = self._listings.get(number)
        if listing is None or listing.state == "ended" or ebay_records.end(listing, view) <= view.now:
            raise Refusal(unknown)
        if listing.state == "revising":
            since = self._asked_while_revising.setdefault(number, view.now)
            if view.now < since + self.options.revising_seconds:
                raise Refusal(11004)
        return listing

    def _shown(self, request: Request, listing: Listing, view: View, variation: Variation | None) -> dict[str, Any]:
        groups = [group for group in request.parameter("fieldgroups").split(",") if group]
        if unknown := [group for group in groups if group not in ITEM_FIELDGROUPS]:
            raise Refusal(11501, fieldgroups=",".join(unknown), supportedFieldgroups=",".join(ITEM_FIELDGROUPS))
        if "COMPACT" in groups and len(groups) > 1:
            raise Refusal(11018)
        if not request.parameter("quantity_for_shipping_estimate", "1").isdigit():
            raise Refusal(11019, quantityForShippingEstimate=request.parameter("quantity_for_shipping_estimate"))
        record = ebay_records.item(listing, view, variation)
        return {name: record[name] for name in ebay_records.COMPACT if name in record} if groups == ["COMPACT"] else record

    # Searches

    def _search(self, request: Request, view: View) -> dict[str, Any]:
        search = ebay_search.read(request, view)
        live = (listing for listing in self._listings.values() if listing.state != "ended" and ebay_records.end(listing, view) > view.now)
        groups = request.parameter("fieldgroups").split(",")
        extended = "EXTENDED" in groups or "FULL" in groups
        return _page(
            request, search, search.among(live), "itemSummaries", lambda found: ebay_records.summary(found, view, extended=extended)
        )

    def _past_sales(self, request: Request, view: View) -> dict[str, Any]:
        search = ebay_search.read(request, view, any_buying_option=True)
        return _page(request, search, search.among(self._sales), "itemSales", lambda found: ebay_records.sale(found, view))


def _page(
    request: Request, search: ebay_search.Search, found: list[Listing], name: str, record: Callable[[Listing], dict[str, Any]]
) -> dict[str, Any]:
    """Return one page of finds; one without any has no key for them."""
    last = search.offset + search.limit
    page: dict[str, Any] = {"href": _address(request, search), "total": len(found)}
    if last < len(found):
        page["next"] = _address(request, search, offset=last)
    if search.offset:
        page["prev"] = _address(request, search, offset=search.offset - search.limit)
    page |= {"limit": search.limit, "offset": search.offset}
    if shown := found[search.offset : last]:
        page[name] = [record(listing) for listing in shown]
    if search.warnings:
        page["warnings"] = search.warnings
    return page


def _address(request: Request, search: ebay_search.Search, offset: int | None = None) -> str:
    asked = dict(parse_qsl(request.query_string.decode("ascii", "replace")))
    asked |= {"limit": str(search.limit), "offset": str(search.offset if offset is None else offset)}
    return f"{search.view.api}{request.path}?{urlencode(asked)}"


def _variation(listing: Listing, number: str, *, unknown: int) -> Variation | None:
    """Return the variation of this number, None for a listing without any; raise Refusal when there is no such variation."""
    if not listing.variations:
        return None
    for variation in listing.variations:
        if variation.number == number:
            return variation
    raise Refusal(unknown)


def _scripted(listing: Listing) -> dict[str, str]:
    return {"case": listing.case, "purpose": listing.purpose, "link": listing.link, "item": listing.item}


def _host(request: Request) -> str:
    return f"http://{request.header(b'host') or '127.0.0.1'}"


def _endpoint(path: str) -> str:
    """Return which call a path is, without the item it is about."""
    if path.startswith(f"{PUBLIC_KEY}/"):
        return f"{PUBLIC_KEY}/*"
    return path if path in PARAMETERS or not path.startswith(f"{ITEM}/") else f"{ITEM}/*"


def _asked(request: Request) -> tuple[str, ...]:
    names = ("q", "gtin", "legacy_item_id", "item_group_id")
    return next(((request.parameter(name),) for name in names if request.parameter(name)), (request.path.rpartition("/")[2],))


def _slip(endpoint: str, unknown: set[str]) -> Answer:
    message = f"{endpoint} has no parameter {', '.join(sorted(unknown))}"
    entry = {"errorId": 0, "domain": "SANDBOX", "category": "REQUEST", "message": message}
    return Answer(400, encoded({"errors": [entry]}), endpoint=endpoint)
