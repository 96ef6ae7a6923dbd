from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookops.outbound.errors import BadAnswer, SourceError
from runbooks.sources.ebay_items import parse_group, parse_item
from runbooks.sources.records import ListingFacts, Money
from tests.runbooks.sources.ebay_answers import item, recorded

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
KEYS = (
    *("subtitle", "price", "currentBidPrice", "bidCount", "buyingOptions", "condition", "conditionDescription", "categoryPath"),
    *("categoryIdPath", "localizedAspects", "gtin", "seller", "estimatedAvailabilities", "shippingOptions", "image", "additionalImages"),
    *("itemCreationDate", "itemEndDate", "itemLocation", "primaryItemGroup", "description"),
)


@pytest.mark.shared
def test_it_reads_a_recorded_book():
    facts = parse_item(recorded("constructed/getItem_book_no_isbn.json"))
    pictures = tuple(f"https://i.ebayimg.com/images/g/AAAAAOSwTest000{number}/s-l1600.jpg" for number in (1, 2, 3))
    assert facts == ListingFacts(
        item_id="v1|256712345678|0",
        legacy_id="256712345678",
        url="https://www.ebay.com/itm/256712345678",
        title="The Left Hand of Darkness by Ursula K. Le Guin (1969, Hardcover, 1st BCE) DJ",
        description="Vintage book club edition.",
        price=Money(Decimal("24.95"), "USD"),
        buying_options=("FIXED_PRICE", "BEST_OFFER"),
        condition="Very Good",
        condition_id="4000",
        condition_description="Clean pages, jacket chipped.",
        category_id="261186",
        category_path="Books & Magazines|Books",
        aspects={
            "Book Title": "The Left Hand of Darkness",
            "Author": "Ursula K. Le Guin",
            "Publisher": "Walker",
            "Publication Year": "1969",
            "Format": "Hardcover",
            "Language": "English",
            "Genre": "Science Fiction",
            "Features": "Dust Jacket",
        },
        seller="test_seller",
        seller_feedback_percent=99.7,
        seller_feedback_score=812,
        quantity=1,
        sold_quantity=0,
        shipping=Money(Decimal("5.38"), "USD"),
        image_urls=pictures,
        created_at=datetime(2026, 10, 2, 17, 20, 11, tzinfo=UTC),
        country="US",
        marketplace="EBAY_US",
    )


@pytest.mark.shared
def test_a_pure_auction_has_a_bid_and_no_price():
    facts = parse_item(recorded("constructed/getItem_book_auction_lot_with_isbn.json"))
    assert (facts.price, facts.current_bid, facts.bids) == (None, Money(Decimal("7.50"), "USD"), 4)
    assert facts.is_auction_only
    assert facts.ends_at == datetime(2026, 11, 30, 20, tzinfo=UTC)
    assert facts.gtin == "9780441172719"


@pytest.mark.shared
@pytest.mark.parametrize("number", ["176033835717", "265708278354", "296057072805", "353853667734"])
def test_it_reads_real_items(number):
    payload = recorded(f"getItem_{number}.json")
    facts = parse_item(payload)
    assert (facts.legacy_id, facts.title) == (number, " ".join(payload["title"].split()))
    assert str(facts.price.amount) == payload["price"]["value"]
    assert len(facts.image_urls) == 1 + len(payload.get("additionalImages", []))
    assert facts.category_id == payload["categoryIdPath"].rpartition("|")[2]
    assert "<" not in facts.description
    assert facts.description


@pytest.mark.shared
def test_a_product_number_that_is_none_is_empty():
    assert recorded("getItem_353853667734.json")["gtin"] == "Does not apply"
    facts = parse_item(recorded("getItem_353853667734.json"))
    assert (facts.gtin, facts.quantity, facts.sold_quantity) == ("", None, 62)


def test_an_auction_with_a_fixed_price_has_both():
    facts = parse_item(item(buyingOptions=["FIXED_PRICE", "AUCTION"], currentBidPrice={"value": "10", "currency": "USD"}))
    assert (facts.price, facts.current_bid) == (Money(Decimal("275.00"), "USD"), Money(Decimal("10.00"), "USD"))


def test_the_price_is_the_one_that_the_seller_named():
    price = {"value": "31.20", "currency": "USD", "convertedFromValue": "24.00", "convertedFromCurrency": "GBP"}
    assert parse_item(item(price=price)).price == Money(Decimal("24.00"), "GBP")


def test_pictures_come_once_and_in_their_largest_form():
    facts = parse_item(
        item(
            image={"imageUrl": "https://i.ebayimg.com/thumbs/images/g/one/s-l225.jpg"},
            additionalImages=[
                {"imageUrl": "https://i.ebayimg.com/images/g/one/s-l1600.webp"},
                {"imageUrl": "https://evil.example/images/g/two/s-l500.jpg"},
                *({"imageUrl": f"https://i.ebayimg.com/images/g/{number}/s-l500.jpg"} for number in range(40)),
                None,
            ],
            primaryItemGroup={"itemGroupId": "385462201428", "itemGroupImage": {"imageUrl": "https://i.ebayimg.com/images/g/0/s-l64.jpg"}},
        )
    )
    assert facts.image_urls[0] == "https://i.ebayimg.com/images/g/one/s-l1600.jpg"
    assert len(facts.image_urls) == len(set(facts.image_urls)) == 24
    assert all(url.startswith("https://i.ebayimg.com/images/g/") and "/s-l1600." in url for url in facts.image_urls)
    assert facts.group_id == "385462201428"


def test_several_values_of_one_specific_are_joined():
    aspects = [
        {"name": name, "value": value}
        for name, value in [("Features", "Gilt"), ("Features", "Marbled"), ("Features", "Gilt"), ("", "x"), ("Empty", "")]
    ]
    assert parse_item(item(localizedAspects=[*aspects, None, {"name": 3}])).aspects == {"Features": "Gilt, Marbled"}


def test_an_isbn_among_the_specifics_is_the_product_number():
    assert parse_item(item(gtin="Does not apply", localizedAspects=[{"name": "ISBN", "value": "0-441-17271-7"}])).gtin == "9780441172719"
    assert parse_item(item(localizedAspects=[{"name": "ISBN", "value": "9780441172710"}])).gtin == ""


def test_a_sold_out_listing_has_none_left():
    told = [{"estimatedAvailabilityStatus": "OUT_OF_STOCK", "estimatedSoldQuantity": 1}]
    assert (parse_item(item(estimatedAvailabilities=told)).quantity, parse_item(item()).quantity) == (0, None)


def test_a_short_description_stands_in_for_none():
    assert parse_item(item(shortDescription="Foxed.")).description == "Foxed."
    assert parse_item(item(shortDescription="Foxed.", description="<p>Foxed<br>throughout</p>")).description == "Foxed\nthroughout"


@pytest.mark.parametrize(
    "payload", [None, [], {}, item(itemId=None), item(title=None), item(title=" "), item(itemId="x", legacyItemId=None)]
)
def test_what_is_no_item_is_a_bad_answer(payload):
    with pytest.raises(BadAnswer):
        parse_item(payload)


@given(st.dictionaries(st.sampled_from(KEYS), JSON))
def test_odd_values_leave_their_field_empty_and_never_fail(odd):
    facts = parse_item(item() | odd)
    assert facts.legacy_id == "256712345678"
    assert json.dumps(facts.to_json()).isascii()


@given(JSON, JSON)
def test_any_group_is_read_or_one_of_the_four_errors(items, common):
    try:
        parse_group({"items": items, "commonDescriptions": common}, "", group_id="1")
    except SourceError as error:
        assert error.reason
