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
    code, codes = f"m/via3-{ITEM}", []
    while code:
        codes.append(code)
        address = urlsplit(followed(sandbox, code).headers["Location"])
        code = address.path[1:] if address.hostname == "ebay.us" else ""
    assert codes == [f"m/via3-{ITEM}", f"via2-{ITEM}", f"via1-{ITEM}", f"via0-{ITEM}"]
    assert address.path == f"/itm/{ITEM}"


def test_it_leads_to_a_challenge_that_names_the_item(sandbox) -> None:
    address = followed(sandbox, f"challenge-{ITEM}").headers["Location"]
    assert address.startswith("https://www.ebay.com/splashui/challenge?")
    assert parse_qs(urlsplit(address).query)["ru"][0].startswith(f"https://www.ebay.com/itm/{ITEM}?")


def test_it_may_be_the_challenge_itself(sandbox) -> None:
    answer = followed(sandbox, f"challenged-{ITEM}")
    assert answer.status_code == 200
    assert f"ru=https%3A%2F%2Fwww.ebay.com%2Fitm%2F{ITEM}" in answer.text


def test_it_says_that_a_link_has_expired(sandbox) -> None:
    answer = followed(sandbox, "AbC123")
    assert (answer.status_code, "expired" in answer.text) == (404, True)


@pytest.mark.parametrize(
    ("code", "target"),
    [
        ("loop", "https://ebay.us/loop"),
        ("front", "https://www.ebay.com/"),
        ("elsewhere", "ebay.com.evil.example"),
        ("inside", "169.254.169.254"),
    ],
)
def test_it_leads_where_nobody_should_follow(sandbox, code: str, target: str) -> None:
    assert target in followed(sandbox, code).headers["Location"]
