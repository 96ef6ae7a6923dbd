from __future__ import annotations

import pytest

from tests.sandbox.conftest import Ask

GATSBY = "9780743273565"


def first_volume(ask: Ask, **parameters: str) -> dict:
    return ask(q=f"isbn:{GATSBY}", **parameters).json()["items"][-1]


def test_it_finds_a_volume_by_either_form_of_its_isbn(ask_google_books: Ask) -> None:
    by_13, by_10 = (ask_google_books(q=f"isbn:{isbn}").json()["items"][-1]["id"] for isbn in (GATSBY, "0743273567"))
    assert by_13 == by_10


def test_it_has_no_items_key_when_nothing_is_found(ask_google_books: Ask) -> None:
    assert ask_google_books(q="isbn:9780000000002").json() == {"kind": "books#volumes", "totalItems": 0}


def test_it_finds_by_title_and_author(ask_google_books: Ask) -> None:
    found = ask_google_books(q='intitle:"The Great Gatsby" inauthor:"Fitzgerald"').json()
    assert all("Great Gatsby" in item["volumeInfo"]["title"] for item in found["items"])


def test_it_finds_by_free_text(ask_google_books: Ask) -> None:
    assert ask_google_books(q="frankenstein shelley").json()["totalItems"] >= 1


def test_it_shows_more_of_a_volume_at_its_own_address(ask_google_books: Ask) -> None:
    hit = first_volume(ask_google_books)
    full = ask_google_books(f"/volumes/{hit['id']}").json()
    assert hit["volumeInfo"]["categories"] == ["Fiction"]
    assert all(category.startswith("Fiction / ") for category in full["volumeInfo"]["categories"])
    assert full["volumeInfo"]["publisher"] == "Scribner"


def test_it_links_images_as_google_does(ask_google_books: Ask) -> None:
    links = [
        item["volumeInfo"]["imageLinks"]["thumbnail"]
        for title in ("dune", "1984", "circe", "the road")
        for item in ask_google_books(q=f'intitle:"{title}"').json().get("items", [])
        if "imageLinks" in item["volumeInfo"]
    ]
    assert links
    assert all(link.startswith("http://books.google.com/books/content?id=") and "edge=curl" in link for link in links)


def test_it_answers_only_the_fields_asked_for(ask_google_books: Ask) -> None:
    answer = ask_google_books(q=f"isbn:{GATSBY}", fields="totalItems,items(id,volumeInfo/title,volumeInfo(authors))").json()
    assert set(answer) == {"totalItems", "items"}
    assert all(set(item) == {"id", "volumeInfo"} and set(item["volumeInfo"]) == {"title", "authors"} for item in answer["items"])


def test_it_answers_less_in_a_lite_projection(ask_google_books: Ask) -> None:
    assert "categories" in first_volume(ask_google_books)["volumeInfo"]
    assert "categories" not in first_volume(ask_google_books, projection="lite")["volumeInfo"]


def test_it_takes_no_second_isbn_in_a_query(ask_google_books: Ask) -> None:
    found = ask_google_books(q=f"isbn:{GATSBY} OR isbn:9780679720201").json()
    assert found == ask_google_books(q=f"isbn:{GATSBY}").json()


@pytest.mark.parametrize(("parameters", "reason"), [({"q": ""}, "queryRequired"), ({"q": "x", "maxResults": 41}, "invalidParameter")])
def test_it_answers_400_to_a_bad_query(ask_google_books: Ask, parameters: dict, reason: str) -> None:
    answer = ask_google_books(**parameters)
    assert (answer.status_code, answer.json()["error"]["errors"][0]["reason"]) == (400, reason)


def test_it_answers_404_for_an_unknown_volume(ask_google_books: Ask) -> None:
    assert ask_google_books("/volumes/AAAAAAAAAAAA").status_code == 404


def quota_limit(answer) -> str:
    return answer.json()["error"]["details"][0]["metadata"]["quota_limit"]


def test_it_has_no_quota_left_for_callers_without_a_key(ask_google_books: Ask) -> None:
    answer = ask_google_books(q="dune", key="")
    assert (answer.status_code, quota_limit(answer)) == (429, "defaultPerDayPerProject")
    assert "project_number:624717413613" in answer.json()["error"]["message"]


def test_it_refuses_a_wrong_key(sandbox, ask_google_books: Ask) -> None:
    sandbox.settings(sources={"googlebooks": {"keys": "the-right-one,another"}})
    assert ask_google_books(q="dune", key="another").status_code == 200
    answer = ask_google_books(q="dune")
    assert (answer.status_code, answer.json()["error"]["details"][0]["reason"]) == (400, "API_KEY_INVALID")


def test_it_refuses_a_caller_in_no_country_when_told_to(sandbox, ask_google_books: Ask) -> None:
    sandbox.settings(sources={"googlebooks": {"require_country": True}})
    assert ask_google_books(q="dune").json()["error"]["errors"][0]["reason"] == "unknownLocation"
    assert ask_google_books(q="dune", country="US").status_code == 200


def test_it_tells_a_spent_window_from_a_spent_day(sandbox, ask_google_books: Ask) -> None:
    sandbox.settings(sources={"googlebooks": {"per_100_seconds": 2, "per_day": 3}}, clock={"now": "2026-03-02T20:00:00Z"})
    assert [ask_google_books(q="dune").status_code for _ in range(2)] == [200, 200]
    assert quota_limit(ask_google_books(q="dune")) == "defaultPer100SecondsPerProject"
    sandbox.settings(clock={"advance": 101})
    assert ask_google_books(q="dune").status_code == 200
    assert quota_limit(ask_google_books(q="dune")) == "defaultPerDayPerProject"


def test_it_begins_a_new_day_at_midnight_pacific(sandbox, ask_google_books: Ask) -> None:
    sandbox.settings(sources={"googlebooks": {"per_day": 1}}, clock={"now": "2026-03-02T20:00:00Z"})
    assert [ask_google_books(q="dune").status_code for _ in range(2)] == [200, 429]
    sandbox.settings(clock={"now": "2026-03-03T07:59:00Z"})
    assert ask_google_books(q="dune").status_code == 429
    sandbox.settings(clock={"now": "2026-03-03T08:01:00Z"})
    assert ask_google_books(q="dune").status_code == 200


def test_it_counts_each_key_for_itself(sandbox, ask_google_books: Ask) -> None:
    sandbox.settings(sources={"googlebooks": {"per_day": 1}})
    assert [ask_google_books(q="dune", key=key).status_code for key in ("one", "one", "two")] == [200, 429, 200]
