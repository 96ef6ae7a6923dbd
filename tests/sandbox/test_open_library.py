from __future__ import annotations

import json

import pytest
import requests

from sandbox.catalogue import Book, Catalogue
from sandbox.clock import Clock
from sandbox.holdings import Work
from sandbox.open_library import OpenLibrary
from sandbox.party import Answer, Request
from tests.sandbox.conftest import AGENT, Ask

GATSBY = "9780743273565"


def library_of(*books: Book, seed: int = 1, **options: object) -> OpenLibrary:
    return OpenLibrary(Catalogue(books, seed=seed), Clock(), {"limits": False, **options})


def answer_to(party: OpenLibrary, path: str, query: str = "", agent: str = AGENT) -> Answer:
    return party.answer(Request("GET", path, query.encode(), [(b"user-agent", agent.encode())]))


def many_books(count: int = 400) -> list[Book]:
    return [Book(title=f"Invented Tale Number {n}", author=f"Author Surname{n}", isbn13="", goodreads_id=str(n)) for n in range(count)]


def work_with(party: OpenLibrary, condition: str) -> Work:
    return next(work for work in party.holdings.works.values() if getattr(work, condition) is not None)


def test_it_echoes_bibkeys_as_sent_and_leaves_out_what_is_missing(ask_open_library: Ask) -> None:
    keys = f"ISBN:{GATSBY},ISBN:0-7432-7356-7,ISBN:9780000000002"
    answer = ask_open_library("/api/books.json", parameters={"bibkeys": keys, "jscmd": "data"})
    assert answer.headers["X-Sandbox"] == "invented data"
    assert list(answer.json()) == [f"ISBN:{GATSBY}", "ISBN:0-7432-7356-7"]
    assert answer.json()[f"ISBN:{GATSBY}"]["title"].startswith("The Great Gatsby")


def test_it_answers_an_empty_object_when_nothing_is_found(ask_open_library: Ask) -> None:
    answer = ask_open_library("/api/books", parameters={"bibkeys": "ISBN:9780000000002", "format": "json", "jscmd": "data"})
    assert (answer.status_code, answer.json()) == (200, {})


def test_it_answers_javascript_without_format_json(ask_open_library: Ask) -> None:
    assert ask_open_library("/api/books", parameters={"bibkeys": "ISBN:x"}).text == "var _OLBookInfo = {};"


def test_it_shows_neither_description_nor_language_nor_works_in_data(ask_open_library: Ask) -> None:
    entry = ask_open_library("/api/books.json", parameters={"bibkeys": f"ISBN:{GATSBY}", "jscmd": "data"}).json()[f"ISBN:{GATSBY}"]
    assert not {"description", "languages", "works"} & set(entry)
    assert {"name", "url"} == set(entry["authors"][0])


def test_it_shows_the_raw_edition_in_details(ask_open_library: Ask) -> None:
    entry = ask_open_library("/api/books.json", parameters={"bibkeys": f"ISBN:{GATSBY}", "jscmd": "details"}).json()[f"ISBN:{GATSBY}"]
    assert entry["bib_key"] == f"ISBN:{GATSBY}"
    assert entry["details"]["isbn_13"] == [GATSBY]
    assert entry["details"]["works"][0]["key"].startswith("/works/OL")


def test_it_redirects_an_isbn_to_its_edition(ask_open_library: Ask) -> None:
    answer = ask_open_library(f"/isbn/{GATSBY}.json", allow_redirects=False)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/openlibrary/books/OL")
    assert ask_open_library(f"/isbn/{GATSBY}.json").json()["isbn_13"] == [GATSBY]


def test_it_answers_404_for_an_unknown_isbn(ask_open_library: Ask) -> None:
    answer = ask_open_library("/isbn/9780000000002.json")
    assert (answer.status_code, answer.json()) == (404, {"error": "notfound", "key": "/isbn/9780000000002"})


def test_it_leads_from_an_edition_to_its_work_and_authors(ask_open_library: Ask) -> None:
    edition = ask_open_library(f"/isbn/{GATSBY}.json").json()
    work = ask_open_library(edition["works"][0]["key"] + ".json").json()
    author = ask_open_library(work["authors"][0]["author"]["key"] + ".json").json()
    assert (work["type"]["key"], author["name"]) == ("/type/work", "F. Scott Fitzgerald")


def test_it_describes_a_work_as_text_or_as_an_object() -> None:
    party = library_of(*many_books(40))
    kinds = {type(json.loads(answer_to(party, f"/works/OL{number}W.json").body)["description"]) for number in party.holdings.works}
    assert kinds == {str, dict}


def test_it_reads_many_records_at_once(ask_open_library: Ask) -> None:
    edition = ask_open_library(f"/isbn/{GATSBY}.json").json()
    keys = [edition["key"], edition["works"][0]["key"], "/books/OL1M"]
    answer = ask_open_library("/api/get_many", parameters={"keys": json.dumps(keys)}).json()
    assert (answer["status"], set(answer["result"])) == ("ok", set(keys[:2]))


def test_it_redirects_the_old_key_of_a_merged_work() -> None:
    party = library_of(*many_books())
    work = work_with(party, "merged_from")
    record = json.loads(answer_to(party, f"/works/OL{work.merged_from}W.json").body)
    assert (record["type"]["key"], record["location"]) == ("/type/redirect", f"/works/OL{work.number}W")
    edition = json.loads(answer_to(party, f"/books/OL{work.editions[0].number}M.json").body)
    assert edition["works"] == [{"key": f"/works/OL{work.merged_from}W"}]


def test_it_finds_many_isbns_in_one_search(ask_open_library: Ask) -> None:
    query = f"isbn:({GATSBY} OR 9780553380958 OR 9780000000002)"
    found = ask_open_library("/search.json", parameters={"q": query, "fields": "key,isbn"}).json()
    assert found["numFound"] == 2
    assert {GATSBY, "9780553380958"} <= {isbn for document in found["docs"] for isbn in document["isbn"]}


def test_it_gives_isbn_and_subject_only_when_they_are_named(ask_open_library: Ask) -> None:
    parameters = {"title": "The Great Gatsby", "author": "Fitzgerald"}
    plain = ask_open_library("/search.json", parameters=parameters).json()["docs"][-1]
    named = ask_open_library("/search.json", parameters=parameters | {"fields": "isbn,subject,publisher"}).json()["docs"][-1]
    assert "title" in plain
    assert not {"isbn", "subject", "publisher", "publish_date"} & set(plain)
    assert set(named) == {"isbn", "subject", "publisher"}


def test_it_shows_the_edition_that_was_searched_for(ask_open_library: Ask) -> None:
    found = ask_open_library("/search.json", parameters={"q": f"isbn:{GATSBY}", "fields": "key,editions,editions.isbn"}).json()
    assert GATSBY in found["docs"][0]["editions"]["docs"][0]["isbn"]


def test_it_searches_titles_and_authors_joined_by_or(ask_open_library: Ask) -> None:
    query = '(title:"Snow Crash" AND author:"Neal Stephenson") OR (title:"The Road" AND author:"Cormac McCarthy")'
    found = ask_open_library("/search.json", parameters={"q": query, "fields": "author_name"}).json()
    assert {"Neal Stephenson", "Cormac McCarthy"} <= {name for document in found["docs"] for name in document["author_name"]}


@pytest.mark.parametrize(("setting", "status", "authors"), [("first_clause", 200, {"Cormac McCarthy"}), ("refused", 422, set())])
def test_it_can_be_made_not_to_join_queries(sandbox, ask_open_library: Ask, setting: str, status: int, authors: set[str]) -> None:
    sandbox.settings(sources={"openlibrary": {"joined_queries": setting}})
    query = '(title:"The Road" AND author:"Cormac McCarthy") OR (title:"Snow Crash" AND author:"Neal Stephenson")'
    answer = ask_open_library("/search.json", parameters={"q": query, "fields": "author_name"})
    assert answer.status_code == status
    assert {name for document in answer.json().get("docs", []) for name in document["author_name"]} == authors
    joined_isbns = ask_open_library("/search.json", parameters={"q": f"isbn:({GATSBY} OR 9780553380958)"})
    assert joined_isbns.json()["numFound"] == 2


@pytest.mark.parametrize("query", ["", "ab", "title:(", 'title:"x" AND )', "(" * 200 + "deep" + ")" * 200])
def test_it_answers_422_to_a_query_without_meaning(ask_open_library: Ask, query: str) -> None:
    assert ask_open_library("/search.json", parameters={"q": query}).status_code == 422


def test_it_pages_through_a_search(ask_open_library: Ask) -> None:
    everything = ask_open_library("/search.json", parameters={"q": "author:martin"}).json()
    second = ask_open_library("/search.json", parameters={"q": "author:martin", "limit": 1, "offset": 1}).json()
    assert second["docs"] == everything["docs"][1:2] != []
    assert (second["start"], second["numFound"]) == (1, everything["numFound"])


def test_it_answers_no_match_in_the_recorded_shape(ask_open_library: Ask) -> None:
    assert ask_open_library("/search.json", parameters={"q": "isbn:9780000000002"}).json() == {
        "numFound": 0,
        "start": 0,
        "numFoundExact": True,
        "num_found": 0,
        "documentation_url": "https://openlibrary.org/dev/docs/api/search",
        "q": "isbn:9780000000002",
        "offset": None,
        "docs": [],
    }


@pytest.mark.parametrize("agent", ["python-requests/2.32.3", "python-httpx/0.28 (+https://example.org)", "MyLibrary/1.0", "curl/8.5.0"])
def test_it_refuses_an_agent_without_a_contact_with_html(ask_open_library: Ask, agent: str) -> None:
    answer = ask_open_library("/search.json", agent=agent, parameters={"q": "dune"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (403, "text/html")
    assert "403 Forbidden" in answer.text


def test_it_lets_through_a_burst_and_then_so_many_a_second(sandbox, ask_open_library: Ask) -> None:
    sandbox.settings(sources={"openlibrary": {"burst": 5, "retry_after": "7"}})
    statuses = [ask_open_library("/isbn/x.json").status_code for _ in range(6)]
    assert statuses == [404] * 5 + [429]
    refused = ask_open_library("/isbn/x.json")
    assert refused.headers["Retry-After"] == "7"
    assert refused.json() == {"status": 429, "message": "Too Many Requests. Consider using https://openlibrary.org/developers/dumps."}
    sandbox.settings(clock={"advance": 1})
    assert [ask_open_library("/isbn/x.json").status_code for _ in range(4)] == [404, 404, 404, 429]


def test_it_says_nothing_of_when_to_come_back_unless_told_to(sandbox, ask_open_library: Ask) -> None:
    sandbox.settings(sources={"openlibrary": {"burst": 0}})
    assert "Retry-After" not in ask_open_library("/isbn/x.json").headers


def test_it_gives_a_slower_rate_to_the_unidentified_where_they_are_let_in() -> None:
    party = library_of(limits=True, refuse_unidentified=False, burst=1)
    assert answer_to(party, "/isbn/x.json", agent="Plain/1.0").status == 404
    assert answer_to(party, "/isbn/x.json", agent="Plain/1.0").status == 429
    party.clock.set(advance=0.5)
    assert answer_to(party, "/isbn/x.json", agent="Plain/1.0").status == 429
    party.clock.set(advance=0.6)
    assert answer_to(party, "/isbn/x.json", agent="Plain/1.0").status == 404


def test_it_refuses_an_address_that_is_too_long(ask_open_library: Ask) -> None:
    assert ask_open_library("/api/books.json", parameters={"bibkeys": "ISBN:9780743273565," * 600}).status_code == 414


def test_it_answers_within_the_same_connection_again_and_again(sandbox) -> None:
    sandbox.settings(limits=False)
    with requests.Session() as session:
        session.headers["User-Agent"] = AGENT
        assert {session.get(sandbox.open_library_url + "/isbn/x.json", timeout=10).status_code for _ in range(50)} == {404}
