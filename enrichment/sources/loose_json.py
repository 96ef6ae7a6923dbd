"""Readers of single values from answers whose shape nobody guarantees: each returns an empty value for what it cannot use."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import langcodes
from stdnum import isbn as stdnum_isbn
from stdnum.exceptions import ValidationError

#: C0 and C1 controls (PostgreSQL takes no NUL) and lone surrogates (UTF-8 takes none); tab and line ends are handled as spaces.
_UNSTORABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_SPACES = re.compile(r"[ \t\r\n\u2028\u2029]+")
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,200}>")
_YEAR = re.compile(r"(?<!\d)([12]\d{3})(?!\d)")
_MAX_PAGES = 100_000


def mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def text(value: Any, limit: int = 1_000) -> str:
    """Return one line of storable text; Open Library wraps some texts as {"type": …, "value": …}."""
    if isinstance(value, dict):
        value = value.get("value")
    if not isinstance(value, str):
        return ""
    return _SPACES.sub(" ", _UNSTORABLE.sub("", value)).strip()[:limit].rstrip()


def prose(value: Any, limit: int = 20_000) -> str:
    """Return a description as text on one line, without the markup that Google's full volumes carry."""
    plain = text(value, limit)
    return text(html.unescape(_TAG.sub(" ", plain))) if "<" in plain else plain


def texts(values: Any, limit: int = 200) -> tuple[str, ...]:
    """Return the distinct texts of a list of strings or of {"name": …} objects, in order."""
    found = (text(value.get("name") if isinstance(value, dict) else value) for value in items(values))
    return tuple(dict.fromkeys(filter(None, found)))[:limit]


def number(value: Any) -> int | None:
    """Return a whole number, None for anything else (True is no number)."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def pages(value: Any) -> int | None:
    count = number(value)
    return count if count and 0 < count <= _MAX_PAGES else None


def year(value: Any) -> int | None:
    """Return the first four-digit year in a date as people write it, None for "19??" and the like."""
    found = _YEAR.search(text(value))
    return int(found[1]) if found else None


def work_year(value: Any) -> int | None:
    """Return the year of a first appearance; it may be before our era, then it is negative."""
    count = number(value)
    return count if count is not None and -4_000 < count < 3_000 and count != 0 else None


@lru_cache(maxsize=100_000)
def isbn13(value: str) -> str:
    """Return a valid ISBN of either length as ISBN-13, "" for any other text."""
    try:
        return stdnum_isbn.validate(value, convert=True)
    except ValidationError:
        return ""


def isbns(values: Iterable[Any], limit: int = 500) -> tuple[str, ...]:
    """Return the distinct valid ISBNs as ISBN-13s, in order."""
    return tuple(dict.fromkeys(filter(None, (isbn13(value) for value in values if isinstance(value, str)))))[:limit]


@lru_cache(maxsize=1_000)
def language(code: str) -> str:
    """Return ISO 639-1 for a language code of any of the ISO lists, the code itself where that has no short form."""
    try:
        return langcodes.Language.get(code).language or ""
    except ValueError:
        return ""


def https(value: Any) -> str:
    """Return a web address as https, "" when it is none."""
    address = text(value, 2_000)
    if address.startswith("http://"):
        address = "https://" + address.removeprefix("http://")
    return address if address.startswith("https://") and " " not in address else ""
