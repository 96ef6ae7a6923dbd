"""Open Library: multi-key reads, records by key, search, and the manners it asks for (https://openlibrary.org/developers/api)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, ClassVar

from sandbox.catalogue import Catalogue
from sandbox.clock import Clock
from sandbox.holdings import Edition, Holdings, Work, in_search_order
from sandbox.isbn import as_isbn13
from sandbox.limits import TokenBucket
from sandbox.open_library_records import (
    SITE,
    author_number,
    author_record,
    data_record,
    details_record,
    edition_key,
    edition_record,
    redirect_record,
    search_document,
    work_key,
    work_record,
)
from sandbox.party import HTML, Answer, Options, Party, Request, encoded
from sandbox.search_query import AnyOf, BadQuery, Query, Term, parse, select, terms

#: nginx refuses longer request lines.
LONGEST_QUERY_STRING = 8000

#: What Open Library's own code takes for identification.
_IDENTIFYING = re.compile(r"bot|spider|crawl|google|http|@", re.IGNORECASE)
_LIBRARY_DEFAULT = re.compile(r"^(?:python|aiohttp|httpx|curl|wget|go-http-client|okhttp|java|node|axios)\b", re.IGNORECASE)
_RECORD = re.compile(r"^/(books|works|authors)/OL(\d+)([MWA])\.json$")

_FORBIDDEN = (
    b"<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body>\r\n<center><h1>403 Forbidden</h1></center>\r\n"
    b"<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
_TOO_MANY = encoded({"status": 429, "message": "Too Many Requests. Consider using https://openlibrary.org/developers/dumps."})

#: What a search answers when it is not told which fields; isbn, publisher, publish_date and subject are not among them.
_DEFAULT_FIELDS = (
    *("key", "title", "subtitle", "author_name", "author_key", "cover_i", "cover_edition_key", "ebook_access", "edition_count"),
    *("first_publish_year", "has_fulltext", "ia", "language", "public_scan_b"),
)


@dataclass(frozen=True, slots=True)
class OpenLibraryOptions(Options):
    """What can be set of Open Library."""

    identified_per_second: float = 3.0
    anonymous_per_second: float = 1.0
    burst: int = 25
    #: Answer 403 to a User-Agent without a contact, as the live site does; else it gets the anonymous rate.
    refuse_unidentified: bool = True
    #: What becomes of title queries joined by OR: "answered", "first_clause" (the others are ignored) or "refused" (422).
    joined_queries: str = "answered"


class OpenLibrary(Party):
    """Answer as openlibrary.org does."""

    name: ClassVar[str] = "openlibrary"
    default_options: ClassVar[Options] = OpenLibraryOptions()
    options: OpenLibraryOptions

    def __init__(self, catalogue: Catalogue, clock: Clock, options: dict[str, Any] | None = None) -> None:
        super().__init__(catalogue, clock, options)
        self.holdings = Holdings(self.name, catalogue)
        self._authors = {author_number(name): name for work in self.holdings.works.values() for name in work.authors}
        self._merged = {work.merged_from: work for work in self.holdings.works.values() if work.merged_from}
        self._data_records: dict[int, bytes] = {}

    def forget_calls(self) -> None:
        """Count calls against the limits from nothing."""
        self._identified, self._anonymous = TokenBucket(), TokenBucket()

    def answer(self, request: Request) -> Answer:
        """Return what Open Library says to a request."""
        return self._refusal(request) or self._route(request)

    def right_keys(self, identity: int, isbn13: str) -> dict[str, Any]:
        """Return the keys of the works and editions that are right for a work of the catalogue."""
        work = self.holdings.by_identity.get(identity)
        if work is None:
            return {}
        return {
            "right": [work_key(work), *([f"/works/OL{work.merged_from}W"] if work.merged_from else []), *map(edition_key, work.editions)],
            "exact": [edition_key(edition) for edition in work.editions if isbn13 and edition.isbn13 == isbn13],
        }

    # The gate

    def _refusal(self, request: Request) -> Answer | None:
        agent = request.header(b"user-agent")
        identified = bool(_IDENTIFYING.search(agent)) and not _LIBRARY_DEFAULT.match(agent)
        if not identified and self.options.refuse_unidentified:
            return Answer(403, _FORBIDDEN, HTML, endpoint=_endpoint(request.path), refused=True)
        if len(request.query_string) > LONGEST_QUERY_STRING:
            return Answer(
                414,
                _FORBIDDEN.replace(b"403 Forbidden", b"414 Request-URI Too Large"),
                HTML,
                endpoint=_endpoint(request.path),
                refused=True,
            )
        bucket = self._identified if identified else self._anonymous
        rate = self.options.identified_per_second if identified else self.options.anonymous_per_second
        if self.options.limits and not bucket.take(self.clock.now(), rate, self.options.burst):
            return Answer(429, _TOO_MANY, headers=self.refusal_headers(), endpoint=_endpoint(request.path), refused=True)
        return None

    def _route(self, request: Request) -> Answer:
        path = request.path
        if path in ("/api/books", "/api/books.json"):
            return self._api_books(request)
        if path == "/search.json":
            return self._search(request)
        if path.startswith("/isbn/") and path.endswith(".json"):
            return self._isbn(path.removeprefix("/isbn/").removesuffix(".json"))
        if path in ("/api/get_many", "/api/get_many.json"):
            return self._get_many(request)
        if _RECORD.match(path):
            key = path.removesuffix(".json")
            record = self._record(key)
            body = encoded(record) if record else encoded({"error": "notfound", "key": key})
            return Answer(200 if record else 404, body, endpoint=_endpoint(path), keys=(key,))
        return Answer(404, encoded({"error": "notfound", "key": path}), endpoint="not served")

    # Multi-key reads

    def _api_books(self, request: Request) -> Answer:
        asked = tuple(key for key in request.parameter("bibkeys").split(",") if key)
        render = self._details_entry if request.parameter("jscmd") == "details" else self._data_entry
        found = {key: edition for key in asked if (edition := self._edition_for(key))}
        body = b"{" + b", ".join(encoded(key) + b": " + render(key, edition) for key, edition in found.items()) + b"}"
        if request.path.endswith(".json") or request.parameter("format") == "json":
            return Answer(200, body, endpoint=_endpoint(request.path), keys=asked)
        return Answer(200, b"var _OLBookInfo = " + body + b";", b"text/javascript", endpoint=_endpoint(request.path), keys=asked)

    def _edition_for(self, bibkey: str) -> Edition | None:
        scheme, _, value = bibkey.rpartition(":")
        if scheme.upper() == "OLID":
            number = re.fullmatch(r"OL(\d+)M", value)
            return self.holdings.editions.get(int(number[1])) if number else None
        return self.holdings.by_isbn.get(as_isbn13(value)) if scheme.upper() in ("ISBN", "") else None

    def _data_entry(self, _bibkey: str, edition: Edition) -> bytes:
        entry = self._data_records.get(edition.number)
        if entry is None:
            entry = self._data_records[edition.number] = encoded(data_record(edition))
        return entry

    def _details_entry(self, bibkey: str, edition: Edition) -> bytes:
        return encoded(details_record(bibkey, edition))

    # Single records

    def _isbn(self, text: str) -> Answer:
        edition = self.holdings.by_isbn.get(as_isbn13(text))
        if edition is None:
            return Answer(404, encoded({"error": "notfound", "key": f"/isbn/{text}"}), endpoint="/isbn/*.json", keys=(text,))
        location = f"/{self.name}{edition_key(edition)}.json".encode()
        return Answer(302, b"", HTML, headers=((b"location", location),), endpoint="/isbn/*.json", keys=(text,))

    def _get_many(self, request: Request) -> Answer:
        try:
            keys = [str(key) for key in json.loads(request.parameter("keys", "[]"))]
        except (ValueError, TypeError):
            return Answer(400, encoded({"error": "invalid keys"}), endpoint=_endpoint(request.path))
        records = {key: record for key in keys if (record := self._record(key))}
        return Answer(200, encoded({"status": "ok", "result": records}), endpoint=_endpoint(request.path), keys=tuple(keys))

    def _record(self, key: str) -> dict[str, Any] | None:
        found = _RECORD.match(f"{key}.json")
        number = int(found[2]) if found else -1
        kind = found[3] if found else ""
        if kind == "M" and (edition := self.holdings.editions.get(number)):
            return edition_record(edition)
        if kind == "W" and (work := self.holdings.works.get(number)):
            return work_record(work)
        if kind == "W" and (work := self._merged.get(number)):
            return redirect_record(key, work)
        if kind == "A" and (name := self._authors.get(number)):
            return author_record(name)
        return None

    # Search

    def _search(self, request: Request) -> Answer:
        text, asked = _asked_of_search(request)
        if len(text) < 3 and not asked:
            return _unprocessable("Query too short, must be at least 3 characters", text)
        try:
            query = self._as_joined_queries_go(parse(asked or text))
        except BadQuery as problem:
            return _unprocessable(str(problem), text)
        works = in_search_order(select(query, self._works_with))
        limit = request.number("limit", 100)
        offset = request.number("offset", 0) or (max(1, request.number("page", 1)) - 1) * limit
        isbns = {as_isbn13(term.text) for term in terms(query) if term.field == "isbn"}
        fields = frozenset(part for part in request.parameter("fields").split(",") if part) or frozenset(_DEFAULT_FIELDS)
        answer = {
            "numFound": len(works),
            "start": offset,
            "numFoundExact": True,
            "num_found": len(works),
            "documentation_url": f"{SITE}/dev/docs/api/search",
            "q": text,
            "offset": request.number("offset", 0) or None,
            "docs": [search_document(work, isbns, fields) for work in works[offset : offset + limit]],
        }
        return Answer(200, encoded(answer), endpoint="/search.json", keys=(asked or text,))

    def _as_joined_queries_go(self, query: Query) -> Query:
        if not isinstance(query, AnyOf) or all(term.field == "isbn" for term in terms(query)) or self.options.joined_queries == "answered":
            return query
        if self.options.joined_queries == "refused":
            raise BadQuery("joined queries are not supported")
        return query.parts[0]

    def _works_with(self, term: Term) -> set[Work]:
        if term.field == "isbn":
            edition = self.holdings.by_isbn.get(as_isbn13(term.text))
            return {edition.work} if edition else set()
        if term.field in ("title", "title_suggest", "alternative_title"):
            return self.holdings.with_title(term.text, phrase=term.is_phrase)
        if term.field in ("author", "author_name"):
            return self.holdings.with_author(term.text)
        if term.field == "key":
            return {work for work in self.holdings.works.values() if work_key(work) == term.text}
        return self.holdings.with_words(term.text)


def _endpoint(path: str) -> str:
    """Return a path without what changes from record to record."""
    return re.sub(r"^/(isbn|books|works|authors)/.*", r"/\1/*.json", path).removesuffix(".json" if path.startswith("/api/") else "")


def _asked_of_search(request: Request) -> tuple[str, str]:
    """Return `q` as sent, and the query that `q` and the parameters title, author and isbn make together."""
    text = request.parameter("q")
    parts = [f"({text})"] if text else []
    for name in ("title", "author", "isbn"):
        if value := request.parameter(name):
            parts.append(" AND ".join(f"{name}:{_escaped(word)}" for word in value.split()))
    return text, " AND ".join(parts) if len(parts) > 1 or not text else ""


def _escaped(word: str) -> str:
    return re.sub(r'([()"\\:])', r"\\\1", word)


def _unprocessable(message: str, text: str) -> Answer:
    detail = [{"type": "value_error", "loc": ["query", "q"], "msg": message, "input": text}]
    return Answer(422, encoded({"detail": detail}), endpoint="/search.json", keys=(text,))
