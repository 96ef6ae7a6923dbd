from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookops.outbound.errors import BadAnswer, NotFound, Refused, SourceError, TryAgain
from bookops.outbound.http import Door
from bookops.outbound.quota import Limits, Quota
from bookops.outbound.wire import Bounds
from runbooks.sources.ebay import LONGEST_QUERY, REVISED_AFTER, DayLimit, Ebay, keywords, parse_limits
from runbooks.sources.ebay_tokens import EbayTokens, ProcessShelf
from runbooks.sources.records import Money, Offer
from tests.bookops.outbound.rude_server import FAULTS, RudeServer, answer, running
from tests.runbooks.sources.ebay_answers import NOW, client, error, item, recorded, token
from tests.runbooks.sources.fake_door import FakeDoor, Said

GROUP = "https://api.ebay.com/buy/browse/v1/item/get_items_by_item_group?item_group_id=385462201428"


def summary(number: str = "256712345678", **changes: Any) -> dict[str, Any]:
    return item(number, **{"condition": "Very Good", **changes})


def found(*summaries: dict[str, Any], **more: Any) -> dict[str, Any]:
    return (
        {"href": "…", "total": len(summaries), "limit": 200, "offset": 0} | ({"itemSummaries": list(summaries)} if summaries else {}) | more
    )


# One listing


def test_a_listing_is_asked_for_by_the_number_in_its_address():
    source, door = client(item())
    assert source.item("256712345678").price == Money(Decimal("275.00"), "USD")
    (asked,) = door.asked
    assert (asked.path, asked.params) == ("/buy/browse/v1/item/get_item_by_legacy_id", {"legacy_item_id": "256712345678"})
    assert asked.headers == {"Authorization": "Bearer v^1.1#token1", "X-EBAY-C-MARKETPLACE-ID": "EBAY_US"}


def test_a_variation_and_a_marketplace_are_passed_on():
    source, door = client(item(variation="653317790198"), marketplace="EBAY_GB")
    assert (
        source.item("256712345678", "653317790198", marketplace="EBAY_DE").url == "https://www.ebay.com/itm/256712345678?var=653317790198"
    )
    assert door.asked[0].params == {"legacy_item_id": "256712345678", "legacy_variation_id": "653317790198"}
    assert door.asked[0].headers["X-EBAY-C-MARKETPLACE-ID"] == "EBAY_DE"
    source.item_by_id("v1|256712345678|0")
    assert door.asked[1].path == "/buy/browse/v1/item/v1|256712345678|0"
    assert door.asked[1].headers["X-EBAY-C-MARKETPLACE-ID"] == "EBAY_GB"


@pytest.mark.parametrize(("variation", "title"), [("", "Red"), ("22", "Blue")])
def test_a_listing_with_variations_is_read_as_a_group(variation, title):
    group = {
        "items": [item("385462201428", "11", title="Red"), item("385462201428", "22", title="Blue", description="<p>Its own</p>")],
        "commonDescriptions": [{"description": "<p>For all</p>", "itemIds": ["v1|385462201428|11", "v1|385462201428|22"]}],
    }
    source, door = client(error(11006, itemGroupHref=GROUP), group)
    facts = source.item("385462201428", variation)
    assert (facts.title, facts.group_id) == (title, "385462201428")
    assert facts.description == ("For all" if title == "Red" else "Its own")
    assert (door.asked[1].path, door.asked[1].params) == (
        "/buy/browse/v1/item/get_items_by_item_group",
        {"item_group_id": "385462201428"},
    )


@pytest.mark.parametrize("href", ["https://evil.example/?item_group_id=x", "", "file:///etc/passwd", "https://[::1"])
def test_the_address_of_a_group_is_never_asked(href):
    source, door = client(error(11006, itemGroupHref=href), {"items": [item()]})
    source.item("256712345678")
    assert door.asked[1].params == {"item_group_id": "256712345678"}


def test_a_variation_that_the_group_has_not_is_gone():
    source, _ = client(error(11006, itemGroupHref=GROUP), {"items": [item(variation="11")]})
    with pytest.raises(NotFound) as caught:
        source.item("256712345678", "99")
    assert caught.value.reason == "gone"


# The table of errors


@pytest.mark.parametrize(
    ("said", "kind", "reason"),
    [
        (error(11001, 404), NotFound, "gone"),
        (error(11001, 400), NotFound, "gone"),
        (error(11002), NotFound, "gone"),
        (error(11003, 404), NotFound, "gone"),
        (error(11004), TryAgain, "being_revised"),
        (error(11008), TryAgain, "being_revised"),
        (error(1100, 403), Refused, "access_denied"),
        (error(11010), Refused, "ebay_11010"),
        (error(11012), Refused, "ebay_11012"),
        (error(12001), Refused, "ebay_12001"),
        (error(12013, 409), Refused, "query_too_broad"),
        (error(12019, 409), Refused, "marketplace_unsupported"),
        (error(12023), Refused, "query_too_broad"),
        (error(2001, 429), TryAgain, "quota_day"),
        (error(11000, 500), TryAgain, "http_500"),
        (error(12000, 500), TryAgain, "http_500"),
        (error(5, 503), TryAgain, "http_503"),
        (Said(429, b"slow down", "text/plain"), TryAgain, "rate_limited"),
        (Said(403, b"<html>", "text/html"), Refused, "forbidden"),
        (Said(404, {}), NotFound, "not_found"),
        (Said(400, {"errors": [None, {"errorId": "x"}, {"errorId": 12001}]}), Refused, "ebay_12001"),
        (Said(400, {"errors": {"errorId": 12001}}), Refused, "http_400"),
    ],
)
def test_an_error_is_read_by_its_number(said, kind, reason):
    source, _ = client(said)
    with pytest.raises(kind) as caught:
        source.item("256712345678")
    assert caught.value.reason == reason


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "status", "kind", "reason"),
    [
        ("error_400_11004_unavailable", 400, TryAgain, "being_revised"),
        ("error_400_11006_legacy_is_group", 400, Refused, "is_group"),
        ("error_400_12001_search_needs_query", 400, Refused, "ebay_12001"),
        ("error_401_1001_invalid_token", 401, Refused, "bad_token"),
        ("error_403_1100_access_denied", 403, Refused, "access_denied"),
        ("error_404_11001_item_not_found", 404, NotFound, "gone"),
        ("error_404_11003_legacy_not_found", 404, NotFound, "gone"),
        ("error_409_12019_marketplace", 409, Refused, "marketplace_unsupported"),
        ("error_429_2001_too_many_requests", 429, TryAgain, "quota_day"),
        ("error_500_11000", 500, TryAgain, "http_500"),
    ],
)
def test_it_reads_recorded_errors(name, status, kind, reason):
    source, _ = client(Said(status, recorded(f"constructed/{name}.json")))
    with pytest.raises(kind) as caught:
        source.item_by_id("v1|256712345678|0")
    assert caught.value.reason == reason


def test_a_used_up_day_lasts_until_midnight_at_ebay():
    source, _ = client(error(2001, 429))
    with pytest.raises(TryAgain) as caught:
        source.search(q="dune")
    assert (caught.value.spent, caught.value.retry_after) == (True, 7200)


def test_a_listing_that_is_being_revised_holds_up_no_other():
    with running(RudeServer()) as server:
        server.replies["/identity/v1/oauth2/token"] = answer(200, b'{"access_token": "t", "expires_in": 7200}')
        server.default = answer(400, b'{"errors": [{"errorId": 11004, "message": "Wait"}]}')
        quota = Quota("ebay", None, Limits())
        door = Door("ebay", server.url, user_agent="x", quota=quota)
        with pytest.raises(TryAgain) as caught:
            Ebay(door, EbayTokens(door, "id", "secret", ProcessShelf())).item("256712345678")
    assert (caught.value.retry_after, caught.value.spent) == (REVISED_AFTER, False)
    assert quota.state().blocked_for == 0


# Comparables


def test_a_search_by_isbn_is_one_call_for_all_there_is():
    source, door = client(found(summary()))
    offers = source.search(gtin="9780441172719")
    (asked,) = door.asked
    assert asked.path == "/buy/browse/v1/item_summary/search"
    assert asked.params == {
        "gtin": "9780441172719",
        "category_ids": "261186",
        "filter": "buyingOptions:{FIXED_PRICE|AUCTION}",
        "limit": "200",
    }
    assert (offers.query, offers.total, offers.calls, offers.offers[0].isbn) == ("9780441172719", 1, 1, "9780441172719")


def test_a_search_by_words_is_among_all_books():
    source, door = client(found())
    assert source.search(q="Idylls King Tennyson", limit=5_000).query == "Idylls King Tennyson"
    assert door.asked[0].params["q"] == "Idylls King Tennyson"
    assert (door.asked[0].params["category_ids"], door.asked[0].params["limit"]) == ("267", "200")


@pytest.mark.parametrize(
    ("bounds", "price"),
    [
        ({"lowest": Decimal(5)}, "price:[5]"),
        ({"lowest": Decimal(0)}, "price:[0]"),
        ({"lowest": Decimal("1E+2")}, "price:[100]"),
        ({"highest": Decimal("50.5")}, "price:[..50.5]"),
        ({"lowest": Decimal(5), "highest": Decimal(50)}, "price:[5..50]"),
    ],
)
def test_a_price_is_never_asked_for_without_its_currency(bounds, price):
    source, door = client(found())
    source.search(q="dune", currency="GBP", **bounds)
    assert door.asked[0].params["filter"] == f"buyingOptions:{{FIXED_PRICE|AUCTION}},{price},priceCurrency:GBP"


@pytest.mark.parametrize("question", [{}, {"gtin": "9780441172719", "q": "dune"}])
def test_product_number_and_words_are_not_asked_together(question):
    source, door = client(found())
    with pytest.raises(ValueError, match="one of the two"):
        source.search(**question)
    assert door.asked == []


def test_a_query_without_a_word_is_not_asked():
    source, door = client(found())
    with pytest.raises(Refused) as caught:
        source.search(q="(*)")
    assert (caught.value.reason, door.asked) == ("empty_query", [])


def test_an_offer_has_its_basis():
    source, _ = client(
        found(
            summary("256700000001", itemCreationDate="2026-10-02T17:20:11.000Z", seller={"username": "wren"}),
            summary("256700000002", buyingOptions=["AUCTION"], price=None, currentBidPrice={"value": "7.50", "currency": "USD"}, bidCount=4,
                    itemCreationDate="2026-11-20T20:00:00.000Z", itemEndDate="2026-11-30T20:00:00.000Z"),
            summary("256700000003", buyingOptions=["FIXED_PRICE", "AUCTION"], currentBidPrice={"value": "1.00", "currency": "USD"}),
            summary("256700000004", buyingOptions=["AUCTION"], price={"value": "9", "currency": "USD"}),
        )
    )  # fmt: skip
    asked, auction, both = source.search(q="idylls").offers
    assert asked == Offer(
        source="ebay",
        basis="asking",
        title="Idylls of the King, full morocco by Zaehnsdorf",
        price=Money(Decimal("275.00"), "USD"),
        url="https://www.ebay.com/itm/256700000001",
        condition="Very Good",
        at=date(2026, 10, 2),
        item_id="v1|256700000001|0",
        seller="wren",
    )
    assert (auction.basis, auction.price, auction.at) == ("auction", Money(Decimal("7.50"), "USD"), date(2026, 11, 30))
    assert (both.basis, both.price) == ("asking", Money(Decimal("275.00"), "USD"))


def test_an_offer_has_the_price_that_the_seller_named():
    converted = {"value": "31.20", "currency": "USD", "convertedFromValue": "24.00", "convertedFromCurrency": "GBP"}
    shipping = [{"shippingCostType": "CALCULATED"}, {"shippingCost": {"value": "0.00", "currency": "USD"}}]
    source, _ = client(
        found(summary(price=converted, shippingOptions=shipping), summary(shippingOptions=[{"shippingCostType": "CALCULATED"}]))
    )
    first, second = source.search(q="idylls").offers
    assert (first.price, first.shipping) == (Money(Decimal("24.00"), "GBP"), Money(Decimal("0.00"), "USD"))
    assert second.shipping is None


@pytest.mark.parametrize(
    "price",
    [
        None,
        {},
        {"value": "0.00", "currency": "USD"},
        {"value": "-1", "currency": "USD"},
        {"value": "5"},
        "5",
        {"value": "NaN", "currency": "USD"},
    ],
)
def test_an_offer_without_a_price_is_left_out(price):
    source, _ = client(found(summary(price=price), summary("256700000002")))
    offers = source.search(q="idylls")
    assert [offer.item_id for offer in offers.offers] == ["v1|256700000002|0"]
    assert offers.total == 2


@pytest.mark.parametrize("number", [12002, 12008, 12009, 12012, 12022])
def test_offers_of_a_question_that_ebay_cut_are_not_usable(number):
    source, _ = client(found(summary(), warnings=[{"errorId": number, "message": "ignored"}]))
    offers = source.search(q="idylls")
    assert (offers.usable, offers.warnings, len(offers.offers)) == (False, (f"{number} ignored",), 1)


def test_other_warnings_are_told_and_do_no_harm():
    source, _ = client(
        found(summary(), warnings=[{"errorId": 11510, "message": "no shipping"}, {"errorId": [12012]}, None, {"message": "?"}])
    )
    offers = source.search(q="idylls")
    assert (offers.usable, offers.warnings) == (True, ("11510 no shipping", "", "?"))


@pytest.mark.shared
def test_it_reads_recorded_searches():
    source, _ = client(recorded("constructed/search_empty.json"))
    assert (source.search(q="dune").offers, source.search(q="dune").usable) == ((), True)
    source, _ = client(recorded("constructed/search_200_with_warnings.json"))
    assert not source.search(q="dune").usable
    for name, most in [
        ("gaurav_search_iphone_100_best_match", 100),
        ("gaurav_search_iphone_100_sort_price", 100),
        ("search_rtx_a5000", 200),
    ]:
        payload = recorded(f"{name}.json")
        source, _ = client(payload)
        offers = source.search(q="x")
        assert (len(offers.offers), offers.total) == (len(payload["itemSummaries"]), payload["total"])
        assert 0 < len(offers.offers) <= most
        assert all(offer.title and offer.url and offer.price.currency and offer.item_id for offer in offers.offers)


@pytest.mark.parametrize("payload", [[], None, "text", {}, {"itemSummaries": {}}, {"errors": []}])
def test_another_shape_is_a_bad_answer(payload):
    source, _ = client(payload)
    for ask in (lambda: source.search(q="x"), lambda: source.item("256712345678"), source.limits):
        with pytest.raises(BadAnswer):
            ask()


# Sold prices


def test_sold_prices_are_refused_where_ebay_shows_none():
    source, door = client(found())
    with pytest.raises(Refused) as caught:
        source.sold(q="dune")
    assert (caught.value.reason, source.shows_sold, door.asked) == ("not_entitled", False, [])


def test_sold_prices_are_asked_for_with_their_own_token():
    sale = {
        "itemId": "v1|256700000009|0",
        "title": "Idylls of the King",
        "condition": "Good",
        "lastSoldDate": "2026-11-01T10:00:00.000Z",
        "lastSoldPrice": {"value": "255.00", "currency": "USD"},
        "totalSoldQuantity": 1,
    }
    sold_tokens = EbayTokens(FakeDoor(token(9)), "id", "secret", ProcessShelf())
    source, door = client({"total": 2, "itemSales": [sale, {"title": "unpriced"}]}, sold_tokens=sold_tokens)
    (offer,) = source.sold(gtin="9780441172719").offers
    assert (offer.basis, offer.price, offer.at) == ("sold", Money(Decimal("255.00"), "USD"), date(2026, 11, 1))
    assert offer.url == "https://www.ebay.com/itm/256700000009"
    assert door.asked[0].path == "/buy/marketplace_insights/v1_beta/item_sales/search"
    assert door.asked[0].headers["Authorization"] == "Bearer v^1.1#token9"


# What a query says


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("Tennyson (Idylls, King)", "Tennyson Idylls King"),
        ('"Idylls of the King" -facsimile', "Idylls of the King facsimile"),
        ("half-calf + morocco", "half-calf morocco"),
        ("dune*\n\x00 1965", "dune 1965"),
        ("word " * 40, ("word " * 20).strip()),
        ("x" * 300, "x" * 100),
    ],
)
def test_a_query_means_its_words_only(text, sent):
    assert keywords(text) == sent


@given(st.text(max_size=400))
def test_no_text_makes_a_query_that_ebay_reads_otherwise(text):
    sent = keywords(text)
    assert len(sent) <= LONGEST_QUERY
    assert not set('(),"*\\\n') & set(sent)
    assert not any(word.startswith(("-", "+")) for word in sent.split())


# What eBay counts


def rates(name: str, *rates: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "rates": list(rates)}


def test_it_tells_what_ebay_has_counted():
    used = {"limit": 5000, "remaining": 4990, "reset": "2026-11-23T08:00:00.000Z", "timeWindow": 86400}
    bulk = rates("buy.browse.item.bulk", {"limit": 5000, "remaining": 5000})
    source, door = client({"rateLimits": [{"apiName": "browse", "resources": [bulk, rates("buy.browse", used)]}]})
    assert source.limits() == DayLimit(5000, 4990, datetime(2026, 11, 23, 8, tzinfo=UTC))
    assert (door.asked[0].path, door.asked[0].params) == (
        "/developer/analytics/v1_beta/rate_limit",
        {"api_name": "browse", "api_context": "buy"},
    )
    assert parse_limits({"rateLimits": [{"resources": [rates("item", {"limit": 5, "remaining": 0})]}]}) == DayLimit(5, 0, None)


# Faults


@pytest.fixture(scope="module")
def rude() -> Any:
    with running(RudeServer()) as server:
        yield server


CALLS = {
    "item": lambda source: source.item("256712345678"),
    "item_by_id": lambda source: source.item_by_id("v1|256712345678|0"),
    "search": lambda source: source.search(q="dune"),
    "sold": lambda source: source.sold(q="dune"),
    "limits": lambda source: source.limits(),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_of_every_call_is_one_of_the_four_errors(rude, fault, call):
    rude.default = FAULTS[fault]
    door = Door("ebay", rude.url, user_agent="x", bounds=Bounds(connect=0.3, read=0.15, total=0.2, max_bytes=1_000_000))
    shelf = ProcessShelf()
    shelf.put("t", 60)
    tokens = EbayTokens(door, "id", "secret", shelf)
    with pytest.raises(SourceError):
        CALLS[call](Ebay(door, tokens, sold_tokens=tokens, clock=lambda: NOW))
