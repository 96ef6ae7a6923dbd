"""ISBNs: read in either form, compared as ISBN-13, and invented where an edition must have another one."""

from __future__ import annotations


def _check_digit_13(twelve: str) -> str:
    return str(-sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(twelve)) % 10)


def _check_digit_10(nine: str) -> str:
    rest = -sum(int(digit) * (10 - place) for place, digit in enumerate(nine)) % 11
    return "X" if rest == 10 else str(rest)


def as_isbn13(text: str) -> str:
    """Return the ISBN-13 of an ISBN in either form, armoured or hyphenated, or "" when it is not a valid one."""
    kept = "".join(letter for letter in text.upper() if letter in "0123456789X")
    if len(kept) == 13 and kept.isdigit() and kept[-1] == _check_digit_13(kept[:12]):
        return kept
    if len(kept) == 10 and kept[:9].isdigit() and kept[-1] == _check_digit_10(kept[:9]):
        return f"978{kept[:9]}{_check_digit_13('978' + kept[:9])}"
    return ""


def as_isbn10(isbn13: str) -> str:
    """Return the ISBN-10 of an ISBN-13, or "" for the 979 range, which has none."""
    return isbn13[3:12] + _check_digit_10(isbn13[3:12]) if isbn13.startswith("978") else ""


def invented_isbn13(number: int) -> str:
    """Return a valid ISBN-13 made of a number; the same number gives the same ISBN."""
    twelve = f"9781{number % 10**8:08d}"
    return twelve + _check_digit_13(twelve)
