"""What a source says about one edition, in one shape for all sources."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class EditionFacts:
    """Hold one source's record of an edition (or of a work, where the source searches works)."""

    #: "open_library" or "google_books".
    source: str
    #: The source's own key: "/books/OL1M", "/works/OL1W" or a Google volume id.
    key: str
    title: str
    subtitle: str = ""
    authors: tuple[str, ...] = ()
    #: Every ISBN of the record, as valid ISBN-13s without hyphens.
    isbns: tuple[str, ...] = ()
    publisher: str = ""
    #: The date as the source writes it ("July 28, 2008", "1999-05", "19??").
    published: str = ""
    #: The year of this edition, None when the text has none.
    year: int | None = None
    #: The year the work first appeared, where the source knows works.
    first_year: int | None = None
    #: None when unknown; a source's 0 counts as unknown.
    pages: int | None = None
    #: ISO 639-1 where it can be told ("en"), else the source's own code, else "".
    language: str = ""
    description: str = ""
    #: Raw subjects or categories, untouched.
    subjects: tuple[str, ...] = ()
    #: https address, "" when there is none.
    cover_url: str = ""
    small_cover_url: str = ""
    work_key: str = ""
    edition_key: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict without empty values."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name in _NAMES
            if (value := getattr(self, name)) not in ("", (), None)
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> EditionFacts:
        """Return the facts that `to_json` wrote; keys of later versions are ignored."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in data.items() if name in _KNOWN
        }
        return cls(**values)


#: Facts are written and read several times a row: dataclasses' own asdict copies deeply and its fields() looks again each time.
_NAMES = tuple(field.name for field in fields(EditionFacts))
_KNOWN = frozenset(_NAMES)
