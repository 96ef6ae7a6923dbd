"""Open Library: editions by ISBN, works by ISBN, by key, and by title and author.

Documentation: https://openlibrary.org/developers/api, https://openlibrary.org/dev/docs/api/books,
https://openlibrary.org/dev/docs/api/search, covers: https://openlibrary.org/dev/docs/api/covers
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from bookops.outbound.answers import Answer
from bookops.outbound.errors import BadAnswer, Refused, SourceError, TryAgain
from bookops.outbound.http import Door
from enrichment.sources import loose_json as loose
from enrichment.sources.facts import EditionFacts
from enrichment.sources.title_query import is_about, solr_words, surname, words

logger = logging.getLogger(__name__)

NAME = "open_library"
COVERS = "https://covers.openlibrary.org/b/id"

#: What a search is asked to return: isbn, publisher and subject are left out unless they are named.
SEARCH_FIELDS = "key,title,subtitle,author_name,first_publish_year,isbn,publisher,number_of_pages_median,language,subject,cover_i"

#: The example of Open Library's own documentation, and two editions that every catalogue has: Dune, Pride and Prejudice.
WITNESSES = ("9780140328721", "9780441013593", "9780141439518")

#: A refused or senseless joined query is not tried again for this long (seconds).
JOINED_PAUSE = 3600.0


class OpenLibrary:
    """Ask Open Library, many books at a time where it allows that.

    Every method may raise TryAgain, Refused or BadAnswer; what Open Library does not know is None, or missing from a list.
    `flow` is whoever shares the pace fairly, usually an import.
    """

    name = NAME
    #: ISBNs in one `by_isbns` or `works_by_isbns`: what Open Library's own client sends, and a URL of about 2 KB.
    MAX_ISBNS = 100
    #: Title and author pairs in one joined search.
    MAX_JOINED = 6
    #: Works in one `works`.
    MAX_KEYS = 100
    #: Candidates of one search.
    CANDIDATES = 5

    def __init__(
        self,
        door: Door,
        *,
        join_searches: bool = True,
        witnesses: Sequence[str] = WITNESSES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`witnesses` are ISBNs of which Open Library certainly knows one."""
        self.door = door
        self._witnesses = tuple(witnesses)
        #: A book that was found lately testifies as well as those, and is one key instead of several.
        self._found_lately = ""
        self._clock = clock
        self._join_searches = join_searches
        self._joined_again_at = -JOINED_PAUSE
        self._joining_works = False

    @property
    def supports_joined(self) -> bool:
        """Whether `search_many` now joins several books in one query."""
        return self._join_searches and self._clock() >= self._joined_again_at

    def by_isbns(self, isbns: Sequence[str], *, flow: str = "") -> dict[str, EditionFacts | None]:
        """Return the edition of each ISBN, by one request for up to MAX_ISBNS.

        Open Library answers 200 with {} when its own look-up broke, which reads like "none of them". So a witness is asked along:
        an answer without any asked book counts only when it has the witness; else TryAgain is raised.
        """
        self._at_most(isbns, self.MAX_ISBNS)
        if not isbns:
            return {}
        keys = dict.fromkeys([*isbns, *([self._found_lately] if self._found_lately else self._witnesses)])
        payload = self._get("/api/books.json", {"bibkeys": ",".join(f"ISBN:{isbn}" for isbn in keys), "jscmd": "data"}, flow)
        if payload == {}:
            self._found_lately = ""
            raise TryAgain("an empty answer, although one of the books certainly exists", reason="empty_answer", source=NAME)
        found = parse_books_data(payload)
        self._found_lately = next((isbn for isbn in isbns if isbn in found), self._found_lately)
        return {isbn: found.get(isbn) for isbn in isbns}

    def by_isbn(self, isbn: str, *, flow: str = "") -> EditionFacts | None:
        """Return the edition of one ISBN: a call a book, for policies that do not batch."""
        return self.by_isbns([isbn], flow=flow)[isbn]

    def works_by_isbns(self, isbns: Sequence[str], *, flow: str = "") -> dict[str, EditionFacts | None]:
        """Return the work behind each ISBN (subjects, first year, language), by one request for up to MAX_ISBNS."""
        self._at_most(isbns, self.MAX_ISBNS)
        if not isbns:
            return {}
        query = "isbn:(" + " OR ".join(isbns) + ")"
        docs = self._docs(self._search({"q": query, "limit": str(len(isbns))}, flow))
        works = {isbn: work for work in docs for isbn in work.isbns}
        return {isbn: works.get(loose.isbn13(isbn)) for isbn in isbns}

    def works(self, keys: Sequence[str], *, flow: str = "") -> dict[str, EditionFacts | None]:
        """Return the work records of keys such as "/works/OL1W" (with their descriptions); merged records are followed."""
        self._at_most(keys, self.MAX_KEYS)
        found: dict[str, EditionFacts | None] = {}
        wanted = {key: key for key in keys}  # where the record of a key is now -> the key that was asked
        for _ in range(3):
            if not wanted:
                break
            payload = loose.mapping(self._get("/api/get_many", {"keys": json.dumps(list(wanted))}, flow))
            records = loose.mapping(payload.get("result"))
            moved = {}
            for key, asked in wanted.items():
                location = redirect_of(records.get(key))
                if location:
                    moved[location] = asked
                else:
                    found[asked] = parse_work(records.get(key))
            wanted = moved
        return {key: found.get(key) for key in keys}

    def search(self, title: str, author: str, *, flow: str = "") -> tuple[EditionFacts, ...]:
        """Return up to CANDIDATES works by title and author, in Open Library's order; nothing, unasked, for a title without a word."""
        if not words(title):
            return ()
        params = {"title": title[:300], "limit": str(self.CANDIDATES)} | ({"author": author[:200]} if author else {})
        return tuple(self._docs(self._search(params, flow)))[: self.CANDIDATES]

    def search_many(self, pairs: Sequence[tuple[str, str]], *, flow: str = "") -> tuple[tuple[EditionFacts, ...], ...]:
        """Return the candidates of each (title, author), by one joined query for up to MAX_JOINED where that works.

        Whether it works is found out: once a pair other than the first got something, it does. Until then the last pair is asked
        alone too, and if that finds what the joined query did not, books are asked one by one for JOINED_PAUSE. Out of a list that
        was cut off, a pair without a candidate is asked again alone.
        """
        self._at_most(pairs, self.MAX_JOINED)
        if len(pairs) < 2 or not self.supports_joined:
            return tuple(self.search(title, author, flow=flow) for title, author in pairs)
        try:
            payload = self._search({"q": joined_query(pairs), "limit": str(20 * len(pairs))}, flow)
        except Refused as error:
            if not error.reason.startswith("http_4"):
                raise
            self._stop_joining()
            return self.search_many(pairs, flow=flow)
        works = self._docs(payload)
        found = [tuple(work for work in works if is_about(work, title, author))[: self.CANDIDATES] for title, author in pairs]
        complete = (loose.number(payload.get("numFound")) or 0) <= len(works)
        self._joining_works = self._joining_works or any(found[1:])
        if not self._joining_works:
            found[-1] = self.search(*pairs[-1], flow=flow)
            if found[-1]:
                self._stop_joining()
                complete = False
        if not complete:
            found = [got or self.search(title, author, flow=flow) for got, (title, author) in zip(found, pairs, strict=True)]
        return tuple(found)

    def _stop_joining(self) -> None:
        logger.warning("Open Library does not answer joined searches: one by one for %d s", JOINED_PAUSE)
        self._joined_again_at = self._clock() + JOINED_PAUSE

    def _search(self, params: Mapping[str, str], flow: str) -> Any:
        return self._get("/search.json", {**params, "fields": SEARCH_FIELDS}, flow)

    def _docs(self, payload: Any) -> list[EditionFacts]:
        works = parse_search(payload)
        if works is None:
            raise BadAnswer("a search result without docs", reason="unexpected_shape", source=NAME)
        return works

    def _get(self, path: str, params: Mapping[str, str], flow: str) -> Any:
        return self.door.get(path, params, flow=flow, explain=_explain).data

    @staticmethod
    def _at_most(asked: Sequence[Any], most: int) -> None:
        if len(asked) > most:
            raise ValueError(f"{len(asked)} asked for, {most} at most in one request")


def _explain(answer: Answer) -> SourceError | None:
    if answer.status == 403 and not answer.media_type.endswith("json"):
        return Refused("the User-Agent is blocked: it must name the application and a contact", reason="forbidden_agent")
    return None


def joined_query(pairs: Iterable[tuple[str, str]]) -> str:
    """Return the Solr query for any of the (title, author) pairs.

    Of an author only the last name is asked, because initials are spaced in many ways; what comes back is compared anyway.
    """
    clauses = []
    for title, author in pairs:
        if not words(title):
            continue
        clause = f"title:({solr_words(title[:300])})"
        if surname(author):
            clause += f" AND author:({solr_words(surname(author))})"
        clauses.append(f"({clause})")
    return " OR ".join(clauses)


def parse_books_data(payload: Any) -> dict[str, EditionFacts]:
    """Return the editions of an /api/books answer (jscmd=data) by the ISBN that was asked for.

    That form has no description and no language, and its authors are those of the work.
    """
    if not isinstance(payload, dict):
        raise BadAnswer("expected an object", reason="unexpected_shape", source=NAME)
    found = {}
    for asked, record in payload.items():
        if isinstance(record, dict) and loose.text(record.get("title")):
            found[asked.removeprefix("ISBN:")] = _edition(record)
    return found


def _edition(record: Mapping[str, Any]) -> EditionFacts:
    identifiers = loose.mapping(record.get("identifiers"))
    cover = loose.mapping(record.get("cover"))
    published = loose.text(record.get("publish_date"))
    key = loose.text(record.get("key"))
    return EditionFacts(
        source=NAME,
        key=key,
        title=loose.text(record.get("title")),
        subtitle=loose.text(record.get("subtitle")),
        authors=loose.texts(record.get("authors")),
        isbns=loose.isbns([*loose.items(identifiers.get("isbn_13")), *loose.items(identifiers.get("isbn_10"))]),
        publisher=next(iter(loose.texts(record.get("publishers"))), ""),
        published=published,
        year=loose.year(published),
        pages=loose.pages(record.get("number_of_pages")),
        subjects=loose.texts(record.get("subjects")),
        cover_url=loose.https(cover.get("large")) or loose.https(cover.get("medium")),
        small_cover_url=loose.https(cover.get("medium")) or loose.https(cover.get("small")),
        edition_key=key,
    )


def parse_search(payload: Any) -> list[EditionFacts] | None:
    """Return the works of a /search.json answer, None when it is no such answer."""
    docs = loose.mapping(payload).get("docs")
    if not isinstance(docs, list):
        return None
    return [_searched_work(doc) for doc in docs if isinstance(doc, dict) and loose.text(doc.get("title"))]


def _searched_work(doc: Mapping[str, Any]) -> EditionFacts:
    key = loose.text(doc.get("key"))
    languages = {loose.language(code) for code in loose.texts(doc.get("language"))}
    return EditionFacts(
        source=NAME,
        key=key,
        title=loose.text(doc.get("title")),
        subtitle=loose.text(doc.get("subtitle")),
        authors=loose.texts(doc.get("author_name")),
        isbns=loose.isbns(loose.items(doc.get("isbn"))),
        publisher=next(iter(loose.texts(doc.get("publisher"))), ""),
        first_year=loose.work_year(doc.get("first_publish_year")),
        pages=loose.pages(doc.get("number_of_pages_median")),
        # A work translated into ten languages says nothing of the copy at hand.
        language=languages.pop() if len(languages) == 1 else "",
        subjects=loose.texts(doc.get("subject")),
        cover_url=_cover(doc.get("cover_i"), "L"),
        small_cover_url=_cover(doc.get("cover_i"), "M"),
        work_key=key,
    )


def parse_work(record: Any) -> EditionFacts | None:
    """Return the facts of a raw work record, None for one that is missing, deleted or without a title."""
    record = loose.mapping(record)
    title = loose.text(record.get("title"))
    if not title or loose.mapping(record.get("type")).get("key") == "/type/delete":
        return None
    key = loose.text(record.get("key"))
    # The list has -1 and null where a cover was taken away.
    cover = next((number for number in map(loose.number, loose.items(record.get("covers"))) if number and number > 0), None)
    return EditionFacts(
        source=NAME,
        key=key,
        title=title,
        subtitle=loose.text(record.get("subtitle")),
        first_year=loose.year(record.get("first_publish_date")),
        description=loose.prose(record.get("description")),
        subjects=loose.texts(record.get("subjects")),
        cover_url=_cover(cover, "L"),
        small_cover_url=_cover(cover, "M"),
        work_key=key,
    )


def redirect_of(record: Any) -> str:
    """Return where a merged record has gone, "" when it has not."""
    record = loose.mapping(record)
    return loose.text(record.get("location")) if loose.mapping(record.get("type")).get("key") == "/type/redirect" else ""


def _cover(number: Any, size: str) -> str:
    number = loose.number(number)
    return f"{COVERS}/{number}-{size}.jpg" if number and number > 0 else ""
