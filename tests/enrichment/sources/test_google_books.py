from __future__ import annotations

import json
import traceback
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bookops.outbound.errors import BadAnswer, NotFound, Refused, SourceError, TryAgain
from bookops.outbound.http import CallRecord, Door
from bookops.outbound.wire import Bounds
from enrichment.sources.facts import EditionFacts
from enrichment.sources.google_books import GoogleBooks, parse_volume, parse_volumes
from tests.bookops.outbound.rude_server import FAULTS, RudeServer, answer, running
from tests.enrichment.sources.fake_door import FakeDoor, Said
from tests.shared_data import shared_path

KEY = "AIza-canary-key"


def recorded(name: str) -> Any:
    return json.loads(shared_path("contracts", "fixtures", "googlebooks", name).read_text(encoding="utf-8", errors="replace"))


def volume(title: str, *isbns: str, number: int = 1) -> dict[str, Any]:
    identifiers = [{"type": "ISBN_13" if len(isbn) == 13 else "ISBN_10", "identifier": isbn} for isbn in isbns]
    return {"id": f"V{number}", "volumeInfo": {"title": title} | ({"industryIdentifiers": identifiers} if isbns else {})}


def found(*volumes: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "books#volumes", "totalItems": len(volumes)} | ({"items": list(volumes)} if volumes else {})


# Reading what was recorded


@pytest.mark.shared
def test_it_reads_a_recorded_volume():
    payload = recorded("ahiroshima_dummy_response_search_book_api.json")
    facts = GoogleBooks(FakeDoor(payload)).by_isbn("9784815602666")
    assert facts == EditionFacts(
        source="google_books",
        key="GjASzgEACAAJ",
        title="宇宙の話をしよう",
        authors=("小野雅裕",),
        isbns=("9784815602666",),
        published="2020-11",
        year=2020,
        pages=239,
        language="ja",
        description="NASAのと娘による宇宙探査のストーリー。",
        cover_url="https://books.google.com/books/content?id=GjASzgEACAAJ&printsec=frontcover&img=1&zoom=1&source=gbs_api",
        small_cover_url="https://books.google.com/books/content?id=GjASzgEACAAJ&printsec=frontcover&img=1&zoom=5&source=gbs_api",
        edition_key="GjASzgEACAAJ",
    )


@pytest.mark.shared
def test_it_reads_the_full_record_of_a_volume():
    facts = parse_volume(recorded("bookwormfood_google-books-volume.json")["items"][0])
    assert (facts.publisher, facts.year, facts.subjects) == ("Allen & Unwin", 2023, ("Fiction",))
    assert "edge=curl" not in facts.cover_url + facts.small_cover_url
    assert facts.cover_url.startswith("https://books.google.com/")


@pytest.mark.shared
def test_it_reads_twenty_recorded_hits():
    volumes = parse_volumes(recorded("davies70_search_subject_thriller.json"))
    assert len(volumes) == 20
    assert all(volume.title and volume.key and volume.year for volume in volumes)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("openlibrary_affiliate_0.json", "Бал моей мечты"),
        ("openlibrary_affiliate_1.json", None),
        ("openlibrary_affiliate_2.json", None),  # two volumes, neither with an identifier
        ("openlibrary_affiliate_3.json", "Бал моей мечты"),
        ("openlibrary_affiliate_4.json", "Бал моей мечты"),
        ("openlibrary_affiliate_5.json", "Бал моей мечты"),
        ("constructed/no_match_no_items_key.json", None),
        ("constructed/isbn_missing_categories_and_imageLinks.json", "A Very Old Book"),
    ],
)
def test_it_finds_the_volume_of_an_isbn(name, title):
    facts = GoogleBooks(FakeDoor(recorded(name))).by_isbn("9785699350131")
    assert (facts and facts.title) == title


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "status", "kind", "reason", "spent"),
    [
        ("bookwormfood_google-books-error-resp.json", 429, TryAgain, "quota_day", True),
        ("constructed/error_400_bad_key.json", 400, Refused, "bad_key", False),
        ("constructed/error_400_missing_q.json", 400, Refused, "http_400", False),
        ("constructed/error_403_geo.json", 403, Refused, "unknown_location", False),
        ("constructed/error_503_backend.json", 503, TryAgain, "http_503", False),
    ],
)
def test_it_reads_recorded_refusals(name, status, kind, reason, spent):
    with pytest.raises(kind) as caught:
        GoogleBooks(FakeDoor(Said(status, recorded(name))), KEY).by_isbn("9784815602666")
    assert caught.value.reason == reason
    assert getattr(caught.value, "spent", False) is spent


# Quotas and keys


def quota_error(status: int, reason: str, message: str = "Quota exceeded", limit: str = "") -> Said:
    details = [{"reason": "RATE_LIMIT_EXCEEDED", "metadata": {"quota_limit": limit}}] if limit else []
    return Said(status, {"error": {"code": status, "message": message, "errors": [{"reason": reason}], "details": details}})


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (quota_error(429, "rateLimitExceeded", limit="defaultPerDayPerProject"), "quota_day"),
        (quota_error(429, "rateLimitExceeded", limit="defaultPerMinutePerUser"), "rate_limited"),
        (quota_error(429, "rateLimitExceeded", limit="defaultPer100SecondsPerProject"), "rate_limited"),
        (quota_error(403, "dailyLimitExceeded", "Daily Limit Exceeded"), "quota_day"),
        (quota_error(403, "userRateLimitExceeded", "User Rate Limit Exceeded"), "rate_limited"),
        (quota_error(400, "badRequest", "Quota exceeded for quota metric 'Queries'"), "quota_day"),
        (quota_error(400, "RATE_LIMIT_EXCEEDED", "Too many"), "quota_day"),
        (Said(429, b"<html>429</html>", "text/html"), "rate_limited"),
    ],
)
def test_it_tells_a_used_up_day_from_a_used_up_minute(said, reason):
    now = datetime(2026, 11, 22, 22, 0, tzinfo=ZoneInfo("America/Los_Angeles")).timestamp()
    with pytest.raises(TryAgain) as caught:
        GoogleBooks(FakeDoor(said), KEY, clock=lambda: now).by_isbn("9784815602666")
    assert (caught.value.reason, caught.value.spent) == (reason, reason == "quota_day")
    assert caught.value.retry_after == (7200 if reason == "quota_day" else None)


@pytest.mark.parametrize(
    ("status", "reason"), [(400, "keyInvalid"), (403, "accessNotConfigured"), (403, "ipRefererBlocked"), (400, "keyExpired")]
)
def test_a_key_that_is_not_taken_is_refused(status, reason):
    with pytest.raises(Refused) as caught:
        GoogleBooks(FakeDoor(quota_error(status, reason, "no")), KEY).search("Dune", "Herbert")
    assert caught.value.reason == "bad_key"


def test_the_key_is_sent_and_appears_nowhere():
    records: list[CallRecord] = []
    with running(RudeServer()) as server:
        source = GoogleBooks(Door("google_books", f"{server.url}/books/v1", user_agent="x", on_call=records.append), KEY)
        for fault in ("400", "500", "NaN", "hang up before the status", "no HTTP", "redirect to another host"):
            server.default = FAULTS[fault]
            with pytest.raises(SourceError) as caught:
                source.by_isbn("9784815602666")
            assert KEY not in "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
        server.default = answer(400, json.dumps({"error": {"message": f"API key {KEY} not valid"}}).encode())
        with pytest.raises(Refused) as caught:
            source.by_isbn("9784815602666")
        assert KEY not in repr(caught.value)
        assert all(f"key={KEY}" in asked.line for asked in server.asked)
    assert KEY not in repr(records) + repr(source) + repr(source.door)


# What is asked


def test_it_asks_by_isbn_for_the_fields_it_reads():
    door = FakeDoor(found())
    assert GoogleBooks(door, KEY).by_isbn("9784815602666") is None
    ((path, params),) = door.asked
    assert path == "/volumes"
    assert (params["q"], params["country"], params["key"]) == ("isbn:9784815602666", "US", KEY)
    assert params["fields"].startswith("totalItems,items(id,volumeInfo(title,")


def test_it_asks_by_title_and_author_without_letting_quotes_through():
    door = FakeDoor(found(volume("Dune"), volume("Dune Messiah", number=2)))
    assert [hit.title for hit in GoogleBooks(door).search('The "Dune" ', 'Herbert" inauthor:"x')] == ["Dune", "Dune Messiah"]
    assert door.asked[0][1]["q"] == 'intitle:"The Dune" inauthor:"Herbert inauthor: x"'
    assert "key" not in door.asked[0][1]


def test_a_volume_that_does_not_exist_is_none():
    assert GoogleBooks(FakeDoor(NotFound("HTTP 404"))).volume("nope") is None


def test_a_volume_by_id_is_one_record():
    door = FakeDoor(volume("Dune", "9780441013593"))
    assert GoogleBooks(door).volume("V1").title == "Dune"
    assert door.asked[0][0] == "/volumes/V1"


def test_a_stray_hit_with_another_isbn_is_not_taken():
    wrong, right = volume("Wrong", "9780441013593"), volume("Right", "4815602662", number=2)
    assert GoogleBooks(FakeDoor(found(wrong, right))).by_isbn("9784815602666").title == "Right"
    assert GoogleBooks(FakeDoor(found(wrong))).by_isbn("9784815602666") is None
    assert GoogleBooks(FakeDoor(found(wrong, volume("Unnamed", number=2)))).by_isbn("9784815602666") is None


@pytest.mark.parametrize("payload", [[], None, "text", {"docs": []}])
def test_another_shape_is_a_bad_answer(payload):
    with pytest.raises(BadAnswer):
        parse_volumes(payload)


def test_odd_values_leave_their_field_empty():
    info = {
        "title": "T\u0000",
        "authors": "Nobody",
        "publishedDate": "19??",
        "pageCount": 0,
        "categories": [None, "Fiction", "Fiction", 3],
        "imageLinks": {"thumbnail": "data:image/png;base64,x", "smallThumbnail": None},
        "industryIdentifiers": [{"type": "OTHER", "identifier": "OXFORD:N10000"}, None, {"type": "ISBN_13", "identifier": "9780441013590"}],
        "language": "zh-CN",
        "description": "<p>One &amp; <b>two</b></p> 3 < 4",
    }
    assert parse_volume({"id": 5, "volumeInfo": info}) == EditionFacts(
        source="google_books", key="", title="T", published="19??", subjects=("Fiction",), language="zh", description="One & two 3 < 4"
    )


@pytest.mark.parametrize("date", ["1999", "1999-05", "1999-05-01", "1999*", "c1999"])
def test_it_reads_the_year_of_odd_dates(date):
    assert parse_volume({"volumeInfo": {"title": "T", "publishedDate": date}}).year == 1999


@pytest.fixture(scope="module")
def rude() -> Any:
    with running(RudeServer()) as server:
        yield server


CALLS = {
    "by_isbn": lambda source: source.by_isbn("9784815602666"),
    "search": lambda source: source.search("Dune", "Frank Herbert"),
    "volume": lambda source: source.volume("V1"),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_of_every_call_is_one_of_the_four_errors(rude, fault, call):
    rude.default = FAULTS[fault]
    door = Door("google_books", rude.url, user_agent="x", bounds=Bounds(connect=0.3, read=0.15, total=0.2, max_bytes=1_000_000))
    with pytest.raises(SourceError):
        CALLS[call](GoogleBooks(door, KEY))
