"""The clients against the sandbox's eBay and AbeBooks, over HTTP, as the product asks them."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest
import requests

from bookops.outbound.answers import Answer
from bookops.outbound.errors import BadAnswer, NotFound, Refused, TryAgain
from bookops.outbound.http import Door
from runbooks.links import BadLink, ItemLink, ShortLink, follow, read_link
from runbooks.sources.abebooks import AbeBooks
from runbooks.sources.abebooks_errors import UnknownMarkup
from runbooks.sources.ebay import Ebay
from runbooks.sources.ebay_tokens import SOLD_SCOPE, EbayTokens, ProcessShelf
from runbooks.sources.records import Money
from sandbox.listings import inventory, script
from sandbox.running import RunningSandbox
from tests.runbooks.sources.ebay_spec import EbaySpec
from tests.runbooks.sources.fake_door import Asked

LISTINGS = {listing.case: listing for listing in script()}
TITLE, AUTHOR = "Middlemarch", "Eliot"


class Listener(Door):
    """A door that remembers what passed through it, for the specification to judge."""

    def __init__(self, base_url: str) -> None:
        super().__init__("ebay", base_url, user_agent="bookops-tests")
        self.passed: list[tuple[Asked, Answer]] = []

    def get(self, path, params=None, **options):
        answer = super().get(path, params, **options)
        self.passed.append((Asked("GET", path, dict(params or {}), dict(options["headers"])), answer))
        return answer


@pytest.fixture
def door(sandbox: RunningSandbox) -> Listener:
    return Listener(f"{sandbox.url}/ebay")


@pytest.fixture
def ebay(sandbox: RunningSandbox, door: Listener) -> Ebay:
    tokens, sold = (EbayTokens(door, "an-app", "its-secret", ProcessShelf(), **scope) for scope in ({}, {"scope": SOLD_SCOPE}))
    return Ebay(door, tokens, sold_tokens=sold, picture_origins=(sandbox.url, f"{sandbox.url}/ebayimg"))


@pytest.fixture
def abebooks(sandbox: RunningSandbox) -> AbeBooks:
    return AbeBooks(Door("abebooks", f"{sandbox.url}/abebooks", user_agent="bookops-tests"))


def set_of(sandbox: RunningSandbox, source: str, **options: object) -> None:
    sandbox.settings(sources={source: options})


# eBay


@pytest.mark.parametrize("case", [case for case, listing in LISTINGS.items() if listing.state not in ("ended", "revising")])
def test_every_listing_of_the_script_is_read_from_its_link(ebay, case):
    listing = LISTINGS[case]
    link = read_link(listing.link)
    facts = ebay.item(link.legacy_id, link.variation, marketplace=link.marketplace)
    assert (facts.legacy_id, facts.url) == (listing.item, ItemLink(listing.item, facts.url.partition("?var=")[2]).url)
    assert facts.title
    assert "<" not in facts.title + facts.description or "<" in listing.title or "&lt;" in listing.description
    assert len(facts.image_urls) == min(len(listing.shots), 24)
    if not listing.variations and "FIXED_PRICE" in listing.buying:
        assert facts.price == (Money(listing.price, listing.currency) if listing.price else None)


@pytest.mark.shared
def test_requests_and_answers_are_of_the_specification(ebay, door):
    spec = EbaySpec()
    for case in ("strong-buy", "pounds", "auction", "hostile-html", "odd-unicode", "group"):
        ebay.item(LISTINGS[case].item)
    ebay.search(q=f"{TITLE} {AUTHOR}", lowest=Decimal(1))
    ebay.search(gtin="9780000000002")
    for asked, answer in door.passed:
        spec.judge_request(asked)
        spec.judge_answer(spec.call_of(asked), answer.data)
    assert len(door.passed) == 8  # of a group the refusal is not an answer


def test_a_group_is_followed_and_its_variation_found(ebay, door):
    listing = LISTINGS["group"]
    first = ebay.item(listing.item)
    assert (first.group_id, first.description != "") == (listing.item, True)
    variation = listing.variations[1].number
    assert ebay.item(listing.item, variation).url == f"https://www.ebay.com/itm/{listing.item}?var={variation}"


def test_an_auction_has_a_bid_and_no_price(ebay):
    facts = ebay.item(LISTINGS["auction"].item)
    assert (facts.price, facts.is_auction_only) == (None, True)
    assert facts.current_bid.amount > 0
    assert facts.ends_at


def test_what_has_ended_is_gone_and_what_is_revised_comes_back(ebay, sandbox):
    for number in (LISTINGS["ended"].item, "999999999999"):
        with pytest.raises(NotFound) as gone:
            ebay.item(number)
        assert gone.value.reason == "gone"
    with pytest.raises(TryAgain) as revised:
        ebay.item(LISTINGS["revising"].item)
    assert revised.value.reason == "being_revised"
    sandbox.settings(clock={"advance": revised.value.retry_after + 1})
    assert ebay.item(LISTINGS["revising"].item).title


def test_a_search_brings_comparables_of_both_kinds(ebay):
    offers = ebay.search(q=f"{TITLE} {AUTHOR}")
    assert offers.usable
    assert offers.warnings == ()
    assert len(offers.offers) >= 3
    assert all(TITLE.lower() in offer.title.lower() for offer in offers.offers)
    listed = {listing.item: listing for listing in inventory()}
    for offer in offers.offers:
        listing = listed[offer.item_id.split("|")[1]]
        assert offer.basis == ("auction" if listing.buying == ("AUCTION",) else "asking")


def test_sold_prices_are_for_those_who_are_entitled(ebay, sandbox):
    with pytest.raises(Refused) as refused:
        ebay.sold(q=f"{TITLE} {AUTHOR}")
    assert refused.value.reason == "bad_scope"
    set_of(sandbox, "ebay", insights=True)
    offers = ebay.sold(q=f"{TITLE} {AUTHOR}").offers
    assert offers
    assert all(offer.basis == "sold" and offer.at for offer in offers)


def test_a_token_that_ran_out_is_replaced_without_a_word(ebay, door, sandbox):
    ebay.item(LISTINGS["strong-buy"].item)
    sandbox.settings(clock={"advance": 8_000})
    ebay.item(LISTINGS["strong-buy"].item)
    assert len({asked.headers["Authorization"] for asked, _ in door.passed}) == 2


def test_unknown_credentials_are_refused(sandbox, door):
    set_of(sandbox, "ebay", clients="an-app:another-secret")
    with pytest.raises(Refused) as refused:
        Ebay(door, EbayTokens(door, "an-app", "its-secret", ProcessShelf())).item("256800100001")
    assert refused.value.reason == "bad_key"


def test_the_day_is_counted_and_ends(ebay, sandbox):
    set_of(sandbox, "ebay", per_day=2)
    ebay.item(LISTINGS["strong-buy"].item)
    assert (ebay.limits().limit, ebay.limits().remaining) == (2, 1)
    ebay.search(q=TITLE)
    with pytest.raises(TryAgain) as spent:
        ebay.search(q=TITLE)
    assert (spent.value.reason, spent.value.spent) == ("quota_day", True)
    assert 0 < spent.value.retry_after <= 86_400


def test_a_marketplace_that_ebay_does_not_serve_is_an_error_of_ours(ebay):
    with pytest.raises(Refused) as refused:
        ebay.item(LISTINGS["strong-buy"].item, marketplace="EBAY_XX")
    assert refused.value.reason == "marketplace_unsupported"


# Short links


class SandboxWay:
    """Go one hop, with ebay.us played by the sandbox."""

    def __init__(self, url: str) -> None:
        self._here = f"{url}/ebay/short/"

    def __call__(self, url: str, seconds: float) -> Answer:
        assert url.startswith("https://ebay.us/"), f"{url} is not asked"
        try:
            said = requests.get(self._here + url.removeprefix("https://ebay.us/"), allow_redirects=False, timeout=seconds)
        except requests.Timeout:
            raise TryAgain("no answer in time", reason="timeout") from None
        return Answer(said.status_code, {name.lower(): value for name, value in said.headers.items()}, said.content, 0.0)


@pytest.mark.parametrize(
    "code", ["256800100001", "via0-256800100001", "via3-256800100001", "challenge-256800100001", "challenged-256800100001"]
)
def test_short_links_lead_to_their_listing(sandbox, code):
    assert follow(ShortLink(f"https://ebay.us/{code}"), SandboxWay(sandbox.url)).legacy_id == "256800100001"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("via7-256800100001", "too_many_redirects"),
        ("loop", "too_many_redirects"),
        ("elsewhere", "leads_elsewhere"),
        ("inside", "leads_elsewhere"),
        ("front", "expired"),
        ("gone", "expired"),
    ],
)
def test_other_short_links_are_refused(sandbox, code, reason):
    with pytest.raises(BadLink) as refusal:
        follow(ShortLink(f"https://ebay.us/{code}"), SandboxWay(sandbox.url))
    assert refusal.value.reason == reason


def test_a_slow_way_ends(sandbox):
    sandbox.settings(latency=0.3)
    started = time.monotonic()
    seconds = iter([0.0, 9.9])
    with pytest.raises(TryAgain):
        follow(ShortLink("https://ebay.us/loop"), SandboxWay(sandbox.url), clock=seconds.__next__)
    assert time.monotonic() - started < 2


# AbeBooks


@pytest.mark.parametrize("markup", ["2026-03", "2026-08", "2026-09"])
def test_every_generation_of_the_search_page_tells_the_same_offers(abebooks, sandbox, markup):
    set_of(sandbox, "abebooks", markup=markup)
    offers = abebooks.by_title(TITLE, AUTHOR).offers
    assert len(offers) >= 3
    assert all(offer.price.currency == "USD" and offer.url and offer.item_id and offer.condition for offer in offers)
    set_of(sandbox, "abebooks", markup="2026-09")
    told = {offer.item_id: offer for offer in abebooks.by_title(TITLE, AUTHOR).offers}
    assert {offer.item_id: offer.price for offer in offers} == {number: offer.price for number, offer in told.items()}
    assert {offer.item_id: offer.shipping for offer in offers} == {number: offer.shipping for number, offer in told.items()}


def test_a_page_that_nobody_has_seen_is_kept(abebooks, sandbox):
    set_of(sandbox, "abebooks", markup="2027-01")
    with pytest.raises(UnknownMarkup) as unknown:
        abebooks.by_title(TITLE, AUTHOR)
    assert unknown.value.page
    assert isinstance(unknown.value, BadAnswer)


def test_a_title_that_nobody_has_is_no_failure(abebooks):
    assert abebooks.by_title("Zzyzx Nonesuch", "Nobody").offers == ()


def test_the_cheapest_two_of_an_isbn_are_told(abebooks):
    isbn = next(listing.gtin for listing in inventory() if listing.gtin)
    offers = abebooks.by_isbn(isbn).offers
    assert 1 <= len(offers) <= 2
    assert all(offer.basis == "asking" and offer.isbn == isbn for offer in offers)
    assert abebooks.by_isbn("9780000000002").offers == ()


@pytest.mark.parametrize(
    ("options", "kind", "reason"),
    [
        ({"challenge": True}, Refused, "challenged"),
        ({"currency": "EUR"}, Refused, "wrong_currency"),
        ({"pricing_fails": True}, TryAgain, "pricing_failed"),
    ],
)
def test_the_pricing_fails_by_its_reason(abebooks, sandbox, options, kind, reason):
    isbn = next(listing.gtin for listing in inventory() if listing.gtin)
    set_of(sandbox, "abebooks", **options)
    with pytest.raises(kind) as failure:
        abebooks.by_isbn(isbn)
    assert failure.value.reason == reason


@pytest.mark.parametrize(("options", "reason"), [({"challenge": True}, "challenged"), ({"currency": "GBP"}, "wrong_currency")])
def test_the_search_page_fails_by_its_reason(abebooks, sandbox, options, reason):
    set_of(sandbox, "abebooks", **options)
    with pytest.raises(Refused) as failure:
        abebooks.by_title(TITLE, AUTHOR)
    assert failure.value.reason == reason
