"""Open the sources as the settings say: address, identification, pace, daily ledger, breaker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings

from bookops.doors import asks_sandbox, open_door
from bookops.outbound.quota import Limits, Window
from enrichment.deciding import GOOGLE_BOOKS, OPEN_LIBRARY
from enrichment.sources.google_books import GoogleBooks
from enrichment.sources.open_library import OpenLibrary


def open_open_library(on_call: Any) -> OpenLibrary:
    """Return Open Library as the settings describe it."""
    limits = Limits(rate=settings.OPEN_LIBRARY_PER_SECOND, burst=3)
    door = open_door(OPEN_LIBRARY, settings.OPEN_LIBRARY_URL, limits, on_call, allowed_hosts=["openlibrary.org", "www.openlibrary.org"])
    return OpenLibrary(door, join_searches=settings.SOURCE_JOINED_SEARCH)


def open_google_books(on_call: Any) -> GoogleBooks:
    """Return Google Books as the settings describe it. Its day ends at midnight on the Pacific coast."""
    limits = Limits(
        windows=(Window(settings.GOOGLE_BOOKS_PER_100_SECONDS, 100.0),),
        per_day=settings.GOOGLE_BOOKS_PER_DAY or None,
        day_zone="America/Los_Angeles",
    )
    return GoogleBooks(open_door(GOOGLE_BOOKS, settings.GOOGLE_BOOKS_URL, limits, on_call), settings.GOOGLE_BOOKS_KEY)


def note_sandbox() -> dict[str, bool]:
    """Return what to write at an import that this process has worked on: once the sandbox told it something, it says so for ever."""
    return {"sandbox": True} if asks_sandbox() else {}


#: How each source is opened, by its name.
OPENERS: dict[str, Callable[[Any], Any]] = {OPEN_LIBRARY: open_open_library, GOOGLE_BOOKS: open_google_books}
