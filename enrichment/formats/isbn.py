"""ISBNs as exports write them: armoured for spreadsheets, stripped of zeros by them, or something else altogether."""

from __future__ import annotations

import re
from typing import NamedTuple

from .doubts import ISBN_INVALID, ISBN_SHORTENED, Doubt

_ARMOUR = re.compile(r'=?"*\s*([^"]*?)\s*"*')
# Beyond this a cell is prose, and matching it would take long.
_LONGEST = 60
_SEPARATORS = re.compile(r"[\s\-‐‑‒–—.]")
_SCIENTIFIC = re.compile(r"[0-9]+(?:[.,][0-9]+)?[Ee]\+?[0-9]+")
_ASIN = re.compile(r"B0[0-9A-Z]{8}")


class Identifier(NamedTuple):
    """Tell what one cell identifies a book by."""

    #: "isbn13", "isbn10", "asin", "invalid", or "" for an empty cell.
    kind: str
    #: The bare ISBN or ASIN; for "invalid" the cell's own text.
    value: str
    #: Why the value is invalid, None where it is not.
    doubt: Doubt | None = None


def read_identifier(cell: str, *, shortest: int = 7) -> Identifier:
    """Tell what the cell holds; only what the checksum proves counts as an ISBN.

    A spreadsheet takes "0007149212" for a number and eats the zeros; they are put back where at least `shortest` digits are left.
    """
    text = cell.strip()
    if len(text) <= _LONGEST and (armoured := _ARMOUR.fullmatch(text)):
        text = armoured[1]
    if not text:
        return Identifier("", "")
    if _SCIENTIFIC.fullmatch(text):
        return Identifier("invalid", text, ISBN_SHORTENED)
    bare = _SEPARATORS.sub("", text.removesuffix(".0")).upper()
    if is_isbn13(bare):
        return Identifier("isbn13", bare)
    if shortest <= len(bare) <= 10 and is_isbn10(padded := bare.rjust(10, "0")):
        return Identifier("isbn10", padded)
    if _ASIN.fullmatch(bare):
        return Identifier("asin", bare)
    return Identifier("invalid", text, ISBN_INVALID)


def is_isbn13(text: str) -> bool:
    """Tell whether the text is an ISBN-13 without hyphens whose check digit is right."""
    if len(text) != 13 or not (text.isascii() and text.isdigit()) or text[:3] not in ("978", "979"):
        return False
    return (sum(map(int, text[::2])) + 3 * sum(map(int, text[1::2]))) % 10 == 0


def is_isbn10(text: str) -> bool:
    """Tell whether the text is an ISBN-10 without hyphens whose check digit is right."""
    if len(text) != 10 or not text.isascii() or not text[:9].isdigit() or not (text[9].isdigit() or text[9] == "X"):
        return False
    if text == "0000000000":
        return False
    total = sum((10 - place) * int(digit) for place, digit in enumerate(text[:9]))
    return (total + (10 if text[9] == "X" else int(text[9]))) % 11 == 0


def to_isbn13(isbn10: str) -> str:
    """Return the ISBN-13 of a valid ISBN-10."""
    body = "978" + isbn10[:9]
    check = -(sum(map(int, body[::2])) + 3 * sum(map(int, body[1::2]))) % 10
    return f"{body}{check}"
