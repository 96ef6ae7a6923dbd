"""The controlled vocabulary of genres, read from genre_vocabulary.toml beside this file."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bookops.spelling import fold


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Hold the genres and the folded phrases that mean them."""

    version: str
    #: Genre to its parent, "" for a top level.
    parents: Mapping[str, str]
    #: Phrase to the genres it means.
    phrases: Mapping[str, tuple[str, ...]]
    #: Topic to the genre of a novel about it.
    in_fiction: Mapping[str, str]
    #: Adjective to the literature it names.
    adjectives: Mapping[str, str]
    #: Place to the history it names.
    places: Mapping[str, str]
    first_words: frozenset[str]
    last_words: frozenset[str]
    dropped: frozenset[str]


@cache
def vocabulary() -> Vocabulary:
    """Return the vocabulary of genre_vocabulary.toml, read once a process."""
    data = tomllib.loads(Path(__file__).with_name("genre_vocabulary.toml").read_text(encoding="utf-8"))
    parents = {name: "" if name == top else top for top, genres in data["tree"].items() for name in genres}
    phrases: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for genres in data["tree"].values():
        for name, listed in genres.items():
            for phrase in {fold(name): None} | dict.fromkeys(_phrases(listed)):
                phrases[phrase][name] = None
    return Vocabulary(
        version=data["version"],
        parents=parents,
        phrases={phrase: tuple(names) for phrase, names in phrases.items()},
        in_fiction={topic.strip(): genre for genre, topics in data["in_fiction"].items() for topic in topics.split(";")},
        adjectives={adjective: name for name, listed in data["adjectives"].items() for adjective in _phrases(listed)},
        places={place: name for name, listed in data["places"].items() for place in _phrases(listed)},
        first_words=frozenset(_phrases(data["words"]["first"])),
        last_words=frozenset(_phrases(data["words"]["last"])),
        dropped=frozenset(_phrases(data["words"]["drop"])),
    )


def _phrases(listed: str) -> list[str]:
    return [phrase for part in listed.split(";") if (phrase := fold(part))]


def ancestors(name: str) -> tuple[str, ...]:
    """Return the genres above one, nearest first."""
    parent = vocabulary().parents[name]
    return (parent,) if parent else ()


VOCABULARY_VERSION = vocabulary().version
