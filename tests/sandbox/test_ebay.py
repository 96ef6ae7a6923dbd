from __future__ import annotations

import pytest
import requests

from sandbox.listings import by_case, inventory, script
from tests.sandbox.asking_ebay import EBayCaller, error_of


def item_of(sandbox, case: str, *, marketplace: str = "", **parameters) -> dict:
    answer = EBayCaller(sandbox, marketplace=marketplace).item(by_case(case).item, **parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_it_gives_an_item_by_either_of_its_ids(sandbox) -> None:
    caller, number = EBayCaller(sandbox), by_case("strong-buy").item
    by_link, by_id = caller.item(number).json(), caller.browse(f"/item/v1%7C{number}%7C0").json()
    assert by_link == by_id
    assert (by_link["itemId"], by_link["price"]) == (f"v1|{number}|0", {"value": "545.00", "currency": "USD"})


def test_its_pictures_can_be_fetched_from_where_it_says(sandbox) -> None:
    item = item_of(sandbox, "many-photos")
    addresses = [item["image"]["imageUrl"], *(image["imageUrl"] for image in item["additionalImages"])]
    assert len(addresses) == 24
    assert requests.get(addresses[23], timeout=10).headers["Content-Type"] == "image/jpeg"


def test_it_may_have_pictures_at_addresses_of_former_years(sandbox) -> None:
    address = item_of(sandbox, "former-image-addresses")["image"]["imageUrl"]
    assert address.endswith("/$_57.JPG")
    assert requests.get(address, timeout=10).status_code == 200


def test_it_tells_what_there_is_to_import(sandbox) -> None:
    told = requests.get(f"{sandbox.url}/ebay/_listings", timeout=10).json()["listings"]
    assert {"case": "auction", "link": by_case("auction").link}.items() <= next(each for each in told if each["case"] == "auction").items()
    assert len(told) == len(script())


def test_it_leaves_out_the_image_of_an_item_without_photographs(sandbox) -> None:
    assert not {"image", "additionalImages"} & set(item_of(sandbox, "no-photos"))


def test_an_auction_has_a_bid_and_no_price(sandbox) -> None:
    item = item_of(sandbox, "auction")
    assert "price" not in item
    assert (item["currentBidPrice"]["value"], item["bidCount"], item["buyingOptions"]) == ("310.00", 9, ["AUCTION"])


def test_an_auction_to_buy_now_has_both(sandbox) -> None:
    item = item_of(sandbox, "auction-buy-it-now")
    assert (item["price"]["value"], item["currentBidPrice"]["value"]) == ("820.00", "400.00")


def test_an_item_may_have_neither_price_nor_bid(sandbox) -> None:
    assert not {"price", "currentBidPrice", "bidCount"} & set(item_of(sandbox, "no-price"))


def test_an_auction_ends(sandbox) -> None:
    assert item_of(sandbox, "auction")["itemEndDate"]
    sandbox.settings(clock={"advance": 4 * 86400})
    assert error_of(EBayCaller(sandbox).item(by_case("auction").item)) == (404, 11003)


def test_it_prices_in_the_money_of_the_marketplace(sandbox) -> None:
    at_home, abroad = item_of(sandbox, "pounds", marketplace="EBAY_GB"), item_of(sandbox, "pounds")
    assert at_home["price"] == {"value": "365.00", "currency": "GBP"}
    assert abroad["price"] == {"value": "463.55", "currency": "USD", "convertedFromValue": "365.00", "convertedFromCurrency": "GBP"}


@pytest.mark.parametrize("number", [by_case("ended").item, "100000000000"])
def test_it_cannot_tell_an_ended_item_from_one_that_never_was(sandbox, number: str) -> None:
    caller = EBayCaller(sandbox)
    assert error_of(caller.item(number)) == (404, 11003)
    assert error_of(caller.browse(f"/item/v1%7C{number}%7C0")) == (404, 11001)
    sandbox.settings(sources={"ebay": {"not_found_status": 400}})
    assert error_of(caller.item(number)) == (400, 11003)


def test_it_shows_an_item_again_when_its_seller_has_revised_it(sandbox) -> None:
    caller, number = EBayCaller(sandbox), by_case("revising").item
    assert error_of(caller.item(number)) == (400, 11004)
    sandbox.settings(clock={"advance": 200})
    assert caller.item(number).status_code == 200


def test_it_leads_from_a_legacy_id_to_the_group_and_its_variations(sandbox) -> None:
    caller, group = EBayCaller(sandbox), by_case("group")
    refusal = caller.item(group.item)
    assert error_of(refusal) == (400, 11006)
    items = requests.get(refusal.json()["errors"][0]["parameters"][0]["value"], headers=caller.headers, timeout=10).json()["items"]
    assert [item["price"]["value"] for item in items] == ["44.00", "44.00", "52.00"]
    third = caller.item(group.item, legacy_variation_id=group.variations[2].number).json()
    assert third == items[2] == caller.browse(f"/item/{items[2]['itemId']}").json()


@pytest.mark.parametrize(
    ("path", "parameters", "refusal"),
    [
        ("/item/256800100001", {}, (400, 11012)),
        ("/item/v2%7C256800100001%7C0", {}, (400, 11012)),
        ("/item/v1%7C256800100001%7C77", {}, (404, 11001)),
        ("/item/v1%7C256800100001%7C0", {"fieldgroups": "ALL"}, (400, 11501)),
        ("/item/v1%7C256800100001%7C0", {"fieldgroups": "COMPACT,PRODUCT"}, (400, 11018)),
        ("/item/v1%7C256800100001%7C0", {"quantity_for_shipping_estimate": "-1"}, (400, 11019)),
        ("/item/get_item_by_legacy_id", {"legacy_item_id": "1", "legacy_variation_id": "1", "legacy_variation_sku": "1"}, (400, 11010)),
        ("/item/get_item_by_legacy_id", {}, (404, 11003)),
        ("/item/get_items_by_item_group", {"item_group_id": "256800100001"}, (400, 11005)),
        ("/item/get_items_by_item_group", {"item_group_id": "1"}, (404, 11002)),
        ("/items", {}, (404, 2002)),
        ("/item/v1%7C256800100001%7C0", {"fields": "title"}, (400, 0)),
    ],
)
def test_it_refuses_with_the_error_of_ebay(sandbox, path: str, parameters: dict, refusal: tuple[int, int]) -> None:
    assert error_of(EBayCaller(sandbox).browse(path, **parameters)) == refusal


def test_it_ignores_a_parameter_it_does_not_have_when_told_to(sandbox) -> None:
    sandbox.settings(sources={"ebay": {"refuse_unknown_parameters": False}})
    assert item_of(sandbox, "buy", fields="title")["title"]


def test_it_gives_the_compact_form_of_an_item(sandbox) -> None:
    compact = item_of(sandbox, "buy", fieldgroups="COMPACT")
    assert {"itemId", "price", "sellerItemRevision"} <= set(compact)
    assert not {"title", "description", "image"} & set(compact)


def test_it_refuses_a_marketplace_that_has_no_browse_api(sandbox) -> None:
    caller = EBayCaller(sandbox, marketplace="EBAY_XX")
    assert error_of(caller.item(by_case("buy").item)) == (400, 11011)
    assert error_of(caller.search_answer(q="dune")) == (409, 12019)


def test_it_counts_the_calls_of_a_day_by_application(sandbox) -> None:
    sandbox.settings(sources={"ebay": {"per_day": 2}}, clock={"now": "2026-03-02T20:00:00Z"})
    caller, other = EBayCaller(sandbox), EBayCaller(sandbox, client="another")
    assert [caller.search_answer(q="dune").status_code for _ in range(2)] == [200, 200]
    assert error_of(caller.search_answer(q="dune")) == (429, 2001)
    assert other.search_answer(q="dune").status_code == 200
    sandbox.settings(clock={"now": "2026-03-03T08:01:00Z"})
    assert EBayCaller(sandbox).search_answer(q="dune").status_code == 200


def test_it_tells_what_is_left_of_the_day(sandbox) -> None:
    sandbox.settings(clock={"now": "2026-03-02T20:00:00Z"})
    caller = EBayCaller(sandbox)
    caller.search(q="dune")
    limits = caller.get("/developer/analytics/v1_beta/rate_limit", api_name="browse", api_context="buy").json()["rateLimits"]
    rate = limits[0]["resources"][0]["rates"][0]
    assert rate == {"limit": 5000, "remaining": 4999, "reset": "2026-03-03T08:00:00.000Z", "timeWindow": 86400}


def test_it_gives_hostile_texts_as_their_sellers_wrote_them(sandbox) -> None:
    item = item_of(sandbox, "hostile-html")
    assert "<script>document.location=" in item["description"]
    assert item["localizedAspects"][0]["type"] == "STRING"
    assert len(item_of(sandbox, "huge-description")["description"]) > 1_000_000
    assert "\u202e" in item_of(sandbox, "odd-unicode")["title"]


def test_every_live_listing_of_the_script_can_be_asked_for(sandbox) -> None:
    caller = EBayCaller(sandbox)
    sandbox.settings(sources={"ebay": {"revising_seconds": 0.0}})
    for listing in inventory()[::7]:
        if listing.state != "ended" and not listing.variations:
            assert caller.item(listing.item).json()["title"] == listing.title
