from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbooks.sources.ebay_images import EBAY_PICTURES, largest
from tests.shared_data import shared_path

ORIGINS = (EBAY_PICTURES, "http://127.0.0.1:8200")


@pytest.mark.shared
def test_it_finds_the_largest_form_of_every_shared_case():
    cases = json.loads(shared_path("contracts", "fixtures", "ebay", "constructed", "image_urls.json").read_text(encoding="utf-8"))
    cases.pop("_note")
    assert {url: largest(url, ORIGINS) for url in cases} == cases


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://i.ebayimg.com/images/g/a/s-l64.JPG?set_id=2#x", "https://i.ebayimg.com/images/g/a/s-l1600.JPG"),
        ("HTTPS://I.EBAYIMG.COM/images/g/a/s-l64.png", "https://i.ebayimg.com/images/g/a/s-l1600.png"),
        ("http://127.0.0.1:8200/images/g/a/s-l500.jpg", "http://127.0.0.1:8200/images/g/a/s-l1600.jpg"),
        ("http://127.0.0.1:8201/images/g/a/s-l500.jpg", ""),
        ("https://i.ebayimg.com.evil.example/images/g/a/s-l64.png", ""),
        ("https://i.ebayimg.com@evil.example/images/g/a/s-l64.png", ""),
        ("https://user@i.ebayimg.com/images/g/a/s-l64.png", ""),
        ("https://i.ebayimg.com:8443/images/g/a/s-l64.png", ""),
        ("https://i.ebayimg.com/../x.jpg", ""),
        ("https://i.ebayimg.com\\.evil.example/x.jpg", ""),
        ("ftp://i.ebayimg.com/images/g/a/s-l64.png", ""),
        ("data:image/png;base64,AAAA", ""),
        ("//i.ebayimg.com/images/g/a/s-l64.png", ""),
        ("https://[i.ebayimg.com/x.jpg", ""),
        ("https://i.ebayimg.com/a b.jpg", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_a_picture_comes_from_a_named_origin_or_not_at_all(url, expected):
    assert largest(url, ORIGINS) == expected


@given(st.text(max_size=80))
def test_no_address_leads_to_another_host(text):
    for url in (text, f"https://{text}", f"https://i.ebayimg.com{text}"):
        address = largest(url, (EBAY_PICTURES,))
        assert address == "" or address.startswith("https://i.ebayimg.com/")
