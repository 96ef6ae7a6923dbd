"""Who may reach what: every address of the site by everyone who could ask; an address that is not named here fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from knox.models import AuthToken

from bookops.notices import Notice
from bookops.runs import State
from bookops.webhooks import Webhook
from config.urls import websocket_urlpatterns
from tests.enrichment.api.factories import (
    CANDIDATE,
    EXPORT,
    client_of,
    make_book,
    make_finished_import,
    make_import,
    make_row,
    make_user,
)

PUBLIC = "anyone may ask: it tells nothing of anybody"
OWN = "anyone logged in may ask, and sees only what is theirs"
OWNED = "only the owner; to everyone else it does not exist"


@dataclass(frozen=True)
class Route:
    """How an address is to be tested."""

    who: str
    method: str = "GET"
    body: Any = None
    #: What the owner gets.
    status: int = 200


def json_body(**values: Any) -> dict[str, Any]:
    """Return the arguments that send JSON."""
    return {"data": json.dumps(values), "content_type": "application/json"}


def an_export() -> dict[str, Any]:
    """Return the arguments that send an export."""
    return {"data": {"csv": SimpleUploadedFile("library.csv", EXPORT)}}


ROUTES: dict[str, list[Route]] = {
    "api/login": [Route(PUBLIC, "POST", lambda: json_body(username="nobody", password="wrong"), status=401)],
    "api/schema": [Route(PUBLIC)],
    "api/docs": [Route(PUBLIC)],
    "healthz": [Route(PUBLIC)],
    "readyz": [Route(PUBLIC, status=503)],
    "metrics": [Route(PUBLIC)],  # by its own rule: a token, or a private address; see tests/bookops/test_metrics.py
    "api/tokens": [Route(OWN), Route(OWN, "POST", json_body, status=201)],
    "api/tokens/<str:key>": [Route(OWNED, "DELETE", status=204)],
    "api/tickets": [Route(OWN, "POST", json_body, status=201)],
    "api/notices": [Route(OWN)],
    "api/notices/choice": [Route(OWN), Route(OWN, "PATCH", lambda: json_body(by_email=True))],
    "api/notices/<uuid:pk>/read": [Route(OWNED, "POST", json_body)],
    "api/webhooks": [Route(OWN), Route(OWN, "POST", lambda: json_body(url="https://hooks.example.org/"), status=201)],
    "api/webhooks/<uuid:pk>": [
        Route(OWNED),
        Route(OWNED, "PATCH", lambda: json_body(active=False)),
        Route(OWNED, "DELETE", status=204),
    ],
    "api/webhooks/<uuid:pk>/secret": [Route(OWNED, "POST", json_body)],
    "api/sources": [Route(OWN)],
    "api/upload": [Route(OWN, "POST", an_export, status=202)],
    "api/status/<uuid:pk>": [Route(OWNED)],
    "api/data/<uuid:pk>": [Route(OWNED), Route(OWNED, "DELETE")],
    "api/imports": [Route(OWN)],
    "api/imports/<uuid:pk>": [Route(OWNED)],
    "api/imports/<uuid:pk>/events": [Route(OWNED)],
    "api/imports/<uuid:pk>/stream": [Route(OWNED)],
    "api/imports/<uuid:pk>/cancel": [Route(OWNED, "POST", json_body)],
    "api/imports/<uuid:pk>/retry": [Route(OWNED, "POST", json_body)],
    "api/imports/<uuid:pk>/redrive": [Route(OWNED, "POST", json_body)],
    "api/imports/<uuid:pk>/re-enrich": [Route(OWNED, "POST", json_body)],
    "api/imports/<uuid:pk>/give-up-source": [Route(OWNED, "POST", lambda: json_body(source="open_library"))],
    "api/imports/<uuid:pk>/unmatched.csv": [Route(OWNED)],
    "api/imports/<uuid:pk>/rows": [Route(OWNED)],
    "api/imports/<uuid:pk>/rows/<int:number>": [Route(OWNED)],
    "api/imports/<uuid:pk>/rows/<int:number>/retry": [Route(OWNED, "POST", json_body)],
    "api/imports/<uuid:pk>/rows/<int:number>/choose": [Route(OWNED, "POST", lambda: json_body(candidate="openlibrary:/books/OL1M"))],
    "api/dead-letters": [Route(OWN)],
    "api/books": [Route(OWN)],
    "api/books/<uuid:public_id>": [Route(OWNED), Route(OWNED, "PATCH", lambda: json_body(title="Another"))],
    "api/books/<uuid:public_id>/unlock": [Route(OWNED, "POST", lambda: json_body(fact="title"))],
}
#: Tested where it is: tests/enrichment/api/test_live.py.
WEBSOCKETS = {"ws/imports/<uuid:pk>"}
CASES = [pytest.param(pattern, route, id=f"{route.method} {pattern}") for pattern, routes in ROUTES.items() for route in routes]


def methods_of(pattern: str) -> set[str]:
    """Return the methods that the view behind a pattern answers."""
    view = getattr(dict(walk(get_resolver()))[pattern].callback, "cls", None)
    return {name.upper() for name in ("get", "post", "put", "patch", "delete") if hasattr(view, name)} if view else {"GET"}


def walk(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Yield every address of the site but the admin's, which Django's own permissions guard."""
    for entry in resolver.url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield path, entry
        elif path != "admin/":
            yield from walk(entry, path)


@dataclass
class World:
    """What an owner has, and the address of each thing."""

    owner: Any
    paths: dict[str, str]


@pytest.fixture
def world(db: Any, settings: Any) -> World:
    """An owner with one of everything."""
    settings.THROTTLE_RATES = dict.fromkeys(settings.THROTTLE_RATES, "100000/min")
    owner = make_user()
    library_import = make_finished_import(owner)
    book = make_book(owner)
    make_row(library_import, book=book, candidates=[CANDIDATE])
    key = AuthToken.objects.create(owner)[0].token_key
    notice = Notice.objects.create(owner=owner, run_id=library_import.pk, outcome="succeeded", subject="Done")
    webhook = Webhook.objects.create(owner=owner, url="https://hooks.example.org/")

    def fill(pattern: str) -> str:
        thing = {"api/notices": notice.pk, "api/webhooks": webhook.pk}
        pk = next((pk for start, pk in thing.items() if pattern.startswith(start)), library_import.pk)
        values = {"<uuid:pk>": pk, "<uuid:public_id>": book.public_id, "<int:number>": 1, "<str:key>": key}
        for placeholder, value in values.items():
            pattern = pattern.replace(placeholder, str(value))
        return "/" + pattern

    return World(owner, {pattern: fill(pattern) for pattern in ROUTES})


def ask(client: Client, world: World, pattern: str, route: Route) -> Any:
    """Send the request of a route."""
    arguments = route.body() if route.body else {}
    return getattr(client, route.method.lower())(world.paths[pattern], **arguments)


def test_every_address_and_method_is_in_the_table() -> None:
    assert {path for path, _ in walk(get_resolver())} == set(ROUTES)
    assert {str(entry.pattern) for entry in websocket_urlpatterns} == WEBSOCKETS
    for pattern, routes in ROUTES.items():
        assert {route.method for route in routes} == methods_of(pattern), pattern


@pytest.mark.parametrize(("pattern", "route"), CASES)
def test_the_owner_gets_in(world: World, pattern: str, route: Route) -> None:
    assert ask(client_of(world.owner), world, pattern, route).status_code == route.status


def revoked_client(user: Any) -> Client:
    """Return a client whose token was revoked."""
    client = client_of(user)
    AuthToken.objects.filter(user=user).delete()
    return client


STRANGERS: dict[str, tuple[Callable[[World], Client], int]] = {
    "another owner": (lambda world: client_of(make_user()), 404),
    "staff without permission": (lambda world: client_of(make_user(is_staff=True)), 404),
    "a superuser": (lambda world: client_of(make_user(is_staff=True, is_superuser=True)), 404),
    "anonymous": (lambda world: Client(raise_request_exception=False), 401),
    "a revoked token": (lambda world: revoked_client(make_user()), 401),
    "a made-up token": (lambda world: Client(raise_request_exception=False, headers={"Authorization": "Token \xff"}), 401),
    "a user who was switched off": (lambda world: client_of(make_user(is_active=False)), 401),
}


@pytest.mark.parametrize("stranger", STRANGERS)
@pytest.mark.parametrize(("pattern", "route"), CASES)
def test_a_stranger_finds_nothing(world: World, pattern: str, route: Route, stranger: str) -> None:
    make, refusal = STRANGERS[stranger]
    answer = ask(make(world), world, pattern, route)
    if route.who == PUBLIC:
        assert answer.status_code == route.status
    elif route.who == OWN and refusal == 404:
        assert answer.status_code == route.status
        body = b"" if answer.streaming else answer.content
        for mine in (world.owner.username, str(world.owner.libraryimports.get().pk), str(world.owner.webhooks.get().pk)):
            assert mine.encode() not in body
    else:
        assert answer.status_code == refusal
        assert answer["Content-Type"] == "application/problem+json"


def test_a_refused_deed_was_not_done(world: World) -> None:
    stranger = client_of(make_user(is_staff=True))
    for pattern, routes in ROUTES.items():
        for route in routes:
            if route.who == OWNED:
                ask(stranger, world, pattern, route)
    assert world.owner.libraryimports.get().state == State.SUCCEEDED
    assert world.owner.books.get().title == "The Left Hand of Darkness"
    assert world.owner.webhooks.get().active
    assert world.owner.auth_token_set.exists()


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
    for path in ("/api/imports", "/api/books", "/api/notices"):
        assert len(client.get(path).json()["results"]) == 1
    assert client.get("/api/dead-letters").json()["results"] == []
    theirs = other.libraryimports.get().pk
    assert client.get(f"/api/books?library_import={theirs}").json()["results"] == []
