"""What to search for when looking for copies that are comparable."""

from __future__ import annotations

from runbooks.bindings import leather_word
from runbooks.naming import firm_name, last_name, title_words
from runbooks.subject import Subject

#: eBay refuses a longer `q`.
LONGEST = 100

_FULL_TITLE_WORDS = 5
_SIMPLE_TITLE_WORDS = 6


def full_query(subject: Subject) -> str:
    """Return a search for copies like this one: work, author, volumes, leather, binder and edition.

    What does not fit into 100 characters is left out, the edition first and the author last.
    """
    words = list(title_words(subject.title)[:_FULL_TITLE_WORDS])
    further = [
        f"{subject.volumes} volumes" if subject.volumes > 1 else "",
        leather_word(subject.binding),
        " ".join(firm_name(subject.binder)),
        "first edition" if subject.is_first_edition else "",
    ]
    return _fitting(words, last_name(subject.author), [part for part in further if part])


def simple_query(subject: Subject) -> str:
    """Return a search for the work alone, for when `full_query` found fewer than three prices."""
    return _fitting(list(title_words(subject.title)[:_SIMPLE_TITLE_WORDS]), last_name(subject.author), [])


def _fitting(words: list[str], author: str, further: list[str]) -> str:
    # The author's name may be among the title's words: "Dickens' Works".
    author = "" if author in words else author
    while True:
        query = " ".join(part for part in (*words, author, *further) if part)
        if len(query) <= LONGEST:
            return query
        if further:
            further = further[:-1]
        elif len(words) > 1:
            words = words[:-1]
        else:
            return query[:LONGEST].rstrip()
