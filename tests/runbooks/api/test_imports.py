"""POST /api/books/import-ebay, by the first design's field names."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bookops.runs import State
from runbooks.api.imports import ImportEbayView
from runbooks.identifying import subject_of
from runbooks.links import ACCEPTED
from runbooks.models import Execution
from tests.api.clients import client_of, json_body, make_user
from tests.runbooks.api.finishing import save_runbook_of
from tests.runbooks.factories import make_execution

JPEG = b"\xff\xd8\xff\xe0 not decoded here"
LINK = "https://www.ebay.com/itm/256712345678"


def post(api: Client, path: str = "/api/books/import-ebay", headers: dict[str, str] | None = None, **values: Any) -> Any:
    """Send JSON."""
    return api.post(path, **json_body(**values), headers=headers or {})


def test_it_answers_at_once_with_the_execution(api: Client, owner: Any) -> None:
    answer = post(api, url=f"{LINK}?hash=abc")
    body = answer.json()
    execution = Execution.objects.get()
    assert answer.status_code == 202
    assert (body["execution_id"], body["status"]) == (str(execution.pk), "RUNNING")
    assert (execution.owner, execution.url, execution.listing_key) == (owner, LINK, "ebay:256712345678")
    assert answer["Location"] == body["status_url"] == f"/api/books/import/{execution.pk}/status"
    assert body["websocket"] == f"/ws/import/{execution.pk}"


def test_it_asks_little_of_the_database(api: Client) -> None:
    post(api, url="https://www.ebay.com/itm/256712345679")
    with CaptureQueriesContext(connection) as asked:
        assert post(api, url=LINK).status_code == 202
    # PostgreSQL is asked for the time, too.
    assert len(asked) <= 9, [one["sql"][:80] for one in asked]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "empty"),
        ("https://www.amazon.com/dp/0140449132", "not_ebay"),
        ("https://ebay.com.evil.example/itm/256712345678", "not_ebay"),
        ("http://169.254.169.254/itm/256712345678", "not_ebay"),
        ("https://www.ebay.com/sch/i.html?_nkw=dickens", "not_an_item"),
        ("9780140449136", "isbn"),
    ],
)
def test_it_refuses_other_links_and_says_what_is_accepted(api: Client, url: str, reason: str) -> None:
    answer = post(api, url=url)
    body = answer.json()
    assert answer.status_code == 400
    assert not Execution.objects.exists()
    if url:
        assert body["detail"].startswith("Invalid eBay URL.")
        assert (body["code"], body["reason"], body["remedy"]) == ("invalid_ebay_url", reason, ACCEPTED)


def test_a_second_request_gets_the_first_execution(api: Client) -> None:
    first = post(api, url=LINK).json()
    again = post(api, url="https://www.ebay.co.uk/itm/a-slug/256712345678?mkcid=1")
    assert (again.status_code, again.json()["execution_id"]) == (202, first["execution_id"])
    assert Execution.objects.count() == 1


def test_a_second_request_that_asks_for_something_else_is_a_conflict(api: Client) -> None:
    first = post(api, url=LINK).json()
    answer = post(api, url=LINK, options={"without": ["abebooks_fmv"]})
    assert (answer.status_code, answer.json()["code"]) == (409, "another_one_runs")
    assert answer.json()["execution_id"] == first["execution_id"]


def test_the_same_listing_of_another_owner_is_another_execution(api: Client) -> None:
    first = post(api, url=LINK).json()
    assert post(client_of(make_user()), url=LINK).json()["execution_id"] != first["execution_id"]


def test_the_same_options_are_the_same_however_they_are_sent(api: Client) -> None:
    first = post(api, url=LINK, options={"without": ["abebooks_fmv", "ebay_fmv"]}).json()
    again = post(api, url=LINK, options={"without": ["ebay_fmv", "abebooks_fmv", "ebay_fmv"], "queries": {}})
    assert again.json()["execution_id"] == first["execution_id"]


@pytest.mark.parametrize(
    "options",
    [
        {"modell": "claude"},
        {"model": "claude-9"},
        {"without": ["fetch_listing"]},
        {"queries": {"ebay": "x"}},
        {"queries": {"ebay_fmv": "x" * 101}},
        [],
    ],
)
def test_options_that_say_nothing_are_refused(api: Client, options: Any) -> None:
    answer = post(api, url=LINK, options=options)
    assert answer.status_code == 400
    assert answer.json()["errors"]
    assert not Execution.objects.exists()


def test_a_key_sent_twice_begins_one_execution(api: Client) -> None:
    key = {"Idempotency-Key": "one"}
    first = post(api, url=LINK, headers=key)
    Execution.objects.update(state=State.CANCELLED)
    again = post(api, url=LINK, headers=key)
    assert again.json() == first.json()
    assert again["Idempotency-Replayed"] == "true"
    assert Execution.objects.count() == 1


def test_a_listing_is_pasted(api: Client) -> None:
    said = {"title": "Works of Dickens, 6 vols", "author": "Charles Dickens", "text": "Full morocco."}
    answer = post(api, **said, price="520.00", currency="gbp", condition="Good")
    assert answer.status_code == 202
    execution = Execution.objects.get()
    facts = execution.listing.record
    assert (execution.cause, facts.is_pasted, facts.title, facts.description) == (
        "paste",
        True,
        "Works of Dickens, 6 vols",
        "Full morocco.",
    )
    assert (str(facts.price), facts.condition) == ("520.00 GBP", "Good")
    assert subject_of(facts).author == "Charles Dickens"


def test_a_pasted_listing_brings_its_photos(api: Client) -> None:
    photos = [SimpleUploadedFile(f"{name}.jpg", JPEG + name.encode(), "image/jpeg") for name in ("front", "spine")]
    answer = api.post("/api/books/import-ebay", {"title": "Works", "price": "", "photos": photos, "options": '{"without": ["ebay_fmv"]}'})
    assert answer.status_code == 202
    execution = Execution.objects.get()
    assert execution.options == {"without": ["ebay_fmv"]}
    assert execution.listing.record.price is None
    urls = execution.listing.record.image_urls
    assert [default_storage.open(url.removeprefix("upload:")).read() for url in urls] == [JPEG + b"front", JPEG + b"spine"]


@pytest.mark.parametrize(
    "wrong",
    [{"title": ""}, {"title": "Works", "price": "-1"}, {"title": "Works", "currency": "dollars"}, {"text": "no title"}, {"titel": "Works"}],
)
def test_a_pasted_listing_names_the_field_that_is_wrong(api: Client, wrong: dict[str, str]) -> None:
    answer = post(api, **wrong)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert {error["field"] for error in answer.json()["errors"]} & {*wrong, "title"}


@pytest.mark.django_db(transaction=True)
def test_waiting_ends_with_the_book_and_its_runbook() -> None:
    owner = make_user()
    client = client_of(owner)

    def finish() -> None:
        for _ in range(100):
            if execution := Execution.objects.first():
                break
            time.sleep(0.05)
        save_runbook_of(execution)
        connection.close()

    worker = threading.Thread(target=finish)
    worker.start()
    began = time.monotonic()
    answer = post(client, "/api/books/import-ebay?wait=20", url=LINK)
    worker.join()
    body = answer.json()
    assert answer.status_code == 200
    assert time.monotonic() - began < 15
    runbook = owner.runbooks.get()
    assert body["book"]["id"] == str(runbook.copy.book.public_id)
    assert body["eval_runbook"]["id"] == str(runbook.public_id)
    assert body["eval_runbook"]["total_score"] == runbook.total_score
    assert "Retry-After" not in answer


@pytest.mark.django_db(transaction=True)
def test_waiting_too_short_answers_202(api: Client) -> None:
    answer = post(api, "/api/books/import-ebay?wait=0.2", url=LINK)
    assert (answer.status_code, answer.json()["status"]) == (202, "RUNNING")


def test_a_file_that_is_no_photo_is_refused_by_name(api: Client) -> None:
    photos = [SimpleUploadedFile("front.jpg", JPEG), SimpleUploadedFile("spine.jpg", b"<svg/>", "image/jpeg")]
    answer = api.post("/api/books/import-ebay", {"title": "Works", "photos": photos})
    assert answer.status_code == 400
    assert "spine.jpg is no JPEG" in str(answer.json()["errors"])
    assert not Execution.objects.exists()


def test_a_wait_that_is_no_time_is_refused_before_anything_begins(api: Client) -> None:
    answer = post(api, "/api/books/import-ebay?wait=abc", url=LINK)
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (400, ["wait"])
    assert not Execution.objects.exists()


def test_what_came_to_nothing_while_it_was_waited_for_says_why(owner: Any) -> None:
    execution = make_execution(owner, state=State.FAILED, detail="It has ended. Paste the listing.")
    status, body = ImportEbayView.finished(execution.pk) or (0, {})
    assert (status, body["status"], body["error"]) == (202, "FAILED", "It has ended. Paste the listing.")
