from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from sandbox.listings import by_case

ITEM = by_case("strong-buy").item


def followed(sandbox, code: str) -> requests.Response:
    return requests.get(f"{sandbox.url}/ebay/short/{code}", allow_redirects=False, timeout=10)


def test_it_leads_to_the_item_with_tracking_behind_it(sandbox) -> None:
    answer = followed(sandbox, ITEM)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(f"https://www.ebay.com/itm/{ITEM}?mkcid=16")


def test_it_leads_over_as_many_links_as_it_says(sandbox) -> None:
    address, hops = f"{sandbox.url}/ebay/short/via3-{ITEM}", 0
    while address.startswith(sandbox.url):
        address, hops = requests.get(address, allow_redirects=False, timeout=10).headers["Location"], hops + 1
    assert hops == 4


def test_it_leads_to_a_challenge_that_names_the_item(sandbox) -> None:
    address = followed(sandbox, f"challenge-{ITEM}").headers["Location"]
    assert parse_qs(urlsplit(address).query)["ru"][0].startswith(f"https://www.ebay.com/itm/{ITEM}?")
    assert "Pardon Our Interruption" in requests.get(address, timeout=10).text


def test_it_says_that_a_link_has_expired(sandbox) -> None:
    answer = followed(sandbox, "AbC123")
    assert (answer.status_code, "expired" in answer.text) == (404, True)


@pytest.mark.parametrize(
    ("code", "target"), [("loop", "/ebay/short/loop"), ("elsewhere", "ebay.com.evil.example"), ("inside", "169.254.169.254")]
)
def test_it_leads_where_nobody_should_follow(sandbox, code: str, target: str) -> None:
    assert target in followed(sandbox, code).headers["Location"]
