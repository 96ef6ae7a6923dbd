from __future__ import annotations

import json
import string
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bookops.outbound.answers import Answer
from bookops.outbound.errors import Refused, SourceError, TryAgain
from runbooks.links import ACCEPTED, MAX_HOPS, BadLink, ItemLink, ShortLink, follow, read_link
from tests.shared_data import shared_path

ITEM = "https://www.ebay.com/itm/256712345678"
NUMBERS = st.from_regex(r"[1-9][0-9]{8,12}", fullmatch=True)


# The table of cases


@pytest.mark.shared
def test_it_takes_and_refuses_every_form_of_the_shared_table():
    cases = json.loads(shared_path("contracts", "fixtures", "ebay", "constructed", "item_urls.json").read_text(encoding="utf-8"))
    accepted = {text: read_link(text) for text in cases["accept"]}
    assert {text: [link.legacy_id, link.variation or None] for text, link in accepted.items()} == cases["accept"]
    assert all(isinstance(read_link(text), ShortLink) for text in cases["redirect"])
    for text in cases["reject"]:
        with pytest.raises(BadLink) as caught:
            read_link(text)
        assert ACCEPTED in caught.value.detail, text


@pytest.mark.parametrize(
    ("text", "marketplace"),
    [
        (ITEM, "EBAY_US"),
        (" <https://WWW.EBAY.CO.UK/itm/256712345678> \n", "EBAY_GB"),
        ("https://www.ebay.com.au:443/itm/256712345678", "EBAY_AU"),
        ("m.ebay.fr/itm/Les-Misérables/256712345678", "EBAY_FR"),
        ("https://www.benl.ebay.be/itm/256712345678", "EBAY_BE"),
        ("https://www.ebay.in/itm/256712345678", "EBAY_US"),
        ("https://www.ebay.com/p/Dune/2321?iid=256712345678&rt=nc", "EBAY_US"),
        ("http://cgi.ebay.de/ws/ebayisapi.dll?ViewItem&Item=256712345678", "EBAY_DE"),
        ("256712345678", ""),
    ],
)
def test_it_knows_the_site_of_a_link(text, marketplace):
    assert read_link(text) == ItemLink("256712345678", marketplace=marketplace)


def test_a_link_without_its_tracking_is_one_address_for_every_site():
    tracked = read_link("https://www.ebay.de/itm/Dune/256712345678?var=653317790198&mkcid=1&campid=5338&amdata=enc%3AAQ#item")
    assert tracked.url == "https://www.ebay.com/itm/256712345678?var=653317790198"
    assert tracked.item_id == "v1|256712345678|653317790198"
    assert (read_link(ITEM).url, read_link(ITEM).item_id) == (ITEM, "v1|256712345678|0")
    assert read_link("https://www.ebay.com/itm/256712345678?var=0").variation == ""


@pytest.mark.parametrize("text", ["https://www.ebay.com/itm/AbC123xy", "m.ebay.com/itm/12345a/"])
def test_a_short_item_path_is_a_link_to_follow(text):
    assert isinstance(read_link(text), ShortLink)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \u200b ", "empty"),
        ("https://www.ebay.com/itm/" + "1" * 5_000, "too_long"),
        ("javascript:alert(1)", "not_ebay"),
        ("ftp://www.ebay.com/itm/256712345678", "not_an_address"),
        ("https://www.ebay.com\\@evil.example/itm/256712345678", "not_an_address"),
        ("https://www.ebay.com/itm/ 256712345678", "not_an_address"),
        ("https://www.ebay.com/itm/256712345678\u202e", "not_an_address"),
        ("https://user:pass@www.ebay.com/itm/256712345678", "credentials"),
        ("https://www.ebay.com:8443/itm/256712345678", "not_ebay"),
        ("https://www.ebay.com./itm/256712345678", "not_ebay"),
        ("https://xwww.ebay.com/itm/256712345678", "not_ebay"),
        ("https://www.ebaỵ.com/itm/256712345678", "not_ebay"),
        ("https://127.0.0.1/itm/256712345678", "not_ebay"),
        ("//www.ebay.com/itm/256712345678", "not_ebay"),
        ("https://ebay.us/", "not_ebay"),
        ("https://www.ebay.com/", "not_an_item"),
        ("https://www.ebay.com/itm/256712345678/bids", "no_item_number"),
        ("https://www.ebay.com/itm/Dune-1965", "no_item_number"),
        ("https://www.ebay.com/itm/٢٥٦٧١٢٣٤٥٦٧٨", "no_item_number"),
        ("https://www.ebay.com/p/2321?iid=12345", "product_page"),
        ("https://www.ebay.com/ws/eBayISAPI.dll?ViewItem&item=x", "not_an_item"),
        ("978-0-441-17271-9", "isbn"),
        ("0441172717", "isbn"),
        ("9790000000000", "isbn"),
        ("12345678", "not_ebay"),
    ],
)
def test_a_refusal_has_its_reason_and_says_what_is_accepted(text, reason):
    with pytest.raises(BadLink) as caught:
        read_link(text)
    assert caught.value.reason == reason
    assert str(caught.value) == caught.value.detail
    assert caught.value.detail.endswith(ACCEPTED)


@given(
    NUMBERS, st.text(string.ascii_letters + string.digits + "-%", max_size=60), st.sampled_from(["www.ebay.com", "m.ebay.co.uk", "ebay.de"])
)
@example("256712345678", "9780441172719", "ebay.de")
def test_the_number_is_the_last_segment_whatever_the_title_holds(number, slug, host):
    link = read_link(f"https://{host}/itm/{slug + '/' if slug else ''}{number}?hash=item9999999999")
    assert (link.legacy_id, read_link(link.url).legacy_id, read_link(link.item_id).legacy_id) == (number, number, number)


@given(st.one_of(st.text(max_size=200), st.text("/:?#@&=.%|htpsw0123456789ebayicom-\\[]", max_size=120)))
def test_any_text_is_a_listing_of_ebay_or_refused(text):
    try:
        link = read_link(text)
    except BadLink as refusal:
        assert refusal.reason and refusal.detail
    else:
        if isinstance(link, ItemLink):
            assert link.legacy_id.isascii() and 9 <= len(link.legacy_id) <= 13
        else:
            assert link.url.split("/")[2].startswith(("ebay.", "www.ebay.", "m.ebay.", "cgi.ebay.", "www.be"))


@given(NUMBERS, st.from_regex(r"[a-z0-9.-]{1,30}", fullmatch=True))
def test_a_host_that_only_looks_like_ebay_is_refused(number, label):
    for host in (f"www.ebay.com.{label}", f"{label}.example", f"ebay.com-{label}", f"{label}@evil.example"):
        with pytest.raises(BadLink):
            read_link(f"https://{host}/itm/{number}")


# Following short links


class Way:
    """Answer each address with what a test laid there, and remember what was asked."""

    def __init__(self, **answers: Answer | SourceError) -> None:
        self._answers = answers
        self.asked: list[str] = []
        self.allowed: list[float] = []

    def __call__(self, url: str, seconds: float) -> Answer:
        self.asked.append(url)
        self.allowed.append(seconds)
        said = self._answers[url.rpartition("/")[2].partition("?")[0]]
        if isinstance(said, SourceError):
            raise said
        return said


def to(location: str, status: int = 302) -> Answer:
    return Answer(status, {"location": location}, b"", 0.0)


def page(body: str = "", status: int = 200) -> Answer:
    return Answer(status, {"content-type": "text/html"}, body.encode(), 0.0)


START = ShortLink("https://ebay.us/m/AbC123")


@pytest.mark.parametrize(
    "location",
    [
        f"{ITEM}?mkcid=1",
        "http://m.ebay.com/itm/256712345678",
        "https://www.ebay.com/splashui/challenge?ap=1&appName=orch&ru=https%3A%2F%2Fwww.ebay.com%2Fitm%2F256712345678%3Fmkcid%3D1",
        "https://signin.ebay.com/ws/eBayISAPI.dll?SignIn&ru=https%3A%2F%2Fwww.ebay.com%2Fitm%2F256712345678",
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_that_names_the_listing_is_not_asked(location, status):
    way = Way(AbC123=to(location, status))
    assert follow(START, way).legacy_id == "256712345678"
    assert way.asked == [START.url]


def test_a_short_link_is_followed_over_hops_of_ebay():
    way = Way(
        AbC123=to("/m/second"),
        second=to("http://rover.ebay.com/rover/1?x=1"),
        **{"1": to("https://www.ebay.com/itm/AbC1234")},
        AbC1234=to(ITEM),
    )
    assert follow(START, way) == ItemLink("256712345678", marketplace="EBAY_US")
    assert way.asked == [START.url, "https://ebay.us/m/second", "https://rover.ebay.com/rover/1?x=1", "https://www.ebay.com/itm/AbC1234"]


def test_a_challenge_page_names_the_listing_it_goes_back_to():
    way = Way(AbC123=page(f'<form action="/splashui/x?ap=1&amp;ru={quote(ITEM, safe="")}&amp;b=1">', 403))
    assert follow(START, way).legacy_id == "256712345678"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (page(status=404), "expired"),
        (page(status=410), "expired"),
        (to("https://www.ebay.com/"), "expired"),
        (to("https://www.ebay.com"), "expired"),
        (page("<h1>Deals</h1>"), "no_listing_behind"),
        (page("?ru=https%3A%2F%2Fevil.example%2Fitm%2F256712345678"), "no_listing_behind"),
        (to("https://evil.example/itm/256712345678"), "leads_elsewhere"),
        (to("http://169.254.169.254/latest/meta-data"), "leads_elsewhere"),
        (to(f"https://evil.example/?ru={quote(ITEM, safe='')}"), "leads_elsewhere"),
        (to("javascript:alert(1)"), "leads_elsewhere"),
        (to("https://[::1"), "leads_elsewhere"),
        (to("/m/AbC123"), "too_many_redirects"),
        (to(""), "too_many_redirects"),
    ],
)
def test_a_short_link_without_a_listing_is_refused_with_its_reason(answer, reason):
    way = Way(AbC123=answer)
    with pytest.raises(BadLink) as caught:
        follow(START, way)
    assert caught.value.reason == reason
    assert len(way.asked) <= MAX_HOPS
    assert {url.split("/")[2] for url in way.asked} == {"ebay.us"}


def test_an_expired_link_comes_with_advice():
    with pytest.raises(BadLink, match="open the listing and copy the address"):
        follow(START, Way(AbC123=page(status=404)))


@pytest.mark.parametrize(
    ("answer", "kind"), [(page(status=503), TryAgain), (page(status=403), Refused), (TryAgain("no answer", reason="timeout"), TryAgain)]
)
def test_a_way_that_could_not_be_walked_is_one_of_the_four_errors(answer, kind):
    with pytest.raises(kind):
        follow(START, Way(AbC123=answer))


def test_all_hops_together_have_ten_seconds():
    seconds = iter([0.0, 0.0, 6.0, 10.5])
    way = Way(AbC123=to("/m/AbC123"))
    with pytest.raises(TryAgain) as caught:
        follow(START, way, clock=seconds.__next__)
    assert caught.value.reason == "timeout"
    assert way.allowed == [10.0, 4.0]
