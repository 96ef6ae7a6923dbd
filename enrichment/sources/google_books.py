"""Google Books: a volume by ISBN, by its id, and by title and author; it has no request for many books.

Documentation: https://developers.google.com/books/docs/v1/using, https://developers.google.com/books/docs/v1/reference/volumes
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from bookops.outbound.answers import Answer, retry_after
from bookops.outbound.errors import BadAnswer, NotFound, Refused, SourceError, TryAgain
from bookops.outbound.http import Door
from bookops.outbound.quota import seconds_to_midnight
from enrichment.sources import loose_json as loose
from enrichment.sources.facts import EditionFacts

NAME = "google_books"

#: Google's days end at midnight here.
DAY_ZONE = "America/Los_Angeles"

VOLUME_FIELDS = (
    "id,volumeInfo(title,subtitle,authors,publisher,publishedDate,description,industryIdentifiers,pageCount,mainCategory,categories,"
    "imageLinks,language)"
)

_BAD_KEY = frozenset({"API_KEY_INVALID", "keyInvalid", "keyExpired", "accessNotConfigured", "SERVICE_DISABLED", "ipRefererBlocked"})
_OVER_QUOTA = frozenset(
    {"RATE_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED", "rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded"}
)
_PER_DAY = re.compile(r"per\s?day|daily", re.IGNORECASE)


class GoogleBooks:
    """Ask Google Books. Without a key every caller of the world shares one quota, which is always used up.

    Every method may raise TryAgain, Refused or BadAnswer; what Google does not know is None or an empty tuple. `flow` is whoever
    shares the pace fairly, usually an import.
    """

    name = NAME
    #: Candidates of one search.
    CANDIDATES = 5

    def __init__(self, door: Door, key: str = "", *, clock: Callable[[], float] = time.time) -> None:
        self.door = door
        self._key = key
        self._clock = clock

    def by_isbn(self, isbn: str, *, flow: str = "") -> EditionFacts | None:
        """Return the volume that carries this ISBN.

        A search by ISBN may bring other volumes too; one that names other ISBNs and not this is not taken, one that names none is
        when it is the only one.
        """
        volumes = self._volumes(f"isbn:{isbn}", flow)
        wanted = loose.isbn13(isbn)
        for volume in volumes:
            if wanted in volume.isbns:
                return volume
        return volumes[0] if len(volumes) == 1 and not volumes[0].isbns else None

    def search(self, title: str, author: str, *, flow: str = "") -> tuple[EditionFacts, ...]:
        """Return up to CANDIDATES volumes by title and author, in Google's order."""
        query = f'intitle:"{_phrase(title)}"'
        if _phrase(author):
            query += f' inauthor:"{_phrase(author)}"'
        return tuple(self._volumes(query, flow)) if _phrase(title) else ()

    def volume(self, volume_id: str, *, flow: str = "") -> EditionFacts | None:
        """Return the full record of a volume: more categories and a longer description than a search shows."""
        try:
            return parse_volume(self._get(f"/volumes/{volume_id}", {"fields": VOLUME_FIELDS}, flow))
        except NotFound:
            return None

    def _volumes(self, query: str, flow: str) -> list[EditionFacts]:
        params = {"q": query, "maxResults": str(self.CANDIDATES), "printType": "books", "fields": f"totalItems,items({VOLUME_FIELDS})"}
        return parse_volumes(self._get("/volumes", params, flow))

    def _get(self, path: str, params: Mapping[str, str], flow: str) -> Any:
        # Without a country, callers from data centres are refused with "unknownLocation".
        params = {**params, "country": "US"} | ({"key": self._key} if self._key else {})
        return self.door.get(path, params, flow=flow, explain=self._explain).data

    def _explain(self, answer: Answer) -> SourceError | None:
        """Tell a used-up day from a used-up minute and from a bad key: Google uses 400, 403 and 429 for each of them."""
        try:
            error = loose.mapping(loose.mapping(answer.data).get("error"))
        except BadAnswer:
            return None
        details = [loose.mapping(detail) for detail in loose.items(error.get("details"))]
        reasons = {loose.text(loose.mapping(entry).get("reason")) for entry in [*loose.items(error.get("errors")), *details]}
        reasons.add(loose.text(error.get("status")))
        message = loose.text(error.get("message"))
        if reasons & _BAD_KEY or "API key" in message:
            return Refused("Google refuses the key", reason="bad_key")
        if "unknownLocation" in reasons:
            return Refused("Google cannot tell which country asks", reason="unknown_location")
        if answer.status not in (400, 403, 429) or not (reasons & _OVER_QUOTA or "quota" in message.lower()):
            return None
        limits = [loose.text(loose.mapping(detail.get("metadata")).get("quota_limit")) for detail in details]
        # A used-up project may answer a bare 400 that says no more than "quota".
        if answer.status == 400 or any(_PER_DAY.search(words) for words in [*limits, *reasons, message]):
            until_reset = seconds_to_midnight(DAY_ZONE, self._clock())
            return TryAgain("the day's quota is used up", reason="quota_day", retry_after=until_reset, spent=True)
        return TryAgain("too many calls a minute", reason="rate_limited", retry_after=retry_after(answer))


def _phrase(text: str) -> str:
    """Return a text that can stand between quotes in a query."""
    return " ".join(text.replace('"', " ").split())[:300]


def parse_volumes(payload: Any) -> list[EditionFacts]:
    """Return the volumes of a search answer; one without matches has no items, or has them empty."""
    if not isinstance(payload, dict) or not ("totalItems" in payload or "items" in payload):
        raise BadAnswer("expected a list of volumes", reason="unexpected_shape", source=NAME)
    return [volume for volume in map(parse_volume, loose.items(payload.get("items"))) if volume]


def parse_volume(payload: Any) -> EditionFacts | None:
    """Return the facts of one volume, None for one without a title: all but the title is optional."""
    info = loose.mapping(loose.mapping(payload).get("volumeInfo"))
    title = loose.text(info.get("title"))
    if not title:
        return None
    key = loose.text(payload.get("id"))
    identifiers = [loose.mapping(entry) for entry in loose.items(info.get("industryIdentifiers"))]
    categories = [info.get("mainCategory"), *loose.items(info.get("categories"))]
    images = loose.mapping(info.get("imageLinks"))
    published = loose.text(info.get("publishedDate"))
    return EditionFacts(
        source=NAME,
        key=key,
        title=title,
        subtitle=loose.text(info.get("subtitle")),
        authors=loose.texts(info.get("authors")),
        isbns=loose.isbns(entry.get("identifier") for entry in identifiers if entry.get("type") in ("ISBN_13", "ISBN_10")),
        publisher=loose.text(info.get("publisher")),
        published=published,
        year=loose.year(published),
        pages=loose.pages(info.get("pageCount")),
        language=loose.language(loose.text(info.get("language"))),
        description=loose.prose(info.get("description")),
        subjects=loose.texts([category for category in categories if category]),
        cover_url=_cover(images.get("thumbnail")),
        small_cover_url=_cover(images.get("smallThumbnail")),
        edition_key=key,
    )


def _cover(address: Any) -> str:
    """Return a cover's address as https and without the curled corner that Google draws into it."""
    return re.sub(r"&edge=curl(?=&|$)", "", loose.https(address))
