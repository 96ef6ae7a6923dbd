"""The HTML that the desk's pages share: what is escaped, and which addresses become links."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from bookops.markup import LONGEST_JSON, ago, badge, bar, in_words, is_web_address, lasting, outside_link, pretty_json, text

EVIL = "<script>alert(1)</script>"


@pytest.mark.parametrize("made", [badge(EVIL), text(EVIL), text(EVIL * 50), pretty_json({EVIL: EVIL}), outside_link(EVIL)])
def test_it_escapes_what_comes_from_outside(made):
    assert "<script" not in made
    assert "&lt;script" in made


@pytest.mark.parametrize("address", ["https://openlibrary.org/books/OL1M", "http://example.org:8080/?q=1"])
def test_it_links_web_addresses(address):
    assert f'href="{address.replace("&", "&amp;")}"' in outside_link(address)
    assert 'rel="noopener' in outside_link(address)


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        " javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "//example.org",
        "/books",
        "https://",
        "http://[x",
        "",
    ],
)
def test_it_links_nothing_else(address):
    assert not is_web_address(address)
    assert "href" not in outside_link(address)


def test_it_cuts_long_text_and_keeps_the_whole_in_the_tooltip():
    shown = text("a" * 100, most=10)
    assert f'title="{"a" * 100}"' in shown
    assert ">aaaaaaaaaa…<" in shown


def test_it_cuts_long_json_and_says_so():
    assert "characters more" in pretty_json("x" * (LONGEST_JSON + 1))


def test_a_bar_never_runs_over():
    assert 'max="20" value="20"' in bar(25, 20)
    assert 'max="1" value="0"' in bar(0, 0)


@pytest.mark.parametrize(("seconds", "words"), [(4.2, "4.2 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")])
def test_it_says_how_long_something_took(seconds, words):
    start = datetime(2026, 1, 1, tzinfo=UTC)
    assert lasting(start, start + timedelta(seconds=seconds)) == words
    assert lasting(None, None) == "–"


def test_it_says_how_long_ago_and_how_soon():
    now = timezone.now()
    assert ago(None) == "never"
    assert "just now" in ago(now)
    assert "in under a minute" in ago(now + timedelta(seconds=30))
    assert "in 2\xa0hours" in ago(now + timedelta(hours=2, seconds=5))
    assert "3\xa0minutes ago" in ago(now - timedelta(minutes=3, seconds=5))


def test_it_tells_a_payload_in_words():
    assert (
        in_words({"rows": 3, "job_id": "0-1", "reopened": False, "warnings": [], "nested": {"a": 1}, "names": ["a", "b"]})
        == "rows 3 · reopened no · names a, b"
    )


def test_it_tells_a_moment_of_a_payload_shortly_and_leaves_out_what_is_nested_in_a_list():
    payload = {"until": "2026-11-23T03:40:49.706496+00:00", "waiting": [{"source": "google_books"}], "title": "1984"}
    assert in_words(payload) == "until 2026-11-23 03:40 UTC · title 1984"


def test_it_tells_an_events_money_in_dollars():
    assert in_words({"succeeded": 3, "cost": 80116, "held": 0}) == "succeeded 3 · cost $0.0801 · held $0.0000"
