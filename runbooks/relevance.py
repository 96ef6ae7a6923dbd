"""How much the price of an offer says about a copy, judged by rules that give their reasons."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from runbooks.bindings import binding_of
from runbooks.naming import fold, last_name, main_title, title_words
from runbooks.sources.records import Offer
from runbooks.subject import Subject
from runbooks.volumes import part_of, says_complete, set_size, volume_count, volumes_named

Level = Literal["high", "medium", "low"]

#: What is printed after this year is a reprint of a Victorian book.
LAST_OLD_YEAR = 1950
#: Of the words of a work's main title, how many must be in the offer's.
_SAME_WORK = 0.8
_LONGEST_WHY = 300


@dataclass(frozen=True, slots=True)
class Relevance:
    """Hold how much an offer says, and why."""

    level: Level
    #: At most 300 characters.
    why: str
    #: True for what is no copy of a work at all and counts for nothing, not even for want of better.
    is_junk: bool = False


@dataclass(frozen=True, slots=True)
class _Marker:
    """Hold words that make an offer something else, unless the evaluated copy has them too."""

    words: re.Pattern[str]
    why: str


_JUNK = (
    _Marker(
        re.compile(
            r"\bfacsimiles?\b(?! (?:dust|jackets?|wrappers?|dj|signature|letters?|title|autograph|pages?|lea(?:f|ves)))"
            r"|\bprint[ -]on[ -]demand\b|\bpod\b|\bclassic reprints?\b|\breproduction\b|\bforgotten books\b|\bkessinger\b|\bnabu press\b"
            r"|\bwentworth press\b|\bpalala press\b|\bleopold classic\b|\bfranklin classics\b|\bcreatespace\b|\bindependently published\b"
        ),
        "a facsimile or printed on demand",
    ),
    _Marker(
        re.compile(
            r"\b(?:job|bulk|books?|mixed|huge|large|small|vintage|antique) lot\b"
            r"|(?<!\ba )\blot of\b|\blots? (?:of )?\(?\d+\b|\blots of (?:\w+ )?books\b|\blot$|\bbundle of\b"
            r"|\bbooks? bundle\b|\bcollection of (?:\d+|\w+) (?:books|titles|novels)\b"
        ),
        "a lot of several books",
    ),
    _Marker(
        re.compile(
            r"\baudio ?books?\b|\baudio\b|\bcds?\b|\bmp3\b|\bcassettes?\b|\bkindle\b|\be-?books?\b|\bpdf\b|\bdigital download\b"
            r"|\bdvds?\b|\bvhs\b|\bblu-?ray\b|\bcd-?rom\b|\bmicrofilm\b|\bposters?\b|\bpostcards?\b|\bcigarette cards?\b|\bsheet music\b"
            r"|\b(?:jacket|slipcase|covers?|box|boards) only\b|\bleaf from\b|\bautograph letter\b"
        ),
        "no book",
    ),
)
_REPRINT = re.compile(r"\breprint(?:ed|s)?\b")
_DERIVED = _Marker(
    re.compile(
        r"\bcompanion\b|\bstudy guide\b|\byork notes\b|\bsparknotes\b|\bcliff'?s ?notes\b|\bnotes on\b|\bguide to\b|\bcriticism\b"
        r"|\bessays on\b|\bkey to\b|\bconcordance\b|\babridged\b|\badapt(?:ed|ation)\b|\bretold\b|\bfor (?:children|kids)\b|\bgraphic novel\b|\bcomics?\b"
        r"|\b(?:scenes|selections?|extracts?|stories|readings) from\b"
    ),
    "about the work or made from it",
)
_MODERN_PRESS = _Marker(
    re.compile(
        r"\beaston press\b|\bfolio society\b|\bfranklin (?:library|mint)\b|\bbarnes (?:&|and) noble\b|\bpenguin\b"
        r"|\bwordsworth (?:editions|classics)\b|\bcanterbury classics\b|\bheron books\b|\breader'?s'? digest\b|\binternational collectors'? library\b|\bmodern library\b"
    ),
    "printed by a press of our time",
)
#: Titles that hundreds of authors have.
_GENERIC = re.compile(
    r"works?|poems?|poetical|poetry|novels?|letters?|essays?|tales?|stor(?:y|ies)|plays?|dramatic|writings?|complete|collected|selected|life"
    r"|adventures|experiences?|memoirs?|personal|narrative|history|sermons|speeches|miscellan(?:y|ies|eous)|lectures|edition|volumes?|set"
)
#: A year of printing; no price, no number of copies.
_YEAR = re.compile(r"(?<![\w$£€#.,-])(1[5-9]\d\d|20[0-4]\d)(?![\w.,]\d|\w| (?:copies|pages|pp))")
_WORDS = re.compile(r"[^\W_]+")


def judge(subject: Subject, offer: Offer) -> Relevance:
    """Return how much an offer says about a copy.

    High is the same work with the same number of volumes, give or take one, in a like binding. Medium is the same work where one
    of these differs or is not said, or another volume where the copy is one of a set. Low is a printing after 1950, a single
    volume of a set, or another work of the author; what is another author's, a lot, a facsimile or no book is junk, and so is a
    set beside one volume of it, which is not worth the set.
    """
    text = _text(offer)
    ours = fold(f"{subject.title} {subject.binding} {subject.publisher}")
    for marker in _JUNK:
        if _has(marker, text, ours):
            return _low(marker.why, is_junk=True)
    if _REPRINT.search(text) and not _REPRINT.search(ours) and not _is_old(offer):
        return _low("a reprint", is_junk=True)
    reservations: list[str] = []
    for look in (_work, _printing, _volumes, _binding):
        found = look(subject, offer)
        if isinstance(found, Relevance):
            return found
        reservations += found
    if reservations:
        return Relevance("medium", _cut(f"the same work, but {'; '.join(reservations)}"))
    return Relevance("high", "the same work in as many volumes and a like binding")


def author_of(offer: Offer) -> str:
    """Return the author that an offer names apart from its title; "" for none."""
    return _aspect(offer.aspects, "author", "authors")


def _work(subject: Subject, offer: Offer) -> Relevance | list[str]:
    """Return why it is another work, or why it may be."""
    if subject.isbn and subject.isbn == offer.isbn:
        return []
    if _has(_DERIVED, _text(offer), fold(subject.title)):
        return _low(_DERIVED.why)
    words = title_words(main_title(subject.title))
    theirs = title_words(f"{offer.title} / {_aspect(offer.aspects, 'book title', 'title')}")
    author, told = last_name(subject.author), author_of(offer)
    is_named = bool(author) and author in (*theirs, *title_words(told))
    if not (_is_named_in_full(words, theirs) or (is_named and _is_named_in_short(words, theirs))):
        return _low(f"another work by {subject.author}") if is_named else _low("another work", is_junk=True)
    if not author or is_named:
        return []
    if told:
        return _low(f"a work by {told}, not by {subject.author}", is_junk=True)
    if all(_GENERIC.fullmatch(word) for word in words):
        return _low("a title that many authors have, and the author is not named")
    return ["the author is not named"] if len(words) == 1 else []


def _is_named_in_full(words: Sequence[str], theirs: Sequence[str]) -> bool:
    return bool(words) and len(set(words) & set(theirs)) >= _SAME_WORK * len(set(words))


def _is_named_in_short(words: Sequence[str], theirs: Sequence[str]) -> bool:
    """Return whether a long title is cut as sellers cut it: to its beginning, or to half of the words that not many titles have."""
    telling = {word for word in words if not _GENERIC.fullmatch(word)}
    shared = telling & set(theirs)
    begins = f" {' '.join(words[:2])} " in f" {' '.join(theirs)} "
    return bool(shared) and len(words) > 2 and ((begins and not telling.isdisjoint(words[:2])) or 2 <= len(shared) >= len(telling) / 2)


def _printing(subject: Subject, offer: Offer) -> Relevance | list[str]:
    """Return why it is a reprint of our time."""
    if subject.year and subject.year > LAST_OLD_YEAR:
        return []
    if _has(_MODERN_PRESS, _text(offer), fold(f"{subject.title} {subject.publisher}")):
        return _low(_MODERN_PRESS.why)
    year = max(_years(subject, offer), default=0)
    return _low(f"printed in {year}") if year > LAST_OLD_YEAR else []


def _volumes(subject: Subject, offer: Offer) -> Relevance | list[str]:
    """Return why it is a part of a set, or a set of another size."""
    told = _aspect(offer.aspects, "number of volumes", "volumes")
    count = volume_count(f"{told} volumes" if told else offer.title)
    ours, theirs = part_of(subject.title), _part(offer, count)
    if ours:
        return _beside_a_part(ours, theirs, count)
    if theirs:
        return _low(f"{volumes_named(theirs)} alone")
    if says_complete(offer.title) is False:
        return _low("not a complete set")
    if count is None:
        return ["it does not say how many volumes it has"] if subject.volumes > 1 else []
    if abs(count - subject.volumes) > 1:
        return [f"in {count} volume{'s' if count != 1 else ''}, not in {subject.volumes}"]
    return []


def _part(offer: Offer, count: int | None) -> frozenset[int]:
    """Return the volumes that an offer is of a set; none for the whole of it."""
    part = part_of(offer.title, count)
    is_counted = len(part) == 1 and volume_count(offer.title) is not None and set_size(offer.title) is None  # "from Volume 1 on, 5 vols"
    return frozenset() if is_counted or says_complete(offer.title) else part


def _beside_a_part(ours: frozenset[int], theirs: frozenset[int], count: int | None) -> Relevance | list[str]:
    """Return what an offer says of some volumes of a set: other ones as many say something, the set says nothing."""
    if ours == theirs:
        return []
    if len(ours) == len(theirs):
        return [f"it is {volumes_named(theirs)}, not {volumes_named(ours)}"]
    if 0 < len(theirs) < len(ours):
        return _low(f"{volumes_named(theirs)} alone")
    if not theirs and (count or 0) <= len(ours):
        return _low("it does not say which volumes of the set it is")
    return _low(f"more of the set than {volumes_named(ours)}", is_junk=True)


def _binding(subject: Subject, offer: Offer) -> list[str]:
    """Return how it is bound otherwise; the binding moves prices more than all else."""
    ours, theirs = binding_of(subject.binding), binding_of(_text(offer))
    if ours is None:
        return ["how this copy is bound is not known"]
    if theirs is None:
        return ["how it is bound is not said"]
    return [f"in {theirs.value}, not in {ours.value}"] if ours is not theirs else []


def _years(subject: Subject, offer: Offer) -> list[int]:
    told = _YEAR.findall(_aspect(offer.aspects, "publication year", "year printed", "publication date", "date of publication"))
    if told:
        return [int(year) for year in told]
    # "1984" is a title.
    return [int(year) for year in _YEAR.findall(offer.title) if year not in subject.title]


def _is_old(offer: Offer) -> bool:
    years = _years(Subject(""), offer)
    return bool(years) and max(years) <= LAST_OLD_YEAR


def _text(offer: Offer) -> str:
    return fold(" ".join((offer.title, offer.binding, _aspect(offer.aspects, "binding"), _aspect(offer.aspects, "format"))))


def _aspect(aspects: Mapping[str, str], *names: str) -> str:
    return next((value for key, value in aspects.items() if key.lower() in names), "")


def _has(marker: _Marker, theirs: str, ours: str) -> bool:
    return bool(marker.words.search(theirs)) and not marker.words.search(ours)


def _low(why: str, *, is_junk: bool = False) -> Relevance:
    return Relevance("low", _cut(why), is_junk)


def _cut(why: str) -> str:
    return why if len(why) <= _LONGEST_WHY else f"{why[: _LONGEST_WHY - 1]}…"
