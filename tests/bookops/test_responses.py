"""What every response carries, who may call from elsewhere, and what is said when the database is away."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from django.contrib.staticfiles.finders import find
from django.db import OperationalError
from django.test import AsyncClient, Client
from django.test.utils import override_settings
from django.urls import path

from bookops.body_limit import ENVELOPE_BYTES, BodyLimit
from tests.api.clients import client_of, make_user

ORIGIN = {"Origin": "https://books.example"}


def away(request: Any) -> Any:
    """Fail as every view does while the database is away."""
    raise OperationalError("could not connect to server at 10.0.0.5")


def broken(request: Any) -> Any:
    """Fail as no view should."""
    raise RuntimeError("a detail that is nobody's business")


urlpatterns = [path("api/away", away), path("api/broken", broken)]
handler500 = "bookops.api.problems.server_error"
handler404 = "bookops.api.problems.not_found"


@override_settings(ROOT_URLCONF="tests.bookops.test_responses")
def test_while_the_database_is_away_it_says_so_and_when_to_come_back() -> None:
    answer = Client(raise_request_exception=False).get("/api/away")
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert answer["Content-Type"] == "application/problem+json"
    assert "10.0.0.5" not in answer.content.decode()


@override_settings(ROOT_URLCONF="tests.bookops.test_responses")
def test_an_error_of_ours_tells_nothing_of_the_inside() -> None:
    answer = Client(raise_request_exception=False).get("/api/broken")
    assert (answer.status_code, answer["Content-Type"]) == (500, "application/problem+json")
    assert "nobody's business" not in answer.content.decode()


@override_settings(
    ROOT_URLCONF="tests.bookops.test_responses",
    MIDDLEWARE=["tests.bookops.test_responses.AwayMiddleware", "bookops.responses.UnavailableMiddleware"],
)
def test_a_middleware_that_meets_no_database_answers_the_same() -> None:
    assert Client(raise_request_exception=False).get("/api/nothing").status_code == 503


class AwayMiddleware:
    """Fail as the session's middleware does while the database is away."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        """Answer, then fail."""
        self.get_response(request)
        raise OperationalError("away")


def test_an_unknown_address_is_a_problem_with_a_remedy(db: Any) -> None:
    answer = Client().get("/api/nothing")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    assert answer.json()["remedy"]


@pytest.mark.parametrize(
    ("address", "has", "lacks"),
    [
        ("/api/books", "default-src 'none'", "script-src"),
        ("/api/docs", "script-src 'self'", "unsafe-eval"),
        ("/admin/login/", "'unsafe-eval'", "script-src 'self' 'unsafe-inline'"),
    ],
)
def test_each_part_of_the_site_has_its_policy(db: Any, address: str, has: str, lacks: str) -> None:
    answer = Client().get(address)
    policy = answer["Content-Security-Policy"]
    assert has in policy and lacks not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_outside_covers_are_shown_only_where_the_operator_allows_it(db: Any, settings: Any) -> None:
    assert "img-src 'self' data:;" in Client().get("/admin/login/")["Content-Security-Policy"]
    settings.SHOW_OUTSIDE_COVERS = True
    assert "img-src 'self' data: https:;" in Client().get("/admin/login/")["Content-Security-Policy"]


def test_the_documents_load_nothing_from_outside_and_no_inline_script(db: Any) -> None:
    page = Client().get("/api/docs").content.decode()
    assert "http://" not in page and "https://" not in page
    assert page.count("<script") == page.count("<script src=")


def test_a_named_origin_may_call_and_ask_before(db: Any, settings: Any) -> None:
    settings.CORS_ORIGINS = ["https://books.example"]
    preflight = Client().options("/api/upload", headers=ORIGIN | {"Access-Control-Request-Method": "POST"})
    assert preflight.status_code == 204
    assert preflight["Access-Control-Allow-Origin"] == "https://books.example"
    assert "Idempotency-Key" in preflight["Access-Control-Allow-Headers"]
    answer = client_of(make_user()).get("/api/books", headers=ORIGIN)
    assert answer["Access-Control-Allow-Origin"] == "https://books.example"
    assert "Access-Control-Allow-Credentials" not in answer
    assert "origin" in answer["Vary"].lower()


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://books.example.evil.example", "http://books.example"])
def test_other_origins_may_not(db: Any, settings: Any, origin: str) -> None:
    settings.CORS_ORIGINS = ["https://books.example"]
    preflight = Client().options("/api/upload", headers={"Origin": origin, "Access-Control-Request-Method": "POST"})
    assert "Access-Control-Allow-Origin" not in preflight
    assert "Access-Control-Allow-Origin" not in Client().get("/api/books", headers={"Origin": origin})


@pytest.mark.django_db(transaction=True)
async def test_the_same_holds_under_asgi(settings: Any) -> None:
    settings.CORS_ORIGINS = ["https://books.example"]
    answer = await AsyncClient().get("/api/books", headers=ORIGIN)
    assert answer.status_code == 401
    assert answer["Access-Control-Allow-Origin"] == "https://books.example"
    assert "default-src 'none'" in answer["Content-Security-Policy"]


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_that_is_too_large_is_refused_while_it_arrives(announced: bool) -> None:
    received = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            received.append(len(message["body"]))

    async def run() -> list[Any]:
        sent = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"x" * 60_000, "more_body": True}

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(b"content-length", b"99999999")] if announced else []
        await BodyLimit(app, most=100_000)({"type": "http", "path": "/api/upload", "headers": headers}, receive, send)
        return sent

    start, body = asyncio.run(run())
    assert (start["status"], json.loads(body["body"])["code"]) == (413, "file_too_large")
    assert sum(received) <= (0 if announced else 100_000 + ENVELOPE_BYTES)


def test_a_browser_that_asks_for_an_icon_gets_one(client: Client) -> None:
    asked = client.get("/favicon.ico")
    assert asked.status_code == 302
    assert find(asked["Location"].removeprefix("/static/"))
