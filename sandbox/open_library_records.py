"""The shapes of Open Library's records: data, edition, work, and the reduced ones that a search shows."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from sandbox.chance import number_of, one_of
from sandbox.holdings import Edition, Work
from sandbox.isbn import as_isbn10
from sandbox.words import words

SITE = "https://openlibrary.org"


def filled(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record without its empty fields, which Open Library leaves out."""
    return {name: value for name, value in record.items() if value not in (None, "", [], {})}


def work_key(work: Work) -> str:
    """Return the key of a work's record."""
    return f"/works/OL{work.number}W"


def edition_key(edition: Edition) -> str:
    """Return the key of an edition's record."""
    return f"/books/OL{edition.number}M"


def author_number(name: str) -> int:
    """Return the number of an author: the same name, the same author."""
    return 10**6 + number_of("author", *words(name)) % 10**9


def author_key(name: str) -> str:
    """Return the key of an author's record."""
    return f"/authors/OL{author_number(name)}A"


def _cover_number(edition: Edition) -> int:
    return 10**6 + edition.number % 13_000_000


def _slug(text: str) -> str:
    return quote(text.replace(" ", "_"), safe="")


def _publish_date(edition: Edition) -> str:
    year = edition.year
    if year is None:
        return ""
    return str(one_of((f"{year}", f"{year}", f"March {year}", f"July 28, {year}", f"{year}-07-28", f"c{year}"), "date", edition.number))


def _revision(number: int) -> dict[str, Any]:
    """Return the fields that say how often and when a record was changed."""
    return {
        "revision": number,
        "latest_revision": number,
        "created": {"type": "/type/datetime", "value": "2009-12-09T21:00:00.000000"},
        "last_modified": {"type": "/type/datetime", "value": "2024-03-01T10:00:00.000000"},
    }


def data_record(edition: Edition) -> dict[str, Any]:
    """Return an edition as jscmd=data shows it: no description, no language, no works; subjects and authors are the work's."""
    title, _, subtitle = edition.title.partition(": ")
    identifiers = {
        "goodreads": [edition.book.goodreads_id] if edition.book.goodreads_id and edition.work.identity is not None else [],
        "isbn_10": [as_isbn10(edition.isbn13)] if as_isbn10(edition.isbn13) else [],
        "isbn_13": [edition.isbn13] if edition.isbn13 else [],
        "openlibrary": [f"OL{edition.number}M"],
    }
    cover = f"https://covers.openlibrary.org/b/id/{_cover_number(edition)}"
    sizes = {"small": f"{cover}-S.jpg", "medium": f"{cover}-M.jpg", "large": f"{cover}-L.jpg"}
    return filled(
        {
            "url": f"{SITE}{edition_key(edition)}/{_slug(edition.title)}",
            "key": edition_key(edition),
            "title": title,
            "subtitle": subtitle,
            "authors": [{"url": f"{SITE}{author_key(name)}/{_slug(name)}", "name": name} for name in edition.work.authors],
            "number_of_pages": edition.pages,
            "identifiers": filled(identifiers),
            "publishers": [{"name": edition.publisher}] if edition.publisher else [],
            "publish_date": _publish_date(edition),
            "subjects": [{"name": name, "url": f"{SITE}/subjects/{_slug(name.lower())}"} for name in edition.work.subjects],
            "cover": sizes if edition.has_cover else {},
        }
    )


def details_record(bibkey: str, edition: Edition) -> dict[str, Any]:
    """Return an edition as jscmd=details shows it."""
    url = SITE + edition_key(edition)
    entry = {"bib_key": bibkey, "info_url": f"{url}/{_slug(edition.title)}", "preview": "noview", "preview_url": url}
    if edition.has_cover:
        entry["thumbnail_url"] = f"https://covers.openlibrary.org/b/id/{_cover_number(edition)}-S.jpg"
    return entry | {"details": edition_record(edition)}


def redirect_record(key: str, work: Work) -> dict[str, Any]:
    """Return what stands at the old key of a work that was merged into another."""
    return {"key": key, "type": {"key": "/type/redirect"}, "location": work_key(work), **_revision(2)}


def author_record(name: str) -> dict[str, Any]:
    """Return an author as its own address shows it."""
    return {"key": author_key(name), "type": {"key": "/type/author"}, "name": name, "personal_name": name, **_revision(3)}


def edition_record(edition: Edition) -> dict[str, Any]:
    """Return an edition as its own address shows it."""
    work = edition.work
    # A record often names the work it had before that was merged into another.
    named_work = f"/works/OL{work.merged_from}W" if work.merged_from else work_key(work)
    title, _, subtitle = edition.title.partition(": ")
    return filled(
        {
            "key": edition_key(edition),
            "type": {"key": "/type/edition"},
            "title": title,
            "subtitle": subtitle,
            "authors": [{"key": author_key(name)} for name in work.authors],
            "works": [{"key": named_work}],
            "publishers": [edition.publisher] if edition.publisher else [],
            "publish_date": _publish_date(edition),
            "number_of_pages": edition.pages,
            "isbn_10": [as_isbn10(edition.isbn13)] if as_isbn10(edition.isbn13) else [],
            "isbn_13": [edition.isbn13] if edition.isbn13 else [],
            "languages": [{"key": f"/languages/{edition.language}"}],
            "covers": [_cover_number(edition)] if edition.has_cover else [-1],
            **_revision(4),
        }
    )


def work_record(work: Work) -> dict[str, Any]:
    """Return a work as its own address shows it; the description is text or an object, as in the real ones."""
    text = f"An invented description of {work.title}, for trying things out."
    description = {"type": "/type/text", "value": text} if work.number % 2 else text
    return filled(
        {
            "key": work_key(work),
            "type": {"key": "/type/work"},
            "title": work.title,
            "authors": [{"type": {"key": "/type/author_role"}, "author": {"key": author_key(name)}} for name in work.authors],
            "subjects": list(work.subjects),
            "description": description,
            # Real lists hold -1 and null beside numbers.
            "covers": [-1, None][: work.number % 3] + [_cover_number(edition) for edition in work.editions if edition.has_cover],
            "first_publish_date": str(work.first_year) if work.first_year else "",
            **_revision(5),
        }
    )


def search_document(work: Work, isbns: set[str], fields: frozenset[str]) -> dict[str, Any]:
    """Return a work as a search shows it: one document a work, with the ISBNs of all its editions."""
    best = next((edition for edition in work.editions if edition.isbn13 in isbns), work.editions[0])
    covered = next((edition for edition in work.editions if edition.has_cover), None)
    title, _, subtitle = work.title.partition(": ")
    document = {
        "key": work_key(work),
        "type": "work",
        "title": title,
        "subtitle": subtitle,
        "author_name": list(work.authors),
        "author_key": [author_key(name).removeprefix("/authors/") for name in work.authors],
        "cover_i": _cover_number(covered) if covered else None,
        "cover_edition_key": f"OL{covered.number}M" if covered else None,
        "ebook_access": "no_ebook",
        "edition_count": len(work.editions),
        "edition_key": [f"OL{edition.number}M" for edition in work.editions],
        "first_publish_year": work.first_year,
        "has_fulltext": False,
        "public_scan_b": False,
        "isbn": [form for edition in work.editions for form in (edition.isbn13, as_isbn10(edition.isbn13)) if form],
        "language": sorted({edition.language for edition in work.editions}),
        "number_of_pages_median": best.pages,
        "publisher": sorted({edition.publisher for edition in work.editions} - {""}),
        "publish_date": sorted({_publish_date(edition) for edition in work.editions} - {""}),
        "publish_year": sorted({edition.book.year for edition in work.editions if edition.book.year}),
        "subject": list(work.subjects),
    }
    shown = {name: value for name, value in filled(document).items() if name in fields or "*" in fields}
    if any(name.partition(".")[0] == "editions" for name in fields):
        shown["editions"] = {"numFound": len(work.editions), "start": 0, "numFoundExact": True, "docs": [_edition_document(best, fields)]}
    return shown


def _edition_document(edition: Edition, fields: frozenset[str]) -> dict[str, Any]:
    """Return the edition that fits a search best, inside its work's document."""
    title, _, subtitle = edition.title.partition(": ")
    document = {
        "key": edition_key(edition),
        "title": title,
        "subtitle": subtitle,
        "isbn": [form for form in (edition.isbn13, as_isbn10(edition.isbn13)) if form],
        "publisher": [edition.publisher] if edition.publisher else [],
        "publish_date": [_publish_date(edition)] if _publish_date(edition) else [],
        "language": [edition.language],
        "cover_i": _cover_number(edition) if edition.has_cover else None,
        "ebook_access": "no_ebook",
    }
    named = {name.removeprefix("editions.") for name in fields if name.startswith("editions.")} or {
        "key",
        "title",
        "language",
        "ebook_access",
    }
    return {name: value for name, value in filled(document).items() if name in named or "*" in named}
