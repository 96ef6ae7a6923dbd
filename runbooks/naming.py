"""Compare the names of publishers, binders and people, and the titles of works."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from runbooks.volumes import without_volumes

#: From here on two names are one, as Jaccard's index of their words.
SAME_NAME = 0.7
#: From here on two titles of one author are one work that is owned twice.
SAME_TITLE = 0.8

#: What is longer is no name or title; the rest of it is not read.
_LONGEST = 500

_PARENTHESES = re.compile(r"\([^)]*\)|\[[^]]*\]")
_BETWEEN_INITIALS = re.compile(r"(?<=\b[^\W\d_])\.\s?(?=[^\W\d_]\.)")
_APOSTROPHES = re.compile("['’‘`]")
_WORDS = re.compile(r"[^\W_]+")
#: "London: Chapman & Hall, 1859", "bound by Zaehnsdorf".
_PLACE = re.compile(r"^[^:,]{2,40}:\s*")
_BOUND_BY = re.compile(r"^(?:finely )?(?:bound|binding|signed(?: binding)?|rebound) (?:by|for)\s+")
_FIRM_WORD = re.compile(
    r"and|the|of|for|sons?|co|compan(?:y|ies)|ltd|limited|inc|incorporated|llc|plc|publish(?:ers?|ing)|bro(?:s|thers?)?"
    r"|(?:book)?binders?|bindery"
)
_STOP_WORD = re.compile(
    r"an?|and|at|by|for|from|in|into|of|on|or|the|to|with|its|his|her|being|as|upon"
    r"|der|die|das|und|les?|la|et|de|du|des|el|l[ao]s|y"
)
_DEGREE = re.compile(r"\b(?:ll\.? ?d|ph\.? ?d|f\.? ?r\.? ?s|d\.? ?c\.? ?l)\b\.?")
_SUBTITLE = re.compile(r"[:;]| / ")
_HONORIFIC = re.compile(r"sir|dame|lord|lady|dr|revd?|reverend|prof(?:essor)?|mrs?|miss|esq|bart|baronet|[js]r|the|hon")


def fold(text: str) -> str:
    """Return a text in lower case without accents."""
    text = text[:_LONGEST].lower()
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in text if not unicodedata.combining(letter))


def jaccard(ours: frozenset[str], theirs: frozenset[str]) -> float:
    """Return how many of the words of two sides are common to both, 0 to 1; 0 where a side has none."""
    return len(ours & theirs) / len(ours | theirs) if ours and theirs else 0.0


@lru_cache(maxsize=8_192)
def firm_name(name: str) -> tuple[str, ...]:
    """Return the words, in order, that tell a publisher or binder from others: no place, year, initials, "& Son", "Ltd"."""
    text = _BOUND_BY.sub("", _PLACE.sub("", _PARENTHESES.sub(" ", fold(name)).strip()))
    text = _APOSTROPHES.sub("", _BETWEEN_INITIALS.sub("", text))
    words = tuple(word for word in _WORDS.findall(text) if not word.isdecimal())
    return tuple(word for word in words if len(word) > 1 and not _FIRM_WORD.fullmatch(word)) or words


def firm_words(name: str) -> frozenset[str]:
    """Return the words of `firm_name` without their order."""
    return frozenset(firm_name(name))


@lru_cache(maxsize=8_192)
def person_words(name: str) -> tuple[str, ...]:
    """Return a person's names in lower case, given names first, without titles and years: "Dickens, Charles (1812-70)" too."""
    text = _DEGREE.sub(" ", _PARENTHESES.sub(" ", fold(name)))
    if "," in text:
        last, rest = text.split(",", 1)
        # After a whole name stand titles and degrees: "Charles Darwin, M.A."; after a surname the given names: "Titmarsh, M. A."
        shortest = 2 if len(_WORDS.findall(last)) > 1 else 0
        given = [word for word in _WORDS.findall(rest) if len(word) > shortest and not _HONORIFIC.fullmatch(word)]
        text = f"{' '.join(given)} {last}"
    words = [word for word in _WORDS.findall(_APOSTROPHES.sub("", text)) if not any(letter.isdigit() for letter in word)]
    kept = tuple(word for word in words if not _HONORIFIC.fullmatch(word))
    return kept or tuple(words)


def last_name(name: str) -> str:
    """Return a person's last name in lower case, "" for no name."""
    words = person_words(name)
    return words[-1] if words else ""


def is_same_person(one: str, other: str) -> bool:
    """Return whether two names can be one person's: "C. Dickens" is Charles Dickens, a bare "Dickens" could be anybody."""
    ours, theirs = person_words(one), person_words(other)
    if not ours or not theirs:
        return False
    if ours == theirs or jaccard(frozenset(ours), frozenset(theirs)) >= SAME_NAME:
        return True
    given, others = ours[:-1], theirs[:-1]
    if ours[-1] != theirs[-1] or not given or not others:
        return False
    return all(_is_same_given(a, b) for a, b in zip(given, others, strict=False))


def _is_same_given(one: str, other: str) -> bool:
    return one == other or (1 in (len(one), len(other)) and one[0] == other[0])


@lru_cache(maxsize=8_192)
def title_words(title: str) -> tuple[str, ...]:
    """Return the words of a title that tell it from others, in order; volume numbers and what stands in parentheses are gone."""
    text = _APOSTROPHES.sub("", without_volumes(_PARENTHESES.sub(" ", fold(title))))
    words = _WORDS.findall(text)
    return tuple(word for word in words if not _STOP_WORD.fullmatch(word)) or tuple(words)


def main_title(title: str) -> str:
    """Return a title without its subtitle."""
    main = _SUBTITLE.split(title, maxsplit=1)[0]
    return main if title_words(main) else title


def title_likeness(one: str, other: str) -> float:
    """Return Jaccard's index of the words of two titles."""
    return jaccard(frozenset(title_words(one)), frozenset(title_words(other)))
