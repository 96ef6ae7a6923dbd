"""Strings made to do harm come back from the API as the JSON strings they are, and from nowhere else."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from django.test import Client

from tests.api.clients import make_user
from tests.enrichment.api.factories import make_book, make_import, make_row
from tests.shared_data import shared_path

SOME = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "'; DROP TABLE books; --",
    "\u202egnp.exe",
    "&lt;b&gt;",
]
"""A few of each kind, for where the shared lists are not at hand."""
CANARY = "canary-5d41402abc4b2a76b971"


def known_strings() -> list[str]:
    """Return the shared lists of strings made to break pages."""
    folder = shared_path("data", "hostile")
    texts = [file.read_text(encoding="utf-8", errors="replace") for file in sorted((folder / "xss").glob("*.txt"))]
    lines = [line.strip() for text in texts for line in text.splitlines()] + json.loads((folder / "strings" / "blns.json").read_text())
    return [line for line in lines if line.strip() and "\0" not in line]


def assert_only_json(api: Client, owner: Any, strings: list[str]) -> None:
    """Fill lists and details with the strings and read them back."""
    library_import = make_import(owner, filename=strings[0][:255])
    for number, text in enumerate(strings, start=1):
        book = make_book(owner, title=text[:1000], author=text[:500], description=text, subjects={"open_library": [text]})
        make_row(library_import, number, title=text[:1000], author=text[:500], detail=text[:500], book=book)
    shown = []
    pages = [f"/api/imports/{library_import.pk}/rows?page_size=500", "/api/books?page_size=500", "/api/imports"]
    while pages:
        answer = api.get(pages.pop())
        assert answer.status_code == 200
        assert answer["Content-Type"] == "application/json"
        assert answer["X-Content-Type-Options"] == "nosniff"
        body = json.loads(answer.content)
        shown += [one["title"] for one in body["results"] if "title" in one]
        pages += [body["next"]] if body["next"] else []
    assert sorted(shown) == sorted([text[:1000] for text in strings] * 2)


def test_they_come_back_as_json(api: Client, owner: Any) -> None:
    assert_only_json(api, owner, SOME)


@pytest.mark.shared
def test_the_known_lists_come_back_as_json(api: Client, owner: Any) -> None:
    strings = known_strings()
    assert len(strings) > 700
    assert_only_json(api, owner, strings)


@pytest.mark.parametrize("text", SOME)
def test_a_refusal_is_json_too(api: Client, text: str) -> None:
    for answer in (
        api.get("/api/books", {"enriched": text, "library_import": text, "cursor": text}),
        api.post("/api/webhooks", json.dumps({"url": text}), content_type="application/json"),
        api.get(f"/api/{text}"),
    ):
        assert answer.status_code in (400, 404)
        assert answer["Content-Type"] == "application/problem+json"
        json.loads(answer.content)


def test_secrets_that_are_sent_are_neither_logged_nor_answered(db: Any, caplog: pytest.LogCaptureFixture, capsys: Any) -> None:
    """S8, for what comes in through the API."""
    user = make_user()
    user.set_password(CANARY)
    user.save()
    caplog.set_level(logging.DEBUG)
    headers = {"Authorization": f"Token {CANARY}"}
    browser = Client(raise_request_exception=False)
    answers = [
        browser.post("/api/login", json.dumps({"username": user.username, "password": CANARY}), content_type="application/json"),
        browser.post("/api/login", json.dumps({"username": CANARY, "password": CANARY, "hours": "x"}), content_type="application/json"),
        browser.get(f"/api/books?key={CANARY}&ticket={CANARY}", headers=headers),
        browser.post("/api/upload", {"token": CANARY}, headers=headers),
    ]
    assert [answer.status_code for answer in answers] == [201, 400, 401, 401]
    said = capsys.readouterr()
    assert CANARY not in said.out + said.err
    assert not [answer for answer in answers if CANARY in answer.content.decode()]
