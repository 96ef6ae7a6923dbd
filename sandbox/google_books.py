"""Google Books v1: searches, single volumes, keys and quotas (https://developers.google.com/books/docs/v1/reference/volumes)."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Any, ClassVar

from sandbox.catalogue import Catalogue
from sandbox.chance import happens, number_of, one_of
from sandbox.clock import Clock
from sandbox.holdings import Edition, Holdings, Work, in_search_order
from sandbox.isbn import as_isbn10, as_isbn13
from sandbox.limits import DailyQuota, SlidingWindow
from sandbox.partial_response import masked
from sandbox.party import Answer, Options, Party, Request, encoded

BASE = "/books/v1"
SITE = "http://books.google.com"
#: The project that all callers without a key share, and whose quota is always spent.
ANONYMOUS_PROJECT = 624717413613
#: Share of ISBN searches that put a volume with another ISBN first.
STRAY_HIT = 0.03
#: Share of volumes whose search record lacks the publisher that the full record has.
REDUCED = 0.5
LANGUAGES = {"eng": "en", "spa": "es", "fre": "fr", "ger": "de", "ita": "it", "rus": "ru", "per": "fa", "heb": "iw", "chi": "zh-CN"}
LANGUAGES |= {"jpn": "ja", "kor": "ko", "gre": "el"}

_FIELD = re.compile(r'(?P<field>intitle|inauthor|inpublisher|subject|isbn|lccn|oclc):(?:"(?P<phrase>[^"]*)"|(?P<word>\S+))')


@dataclass(frozen=True, slots=True)
class GoogleBooksOptions(Options):
    """What can be set of Google Books."""

    per_day: int = 1000
    per_100_seconds: int = 100
    #: Answer 429 to calls without a key, as the live service does.
    require_key: bool = True
    #: Keys taken, with commas between; "" takes any. Another one is answered with 400.
    keys: str = ""
    #: Answer 403 to calls that do not name a country, as cloud hosts get it.
    require_country: bool = False


class GoogleBooks(Party):
    """Answer as www.googleapis.com/books/v1 does."""

    name: ClassVar[str] = "googlebooks"
    default_options: ClassVar[Options] = GoogleBooksOptions()
    options: GoogleBooksOptions

    def __init__(self, catalogue: Catalogue, clock: Clock, options: dict[str, Any] | None = None) -> None:
        super().__init__(catalogue, clock, options)
        self.holdings = Holdings(self.name, catalogue)
        self._volumes = {volume_id(edition): edition for edition in self.holdings.editions.values()}

    def forget_calls(self) -> None:
        """Count calls against the limits from nothing."""
        self._days: dict[str, DailyQuota] = {}
        self._windows: dict[str, SlidingWindow] = {}

    def answer(self, request: Request) -> Answer:
        """Return what Google Books says to a request."""
        if refusal := self._refusal(request):
            return refusal
        path = request.path.removeprefix(BASE)
        if path == "/volumes":
            return self._search(request)
        if path.startswith("/volumes/"):
            return self._volume(path.removeprefix("/volumes/"), request)
        return _error(404, "Not Found", "notFound")

    def right_keys(self, identity: int, isbn13: str) -> dict[str, Any]:
        """Return the ids of the volumes that are right for a work of the catalogue."""
        work = self.holdings.by_identity.get(identity)
        if work is None:
            return {}
        return {
            "right": [volume_id(edition) for edition in work.editions],
            "exact": [volume_id(edition) for edition in work.editions if isbn13 and edition.isbn13 == isbn13],
        }

    def _refusal(self, request: Request) -> Answer | None:
        key, now = request.parameter("key"), self.clock.now()
        if not key and self.options.require_key:
            return self._quota_spent("Queries per day", "defaultPerDayPerProject", 20_000_000, ANONYMOUS_PROJECT)
        if key and self.options.keys and key not in self.options.keys.split(","):
            return _error(400, "API key not valid. Please pass a valid API key.", "badRequest", **_bad_key())
        if self.options.require_country and not request.parameter("country"):
            return _error(403, "Cannot determine user location for geographically restricted operation.", "unknownLocation")
        if not self.options.limits:
            return None
        project = number_of("project", key) % 10**12
        # A call the window refuses is not taken off the day's quota.
        if not self._windows.setdefault(key, SlidingWindow(100)).take(now, self.options.per_100_seconds):
            return self._quota_spent("Queries per 100 seconds", "defaultPer100SecondsPerProject", self.options.per_100_seconds, project)
        if not self._days.setdefault(key, DailyQuota()).take(now, self.options.per_day):
            return self._quota_spent("Queries per day", "defaultPerDayPerProject", self.options.per_day, project)
        return None

    def _quota_spent(self, limit: str, code: str, value: int, project: int) -> Answer:
        details = [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "RATE_LIMIT_EXCEEDED",
                "domain": "googleapis.com",
                "metadata": {
                    "quota_metric": "books.googleapis.com/default",
                    "quota_location": "global",
                    "consumer": f"projects/{project}",
                    "service": "books.googleapis.com",
                    "quota_limit_value": str(value),
                    "quota_limit": code,
                },
            },
            {
                "@type": "type.googleapis.com/google.rpc.Help",
                "links": [
                    {
                        "description": "Request a higher quota limit.",
                        "url": "https://cloud.google.com/docs/quota#requesting_higher_quota",
                    }
                ],
            },
        ]
        message = (
            f"Quota exceeded for quota metric 'Queries' and limit '{limit}' of service 'books.googleapis.com' "
            f"for consumer 'project_number:{project}'."
        )
        headers = self.refusal_headers()
        return _error(429, message, "rateLimitExceeded", headers=headers, status="RESOURCE_EXHAUSTED", details=details)

    def _search(self, request: Request) -> Answer:
        text = request.parameter("q").strip()
        if not text:
            return _error(400, "Missing query.", "queryRequired", where={"location": "q", "locationType": "parameter"})
        at_most, start = request.number("maxResults", 10), request.number("startIndex", 0)
        if not 1 <= at_most <= 40:
            message = f"Invalid value '{at_most}'. Values must be within the range: [1, 40]"
            return _error(400, message, "invalidParameter", where={"location": "maxResults", "locationType": "parameter"})
        found = self._editions_for(text)
        if language := request.parameter("langRestrict"):
            found = [edition for edition in found if _language(edition) == language]
        lite = request.parameter("projection") == "lite"
        answer: dict[str, Any] = {"kind": "books#volumes", "totalItems": len(found)}
        if shown := [_volume_record(edition, full=False, lite=lite) for edition in found[start : start + at_most]]:
            answer["items"] = shown
        return Answer(200, encoded(masked(answer, request.parameter("fields"))), endpoint="/volumes", keys=(text,))

    def _editions_for(self, text: str) -> list[Edition]:
        asked = [(match["field"], match["phrase"] if match["phrase"] is not None else match["word"]) for match in _FIELD.finditer(text)]
        if isbn := next((value for field, value in asked if field == "isbn"), ""):
            # A second ISBN in the query is not looked at: "isbn:a OR isbn:b" is no multi-key read.
            return self._editions_with_isbn(as_isbn13(isbn))
        sets: list[set[Work]] = []
        for field, value in asked:
            if field in ("intitle", "inauthor"):
                sets.append(self.holdings.with_title(value, phrase=False) if field == "intitle" else self.holdings.with_author(value))
        if free := " ".join(_FIELD.sub(" ", text).split()):
            sets.append(self.holdings.with_words(free))
        works = in_search_order(set.intersection(*sets)) if sets else []
        return [edition for work in works for edition in work.editions]

    def _editions_with_isbn(self, isbn13: str) -> list[Edition]:
        edition = self.holdings.by_isbn.get(isbn13)
        if edition is None:
            return []
        if not happens(STRAY_HIT, self.catalogue.seed, "stray hit", edition.number):
            return [edition]
        stray = one_of(sorted(self.holdings.editions), "stray", edition.number)
        return [self.holdings.editions[stray], edition] if stray != edition.number else [edition]

    def _volume(self, identifier: str, request: Request) -> Answer:
        edition = self._volumes.get(identifier)
        if edition is None:
            return _error(404, "The volume ID could not be found.", "notFound")
        record = _volume_record(edition, full=True, lite=request.parameter("projection") == "lite")
        return Answer(200, encoded(masked(record, request.parameter("fields"))), endpoint="/volumes/*", keys=(identifier,))


def volume_id(edition: Edition) -> str:
    """Return the id of a volume: twelve letters, as Google's are."""
    return base64.urlsafe_b64encode(number_of("volume", edition.number).to_bytes(8, "big") + b"A")[:12].decode()


def _bad_key() -> dict[str, Any]:
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "API_KEY_INVALID",
        "domain": "googleapis.com",
        "metadata": {"service": "books.googleapis.com"},
    }
    return {"status": "INVALID_ARGUMENT", "details": [info]}


def _error(
    code: int,
    message: str,
    reason: str,
    *,
    headers: tuple[tuple[bytes, bytes], ...] = (),
    where: dict[str, str] | None = None,
    **more: Any,
) -> Answer:
    """Return an error in the envelope that all Google APIs share."""
    first = {"message": message, "domain": "global", "reason": reason, **(where or {})}
    body = encoded({"error": {"code": code, "message": message, "errors": [first], **more}})
    return Answer(code, body, b"application/json; charset=UTF-8", headers, endpoint="/volumes", refused=True)


def _language(edition: Edition) -> str:
    return LANGUAGES.get(edition.language, edition.language)


def _volume_record(edition: Edition, *, full: bool, lite: bool) -> dict[str, Any]:
    """Return a volume; a search shows less of it than its own address does, and `lite` less still."""
    identifier = volume_id(edition)
    info = _volume_info(edition, identifier, full=full)
    if lite:
        for name in ("description", "categories", "industryIdentifiers", "pageCount"):
            info.pop(name, None)
    record: dict[str, Any] = {
        "kind": "books#volume",
        "id": identifier,
        "etag": f"{number_of('etag', edition.number, full):011x}"[:11],
        "selfLink": f"https://www.googleapis.com/books/v1/volumes/{identifier}",
        "volumeInfo": info,
        "saleInfo": {"country": "US", "saleability": "NOT_FOR_SALE", "isEbook": False},
        "accessInfo": {
            "country": "US",
            "viewability": "NO_PAGES",
            "embeddable": False,
            "publicDomain": False,
            "textToSpeechPermission": "ALLOWED",
            "epub": {"isAvailable": False},
            "pdf": {"isAvailable": False},
            "accessViewStatus": "NONE",
            "quoteSharingAllowed": False,
        },
    }
    return record if full else record | {"searchInfo": {"textSnippet": "An invented description, for trying things out."}}


def _volume_info(edition: Edition, identifier: str, *, full: bool) -> dict[str, Any]:
    work = edition.work
    title, _, subtitle = edition.title.partition(": ")
    description = f"An invented description of {edition.title}, for trying things out."
    info: dict[str, Any] = {
        "title": title,
        "subtitle": subtitle,
        "authors": list(work.authors),
        "publisher": edition.publisher if full or not happens(REDUCED, "reduced", edition.number) else "",
        "publishedDate": _published_date(edition),
        "description": f"<p>{description}</p>" if full else description,
        "industryIdentifiers": _identifiers(edition),
        "readingModes": {"text": False, "image": False},
        "pageCount": edition.pages or 0,
        "printType": "BOOK",
        "categories": list(work.paths) if full else sorted({path.partition(" / ")[0] for path in work.paths}),
        "maturityRating": "NOT_MATURE",
        "allowAnonLogging": False,
        "contentVersion": "preview-1.0.0",
        "imageLinks": _image_links(identifier) if edition.has_cover else {},
        "language": _language(edition),
        "previewLink": f"{SITE}/books?id={identifier}&hl=&source=gbs_api",
        "infoLink": f"{SITE}/books?id={identifier}&hl=&source=gbs_api",
        "canonicalVolumeLink": f"https://books.google.com/books/about/Invented.html?hl=&id={identifier}",
    }
    return {name: value for name, value in info.items() if value not in ("", [], {}, None)}


def _image_links(identifier: str) -> dict[str, str]:
    address = f"{SITE}/books/content?id={identifier}&printsec=frontcover&img=1&zoom={{}}&edge=curl&source=gbs_api"
    return {"smallThumbnail": address.format(5), "thumbnail": address.format(1)}


def _identifiers(edition: Edition) -> list[dict[str, str]]:
    if not edition.isbn13:
        return [{"type": "OTHER", "identifier": f"INVENTED:{edition.number}"}]
    forms = [{"type": "ISBN_13", "identifier": edition.isbn13}]
    return [*forms, {"type": "ISBN_10", "identifier": as_isbn10(edition.isbn13)}] if as_isbn10(edition.isbn13) else forms


def _published_date(edition: Edition) -> str:
    year = edition.year
    if year is None:
        return ""
    forms = (f"{year}", f"{year}-05", f"{year}-05-01", f"{year}-05-01", f"{year}-05-01", f"{year}*", f"{year // 100}??")
    return str(one_of(forms, "published", edition.number))
