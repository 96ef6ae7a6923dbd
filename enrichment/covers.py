"""Choose a book's cover: an address for a browser, never fetched here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from enrichment.sources.facts import EditionFacts

_OPEN_LIBRARY = "open_library"
#: By ISBN, as https://openlibrary.org/dev/docs/api/covers describes; default=false answers 404 instead of an empty picture.
_BY_ISBN = "https://covers.openlibrary.org/b/isbn/{isbn}-{size}.jpg?default=false"
#: Google's zoom levels from the thumbnail (1) up; anything else is smaller.
_GOOGLE_ZOOMS = {"1": 1, "2": 2, "3": 3, "4": 4, "6": 6}


@dataclass(frozen=True, slots=True)
class Cover:
    """Hold the addresses of one cover; all empty where there is none."""

    thumbnail_url: str = ""
    small_thumbnail_url: str = ""
    #: The source whose picture it is.
    source: str = ""


def best_cover(facts: Iterable[EditionFacts], isbn13: str) -> Cover:
    """Return the largest cover the sources name, else the address Open Library would keep one under, for whoever looks at it.

    A record of the wanted ISBN comes before other editions of the work. Only https addresses come back.
    """
    covers = [cover for record in facts if (cover := _cover_of(record, isbn13)) is not None]
    if covers:
        return max(covers, key=lambda found: found[0])[1]
    if isbn13:
        return Cover(_BY_ISBN.format(isbn=isbn13, size="M"), _BY_ISBN.format(isbn=isbn13, size="S"), _OPEN_LIBRARY)
    return Cover()


def _cover_of(record: EditionFacts, isbn13: str) -> tuple[tuple[bool, int], Cover] | None:
    large, small = https_address(record.cover_url), https_address(record.small_cover_url)
    if not large and not small:
        return None
    this_edition = bool(isbn13) and isbn13 in record.isbns
    return (this_edition, _size(large)), Cover(large or small, small or large, record.source)


def https_address(url: str) -> str:
    """Return the address over https and without Google's page curl, "" where it is no web address."""
    try:
        parts = urlsplit(url.strip())
        if (
            parts.scheme not in ("http", "https")
            or not parts.hostname
            or ":" in parts.hostname
            or parts.username is not None
            or parts.port not in (None, 80, 443)
        ):
            return ""
    except ValueError:
        return ""
    query = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if (name, value) != ("edge", "curl")]
    return SplitResult("https", parts.hostname, parts.path, urlencode(query), "").geturl()


def _size(url: str) -> int:
    """Return how large a picture its address promises: 0 for small ones, comparable between sources."""
    parts = urlsplit(url)
    if zoom := dict(parse_qsl(parts.query)).get("zoom"):
        return _GOOGLE_ZOOMS.get(zoom, 0)
    for size, value in (("-L.", 3), ("-M.", 1)):
        if size in parts.path:
            return value
    return 1 if url else 0
