"""What a copy is, as far as its listing and whoever looked at its photos say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from runbooks.bindings import binding_of
from runbooks.conditions import foxing_of
from runbooks.naming import firm_name, fold
from runbooks.reference import Named
from runbooks.sources.claude_reading import PhotoReading
from runbooks.sources.ebay_values import isbn13_of
from runbooks.sources.records import ListingFacts
from runbooks.subject import Subject
from runbooks.volumes import part_of, says_complete, set_size, volume_count, volume_numbers, with_volumes

#: Item specifics by what they tell; sites in other languages have names of their own for them.
_ASPECTS = {
    "title": ("book title", "title", "buchtitel", "titel", "titre", "titolo", "título"),
    "author": ("author", "authors", "autor", "auteur", "autore"),
    "publisher": ("publisher", "verlag", "éditeur", "editore", "editorial"),
    "binder": ("binder", "bookbinder", "bound by"),
    "year": ("publication year", "year printed", "publication date", "date of publication", "erscheinungsjahr", "année de publication"),
    "volumes": ("number of volumes", "volumes", "set size", "number of books"),
    "volume": ("volume", "volume number", "band"),
    "binding": ("binding", "format", "einband", "reliure", "rilegatura", "encuadernación"),
    "edition": ("edition", "special attributes", "ausgabe", "édition"),
}
_YEAR = re.compile(r"(?<![\d.,$£€])(1[4-9]\d\d|20[0-4]\d)(?!\d|[.,]\d)")
_FIRST_EDITION = re.compile(r"\b(?:first|1st) (?:edition|ed|printing)\b(?! (?:facsimile|reprint|thus))", re.IGNORECASE)
_BOUND_IN = re.compile(
    r"\b(?:(?:full|half|quarter|three[ -]quarters?|3/4|1/2|1/4)[ -])?(?:[\w'’]+ )?(?:morocco|calf|vellum|levant|leather|cloth|buckram|wrappers)\b",
    re.IGNORECASE,
)
#: Characters of a description that are read for what the title does not say.
_LONGEST_READ = 2_000


def subject_of(facts: ListingFacts, reading: PhotoReading | None = None, *, binders: Iterable[Named] = (), key: str = "") -> Subject:
    """Return the copy that a listing offers; what photos show goes before what the seller says.

    `binders` are the names that are looked for in the listing's title. `key` is the copy's own.
    """
    said = _Said(facts, reading)
    words = f"{facts.title} {facts.subtitle}"
    told = _number(said.aspect("volumes")) or volume_count(words)
    title = _with_part(said.of("title") or facts.title, f"{facts.title} {said.aspect('volume')}", told)
    description = facts.description[:_LONGEST_READ]
    author, publisher = said.of("author"), said.of("publisher")
    notes = [claim.text for claim in (*reading.condition_negatives, *reading.critical_issues)] if reading else [description]
    is_complete = reading.is_complete if reading else None
    return Subject(
        title=title,
        author=author,
        publisher=publisher,
        binder=said.of("binder") or _binder_in(words, f"{title} {author} {publisher}", binders),
        binder_authenticated=reading is not None and reading.is_binder_signed,
        year=(reading.year if reading else None) or _year(said.aspect("year")) or _year(facts.title, but=title),
        volumes=len(part_of(title)) or (reading.volumes if reading else None) or told or 1,
        is_complete=is_complete if is_complete is not None else says_complete(f"{words} {description}"),
        condition=reading.condition_grade.value if reading and reading.condition_grade else facts.condition,
        foxing=foxing_of(" ".join([facts.condition_description, *notes])) or "",
        binding=_binding(said, words, description),
        is_first_edition=any(_FIRST_EDITION.search(text) for text in (said.of("edition"), facts.title)),
        isbn=isbn13_of(facts.gtin) or next(filter(None, map(isbn13_of, said.aspects("isbn", "isbn-13", "isbn-10", "ean"))), ""),
        key=key,
    )


class _Said:
    """Look up what was said of one thing: claims of a reading first, then item specifics."""

    def __init__(self, facts: ListingFacts, reading: PhotoReading | None) -> None:
        self._aspects = {name.lower(): value for name, value in facts.aspects.items()}
        self._claims = reading.item_identification if reading else {}

    def of(self, name: str) -> str:
        claim = self._claims.get(name)
        return claim.text if claim and claim.text else self.aspect(name)

    def aspect(self, name: str) -> str:
        return next(self.aspects(*_ASPECTS[name]), "")

    def aspects(self, *names: str) -> Iterator[str]:
        return (self._aspects[name] for name in names if self._aspects.get(name))

    def claim(self, name: str) -> str:
        claim = self._claims.get(name)
        return claim.text if claim else ""


def _with_part(work: str, listed: str, told: int | None) -> str:
    """Return a work's title with the volumes that the listing offers of it: one of five is not the set."""
    size = set_size(work) or set_size(listed) or told
    part = part_of(work, size) if volume_numbers(work) else part_of(listed, size)
    if size and size < max(2, *part, 0):
        size = None  # "Vol. 3" and "Number of Volumes: 1", which is of what is sold
    if not part or (volume_numbers(work) and (set_size(work) or not size)):
        return work
    return with_volumes(work, part, size)


def _binding(said: _Said, words: str, description: str) -> str:
    """Return the first words that say what it is bound in; those that do not decide ("Hardcover") only where nothing better is said."""
    told = [said.claim("binding_type"), said.aspect("binding")]
    read = [found[0] for text in (words, description) if (found := _BOUND_IN.search(text))]
    return next((text for text in (*told, *read) if binding_of(text)), next(filter(None, told), ""))


def _binder_in(words: str, others: str, binders: Iterable[Named]) -> str:
    """Return the listed binder that a listing's title names; a name that is the author's, say, is not the binder's."""
    title, taken = f" {' '.join(firm_name(words))} ", set(fold(others).split())
    for binder in binders:
        for name in binder.names:
            firm = firm_name(name)
            if f" {' '.join(firm)} " in title and not taken.intersection(firm):
                return binder.name
    return ""


def _year(text: str, *, but: str = "") -> int | None:
    """Return the first year in a text that is not part of `but`: "1984" is a title."""
    return next((int(found) for found in _YEAR.findall(text) if found not in but or but == text), None)


def _number(text: str) -> int | None:
    found = re.search(r"\b[1-9]\d{0,2}\b", text)
    return int(found[0]) if found else None
