from __future__ import annotations

from decimal import Decimal

import pytest

from sandbox.listings import by_case
from tests.sandbox.asking_ebay import EBayCaller, error_of


@pytest.fixture
def ebay(sandbox) -> EBayCaller:
    return EBayCaller(sandbox)


def prices(found: dict) -> list[Decimal]:
    return [Decimal(item["price"]["value"]) for item in found["itemSummaries"]]


def warned(found: dict) -> list[int]:
    return [warning["errorId"] for warning in found.get("warnings", [])]


def test_it_finds_what_has_all_the_words(ebay: EBayCaller) -> None:
    titles = [item["title"].lower() for item in ebay.search(q="Our Mutual Friend Dickens morocco")["itemSummaries"]]
    assert by_case("strong-buy").title.lower() in titles
    assert all("mutual friend" in title and "morocco" in title for title in titles)


def test_it_finds_what_has_one_word_of_those_in_brackets(ebay: EBayCaller) -> None:
    either, one, other = (ebay.search(q=words)["total"] for words in ("(cranford, moonstone) cloth", "cranford cloth", "moonstone cloth"))
    assert either == one + other > 0


def test_it_takes_volumes_in_any_form(ebay: EBayCaller) -> None:
    assert ebay.search(q="middlemarch 4 vols")["total"] == ebay.search(q="Middlemarch 4 volumes")["total"] > 1


def test_it_reads_a_hundred_letters_and_no_more(ebay: EBayCaller) -> None:
    assert ebay.search(q="dune herbert".ljust(100) + "nonsense")["total"] == ebay.search(q="dune herbert")["total"] > 0


def test_it_has_no_items_key_when_nothing_is_found(ebay: EBayCaller) -> None:
    found = ebay.search(q="tracts of nobody")
    assert set(found) == {"href", "total", "limit", "offset"}


def test_it_finds_by_product_number(ebay: EBayCaller) -> None:
    found = ebay.search(gtin="9780451524935", limit=200)
    assert found["total"] > 5
    assert by_case("slug-with-isbn").item in {item["legacyItemId"] for item in found["itemSummaries"]}


def test_it_shows_fixed_prices_unless_told_otherwise(ebay: EBayCaller) -> None:
    words = "descent of man darwin"
    assert all("FIXED_PRICE" in item["buyingOptions"] for item in ebay.search(q=words)["itemSummaries"])
    auctions = ebay.search(q=words, filter="buyingOptions:{AUCTION}")["itemSummaries"]
    assert by_case("auction").item in {item["legacyItemId"] for item in auctions}
    assert all("price" not in item and item["currentBidPrice"] for item in auctions)
    assert ebay.search(q=words, filter="buyingOptions:{FIXED_PRICE|AUCTION}")["total"] > ebay.search(q=words)["total"]


def test_it_keeps_within_a_price_when_its_money_is_named(ebay: EBayCaller) -> None:
    found = ebay.search(q="origin of species darwin", filter="price:[100..500],priceCurrency:USD")
    assert prices(found) and all(100 <= price <= 500 for price in prices(found))
    assert warned(found) == []


@pytest.mark.parametrize("span", ["[NaN..5]", "[5..", "5..20", "[..]x", "[-1..5]"])
def test_it_ignores_a_price_that_is_no_span(ebay: EBayCaller, span: str) -> None:
    assert set(warned(ebay.search(q="dune", filter=f"priceCurrency:USD,price:{span}"))) <= {12012, 12002}
    assert 12012 in warned(ebay.search(q="dune", filter=f"priceCurrency:USD,price:{span}"))


def test_it_ignores_a_price_without_its_money_and_says_so(ebay: EBayCaller) -> None:
    found = ebay.search(q="origin of species darwin", filter="price:[100..500]")
    assert warned(found) == [12012]
    assert found["total"] == ebay.search(q="origin of species darwin")["total"]


@pytest.mark.parametrize(
    ("parameters", "warning"),
    [
        ({"filter": "colour:red"}, 12002),
        ({"filter": "buyingOptions:FIXED_PRICE"}, 12002),
        ({"filter": "conditionIds:{used}"}, 12002),
        ({"filter": "nonsense"}, 12002),
        ({"sort": "cheapest"}, 12008),
        ({"category_ids": "books"}, 12009),
        ({"fieldgroups": "EVERYTHING"}, 12016),
        ({"aspect_filter": "Author:{Dickens}"}, 12017),
    ],
)
def test_it_warns_of_what_it_ignores(ebay: EBayCaller, parameters: dict, warning: int) -> None:
    found = ebay.search(q="pickwick dickens", **parameters)
    assert warned(found) == [warning]
    assert found["total"] > 0


def test_it_warns_of_a_number_that_is_no_products(ebay: EBayCaller) -> None:
    found = ebay.search(gtin="97804")
    assert (warned(found), found["total"]) == ([12022], 0)


@pytest.mark.parametrize(
    ("parameters", "refusal"),
    [
        ({}, (400, 12001)),
        ({"q": "dune", "gtin": "9780441172719"}, (400, 12001)),
        ({"q": "dune", "limit": 201}, (400, 12006)),
        ({"q": "dune", "limit": "all"}, (400, 12007)),
        ({"q": "dune", "offset": -50}, (400, 12004)),
        ({"q": "dune", "offset": "half"}, (400, 12005)),
        ({"q": "dune", "offset": 10_000}, (400, 12029)),
        ({"q": "dune", "offset": 30}, (400, 12515)),
        ({"q": "dune", "auto_correct": "YES"}, (400, 12027)),
        ({"q": "dune", "category_ids": "267,29223"}, (400, 12030)),
        ({"category_ids": "267"}, (409, 12013)),
        ({"query": "dune"}, (400, 0)),
    ],
)
def test_it_refuses_with_the_error_of_ebay(ebay: EBayCaller, parameters: dict, refusal: tuple[int, int]) -> None:
    assert error_of(ebay.search_answer(**parameters)) == refusal


def test_it_orders_by_price_and_shipping_together(ebay: EBayCaller) -> None:
    found = ebay.search(q="cranford", sort="price")
    costs = [
        Decimal(item["price"]["value"]) + Decimal(item["shippingOptions"][0].get("shippingCost", {"value": "0"})["value"])
        for item in found["itemSummaries"]
    ]
    assert costs == sorted(costs)
    assert prices(ebay.search(q="cranford", sort="-price", limit=1))[0] >= max(prices(found)) - 20


def test_it_pages_through_everything_once(ebay: EBayCaller) -> None:
    whole = [item["itemId"] for item in ebay.search(q="dickens", limit=200)["itemSummaries"]]
    paged: list[str] = []
    page = ebay.search(q="dickens", limit=10)
    while True:
        paged += [item["itemId"] for item in page["itemSummaries"]]
        if "next" not in page:
            break
        page = ebay.search(q="dickens", limit=10, offset=page["offset"] + 10)
    assert paged == whole
    assert "prev" in page


def test_it_narrows_by_category_condition_and_country(ebay: EBayCaller) -> None:
    everything = ebay.search(q="dune herbert", limit=200)["itemSummaries"]
    for narrowed, belongs in (
        ({"category_ids": "617"}, lambda item: item["leafCategoryIds"] == ["617"]),
        ({"filter": "conditionIds:{4000|2750}"}, lambda item: item["conditionId"] in ("4000", "2750")),
        ({"filter": "itemLocationCountry:GB"}, lambda item: item["itemLocation"]["country"] == "GB"),
        ({"aspect_filter": "categoryId:261186,Publisher:{Ace|Walker}"}, lambda item: item["title"].endswith("Ace")),
    ):
        found = {item["itemId"] for item in ebay.search(q="dune herbert", limit=200, **narrowed)["itemSummaries"]}
        assert {item["itemId"] for item in everything if belongs(item)} <= found
        assert 0 < len(found) < len(everything)


def test_its_thumbnails_are_small_and_its_larger_images_large(ebay: EBayCaller) -> None:
    item = ebay.search(q="middlemarch", limit=1)["itemSummaries"][0]
    assert "/thumbs/images/g/" in item["image"]["imageUrl"] and item["image"]["imageUrl"].endswith("/s-l225.jpg")
    assert item["thumbnailImages"][0]["imageUrl"].endswith("/s-l1600.jpg")


def test_it_shows_a_group_by_its_first_choice(ebay: EBayCaller) -> None:
    item = next(item for item in ebay.search(q="modern painters choose volume")["itemSummaries"] if "itemGroupHref" in item)
    assert item["itemGroupHref"].endswith(f"item_group_id={by_case('group').item}")
    assert item["itemId"].endswith(by_case("group").variations[0].number)


def test_it_finds_neither_the_ended_nor_the_wholly_unknown(ebay: EBayCaller) -> None:
    numbers = {item["legacyItemId"] for item in ebay.search(q="treasure island stevenson", limit=200)["itemSummaries"]}
    assert by_case("not-a-book").item in numbers
    assert by_case("ended").item not in numbers


def test_works_have_comparables_as_the_script_wants_them(ebay: EBayCaller) -> None:
    assert ebay.search(q="tracts drainage crook")["total"] == 1
    assert ebay.search(q="hints angling craven")["total"] == 2
    junk = {item["title"] for item in ebay.search(q="plain sermons tilney")["itemSummaries"]} - {by_case("junk-comparables").title}
    assert junk and all(any(word in title for word in ("Lot", "print", "DVD", "Facsimile", "study")) for title in junk)
