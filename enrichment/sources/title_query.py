"""Titles and authors as words: for asking a search engine, and for telling which question a result answers."""

from __future__ import annotations

import re
import unicodedata

from enrichment.sources.facts import EditionFacts

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
#: Written or left out, or written as "&", from one catalogue to the next.
_SMALL_WORDS = frozenset({"a", "an", "the", "and", "or"})
_NO_SURNAME = frozenset({"jr", "sr", "ii", "iii", "iv", "phd", "md"})


def words(text: str) -> list[str]:
    """Return the words of a text in lower case, without accents and punctuation."""
    plain = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return _WORD.findall(plain.casefold())


def solr_words(text: str) -> str:
    """Return the words of a text as Solr takes them.

    Nothing but letters, digits and apostrophes is left, so there is nothing to escape, and AND, OR and NOT are in lower case, where
    they are words.
    """
    return " ".join(_WORD.findall(text.lower()))


def surname(author: str) -> str:
    """Return the last name of "First Last", "Last, First" or "First Last, Jr."."""
    family, comma, _ = author.partition(",")
    found = _WORD.findall(family if comma else author)
    while len(found) > 1 and found[-1].lower() in _NO_SURNAME:
        found.pop()
    return found[-1] if found else ""


def is_about(work: EditionFacts, title: str, author: str) -> bool:
    """Tell whether a work may be what was asked for: the words of the title, and the author's last name, are in it.

    Only sorts the results of a joined query; it accepts nothing.
    """
    asked, has = set(words(title)), set(words(f"{work.title} {work.subtitle}"))
    asked = asked - _SMALL_WORDS or asked
    if not asked or not asked <= has:
        return False
    family = words(surname(author))
    return not family or set(family) <= {word for name in work.authors for word in words(name)}
