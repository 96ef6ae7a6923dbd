"""How the sandbox compares titles and names: folded words, without accents, case or punctuation."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_SERIES = re.compile(r"\s*\([^()]*\)\s*$")
_WORD = re.compile(r"\w+")


@lru_cache(maxsize=65536)
def words(text: str) -> tuple[str, ...]:
    """Return the folded words of a text; initials that stand together become one word ("J. R. R." is "jrr")."""
    folded = unicodedata.normalize("NFKD", text.casefold().replace("'", "").replace("’", ""))
    found: list[str] = []
    initials = ""
    for word in _WORD.findall("".join(letter for letter in folded if not unicodedata.combining(letter))):
        if len(word) == 1 and word.isalpha():
            initials += word
            continue
        if initials:
            found.append(initials)
            initials = ""
        found.append(word)
    return (*found, initials) if initials else tuple(found)


def without_series(title: str) -> str:
    """Return a title without the series that exports put in parentheses at its end."""
    return " ".join(_SERIES.sub("", title).split()) or title.strip()


def holds_phrase(text: tuple[str, ...], phrase: tuple[str, ...]) -> bool:
    """Tell whether the words of a phrase stand in a text side by side."""
    return any(text[start : start + len(phrase)] == phrase for start in range(len(text) - len(phrase) + 1))
