"""Why a cell could not be used: a stable code, the problem, and what a person can do about it."""

from __future__ import annotations

from typing import NamedTuple

_CORRECT = "Correct it where the export comes from, export again and upload the file unchanged."
_UNCHANGED = "A spreadsheet has rewritten it: export again and upload the file unchanged."


class Doubt(NamedTuple):
    """Tell what is wrong with a cell."""

    #: Stable code, for programs.
    reason: str
    problem: str
    remedy: str = _CORRECT


AUTHOR_MISSING = Doubt("author_missing", "the book has no author and is searched by its title alone")
DATE_SWAPPABLE = Doubt("date_swappable", "day and month could be swapped", _UNCHANGED)
DATE_UNREADABLE = Doubt("date_unreadable", "no date such as 2021/05/31")
DATE_IMPOSSIBLE = Doubt("date_impossible", "no day of the calendar")
READING_UNREADABLE = Doubt("reading_unreadable", "no reading such as 2025/03/01-2025/03/14")
FLAG_UNREADABLE = Doubt("flag_unreadable", "neither yes nor no")
BOOK_ID_UNREADABLE = Doubt("book_id_unreadable", "no Goodreads number", _UNCHANGED)
ISBN_SHORTENED = Doubt("isbn_shortened", "the number was shortened and its last digits are lost", _UNCHANGED)
ISBN_INVALID = Doubt("isbn_invalid", "no ISBN: wrong length or check digit")


def isbn_contradicts(isbn13: str) -> Doubt:
    """Return the doubt about an ISBN-10 beside another book's ISBN-13."""
    return Doubt("isbn_contradicts", f"it names another book than the ISBN13 {isbn13}")


def no_whole_number(lowest: int, highest: int) -> Doubt:
    """Return the doubt about a cell that should hold a whole number within bounds."""
    return Doubt("number_unreadable", f"no whole number from {lowest} to {highest}")


def no_number(highest: int) -> Doubt:
    """Return the doubt about a cell that should hold a number from 0."""
    return Doubt("number_unreadable", f"no number from 0 to {highest}")
