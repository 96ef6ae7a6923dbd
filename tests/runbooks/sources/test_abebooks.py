from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookops.outbound.errors import Refused, SourceError, TryAgain
from bookops.outbound.http import Door
from bookops.outbound.wire import Bounds
from runbooks.sources.abebooks import AbeBooks
from runbooks.sources.abebooks_errors import UnknownMarkup
from runbooks.sources.abebooks_search_page import read_search_page
from runbooks.sources.records import Money, Offer
from tests.bookops.outbound.rude_server import FAULTS, RudeServer, running
from tests.runbooks.sources.fake_door import FakeDoor, Said
from tests.shared_data import shared_path

ISBN = "9780441172719"


def recorded(name: str) -> bytes:
    return shared_path("contracts", "fixtures", "abebooks", name).read_bytes()


def usd(amount: str) -> Money:
    return Money(Decimal(amount), "USD")


# By ISBN


def best(price: str = "12.50", symbol: str = "US$", **changes: Any) -> dict[str, Any]:
    said = {
        "bestPriceInPurchaseCurrencyValueOnly": price,
        "bestPriceInPurchaseCurrencyWithCurrencySymbol": f"{symbol} {price}",
        "purchaseCurrencySymbol": symbol,
        "bookCondition": "New",
        "totalResults": 41,
    }
    return {name: value for name, value in (said | changes).items() if value is not None}


def pricing(new: Any = None, used: Any = None, **more: Any) -> dict[str, Any]:
    return {"success": True, "isbn": ISBN, "pricingInfoForBestNew": new, "pricingInfoForBestUsed": used} | more


def test_an_isbn_is_asked_for_with_the_form_of_the_site():
    door = FakeDoor(pricing())
    AbeBooks(door).by_isbn(ISBN)
    (asked,) = door.asked
    assert (asked.method, asked.path) == ("POST", "/servlet/DWRestService/pricingservice")
    assert asked.form == {"action": "getPricingDataByISBN", "isbn": ISBN, "container": f"pricingService-{ISBN}"}
    assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"


@pytest.mark.shared
def test_it_reads_the_cheapest_new_and_the_cheapest_used_copy():
    offers = AbeBooks(FakeDoor(Said(200, recorded("constructed/pricing_ok.json")))).by_isbn(ISBN)
    url = f"https://www.abebooks.com/servlet/SearchResults?isbn={ISBN}"
    common = {"source": "abebooks", "basis": "asking", "title": "Dune", "url": url, "isbn": ISBN}
    assert offers.offers == (
        Offer(**common, price=usd("12.50"), shipping=usd("3.99"), condition="New", item_id=f"{ISBN}:new"),
        Offer(**common, price=usd("6.87"), shipping=usd("0.00"), condition="Used - Good", item_id=f"{ISBN}:used"),
    )
    assert (offers.total, offers.query, offers.usable) == (254, ISBN, True)


@pytest.mark.shared
def test_it_reads_a_lone_used_copy_with_thousands_marked():
    (offer,) = AbeBooks(FakeDoor(Said(200, recorded("constructed/pricing_used_only.json")))).by_isbn(ISBN).offers
    assert (offer.price, offer.shipping, offer.condition) == (usd("1204.00"), usd("24.50"), "Used - Fine")


@pytest.mark.shared
def test_it_reads_prices_that_come_with_their_symbol_only():
    offers = AbeBooks(FakeDoor(Said(200, recorded("abebooks_pricing_9780140449136_TESTDOUBLE.json")))).by_isbn("9780140449136").offers
    assert [(offer.price, offer.shipping, offer.condition) for offer in offers] == [
        (usd("12.50"), None, "New"),
        (usd("6.87"), None, "Used"),
    ]


@pytest.mark.shared
def test_no_offers_are_no_failure():
    offers = AbeBooks(FakeDoor(Said(200, recorded("constructed/pricing_no_offers.json")))).by_isbn("9780000000002")
    assert (offers.offers, offers.total) == ((), 0)


@pytest.mark.shared
def test_a_service_that_failed_is_asked_again():
    with pytest.raises(TryAgain, match="no pricing available") as caught:
        AbeBooks(FakeDoor(Said(200, recorded("constructed/pricing_failure.json")))).by_isbn(ISBN)
    assert caught.value.reason == "pricing_failed"


@pytest.mark.parametrize("info", [best("6.87", "EUR"), best("6.87", "£"), best("6.87", "€", purchaseCurrencySymbol=None)])
def test_prices_in_another_currency_are_refused(info):
    with pytest.raises(Refused) as caught:
        AbeBooks(FakeDoor(pricing(info))).by_isbn(ISBN)
    assert caught.value.reason == "wrong_currency"


def test_a_shipping_price_that_is_not_said_is_not_free():
    said = best(bestShippingToDestinationPriceInPurchaseCurrencyValueOnly="")
    offers = AbeBooks(FakeDoor(pricing(said, best(bestShippingToDestinationPriceInPurchaseCurrencyValueOnly="0.00")))).by_isbn(ISBN).offers
    assert [offer.shipping for offer in offers] == [None, usd("0.00")]


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b'{"success": true}',
        b'{"success": true, "pricingInfoForBestNew": null}',
        json.dumps(pricing(best("0.00"))).encode(),
        json.dumps(pricing(best("free"))).encode(),
        json.dumps(pricing(best("1.204,00", "EUR"))).encode(),
        json.dumps(pricing({})).encode(),
        json.dumps(pricing([])).encode(),
        json.dumps(pricing(best(symbol="$"))).encode(),
        b'{"success": tr',
        b"<html><body>New design</body></html>",
    ],
)
def test_pricing_of_another_shape_is_kept_for_whoever_writes_the_next_reader(body):
    with pytest.raises(UnknownMarkup) as caught:
        AbeBooks(FakeDoor(Said(200, body, "text/html" if body.startswith(b"<") else "application/json"))).by_isbn(ISBN)
    assert (caught.value.page, caught.value.reason) == (body, "unknown_markup")


# By title


def html(body: str) -> Said:
    return Said(200, body.encode(), "text/html;charset=utf-8")


def test_a_title_is_asked_for_with_its_author_the_cheapest_first():
    door = FakeDoor(html("<p>We could not find any results.</p>"))
    assert AbeBooks(door).by_title(" Idylls of  the King", "Tennyson").query == "Idylls of the King Tennyson"
    AbeBooks(door).by_title("Idylls")
    assert [asked.params for asked in door.asked] == [
        {"tn": "Idylls of the King", "an": "Tennyson", "sortby": "17", "n": "100110615"},
        {"tn": "Idylls", "sortby": "17", "n": "100110615"},
    ]
    assert {asked.path for asked in door.asked} == {"/servlet/SearchResults"}


@pytest.mark.shared
def test_it_reads_the_markup_of_march():
    offers = read_search_page(recorded("constructed/srp_li_markup_2026-03.html"), query="x", currency="USD")
    assert offers.offers == (
        Offer(
            source="abebooks",
            basis="asking",
            title="test book",
            price=usd("7.40"),
            shipping=usd("0.00"),
            url="https://www.abebooks.com/test-book/111/bd",
            condition="Very good",
            binding="Softcover",
            item_id="111",
            seller="Test Seller",
        ),
    )
    assert "does not name its currency" in offers.warnings[0]


@pytest.mark.shared
def test_it_reads_the_markup_of_august_with_its_nested_chips():
    first, second = read_search_page(recorded("constructed/srp_li_markup_2026-08.html"), query="x", currency="USD").offers
    assert (first.price, first.shipping, first.condition, first.binding) == (usd("5.54"), usd("0.00"), "Used - Fair", "Hardcover")
    assert (first.item_id, first.seller, first.aspects["Description"]) == ("32405132647", "Test Seller A", "Copy with dust jacket.")
    assert (second.price, second.shipping, second.seller) == (usd("595.00"), usd("6.95"), "Test Seller B")


@pytest.mark.shared
def test_it_reads_the_payload_of_september_without_its_audio_discs():
    offers = read_search_page(recorded("constructed/srp_nextjs_flight_2026-09.html"), query="x", currency="USD")
    first, second = offers.offers
    assert (offers.total, offers.warnings) == (3, ())
    assert (first.item_id, first.condition, first.binding) == ("32509173928", "As New", "Paperback")
    assert first.aspects["Description"] == 'Test description. Has "quotes" and a backslash \\ in it.'
    assert (second.price, second.shipping, second.isbn) == (usd("595.00"), usd("6.95"), "9780062315007")
    assert second.aspects["Attributes"] == "Signed, First edition, Jacket condition good"


@pytest.mark.shared
def test_a_page_that_says_so_has_no_offers():
    offers = read_search_page(recorded("constructed/srp_no_results.html"), query="x", currency="USD")
    assert (offers.offers, offers.total) == ((), 0)


def listing(number: int = 1, **changes: Any) -> dict[str, Any]:
    said = {
        "listingId": number,
        "bdpCanonicalUrl": f"/Idylls-King-Tennyson/{number}/bd",
        "condition": "USED_VERYGOOD",
        "productType": "DEFAULT",
        "priceInPurchaseCurrency": {"amount": 40.1, "currency": "USD"},
    }
    return {name: value for name, value in (said | changes).items() if value is not None}


def flight(*listings: Any, cut: int = 0, total: int | None = None) -> bytes:
    """Return a page of scripts, its payload cut in two at `cut`."""
    entries = [{"listing": said} if isinstance(said, dict) else said for said in listings]
    results = {"searchResultsArray": {"results": entries, "totalResults": len(listings) if total is None else total}}
    payload = f"1a:{json.dumps(results, separators=(',', ':'))}\n"
    parts = [payload[:cut], payload[cut:]] if cut else [payload]
    return "".join(f"<script>self.__next_f.push([1,{json.dumps(part)}])</script>" for part in parts).encode()


@pytest.mark.parametrize("cut", [0, 5, 30, 90, 150])
def test_a_payload_may_be_cut_over_scripts(cut):
    (offer,) = read_search_page(flight(listing(), cut=cut), query="x", currency="USD").offers
    assert (offer.price, offer.shipping, offer.condition, offer.title) == (usd("40.10"), None, "Very Good", "Idylls King Tennyson")


def test_a_payload_without_listings_has_no_offers():
    assert read_search_page(flight(), query="x", currency="USD").offers == ()


@pytest.mark.parametrize(
    "said", [{"productType": "AUDIO"}, {"binding": "Audio CD"}, {"binding": "MP3 CD"}, {"binding": "Cassette"}, {"binding": "DVD"}]
)
def test_what_is_no_book_is_left_out(said):
    assert [offer.item_id for offer in read_search_page(flight(listing(1, **said), listing(2)), query="x", currency="USD").offers] == ["2"]


def test_a_page_in_another_currency_is_refused():
    euros = listing(priceInPurchaseCurrency={"amount": 40, "currency": "EUR"})
    items = '<li data-test-id="listing-item-1"><button data-csa-c-cost="7.40"></button>EUR 7.40 (bought for US$ 5)</li><p>EUR 7.40</p>'
    for page in (flight(listing(), euros), items.encode()):
        with pytest.raises(Refused) as caught:
            read_search_page(page, query="x", currency="USD")
        assert caught.value.reason == "wrong_currency"
    (offer,) = read_search_page(items.encode(), query="x", currency="EUR").offers
    assert offer.price == Money(Decimal("7.40"), "EUR")


def test_a_listing_without_a_price_is_told_and_left_out():
    offers = read_search_page(flight(listing(1), listing(2, priceInPurchaseCurrency="$undefined")), query="x", currency="USD")
    assert (len(offers.offers), offers.warnings) == (1, ("1 of 2 listings name no price that can be read",))


def test_the_list_items_around_the_listings_are_not_theirs():
    page = (
        '<ul><li aria-label="Sale"><a href="/Other/9/bd">Other</a></li>'
        '<li data-test-id="listing-item-1"><a href="/Dune/1/bd">Dune</a><ul><li aria-label="Audio book">x</li></ul>'
        '<button data-listingid="1" data-csa-c-cost="5"></button></li>'
        '<li data-test-id="listing-item-2"><a href="//evil.example/2/bd">x</a><a href="/Dune/2/bd">Dune &amp; more</a>'
        '<button data-listingid="2" data-csa-c-cost="6"></button></li>'
        '<li aria-label="Hardcover"><a href="/Footer/8/bd">Footer</a><i data-csa-c-shipping-cost="1">US$ 1</i></li></ul>'
    )
    (offer,) = read_search_page(page.encode(), query="x", currency="USD").offers
    assert (offer.item_id, offer.title, offer.binding, offer.shipping) == ("2", "Dune & more", "", None)
    assert offer.url == "https://www.abebooks.com/Dune/2/bd"


@pytest.mark.parametrize(
    "page",
    [
        b"",
        b"<html><body><h1>A new design</h1></body></html>",
        b"<script>const words = {none: 'We could not find any results.'}</script><p>Offers</p>",
        flight("$1b"),
        flight({"price": 5}),
        flight(listing(priceInPurchaseCurrency={"amount": 0, "currency": "USD"})),
        flight(listing())[:-40],
        b'<script>self.__next_f.push([1,"searchResultsArray\\":\\"$1b\\""])</script>',
        b'<li data-test-id="listing-item-1"><button data-cost="5"></button></li>',
    ],
)
def test_a_page_of_another_form_is_kept_and_is_never_no_offers(page):
    with pytest.raises(UnknownMarkup) as caught:
        read_search_page(page, query="x", currency="USD")
    assert (caught.value.page, caught.value.reason, caught.value.source) == (page, "unknown_markup", "abebooks")


@given(st.one_of(st.binary(max_size=300), st.text('<li>/"=ascdebu-test0listingtm $', max_size=300).map(str.encode)))
def test_any_page_is_read_or_one_of_the_four_errors(page):
    try:
        offers = read_search_page(page, query="x", currency="USD")
    except SourceError as error:
        assert error.reason
    else:
        assert offers.offers or offers.total == 0


# Challenges and faults


@pytest.mark.parametrize(
    "said",
    [
        Said(202, b"", "text/html", {"x-amzn-waf-action": "challenge"}),
        Said(405, b"<html>Human Verification</html>", "text/html", {"x-amzn-waf-action": "captcha"}),
        Said(200, b"<script>window.gokuProps = {}</script>", "text/html"),
        Said(403, b'<script src="https://x.token.awswaf.com/x/challenge.js">', "text/html"),
    ],
)
@pytest.mark.parametrize("call", [lambda source: source.by_isbn(ISBN), lambda source: source.by_title("Dune")])
def test_a_challenge_is_refused_by_its_own_reason(said, call):
    with pytest.raises(Refused) as caught:
        call(AbeBooks(FakeDoor(said)))
    assert caught.value.reason == "challenged"


def test_a_page_of_listings_may_hold_the_firewalls_script():
    page = b'<script src="https://x.token.awswaf.com/x/challenge.js"></script>' + flight(listing()) + b" " * 20_000
    assert len(AbeBooks(FakeDoor(Said(200, page, "text/html"))).by_title("Dune").offers) == 1


@pytest.mark.parametrize(("status", "kind"), [(403, Refused), (429, TryAgain), (503, TryAgain)])
def test_a_plain_failure_is_left_to_its_status(status, kind):
    with pytest.raises(kind):
        AbeBooks(FakeDoor(Said(status, b"no", "text/html"))).by_title("Dune")


@pytest.fixture(scope="module")
def rude() -> Any:
    with running(RudeServer()) as server:
        yield server


@pytest.mark.parametrize("call", [lambda source: source.by_isbn(ISBN), lambda source: source.by_title("Dune")], ids=["by_isbn", "by_title"])
@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_of_every_call_is_one_of_the_four_errors(rude, fault, call):
    rude.default = FAULTS[fault]
    door = Door("abebooks", rude.url, user_agent="x", bounds=Bounds(connect=0.3, read=0.15, total=0.2, max_bytes=1_000_000))
    with pytest.raises(SourceError):
        call(AbeBooks(door))
