"""Who may reach what: every address of the site by everyone who could ask; an address that no app names fails."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from knox.models import AuthToken

from bookops.runs import State
from config.urls import websocket_urlpatterns
from tests.api.access import OWN, OWNED, PUBLIC, Route, World, addresses, furnished, parts
from tests.api.clients import client_of, make_user
from tests.enrichment.api.factories import make_book, make_import, make_row

ROUTES = {pattern: routes for part in parts() for pattern, routes in part.routes.items()}
CASES = [pytest.param(pattern, route, id=f"{route.method} {pattern}") for pattern, routes in ROUTES.items() for route in routes]


@pytest.fixture
def world(db: Any, settings: Any) -> World:
    """An owner with one of everything."""
    settings.THROTTLE_RATES = dict.fromkeys(settings.THROTTLE_RATES, "100000/min")
    return furnished(make_user())


def methods_of(view: Any) -> set[str]:
    """Return the methods that a view answers."""
    cls = getattr(view, "cls", None)
    return {name.upper() for name in ("get", "post", "put", "patch", "delete") if hasattr(cls, name)} if cls else {"GET"}


def ask(client: Client, world: World, pattern: str, route: Route) -> Any:
    """Send the request of a route."""
    return getattr(client, route.method.lower())(world.path(pattern), **(route.body() if route.body else {}))


def test_every_address_and_method_is_in_the_table() -> None:
    there = dict(addresses())
    assert set(there) == set(ROUTES)
    assert {str(entry.pattern) for entry in websocket_urlpatterns} == set().union(*(part.websockets for part in parts()))
    for pattern, routes in ROUTES.items():
        assert {route.method for route in routes} == methods_of(there[pattern].callback), pattern


@pytest.mark.parametrize(("pattern", "route"), CASES)
def test_the_owner_gets_in(world: World, pattern: str, route: Route) -> None:
    assert ask(client_of(world.owner), world, pattern, route).status_code == route.status


def revoked_client(user: Any) -> Client:
    """Return a client whose token was revoked."""
    client = client_of(user)
    AuthToken.objects.filter(user=user).delete()
    return client


def late_client(user: Any) -> Client:
    """Return a client whose token has expired and was not forgotten yet."""
    client = client_of(user)
    AuthToken.objects.filter(user=user).update(expiry=timezone.now() - timedelta(seconds=1))
    return client


STRANGERS: dict[str, tuple[Callable[[], Client], int]] = {
    "another owner": (lambda: client_of(make_user()), 404),
    "staff without permission": (lambda: client_of(make_user(is_staff=True)), 404),
    "a superuser": (lambda: client_of(make_user(is_staff=True, is_superuser=True)), 404),
    "anonymous": (lambda: Client(raise_request_exception=False), 401),
    "a revoked token": (lambda: revoked_client(make_user()), 401),
    "an expired token": (lambda: late_client(make_user()), 401),
    "a made-up token": (lambda: Client(raise_request_exception=False, headers={"Authorization": "Token \xff"}), 401),
    "a user who was switched off": (lambda: client_of(make_user(is_active=False)), 401),
}


@pytest.mark.parametrize("stranger", STRANGERS)
def test_a_stranger_finds_and_does_nothing(world: World, stranger: str) -> None:
    make, refusal = STRANGERS[stranger]
    client = make()
    for pattern, routes in ROUTES.items():
        for route in routes:
            check_refused(ask(client, world, pattern, route), world, route, refusal, f"{route.method} {pattern}")
    for things in world.things:
        things.check_untouched()


def check_refused(answer: Any, world: World, route: Route, refusal: int, name: str) -> None:
    """Fail if a stranger got more than a route gives to anyone."""
    if route.who == OWNED or (route.who == OWN and refusal == 401):
        assert answer.status_code == refusal, name
        assert answer["Content-Type"] == "application/problem+json", name
        return
    assert answer.status_code == route.status, name
    body = b"" if answer.streaming else answer.content
    for things in world.things:
        for secret in things.secrets:
            assert secret.encode() not in body, name


def test_a_session_works_and_needs_its_csrf_token(world: World) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(world.owner)
    assert browser.get("/api/imports").status_code == 200
    refused = browser.post("/api/tickets")
    assert refused.status_code == 403
    assert refused["Content-Type"] == "application/problem+json"


def test_lists_show_only_what_is_the_owners(world: World) -> None:
    other = make_user()
    make_row(make_import(other), state=State.DEAD)
    make_book(other, title="Another's")
    client = client_of(world.owner)
    for path in ("/api/imports", "/api/notices", "/api/llm-jobs"):
        assert len(client.get(path).json()["results"]) == 1
    assert "Another's" not in {book["title"] for book in client.get("/api/books").json()["results"]}
    assert client.get("/api/dead-letters").json()["results"] == []
    theirs = other.libraryimports.get().pk
    assert client.get(f"/api/books?library_import={theirs}").json()["results"] == []


def test_nothing_but_pages_that_tell_nothing_is_public() -> None:
    public = {pattern for pattern, routes in ROUTES.items() for route in routes if route.who == PUBLIC}
    assert {pattern for pattern in public if pattern.startswith("api/")} <= {
        "api/login",
        "api/schema",
        "api/docs",
        "api/ebay/account-deletion",
        "api/llm-jobs/openai-webhook",
    }


@pytest.mark.django_db
def test_a_browser_at_the_root_comes_to_the_desk_and_other_addresses_stay_problems(client: Client) -> None:
    assert client.get("/").headers["Location"] == "/admin/"
    unknown = client.get("/nowhere")
    assert (unknown.status_code, unknown["Content-Type"]) == (404, "application/problem+json")
