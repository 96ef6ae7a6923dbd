"""Compare titles, people, years and lengths: 1 is the same, 0 another, None cannot be compared."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from rapidfuzz.distance import Indel

from bookops.spelling import Title, fold, normal_author, romanized, script

#: Books about a book, parts of it, or several in one. What one title says and the other does not makes them different books.
_DERIVED = re.compile(
    r"\b(?:summary|study guides?|sparknotes|cliffs ?notes|analysis of|and analysis|companion|workbook|box(?:ed)? ?set|omnibus|bundle"
    r"|collection set|books set|(?:books|volumes) 1 \d+|complete series|series collection|graphic novel|manga|screenplay|a play|sampler|excerpt"
    r"|(?:teachers?|reading|readers?|discussion) guide|lesson plans?|colou?ring book|cookbook|journal|calendar|notebook|trivia|quiz"
    r"|unauthorized|unofficial|parody|^making of|key takeaways|conversation starters|in 15 minutes|abridged|for kids|young readers edition"
    r"|zusammenfassung|lekturehilfe|erlauterungen|resumen|guia de lectura|fiche de lecture|riassunto)\b"
)


def title_similarity(ours: Title, theirs: Title) -> float | None:
    """Return how surely two titles name one book; None when their scripts differ."""
    if not ours.main or not theirs.main:
        return None
    whole, other = ours.whole, theirs.whole
    if script(whole) != script(other):
        value = _words_similarity(romanized(whole), romanized(other))
        return value if value >= 0.85 else None
    value = _best_reading(ours, theirs)
    if set(_DERIVED.findall(whole)) != set(_DERIVED.findall(other)):
        return min(value, 0.4)
    return min(value, _agreement_of_numbers(ours, theirs))


def _best_reading(ours: Title, theirs: Title) -> float:
    """Return the similarity under the reading of main title and subtitle that suits both best."""
    value = _words_similarity(ours.whole, theirs.whole)
    if ours.subtitle and theirs.subtitle:
        mains = _words_similarity(ours.main, theirs.main)
        return max(value, mains * (0.7 + 0.3 * _subtitles_similarity(ours.subtitle, theirs.subtitle)))
    longer, plain = (ours, theirs) if ours.subtitle else (theirs, ours)
    if not longer.subtitle:
        return value
    # A sentence explains ("Sapiens: A Brief History of Humankind"); a few words may name another book ("Mistborn: Secret History").
    explains = len(longer.subtitle.split()) > 3 or not ours.numbers.isdisjoint(theirs.numbers)
    without = (0.9 if explains else 0.84) * _words_similarity(longer.main, plain.main)
    # "Star Wars: Heir to the Empire" is "Heir to the Empire".
    series_first = 0.9 * _words_similarity(longer.subtitle, plain.main)
    return max(value, without, series_first)


def _subtitles_similarity(ours: str, theirs: str) -> float:
    shorter, longer = sorted((ours, theirs), key=len)
    return 0.9 if f"{longer} ".startswith(f"{shorter} ") else _words_similarity(ours, theirs)


def _agreement_of_numbers(ours: Title, theirs: Title) -> float:
    """Return the most that two titles can agree, given their volume numbers."""
    if not _same_numbers(ours.series_numbers, theirs.series_numbers):
        return 0.5
    # A number inside one title may stand in the series parentheses of the other.
    ours_only = ours.numbers - theirs.numbers - theirs.series_numbers
    theirs_only = theirs.numbers - ours.numbers - ours.series_numbers
    if ours_only and theirs_only:
        return 0.5
    if ours_only or theirs_only:
        return 0.75
    # The second volume of "Naruto", when theirs is just "Naruto".
    unsaid = (ours.volume and not theirs.series_numbers) or (theirs.volume and not ours.series_numbers)
    return 0.84 if unsaid and ours.numbers.isdisjoint(theirs.numbers) else 1.0


def _same_numbers(ours: frozenset[str], theirs: frozenset[str]) -> bool:
    return not ours or not theirs or not ours.isdisjoint(theirs)


_SMALL_WORD = re.compile(r"the|an?|of|and|in|on|to|for|from|by|with|at|or|is|der|die|das|und|le|la|les|el|los|las|de|du|des|et|y|il|i")


@lru_cache(maxsize=65_536)
def _words_similarity(ours: str, theirs: str) -> float:
    """Return 1 for the same words, less for typos, at most 0.75 where a word of one side has no twin on the other.

    "Dune" is not "Dune Messiah", however alike longer titles of a series may look.
    """
    if ours == theirs:
        return 1.0
    if ours.replace(" ", "") == theirs.replace(" ", ""):
        return 0.98
    # Differences weigh double: one letter in ten is another title ("Alien", "Aliens").
    value = 1 - 2.2 * Indel.normalized_distance(ours, theirs)
    if value > 0.75 and not (_has_twins(ours.split(), theirs.split()) and _has_twins(theirs.split(), ours.split())):
        return 0.75
    return max(0.0, value)


def _has_twins(words: list[str], others: list[str]) -> bool:
    return all(_SMALL_WORD.fullmatch(word) or word in others or any(_twins(word, other) for other in others) for word in words)


def _twins(one: str, other: str) -> bool:
    # 0.87 lets "towers" be "tower", and keeps "princess" from being "prince".
    return len(one) > 4 and len(other) > 4 and Indel.normalized_similarity(one, other) > 0.87


_NOBODY = frozenset({"", "unknown", "anonymous", "various", "various authors", "na", "author unknown", "authors various", "anon", "none"})


def authors_similarity(author: str, additional: Sequence[str], theirs: Sequence[str]) -> float | None:
    """Return how surely one of their authors is ours; None when a side names nobody or the scripts cannot be compared."""
    named = {normal_author(name) for name in theirs}
    names = sorted(named - _NOBODY)
    ours = normal_author(author)
    if ours and ours in named:
        # "Anonymous" is an agreement too.
        return 1.0
    others = [normal_author(name) for name in additional]
    if ours in _NOBODY:
        ours, *others = [name for name in others if name not in _NOBODY] or [""]
    if not ours or not names:
        return None
    compared = [value for name in names if (value := _person_similarity(ours, name)) is not None]
    best = max(compared, default=None)
    if best is not None and best >= 0.85:
        return best
    # Goodreads puts a translator or editor first at times, and the author among the others.
    beside = max((_person_similarity(other, name) or 0.0 for other in others for name in names), default=0.0)
    if beside >= 0.85:
        return max(0.95 * beside, best or 0.0)
    return best if len(compared) == len(names) else None


@lru_cache(maxsize=65_536)
def _person_similarity(ours: str, theirs: str) -> float | None:
    """Return how surely two normal names are one person; None when their scripts cannot be compared."""
    if ours == theirs:
        return 1.0
    if script(ours) != script(theirs):
        return _transliterated_similarity(romanized(ours), romanized(theirs))
    if ours.replace(" ", "") == theirs.replace(" ", ""):
        return 0.98
    fewer, more = sorted((ours.split(), theirs.split()), key=len)
    left = list(more)
    agreed = 0.0
    spelled_out = 0
    # Whole words first: an initial must not take the word that a surname needs.
    for word in sorted(fewer, key=len, reverse=True):
        value, twin = max(((_name_similarity(word, other), other) for other in left), default=(0.0, ""))
        if value:
            left.remove(twin)
            agreed += value
            spelled_out += min(len(word), len(twin)) > 1
    if not spelled_out or agreed < len(fewer) * 0.85:
        return round(0.5 * agreed / len(fewer), 3)
    if len(fewer) == 1 and len(more) > 1:
        return 0.88
    return round(0.97 * agreed / len(fewer), 3)


#: Letters that transliterations exchange: Fyodor and Fiodor, Dostoyevsky and Dostojewski.
_SOUNDS = str.maketrans("yjw", "iiv")


def _name_similarity(one: str, other: str) -> float:
    if one == other:
        return 1.0
    if len(one) == 1 or len(other) == 1:
        return 0.95 if one[0] == other[0] else 0.0
    if min(len(one), len(other)) < 4:
        # Short names that differ by a letter are others: Ann, Ian.
        return 0.0
    value = Indel.normalized_similarity(one.translate(_SOUNDS), other.translate(_SOUNDS))
    return min(value, 0.97) if value >= 0.8 else 0.0


def _transliterated_similarity(ours: str, theirs: str) -> float | None:
    if script(ours) != script(theirs):
        return None
    closest = max(
        (Indel.normalized_similarity(one, other) for one in ours.split() for other in theirs.split() if len(one) > 3), default=0.0
    )
    if closest >= 0.75:
        return 0.88
    # Transliterations differ much (Tchaikovsky, Chaikovskii), but not altogether.
    return 0.3 if closest < 0.55 else None


@lru_cache(maxsize=16_384)
def publishers_similarity(ours: str, theirs: str) -> float | None:
    """Return 1 where the words of one publisher are among the other's, legal forms aside; else 0."""
    one, other = ({word for word in fold(name).split() if not _LEGAL_FORM.fullmatch(word)} for name in (ours, theirs))
    if not one or not other:
        return None
    return 1.0 if one <= other or other <= one else 0.0


_LEGAL_FORM = re.compile(
    r"inc|ltd|llc|co|company|gmbh|ag|sa|the|and|books?|press|publish(?:ing|ers?)|publications?|verlag|editions?|group|house|editorial"
)


def year_similarity(ours: int | None, *theirs: int | None) -> float | None:
    years = [year for year in theirs if year is not None]
    if ours is None or not years:
        return None
    return max(0.0, 1 - min(abs(ours - year) for year in years) / 10)


def pages_similarity(ours: int | None, theirs: int | None) -> float | None:
    # Audiobooks carry page counts of 1 to 10.
    if ours is None or theirs is None or min(ours, theirs) <= 10:
        return None
    return min(ours, theirs) / max(ours, theirs)
