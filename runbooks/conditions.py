"""Grades of condition, and how sellers, sites and models write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum


class Grade(StrEnum):
    """Name a condition as booksellers do; the best first."""

    FINE = "FINE"
    NEAR_FINE = "NEAR_FINE"
    VERY_GOOD = "VERY_GOOD"
    GOOD = "GOOD"
    FAIR = "FAIR"
    POOR = "POOR"

    @property
    def label(self) -> str:
        """The grade as a person writes it, "very good"."""
        return self.value.replace("_", " ").lower()


_RANKS = {grade: rank for rank, grade in enumerate(Grade)}
#: What joins two grades of one book: "good to very good", "VG-NF".
_RANGE = re.compile(r"\s*(?:to|-|–|—)\s*")
#: A book and its jacket ("VG/G"), a grade and what follows it.
_PARTS = re.compile(r"[/;,.(:]|\b(?:with|but|in|and)\b")


def grade_of(text: str, aliases: Mapping[str, Grade]) -> Grade | None:
    """Return the grade that a text names first, None where it names none.

    Of a range it is the lower end; of a book and its jacket it is the book. `aliases` has its keys as `spelling_key` writes them.
    A single letter is a grade only where nothing stands beside it: "F" is fine, "plate F" is not.
    """
    key = spelling_key(text)
    if key in aliases:
        return aliases[key]
    longest_first = sorted((alias for alias in aliases if len(alias) > 1), key=len, reverse=True)
    if not longest_first:
        return None
    named = re.compile(r"(?<![\w+])(?:" + "|".join(map(re.escape, longest_first)) + r")(?![\w+]|-(?!\w))")
    for part in _PARTS.split(key):
        if part.strip() in aliases:
            return aliases[part.strip()]
        found = list(named.finditer(part))
        if not found:
            continue
        grades = [aliases[found[0][0]]]
        if len(found) > 1 and _RANGE.fullmatch(part, found[0].end(), found[1].start()):
            grades.append(aliases[found[1][0]])
        return max(grades, key=_RANKS.__getitem__)
    return None


def spelling_key(text: str) -> str:
    """Return a grade's spelling as aliases are kept: lower case, one space, the sign of "VG +" at its word."""
    text = " ".join(text.replace("_", " ").lower().split())
    return re.sub(r"(?<=\w) ?\b(plus|minus)\b", lambda sign: "+" if sign[1] == "plus" else "-", re.sub(r"(?<=\w) (?=[+])", "", text))


_FOXING = re.compile(
    r"\b(?P<no>(?:no|not|without|free (?:of|from)|lacks|lacking)\b(?:(?!but\b)[\w ]){0,25})?"
    r"(?P<much>(?:heav(?:y|ily)|significant(?:ly)?|extensive(?:ly)?|severe(?:ly)?)\b[\w ,]{0,20})?\bfox(?:ing|ed)\b"
)


def foxing_of(notes: str) -> str | None:
    """Return "heavy" or "some" foxing as notes tell it, None where they tell of none ("free of foxing" included)."""
    worst = None
    for found in _FOXING.finditer(" ".join(notes.lower().split())):
        if found["no"]:
            continue
        if found["much"]:
            return "heavy"
        worst = "some"
    return worst
