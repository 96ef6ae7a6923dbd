from __future__ import annotations

from decimal import Decimal

import pytest

from runbooks.sources.ebay import Ebay
from runbooks.sources.ebay_tokens import EbayTokens, ProcessShelf
from tests.runbooks.sources.ebay_answers import client, error, item, recorded, token
from tests.runbooks.sources.ebay_spec import EbaySpec
from tests.runbooks.sources.fake_door import FakeDoor
from tests.shared_data import shared_path

GROUP = "https://api.ebay.com/buy/browse/v1/item/get_items_by_item_group?item_group_id=385462201428"
ITEM, SEARCH = "/item/{item_id}", "/item_summary/search"
#: Recorded answers by the call that they are of.
RECORDED = [
    (ITEM, "constructed/getItem_book_no_isbn"),
    (ITEM, "constructed/getItem_book_auction_lot_with_isbn"),
    (ITEM, "getItem_176033835717"),
    (ITEM, "getItem_265708278354"),
    (ITEM, "getItem_296057072805"),
    (ITEM, "getItem_353853667734"),
    (SEARCH, "constructed/search_empty"),
    (SEARCH, "constructed/search_200_with_warnings"),
    (SEARCH, "search_rtx_a5000"),
    (SEARCH, "search_t4_refinements"),
    (SEARCH, "gaurav_search_iphone_100_best_match"),
    (SEARCH, "gaurav_search_iphone_100_sort_price"),
]


@pytest.mark.shared
def test_every_request_is_one_that_the_specification_describes():
    spec, asked = EbaySpec(), []
    found = {"total": 0}
    for answers, ask in [
        ([item()], lambda source: source.item("256712345678", "653317790198", marketplace="EBAY_DE")),
        ([error(11006, itemGroupHref=GROUP), {"items": [item()]}], lambda source: source.item("385462201428")),
        ([item()], lambda source: source.item_by_id("v1|256712345678|0")),
        ([found], lambda source: source.search(gtin="9780441172719", limit=1)),
        ([found], lambda source: source.search(q="word " * 100, lowest=Decimal(5), highest=Decimal(50), currency="GBP", limit=900)),
    ]:
        source, door = client(*answers)
        ask(source)
        asked += door.asked
    assert {spec.call_of(each) for each in asked} == {
        "/item/get_item_by_legacy_id",
        "/item/get_items_by_item_group",
        "/item/{item_id}",
        "/item_summary/search",
    }
    for each in asked:
        spec.judge_request(each)


@pytest.mark.shared
@pytest.mark.parametrize(("call", "name"), RECORDED)
def test_what_is_read_is_what_the_specification_describes(call, name):
    payload = recorded(f"{name}.json")
    EbaySpec().judge_answer(call, payload)
    source, _ = client(payload)
    if call == ITEM:
        assert source.item("1").item_id == payload["itemId"]
    else:
        assert len(source.search(q="x").offers) == len(payload.get("itemSummaries", []))


@pytest.mark.shared
def test_the_token_is_asked_for_as_described():
    written = shared_path("contracts", "specs", "ebay_oauth_token_handwritten.yaml").read_text(encoding="utf-8")
    door = FakeDoor(token())
    EbayTokens(door, "id", "secret", ProcessShelf()).current()
    (asked,) = door.asked
    assert f"\n  {asked.path}:\n    {asked.method.lower()}:" in written
    assert f"{asked.headers['Content-Type']}:" in written
    assert set(asked.form) == {"grant_type", "scope"}


@pytest.mark.shared
def test_what_is_built_for_tests_is_of_the_specification_too():
    spec = EbaySpec()
    spec.judge_answer(ITEM, item())
    assert isinstance(client(item())[0], Ebay)
