from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from bookops.outbound.errors import BadAnswer, Refused, SourceError, TryAgain
from bookops.outbound.http import Door
from bookops.outbound.wire import Bounds
from enrichment.sources.facts import EditionFacts
from enrichment.sources.open_library import (
    JOINED_PAUSE,
    OpenLibrary,
    joined_query,
    parse_books_data,
    parse_search,
    parse_work,
    redirect_of,
)
from tests.bookops.outbound.rude_server import FAULTS, RudeServer, running
from tests.enrichment.sources.fake_door import FakeDoor, Said
from tests.shared_data import shared_path

WITNESS = "9780140328721"


def recorded(name: str) -> Any:
    return json.loads(shared_path("contracts", "fixtures", "openlibrary", name).read_text())


def record(title: str, number: int = 1) -> dict[str, Any]:
    return {"key": f"/books/OL{number}M", "title": title}


# Reading what was recorded


@pytest.mark.shared
def test_it_reads_a_recorded_edition():
    facts = parse_books_data(recorded("dkam_api_books_jscmd_data.json"))["9780316030571"]
    assert facts == EditionFacts(
        source="open_library",
        key="/books/OL10426208M",
        title="Use of Weapons",
        authors=("Iain M. Banks",),
        isbns=("9780316030571",),
        publisher="Orbit",
        published="July 28, 2008",
        year=2008,
        pages=480,
        subjects=("Fiction", "Science Fiction", "Science Fiction & Fantasy", "Long Now Manual for Civilization", "Space warfare"),
        cover_url="https://covers.openlibrary.org/b/id/2379038-L.jpg",
        small_cover_url="https://covers.openlibrary.org/b/id/2379038-M.jpg",
        edition_key="/books/OL10426208M",
    )


@pytest.mark.shared
def test_it_turns_an_isbn_10_into_an_isbn_13():
    facts = parse_books_data(recorded("bookwyrm_ol_isbn_search.json"))["9782070427796"]
    assert facts.isbns == ("9782070427796",)
    assert (facts.cover_url, facts.pages, facts.subjects) == ("", None, ())


@pytest.mark.shared
def test_it_reads_two_found_of_three_asked():
    door = FakeDoor(recorded("constructed/api_books_multi_3_asked_2_found.json"))
    asked = ["9780316030571", "9782070427796", "9780000000002"]
    found = OpenLibrary(door).by_isbns(asked)
    assert [found[isbn] and found[isbn].title for isbn in asked] == ["Use of Weapons", "Les ombres errantes", None]
    assert len(door.asked) == 1


@pytest.mark.shared
def test_it_reads_a_recorded_search():
    first, second = parse_search(recorded("bookwyrm_ol_search.json"))
    assert (first.key, first.work_key) == ("/works/OL20639540W", "/works/OL20639540W")
    assert first.authors == ("Amal El-Mohtar", "Max Gladstone")
    assert (first.isbns, first.first_year, first.language) == (("9781534431003",), 2019, "en")
    assert first.subjects == ("epistolary", "science fiction", "time-traveling", "LGBT")
    assert (first.cover_url, second.cover_url) == ("", "https://covers.openlibrary.org/b/id/8665647-L.jpg")


@pytest.mark.shared
def test_a_search_without_a_match_is_empty():
    assert parse_search(recorded("constructed/search_no_match.json")) == []


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "description"),
    [
        ("bookwyrm_ol_work.json", "First in the Old Kingdom/Abhorsen series."),
        ("constructed/work_description_object.json", "object form"),
        ("constructed/work_description_string.json", "plain string form"),
    ],
)
def test_a_description_is_a_string_or_an_object(name, description):
    assert parse_work(recorded(name)).description == description


@pytest.mark.shared
def test_it_passes_over_covers_that_were_taken_away():
    assert parse_work(recorded("constructed/work_description_string.json")).cover_url == "https://covers.openlibrary.org/b/id/12345-L.jpg"


@pytest.mark.shared
def test_it_sees_that_a_record_was_merged():
    assert redirect_of(recorded("constructed/redirect_record.json")) == "/works/OL1W"
    assert redirect_of(recorded("bookwyrm_ol_work.json")) == ""


@pytest.mark.shared
def test_a_blocked_user_agent_is_refused_by_name():
    page = shared_path("contracts", "fixtures", "openlibrary", "constructed", "error_403_bot.html").read_bytes()
    with pytest.raises(Refused) as caught:
        OpenLibrary(FakeDoor(Said(403, page, "text/html"))).by_isbns(["9780316030571"])
    assert caught.value.reason == "forbidden_agent"


# Editions by ISBN


def test_it_asks_for_many_books_at_once():
    door = FakeDoor(lambda path, params: {key: record(key) for key in params["bibkeys"].split(",")})
    isbns = [str(9780000000000 + number) for number in range(100)]
    found = OpenLibrary(door).by_isbns(isbns)
    assert [found[isbn].title for isbn in isbns] == [f"ISBN:{isbn}" for isbn in isbns]
    ((path, params),) = door.asked
    assert (path, params["jscmd"]) == ("/api/books.json", "data")


def test_it_refuses_to_ask_for_more():
    with pytest.raises(ValueError, match="101"):
        OpenLibrary(FakeDoor({})).by_isbns(["x"] * 101)


def test_it_asks_nothing_for_nothing():
    door = FakeDoor({})
    assert OpenLibrary(door).by_isbns([]) == {}
    assert door.asked == []


def test_an_empty_answer_is_not_believed():
    with pytest.raises(TryAgain) as caught:
        OpenLibrary(FakeDoor({})).by_isbns(["9780316030571"])
    assert caught.value.reason == "empty_answer"


def test_an_answer_that_has_only_the_witness_is_believed():
    door = FakeDoor({f"ISBN:{WITNESS}": record("Fantastic Mr Fox")})
    assert OpenLibrary(door).by_isbns(["9780000000002"]) == {"9780000000002": None}


def test_a_book_found_before_is_a_witness_too():
    known = {"ISBN:9780316030571"}
    door = FakeDoor(lambda path, params: {key: record("T") for key in params["bibkeys"].split(",") if key in known})
    source = OpenLibrary(door)
    source.by_isbn("9780316030571")
    assert source.by_isbn("9780000000002") is None
    assert door.asked[-1][1]["bibkeys"] == "ISBN:9780000000002,ISBN:9780316030571"


def test_a_witness_that_is_gone_is_not_asked_again():
    known = {"ISBN:9780316030571"}
    door = FakeDoor(lambda path, params: {key: record("T") for key in params["bibkeys"].split(",") if key in known})
    source = OpenLibrary(door)
    source.by_isbn("9780316030571")
    known.clear()
    with pytest.raises(TryAgain):
        source.by_isbn("9780000000002")
    known.add(f"ISBN:{WITNESS}")
    assert source.by_isbn("9780000000002") is None


@pytest.mark.parametrize("payload", [[], None, "text", 7, True])
def test_another_shape_is_a_bad_answer(payload):
    with pytest.raises(BadAnswer):
        parse_books_data(payload)
    with pytest.raises(BadAnswer):
        OpenLibrary(FakeDoor({"docs": payload if payload != [] else None})).search("Sabriel", "Nix")


def test_odd_values_leave_their_field_empty():
    odd = {
        "title": " Use\u0000 of\nWeapons\ud800 ",
        "authors": [{"name": None}, "Iain Banks", {"name": "Iain Banks"}, 7],
        "identifiers": {"isbn_13": ["9780316030571", "978031603057X", 5], "isbn_10": "0316030570"},
        "publishers": "Orbit",
        "publish_date": "19??",
        "number_of_pages": 0,
        "cover": {"large": "javascript:alert(1)", "medium": "http://covers.openlibrary.org/b/id/1-M.jpg"},
        "subjects": {"name": "Fiction"},
    }
    facts = parse_books_data({"ISBN:1": odd, "ISBN:2": {"title": ""}, "ISBN:3": None})
    assert list(facts) == ["1"]
    assert facts["1"] == EditionFacts(
        source="open_library",
        key="",
        title="Use of Weapons",
        authors=("Iain Banks",),
        isbns=("9780316030571",),
        published="19??",
        cover_url="https://covers.openlibrary.org/b/id/1-M.jpg",
        small_cover_url="https://covers.openlibrary.org/b/id/1-M.jpg",
    )


@pytest.mark.parametrize(
    ("date", "year"),
    [
        ("July 28, 2008", 2008),
        ("2008", 2008),
        ("c1999.", 1999),
        ("1999-05", 1999),
        ("19??", None),
        ("[18--]", None),
        ("1999*", 1999),
        ("n.d.", None),
        (2008, None),
    ],
)
def test_it_reads_the_year_of_a_date_as_people_write_it(date, year):
    assert parse_books_data({"ISBN:1": {"title": "T", "publish_date": date}})["1"].year == year


# Works


def test_it_finds_the_works_of_many_isbns_in_one_search():
    docs = [
        {
            "key": "/works/OL1W",
            "title": "Sabriel",
            "isbn": ["0064471837", "9780060273224"],
            "first_publish_year": 1995,
            "language": ["eng", "spa"],
        },
        {"key": "/works/OL2W", "title": "The Iliad", "isbn": ["9780140275360"], "first_publish_year": -750, "language": ["grc"]},
    ]
    door = FakeDoor({"numFound": 2, "docs": docs})
    found = OpenLibrary(door).works_by_isbns(["9780064471831", "9780140275360", "9780000000002"])
    assert {isbn: work and (work.key, work.first_year, work.language) for isbn, work in found.items()} == {
        "9780064471831": ("/works/OL1W", 1995, ""),
        "9780140275360": ("/works/OL2W", -750, "grc"),
        "9780000000002": None,
    }
    ((path, params),) = door.asked
    assert (path, params["q"]) == ("/search.json", "isbn:(9780064471831 OR 9780140275360 OR 9780000000002)")
    assert {"isbn", "subject", "publisher"} <= set(params["fields"].split(","))


def test_it_follows_merged_works_and_leaves_out_deleted_ones():
    records = {
        "/works/OL1W": {"key": "/works/OL1W", "title": "One", "type": {"key": "/type/work"}},
        "/works/OL2W": {"key": "/works/OL2W", "type": {"key": "/type/redirect"}, "location": "/works/OL1W"},
        "/works/OL3W": {"key": "/works/OL3W", "title": "Gone", "type": {"key": "/type/delete"}},
        "/works/OL4W": {"key": "/works/OL4W", "type": {"key": "/type/redirect"}, "location": "/works/OL4W"},
    }
    door = FakeDoor(
        lambda path, params: {"status": "ok", "result": {key: records[key] for key in json.loads(params["keys"]) if key in records}}
    )
    found = OpenLibrary(door).works(["/works/OL1W", "/works/OL2W", "/works/OL3W", "/works/OL4W", "/works/OL5W"])
    assert {key: work and work.title for key, work in found.items()} == {
        "/works/OL1W": "One",
        "/works/OL2W": "One",
        "/works/OL3W": None,
        "/works/OL4W": None,
        "/works/OL5W": None,
    }
    assert len(door.asked) <= 3


# Search by title and author

BOOKS = {
    "Sabriel": "Garth Nix",
    "The Hobbit": "J.R.R. Tolkien",
    "Emma": "Jane Austen",
    "Dune": "Frank Herbert",
    "War and Peace": "Leo Tolstoy",
}
PAIRS = [*BOOKS.items()][:4]


class Solr:
    """Answer searches as far as the tests need it: clauses in OR, each with all of its words."""

    def __init__(self, *, joined: str = "answered", extra: int = 0) -> None:
        self.joined = joined
        self.extra = extra
        self.queries = 0

    def __call__(self, path: str, params: Mapping[str, str]) -> Any:
        self.queries += 1
        if "q" not in params:
            wanted = [(params["title"].lower(), params.get("author", "").lower().split()[-1])]
        else:
            if self.joined == "refused":
                return Said(422, {"error": "q"})
            wanted = re.findall(r"\(title:\((.*?)\) AND author:\((.*?)\)\)", params["q"])
            if self.joined == "first clause":
                wanted = wanted[:1]
            if self.joined == "nothing":
                wanted = []
        docs = [
            {"key": f"/works/OL{number}W", "title": title, "author_name": [author]}
            for number, (title, author) in enumerate(BOOKS.items(), 1)
            if any(words in title.lower() and name in author.lower() for words, name in wanted)
        ]
        return {"numFound": len(docs) + self.extra, "docs": docs}


def titles(found: tuple[tuple[EditionFacts, ...], ...]) -> list[list[str]]:
    return [[work.title for work in works] for works in found]


def test_it_searches_for_several_books_in_one_query():
    solr = Solr()
    source = OpenLibrary(FakeDoor(solr))
    assert titles(source.search_many(PAIRS)) == [["Sabriel"], ["The Hobbit"], ["Emma"], ["Dune"]]
    assert solr.queries == 1
    assert source.supports_joined


def test_a_book_that_a_complete_answer_lacks_is_not_asked_again():
    solr = Solr()
    pairs = [PAIRS[0], ("No Such Book", "Nobody"), PAIRS[2]]
    assert titles(OpenLibrary(FakeDoor(solr)).search_many(pairs)) == [["Sabriel"], [], ["Emma"]]
    assert solr.queries == 1


def test_a_book_that_an_answer_cut_off_lacks_is_asked_alone():
    solr = Solr(extra=500)
    pairs = [PAIRS[0], ("No Such Book", "Nobody"), PAIRS[2]]
    assert titles(OpenLibrary(FakeDoor(solr)).search_many(pairs)) == [["Sabriel"], [], ["Emma"]]
    assert solr.queries == 2


@pytest.mark.parametrize("joined", ["refused", "first clause", "nothing"])
def test_where_joining_does_not_work_it_asks_one_by_one_for_a_while(joined):
    now = 0.0
    solr = Solr(joined=joined)
    source = OpenLibrary(FakeDoor(solr), clock=lambda: now)

    assert titles(source.search_many(PAIRS)) == [["Sabriel"], ["The Hobbit"], ["Emma"], ["Dune"]]
    assert not source.supports_joined
    assert solr.queries <= 1 + len(PAIRS)

    assert titles(source.search_many(PAIRS)) == [["Sabriel"], ["The Hobbit"], ["Emma"], ["Dune"]]
    now = JOINED_PAUSE + 1
    assert source.supports_joined


def test_books_that_nobody_knows_do_not_stop_joining():
    solr = Solr()
    source = OpenLibrary(FakeDoor(solr))
    assert titles(source.search_many([("No Such Book", "Nobody"), ("Nor This", "No One")])) == [[], []]
    assert source.supports_joined
    assert solr.queries == 2


def test_joining_can_be_switched_off():
    solr = Solr()
    source = OpenLibrary(FakeDoor(solr), join_searches=False)
    assert titles(source.search_many(PAIRS)) == [["Sabriel"], ["The Hobbit"], ["Emma"], ["Dune"]]
    assert solr.queries == 4


def test_a_failure_of_the_moment_does_not_stop_joining():
    source = OpenLibrary(FakeDoor(BadAnswer("html", reason="not_json")))
    with pytest.raises(BadAnswer):
        source.search_many(PAIRS)
    blocked = OpenLibrary(FakeDoor(Said(403, b"<html>", "text/html")))
    with pytest.raises(Refused):
        blocked.search_many(PAIRS)
    assert source.supports_joined
    assert blocked.supports_joined


@pytest.mark.parametrize(
    ("title", "author", "query"),
    [
        ("The Hobbit", "J.R.R. Tolkien", "(title:(the hobbit) AND author:(tolkien))"),
        ('He said: "No!" (again) [2] {x} ~ * ? \\ / && || + - ^', "O'Brien, Tim", "(title:(he said no again 2 x) AND author:(o'brien))"),
        ("WAR OR PEACE AND NOT", "", "(title:(war or peace and not))"),
        ("Преступление и наказание", "Фёдор Достоевский", "(title:(преступление и наказание) AND author:(достоевский))"),
        ("I Have a Dream", "Martin Luther King Jr.", "(title:(i have a dream) AND author:(king))"),
        ("$$$", "Nobody", ""),
    ],
)
def test_nothing_of_a_title_has_a_meaning_in_solr(title, author, query):
    assert joined_query([(title, author)]) == query


def test_a_title_without_a_word_is_not_asked_for():
    door = FakeDoor({"docs": []})
    assert OpenLibrary(door).search("!!!", "Nobody") == ()
    assert door.asked == []


# The four errors


@pytest.fixture(scope="module")
def rude() -> Any:
    with running(RudeServer()) as server:
        yield server


CALLS = {
    "by_isbns": lambda source: source.by_isbns(["9780316030571", "9782070427796"]),
    "by_isbn": lambda source: source.by_isbn("9780316030571"),
    "works_by_isbns": lambda source: source.works_by_isbns(["9780316030571"]),
    "works": lambda source: source.works(["/works/OL1W"]),
    "search": lambda source: source.search("Sabriel", "Garth Nix"),
    "search_many": lambda source: source.search_many(PAIRS),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_of_every_call_is_one_of_the_four_errors(rude, fault, call):
    rude.default = FAULTS[fault]
    door = Door("open_library", rude.url, user_agent="x", bounds=Bounds(connect=0.3, read=0.15, total=0.2, max_bytes=1_000_000))
    with pytest.raises(SourceError):
        CALLS[call](OpenLibrary(door))
