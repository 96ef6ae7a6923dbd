from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest
import requests

from sandbox.abebooks import PRICING, SEARCH
from sandbox.abebooks_offers import matching, with_isbn

DUNE = "9780441172719"
BY_ISBN = {"action": "getPricingDataByISBN", "isbn": DUNE, "container": f"pricingService-{DUNE}"}
BY_TITLE = {
    "action": "getPricingDataForAuthorTitleStandardAddToBasket",
    "an": "George Eliot",
    "tn": "Middlemarch",
    "container": "oe-search-all",
}


def priced(sandbox, form: dict[str, str] | None = None, **options) -> dict:
    answer = requests.post(f"{sandbox.url}/abebooks{PRICING}", data=form or BY_ISBN, timeout=10, **options)
    assert answer.status_code == 200
    return answer.json()


def searched(sandbox, **parameters: str) -> str:
    answer = requests.get(f"{sandbox.url}/abebooks{SEARCH}", params=parameters, timeout=10)
    assert answer.status_code == 200
    return answer.text


class TestIds(HTMLParser):
    """Collect what stands under data-test-id."""

    __test__ = False

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs).get("data-test-id") or "", dict(attrs)))


def flight(page: str) -> dict:
    """Return the search results of a page since September: all that was pushed, put together."""
    pushed = re.findall(r"self\.__next_f\.push\(\[1,(.*?)\]\)</script>", page, re.DOTALL)
    rows = "".join(json.loads(part) for part in pushed).splitlines()
    row = next(row for row in rows if "searchResultsArray" in row)
    return json.loads(row.partition(":")[2])[3]["searchResultsArray"]


def test_it_prices_the_best_new_and_the_best_used_of_an_isbn(sandbox) -> None:
    answer = priced(sandbox)
    new, used = answer["pricingInfoForBestNew"], answer["pricingInfoForBestUsed"]
    assert (answer["success"], answer["isbn"], answer["bibliographicDetail"]) == (True, DUNE, {"title": "Dune"})
    assert new["bestPriceInPurchaseCurrencyWithCurrencySymbol"] == f"US$ {new['bestPriceInPurchaseCurrencyValueOnly']}"
    assert (new["totalResults"] + used["totalResults"], used["bookCondition"].startswith("Used - ")) == (len(with_isbn(DUNE)), True)
    assert isinstance(new["bestShippingToDestinationPriceInPurchaseCurrencyValueOnly"], str)


def test_it_prices_by_author_and_title_with_commas_between_thousands(sandbox) -> None:
    answer = priced(sandbox, BY_TITLE)
    assert re.fullmatch(r"1,\d{3}\.\d\d|\d{3}\.\d\d", answer["pricingInfoForBestUsed"]["bestPriceInPurchaseCurrencyValueOnly"])
    dear = priced(sandbox, BY_TITLE | {"an": "Charlotte Brontë", "tn": "Jane Eyre"})["pricingInfoForBestUsed"]
    assert re.fullmatch(r"\d,\d{3}\.\d\d", dear["bestPriceInPurchaseCurrencyValueOnly"])


def test_it_has_used_copies_alone_of_a_book_that_is_not_reprinted(sandbox) -> None:
    answer = priced(sandbox, BY_TITLE | {"an": "A Gentleman of Craven", "tn": "Hints on Angling"})
    assert answer["pricingInfoForBestNew"] is None
    assert answer["pricingInfoForBestUsed"]["totalResults"] == 1


def test_it_says_when_there_is_no_offer(sandbox) -> None:
    isbn = "9780000000002"
    answer = priced(sandbox, BY_ISBN | {"isbn": isbn, "container": f"pricingService-{isbn}"})
    assert answer == {"success": True, "isbn": isbn, "pricingInfoForBestNew": None, "pricingInfoForBestUsed": None}


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ({"action": "getPrices"}, {}),
        ({"action": "getPricingDataByISBN", "isbn": DUNE}, {}),
        ({**BY_ISBN, "container": "pricingService-0"}, {}),
        ({name: value for name, value in BY_TITLE.items() if name != "an"}, {}),
        (BY_ISBN, {"headers": {"Content-Type": "application/json"}}),
    ],
)
def test_it_fails_on_a_form_that_is_not_whole(sandbox, form: dict, options: dict) -> None:
    assert priced(sandbox, form, **options)["success"] is False


def test_it_fails_when_told_to(sandbox) -> None:
    sandbox.settings(sources={"abebooks": {"pricing_fails": True}})
    assert priced(sandbox) == {"success": False, "errorTexts": ["no pricing available"]}


def test_it_writes_money_as_the_callers_country_does(sandbox) -> None:
    sandbox.settings(sources={"abebooks": {"currency": "EUR"}})
    info = priced(sandbox, BY_TITLE | {"an": "Charlotte Brontë", "tn": "Jane Eyre"})["pricingInfoForBestUsed"]
    assert info["purchaseCurrencySymbol"] == "EUR"
    assert re.fullmatch(r"EUR \d\.\d{3},\d\d", info["bestPriceInPurchaseCurrencyWithCurrencySymbol"])
    assert re.fullmatch(r"\d,\d{3}\.\d\d", info["bestPriceInPurchaseCurrencyValueOnly"])
    results = flight(searched(sandbox, an="Dickens", tn="Pickwick"))["results"]
    assert {entry["listing"]["priceInPurchaseCurrency"]["currency"] for entry in results} == {"EUR"}


def test_its_page_of_march_lists_an_item_an_offer(sandbox) -> None:
    sandbox.settings(sources={"abebooks": {"markup": "2026-03"}})
    found = TestIds(searched(sandbox, an="Dickens", tn="Pickwick")).found
    offers = matching(author="Dickens", title="Pickwick")
    assert [name for _, name, _ in found].count("listing-item") == len(offers)
    buttons = [attributes for tag, _, attributes in found if tag == "button"]
    assert {button["data-listingid"] for button in buttons} == {str(offer.number) for offer in offers}
    assert 0 < sum("data-csa-c-shipping-cost" not in button for button in buttons) < len(buttons)


def test_its_page_of_august_nests_items_in_items(sandbox) -> None:
    sandbox.settings(sources={"abebooks": {"markup": "2026-08"}})
    found = TestIds(searched(sandbox, an="Dickens", tn="Pickwick")).found
    offers = matching(author="Dickens", title="Pickwick")
    assert {name for tag, name, _ in found if tag == "li" and name} == {f"listing-item-{offer.number}" for offer in offers}
    assert sum(tag == "li" for tag, _, _ in found) > len(offers)


def test_its_page_of_september_has_all_in_the_flight_payload(sandbox) -> None:
    page = searched(sandbox, isbn=DUNE, sortby="17")
    content = flight(page)
    listings = [entry["listing"] for entry in content["results"]]
    assert content["totalResults"] == len(listings) == len(with_isbn(DUNE))
    assert {listing["isbn13"] for listing in listings} == {DUNE}
    assert "AUDIO" in {listing["productType"] for listing in listings}
    totals = [
        entry["priceInPurchaseCurrency"]["amount"] + entry.get("shippingPriceInPurchaseCurrency", {"amount": 0})["amount"]
        for entry in listings
    ]
    assert totals == sorted(totals)
    assert "<i>" not in page


def test_it_may_have_a_markup_that_no_reader_knows(sandbox) -> None:
    sandbox.settings(sources={"abebooks": {"markup": "2027-01"}})
    page = searched(sandbox, isbn=DUNE)
    assert "Dune" in page
    assert not any(known in page for known in ("listing-item", "__next_f", "could not find any results"))


@pytest.mark.parametrize("markup", ["2026-03", "2026-08", "2026-09"])
def test_it_says_in_words_that_nothing_was_found(sandbox, markup: str) -> None:
    sandbox.settings(sources={"abebooks": {"markup": markup}})
    assert "We could not find any results." in searched(sandbox, tn="Tracts on the Drainage", an="Crook")


def test_it_asks_for_a_human_when_told_to(sandbox) -> None:
    sandbox.settings(sources={"abebooks": {"challenge": True}})
    answer = requests.get(f"{sandbox.url}/abebooks{SEARCH}", params={"isbn": DUNE}, timeout=10)
    assert (answer.status_code, answer.headers["x-amzn-waf-action"]) == (202, "challenge")


def test_it_leads_a_search_for_nothing_to_the_form(sandbox) -> None:
    answer = requests.get(f"{sandbox.url}/abebooks{SEARCH}", params={"sortby": "17"}, allow_redirects=False, timeout=10)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/servlet/SearchEntry")
