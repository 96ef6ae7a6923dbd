from datetime import UTC, date, datetime
from decimal import Decimal

from runbooks.sources.records import ListingFacts, Money, Offer


def test_a_listing_survives_its_way_through_json():
    facts = ListingFacts(
        item_id="v1|123456789012|0",
        legacy_id="123456789012",
        url="https://www.ebay.com/itm/123456789012",
        title="Bleak House, 2 volumes",
        price=Money(Decimal("275.10"), "GBP"),
        buying_options=("FIXED_PRICE",),
        aspects={"Author": "Charles Dickens"},
        image_urls=("https://i.ebayimg.com/images/g/a/s-l1600.jpg",),
        ends_at=datetime(2026, 11, 30, 12, tzinfo=UTC),
    )
    assert ListingFacts.from_json(facts.to_json()) == facts


def test_a_listing_ignores_what_a_later_version_wrote():
    assert ListingFacts.from_json({"title": "Bleak House", "mood": "gloomy"}).title == "Bleak House"


def test_an_offer_survives_its_way_through_json():
    offer = Offer("ebay", "sold", "Bleak House", Money(Decimal("1200.00"), "USD"), at=date(2026, 10, 2), aspects={"Binding": "Leather"})
    assert Offer.from_json(offer.to_json()) == offer


def test_unsaid_shipping_is_not_free():
    assert Offer.from_json(Offer("ebay", "asking", "Emma", Money(Decimal(5), "USD")).to_json()).shipping is None


def test_a_pure_auction_has_no_asking_price():
    auction = ListingFacts(
        item_id="", legacy_id="", url="", title="Emma", buying_options=("AUCTION",), current_bid=Money(Decimal(5), "USD")
    )
    assert auction.is_auction_only


def test_a_zero_is_kept():
    sold_out = ListingFacts(item_id="", legacy_id="", url="", title="Emma", quantity=0, bids=0)
    assert ListingFacts.from_json(sold_out.to_json()) == sold_out
