"""Imports, rows and books as resources, and what a person can do with them."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.test import Client

from bookops.runs import State
from bookops.safe_csv import safe_cell
from enrichment.models import ImportRow, LibraryImport
from tests.api.clients import body_of
from tests.enrichment.api.factories import CANDIDATE, make_book, make_finished_import, make_import, make_row


def post(api: Client, path: str, **body: Any) -> Any:
    """Send JSON."""
    return api.post(path, json.dumps(body), content_type="application/json")


def test_an_import_shows_its_counts(api: Client, owner: Any) -> None:
    library_import = make_import(owner, cells_left_out={"Date Read": 2})
    make_row(library_import, 1, reason="rate_limited")
    make_row(library_import, 2, state=State.SUCCEEDED, reason="", outcome="not_found")
    body = api.get(f"/api/imports/{library_import.pk}").json()
    assert (body["counts"]["failed"], body["counts"]["succeeded"], body["outcomes"]) == (1, 1, {"not_found": 1})
    assert (body["reasons"], body["categories"]) == ({"rate_limited": 1}, {"rate_limited": 1})
    assert body["cells_left_out"] == {"Date Read": 2}
    assert api.get(f"/api/status/{library_import.pk}").json()["statistics"]["cells_left_out"] == 2


def test_lists_are_paged_newest_first_and_filtered(api: Client, owner: Any) -> None:
    imports = [make_import(owner) for _ in range(3)] + [make_finished_import(owner)]
    first = api.get("/api/imports?page_size=3").json()
    assert [one["id"] for one in first["results"]] == [str(one.pk) for one in reversed(imports[1:])]
    assert [one["id"] for one in api.get(first["next"]).json()["results"]] == [str(imports[0].pk)]
    assert len(api.get("/api/imports?state=succeeded").json()["results"]) == 1
    assert api.get("/api/imports?state=asleep").status_code == 400


@pytest.mark.parametrize("cursor", ["x", "cD1ub3BlCg==", "bz05OTk5OTk5OTk5OTk=", "cD0lMDA="])
def test_a_made_up_cursor_is_not_found(api: Client, owner: Any, cursor: str) -> None:
    make_row(make_import(owner))
    for path in ("/api/imports", "/api/books", "/api/dead-letters", "/api/notices"):
        assert api.get(f"{path}?cursor={cursor}").status_code in (200, 404)


def test_events_are_listed_after_a_number(api: Client, owner: Any) -> None:
    library_import = make_import(owner)
    for number in range(3):
        library_import.record("chunk_done", number=number)
    body = api.get(f"/api/imports/{library_import.pk}/events?after=1").json()
    assert ([event["seq"] for event in body["events"]], body["last_seq"]) == ([2, 3], 3)
    assert api.get(f"/api/imports/{library_import.pk}/events?after=3").json() == {"events": [], "last_seq": 3}
    assert api.get(f"/api/imports/{library_import.pk}/events?after=x").status_code == 400


def test_rows_are_filtered_by_state_reason_and_outcome(api: Client, owner: Any) -> None:
    library_import = make_import(owner)
    make_row(library_import, 1, reason="timeout")
    make_row(library_import, 2, reason="refused", title="Emma", entry={"title": "Emma", "warnings": [{"column": "Date Read"}]})
    make_row(library_import, 3, state=State.SUCCEEDED, reason="", outcome="needs_review")

    def numbers(query: str) -> list[int]:
        return [row["number"] for row in api.get(f"/api/imports/{library_import.pk}/rows?{query}").json()["results"]]

    assert numbers("") == [1, 2, 3]
    assert numbers("state=failed") == [1, 2]
    assert numbers("reason=timeout") == [1]
    assert numbers("outcome=needs_review") == [3]
    assert numbers("q=emm") == numbers("has_warnings=true") == [2]
    assert numbers("has_warnings=false") == [1, 3]


def test_a_row_shows_its_reason_candidates_and_attempts(api: Client, owner: Any) -> None:
    row = make_row(make_import(owner), candidates=[CANDIDATE])
    body = api.get(f"/api/imports/{row.library_import_id}/rows/1").json()
    assert (body["reason"], body["category"]) == ("timeout", "api_timeout")
    assert body["explanation"]
    assert body["candidates"][0]["name"] == "openlibrary:/books/OL1M"
    assert body["tries"][0]["outcome"] == "failed"


def test_a_failed_row_is_retried_once(api: Client, owner: Any) -> None:
    row = make_row(make_import(owner))
    path = f"/api/imports/{row.library_import_id}/rows/1/retry"
    assert post(api, path).json()["state"] == "pending"
    again = post(api, path)
    assert (again.status_code, again.json()["code"], again.json()["row"]) == (409, "not_retryable", 1)


def test_an_unreadable_row_cannot_be_retried_and_says_where_it_stands(api: Client, owner: Any) -> None:
    row = make_row(make_import(owner), entry={}, line=17, column="My Rating", reason="bad_number")
    body = post(api, f"/api/imports/{row.library_import_id}/rows/1/retry").json()
    assert (body["row"], body["line"], body["column"]) == (1, 17, "My Rating")


@pytest.mark.parametrize(
    ("deed", "states", "moved"),
    [
        ("retry", [State.FAILED, State.DEAD, State.SUCCEEDED], 2),
        ("redrive", [State.FAILED, State.DEAD], 1),
        ("re-enrich", [State.SUCCEEDED], 1),
    ],
)
def test_rows_are_sent_round_again(api: Client, owner: Any, deed: str, states: list[State], moved: int) -> None:
    library_import = make_import(owner)
    for number, state in enumerate(states, start=1):
        make_row(library_import, number, state=state)
    assert post(api, f"/api/imports/{library_import.pk}/{deed}").json() == {"moved": moved}
    assert ImportRow.objects.filter(state=State.PENDING).count() == moved


def test_an_import_is_cancelled_once(api: Client, owner: Any) -> None:
    library_import = make_import(owner)
    path = f"/api/imports/{library_import.pk}/cancel"
    assert [post(api, path).json() for _ in range(2)] == [{"cancelled": True}, {"cancelled": False}]
    assert LibraryImport.objects.get().state == State.CANCELLED


def test_a_source_is_given_up(api: Client, owner: Any) -> None:
    library_import = make_import(owner)
    make_row(library_import, state=State.PARKED, waiting_for="google_books", reason="quota_day")
    path = f"/api/imports/{library_import.pk}/give-up-source"
    assert post(api, path, source="google_books").json() == {"moved": 1}
    assert post(api, path, source="bing").json()["code"] == "unknown_source"


def test_a_candidate_that_is_none_is_refused(api: Client, owner: Any) -> None:
    row = make_row(make_import(owner), book=make_book(owner))
    answer = post(api, f"/api/imports/{row.library_import_id}/rows/1/choose", candidate="openlibrary:/books/OL9M")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_a_candidate")


def test_dead_letters_are_listed_over_all_imports(api: Client, owner: Any) -> None:
    rows = [make_row(make_import(owner), state=State.DEAD) for _ in range(2)]
    make_row(make_import(owner))
    found = api.get("/api/dead-letters").json()["results"]
    assert [one["library_import"] for one in found] == [str(row.library_import_id) for row in reversed(rows)]


def test_an_edit_locks_what_it_sets_until_it_is_unlocked(api: Client, owner: Any) -> None:
    book = make_book(owner)
    path = f"/api/books/{book.public_id}"
    body = api.patch(path, json.dumps({"title": "Emma", "original_year": -400}), content_type="application/json").json()
    assert (body["title"], body["original_year"], body["locked"]) == ("Emma", -400, ["original_year", "title"])
    assert post(api, f"{path}/unlock", fact="title").json()["locked"] == ["original_year"]


def test_a_fact_that_is_right_is_locked_as_it_is(api: Client, owner: Any) -> None:
    book = make_book(owner)
    body = post(api, f"/api/books/{book.public_id}/lock", fact="title").json()
    assert (body["title"], body["locked"]) == (book.title, ["title"])
    assert post(api, f"/api/books/{book.public_id}/lock", fact="owner").status_code == 400


@pytest.mark.parametrize(
    "change",
    [{}, {"owner": 2}, {"title": ""}, {"cover_url": "javascript:alert(1)"}, {"cover_url": "http://x.example/a.jpg"}, {"isbn13": "1"}],
)
def test_a_change_that_makes_no_sense_is_refused(api: Client, owner: Any, change: dict[str, Any]) -> None:
    book = make_book(owner)
    answer = api.patch(f"/api/books/{book.public_id}", json.dumps(change), content_type="application/json")
    assert answer.status_code == 400
    book.refresh_from_db()
    assert (book.title, book.locked) == ("The Left Hand of Darkness", [])


def test_the_unmatched_are_a_file_that_a_spreadsheet_only_shows(api: Client, owner: Any) -> None:
    library_import = make_import(owner)
    make_row(library_import, 1, state=State.SUCCEEDED, outcome="not_found", reason="", title='=HYPERLINK("http://evil.example")')
    make_row(library_import, 2, state=State.SUCCEEDED, outcome="matched", reason="")
    make_row(library_import, 3, title="Emma, or a “novel”")
    answer = api.get(f"/api/imports/{library_import.pk}/unmatched.csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer["Content-Disposition"]
    lines = list(csv.DictReader(io.StringIO(body_of(answer).decode())))
    assert [(line["row"], line["title"]) for line in lines] == [("1", '\'=HYPERLINK("http://evil.example")'), ("3", "Emma, or a “novel”")]


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", '"=1', "＝1", "＋1", "－1", "＠x", "|x", "%x", "\ufeff=1"]
)
def test_a_formula_is_led_by_an_apostrophe(text: str) -> None:
    assert safe_cell(text) == "'" + text


@pytest.mark.parametrize("text", ["Emma", "1984", "", "Don't", "A = B", "(1)"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert safe_cell(text) == text
