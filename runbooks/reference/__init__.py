"""The publishers, binders, authors, eras and grades that scores refer to, and what an owner wishes for."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any

from runbooks.conditions import Grade, grade_of, spelling_key
from runbooks.naming import SAME_NAME, firm_words, fold, is_same_person, jaccard


@dataclass(frozen=True, slots=True)
class Named:
    """Hold one publisher, binder or author by the name we use for them."""

    name: str
    #: 1 is the best; None for one that is known and has no tier.
    tier: int | None = None
    #: Other names that mean nobody else.
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Every name, ours first."""
        return (self.name, *self.aliases)


@dataclass(frozen=True, slots=True)
class Era:
    """Hold an era by its first and last year, both included; None where it has no end."""

    name: str
    first: int | None = None
    last: int | None = None

    def __contains__(self, year: int) -> bool:
        return (self.first is None or self.first <= year) and (self.last is None or year <= self.last)


@dataclass(frozen=True, slots=True)
class Requirement:
    """Hold that an owner wants an author in the books of one publisher: Collins by Bentley."""

    author: str
    publisher: str


@dataclass(frozen=True, slots=True)
class Goal:
    """Hold what an owner is after; a book advances it when all that it names agrees, and it must name something."""

    label: str
    author: str = ""
    publisher: str = ""
    binder: str = ""
    first_year: int | None = None
    last_year: int | None = None


@dataclass(frozen=True, slots=True)
class Wishes:
    """Hold what one owner collects; all names in any spelling."""

    #: By author's name: 1 is the most wanted, None for one that the shared tier shall not count for.
    author_tiers: Mapping[str, int | None] = field(default_factory=dict)
    requirements: tuple[Requirement, ...] = ()
    preferred_authors: tuple[str, ...] = ()
    preferred_publishers: tuple[str, ...] = ()
    preferred_binders: tuple[str, ...] = ()
    goals: tuple[Goal, ...] = ()


@dataclass(frozen=True, slots=True)
class Reference:
    """Look up the names that listings write; `wishes` are one owner's, the rest is shared."""

    publishers: tuple[Named, ...] = ()
    binders: tuple[Named, ...] = ()
    authors: tuple[Named, ...] = ()
    eras: tuple[Era, ...] = ()
    #: Grades by their spellings, which are kept as `spelling_key` writes them.
    grades: Mapping[str, Grade] = field(default_factory=dict)
    wishes: Wishes = field(default_factory=Wishes)

    def publisher(self, text: str) -> Named | None:
        """Return the publisher that a text names, None for one that is not listed."""
        return _closest_firm(text, self.publishers)

    def binder(self, text: str) -> Named | None:
        """Return the binder that a text names, None for one that is not listed."""
        return _closest_firm(text, self.binders)

    def author(self, text: str) -> Named | None:
        """Return the author that a text names, with the owner's tier where the owner gives one; None for nobody who is listed."""
        found = next((one for one in self.authors if _is_named(text, one)), None)
        for name, tier in self.wishes.author_tiers.items():
            if is_same_person(text, name) or (found and _is_named(name, found)):
                return replace(found or Named(name), tier=tier)
        return found

    def era(self, year: int | None) -> Era | None:
        """Return the era of a year, None for a year that is not known or in none."""
        return next((era for era in self.eras if year is not None and year in era), None)

    def grade(self, text: str) -> Grade | None:
        """Return the grade of a condition in any spelling, None where it names none."""
        return grade_of(text, self.grades)

    def is_same_author(self, one: str, other: str) -> bool:
        """Return whether two names are one author's, by a listed alias too."""
        if is_same_person(one, other):
            return True
        ours = self.author(one)
        return ours is not None and _is_named(other, ours)

    def is_same_publisher(self, one: str, other: str) -> bool:
        """Return whether two names are one publisher's, by a listed alias too."""
        return _is_same_firm(one, other, self.publishers)

    def is_same_binder(self, one: str, other: str) -> bool:
        """Return whether two names are one binder's, by a listed alias too."""
        return _is_same_firm(one, other, self.binders)

    def with_wishes(self, wishes: Wishes) -> Reference:
        """Return the shared reference for an owner."""
        return replace(self, wishes=wishes)


@cache
def seed_reference() -> Reference:
    """Return the reference data that the product comes with, read once a process; its wishes are examples to start from."""
    wishes = _read("wishes")
    grades = {spelling_key(alias): Grade(one["grade"]) for one in _read("conditions")["grades"] for alias in one["aliases"]}
    return Reference(
        publishers=_named(_read("publishers")["publishers"]),
        binders=_named(_read("binders")["binders"]),
        authors=_named(_read("authors")["authors"]),
        eras=tuple(Era(**one) for one in _read("eras")["eras"]),
        grades=grades | {spelling_key(grade.value): grade for grade in Grade},
        wishes=Wishes(requirements=tuple(Requirement(**one) for one in wishes["requirements"])),
    )


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(files("runbooks.reference").joinpath(f"{name}.toml").read_text(encoding="utf-8"))


def _named(rows: Iterable[Mapping[str, Any]]) -> tuple[Named, ...]:
    return tuple(Named(row["name"], row.get("tier"), tuple(row.get("aliases", ()))) for row in rows)


def _closest_firm(text: str, firms: Iterable[Named]) -> Named | None:
    ours = firm_words(text)
    likeness = [(max(jaccard(ours, firm_words(name)) for name in firm.names), firm) for firm in firms]
    best, firm = max(likeness, key=lambda pair: pair[0], default=(0.0, None))
    return firm if best >= SAME_NAME else None


def _is_same_firm(one: str, other: str, firms: tuple[Named, ...]) -> bool:
    ours = _closest_firm(one, firms)
    if ours is not None:
        return ours == _closest_firm(other, firms)
    return jaccard(firm_words(one), firm_words(other)) >= SAME_NAME


def _is_named(text: str, person: Named) -> bool:
    # A bare surname is somebody only where it is listed as an alias.
    return any(is_same_person(text, name) or fold(text).strip() == fold(name).strip() for name in person.names)
