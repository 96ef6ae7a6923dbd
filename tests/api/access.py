"""What an app says about its addresses, so that every one of them is asked by everyone who could ask."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

PUBLIC = "anyone may ask: it tells nothing of anybody"
OWN = "anyone logged in may ask, and sees only what is theirs"
OWNED = "only the owner; to everyone else it does not exist"

APPS = ("bookops", "enrichment", "runbooks", "llmjobs")


@dataclass(frozen=True)
class Route:
    """How an address is to be tested."""

    who: str
    method: str = "GET"
    body: Callable[[], dict[str, Any]] | None = None
    #: What the owner gets.
    status: int = 200


@dataclass(frozen=True)
class Things:
    """What an owner has of an app, for its addresses to be about."""

    #: The beginning of an address and what its placeholders stand for behind it; the longest beginning that fits decides.
    values: dict[str, dict[str, Any]]
    #: What no stranger may ever read.
    secrets: list[str]
    #: Fails if anything of it was changed.
    check_untouched: Callable[[], None]


@dataclass(frozen=True)
class Part:
    """What an app adds to the site: `tests/<app>/api/routes.py` has one as PART."""

    routes: dict[str, list[Route]]
    #: Make one of everything that the owner can have of it.
    furnish: Callable[[Any], Things]
    #: Tested by name where they are.
    websockets: set[str] = field(default_factory=set)


def parts() -> list[Part]:
    """Return what each app says."""
    return [import_module(name).PART for name in (f"tests.{app}.api.routes" for app in APPS) if _is_there(name)]


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


@dataclass
class World:
    """An owner with one of everything."""

    owner: Any
    things: list[Things]

    def values(self, path: str) -> dict[str, Any]:
        """Return what the placeholders of an address stand for."""
        known = {start: values for one in self.things for start, values in one.values.items()}
        fitting = [start for start in known if path.lstrip("/").startswith(start)]
        return known[max(fitting, key=len)] if fitting else {}

    def path(self, pattern: str) -> str:
        """Return the address that a pattern of ours stands for."""
        values = self.values(pattern)
        return "/" + re.sub(r"<\w+:(\w+)>", lambda found: str(values[found[1]]), pattern)


def furnished(owner: Any) -> World:
    """Give an owner one of everything."""
    return World(owner, [part.furnish(owner) for part in parts()])


def addresses(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Yield every address of the site but the admin's, which Django's own permissions guard."""
    for entry in (resolver or get_resolver()).url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield path, entry
        elif path != "admin/":
            yield from addresses(entry, path)
