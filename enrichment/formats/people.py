"""Names of people as exports list them."""

from __future__ import annotations

import re

from .cells import split_list
from .entry import Contributor

_SUFFIX = re.compile(r"(?:jr|sr|ii|iii|iv|ph\.?\s?d|m\.?d|esq)\.?", re.IGNORECASE)
_ROLE = re.compile(r"(?P<name>.*\S)\s*\((?P<role>[^()]*)\)")


def split_people(text: str) -> tuple[str, ...]:
    """Return the names of a comma list; "King, Jr." is one person."""
    people: list[str] = []
    for part in split_list(text):
        if people and _SUFFIX.fullmatch(part):
            people[-1] = f"{people[-1]}, {part}"
        else:
            people.append(part)
    return tuple(people)


def read_contributors(text: str) -> tuple[Contributor, ...]:
    """Return the people of a list such as "Jay Rubin (Translator), André Bernard"."""
    contributors = []
    for person in split_people(text):
        match = _ROLE.fullmatch(person)
        contributors.append(Contributor(match["name"], match["role"].strip()) if match else Contributor(person, ""))
    return tuple(contributors)
