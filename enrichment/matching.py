"""Judge which record of a source is the book that a row of an export means, and say why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, Literal

from bookops.spelling import normal_author, normal_title, take_apart
from enrichment.formats.isbn import is_isbn10, is_isbn13, to_isbn13
from enrichment.likeness import authors_similarity, pages_similarity, publishers_similarity, title_similarity, year_similarity
from enrichment.sources.facts import EditionFacts

__all__ = ["ACCEPT", "REVIEW", "Candidate", "Match", "Wanted", "judge", "normal_author", "normal_title", "score"]

#: A candidate of at least this score is taken without asking.
ACCEPT = 0.85
#: A candidate of at least this score is worth a person's look.
REVIEW = 0.6
#: Candidates kept besides the best one.
MOST_ALTERNATIVES = 5
#: Two different works closer than this are a tie, which only a person can break.
TIE = 0.03


@dataclass(frozen=True, slots=True)
class Wanted:
    """Hold what a row says about the book it means, as the reader of its format left it."""

    title: str
    author: str = ""
    additional_authors: tuple[str, ...] = ()
    isbn13: str = ""
    isbn10: str = ""
    #: Of this edition or of the first one.
    year: int | None = None
    publisher: str = ""
    pages: int | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """Hold one field as both sides have it."""

    field: str
    ours: str
    theirs: str
    #: 0 to 1; None when the two cannot be compared (one is missing, or the scripts differ).
    similarity: float | None


_COMPARED = tuple(field.name for field in fields(Compared))


@dataclass(frozen=True, slots=True)
class Candidate:
    """Hold a source's record with its score as the wanted book."""

    facts: EditionFacts
    #: 0 to 1.
    score: float
    compared: tuple[Compared, ...]
    because: str

    def to_json(self) -> dict[str, Any]:
        return {
            "facts": self.facts.to_json(),
            "score": self.score,
            "compared": [{name: getattr(one, name) for name in _COMPARED} for one in self.compared],
            "because": self.because,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Candidate:
        return cls(
            facts=EditionFacts.from_json(data["facts"]),
            score=data["score"],
            compared=tuple(Compared(**{name: row[name] for name in _COMPARED}) for row in data["compared"]),
            because=data["because"],
        )


@dataclass(frozen=True, slots=True)
class Match:
    """Hold the verdict about one wanted book."""

    outcome: Literal["matched", "needs_review", "not_found"]
    #: None when nothing was worth a look.
    best: Candidate | None = None
    alternatives: tuple[Candidate, ...] = ()


def judge(wanted: Wanted, found: Iterable[EditionFacts], *, accept: float = ACCEPT, review: float = REVIEW) -> Match:
    """Return the verdict over everything the sources found; their order says nothing.

    Several editions of one work do not compete. Two different works that fit equally well need a person.
    """
    distinct = {(facts.source, facts.key): facts for facts in found}
    candidates = sorted((score(wanted, facts) for facts in distinct.values()), key=lambda one: -one.score)
    worth_a_look = [candidate for candidate in candidates if candidate.score >= review]
    if not worth_a_look:
        return Match("not_found")
    best, *rest = worth_a_look
    tied = any(best.score - other.score < TIE and not _same_work(best.facts, other.facts) for other in rest if other.score >= accept)
    outcome: Literal["matched", "needs_review"] = "matched" if best.score >= accept and not tied else "needs_review"
    return Match(outcome, best, tuple(rest[:MOST_ALTERNATIVES]))


def score(wanted: Wanted, facts: EditionFacts) -> Candidate:
    """Return the facts with their score as the wanted book, the fields compared and the reason in words."""
    ours = _isbns(wanted)
    isbn = 1.0 if ours and not ours.isdisjoint(facts.isbns) else 0.0 if ours and facts.isbns else None
    title = title_similarity(take_apart(wanted.title), take_apart(facts.title, facts.subtitle))
    author = authors_similarity(wanted.author, wanted.additional_authors, facts.authors)
    value, because = _with_isbn(wanted, title, author) if isbn else _by_words(title, author)
    year = year_similarity(wanted.year, facts.year, facts.first_year)
    pages = pages_similarity(wanted.pages, facts.pages)
    if 0.5 < value < 1:
        value = min(1.0, value + _support(year, pages))
    theirs = facts.title + (f": {facts.subtitle}" if facts.subtitle else "")
    compared = (
        Compared("isbn", wanted.isbn13 or wanted.isbn10, ", ".join(facts.isbns[:5]), isbn),
        Compared("title", wanted.title, theirs, title),
        Compared("author", wanted.author, ", ".join(facts.authors), author),
        # An author's books share their publisher, so it is shown and weighs nothing.
        Compared("publisher", wanted.publisher, facts.publisher, publishers_similarity(wanted.publisher, facts.publisher)),
        Compared("year", str(wanted.year or ""), str(facts.year or facts.first_year or ""), year),
        Compared("pages", str(wanted.pages or ""), str(facts.pages or ""), pages),
    )
    return Candidate(facts, round(value, 3), compared, because)


def _by_words(title: float | None, author: float | None) -> tuple[float, str]:
    if title is None:
        return 0.5, "the titles cannot be compared and no identifier agrees"
    if author is None:
        return title * 0.75, "only the titles can be compared"
    return title * author, f"title {_verdict(title)}, author {_verdict(author)}"


def _with_isbn(wanted: Wanted, title: float | None, author: float | None) -> tuple[float, str]:
    """Return the score of a record that has the wanted ISBN: exports carry wrong ones, so title and author must not contradict it."""
    if title is None:
        if author is None:
            return 0.7, "ISBN agrees, but nothing can be read beside it"
        # A translation beside the original's script, or the ISBN of the author's other book: year and length may tell.
        return (0.8 if author >= 0.85 else 0.3), f"ISBN agrees, the titles cannot be compared, author {_verdict(author)}"
    if author is None:
        return (0.95 if title >= 0.85 else 0.7 * title), f"ISBN agrees, title {_verdict(title)}, no author to compare"
    because = f"ISBN agrees, title {_verdict(title)}, author {_verdict(author)}"
    if title >= 0.82 and author >= 0.6:
        return max(0.9, 0.5 + title * author / 2), because
    if title >= 0.85:
        # Editors, narrators and pen names stand where the author stands; a title of few words proves little.
        return (0.88 if len(take_apart(wanted.title).whole.split()) >= 3 else 0.75), because
    if author >= 0.85:
        # A translation's own title, or the ISBN of another volume: a person can tell.
        return 0.7, because
    return 0.5 * max(title, author), because


def _verdict(similarity: float) -> str:
    if similarity >= 0.999:
        return "agrees"
    return "is close" if similarity >= 0.85 else "is similar" if similarity >= 0.6 else "differs"


def _support(year: float | None, pages: float | None) -> float:
    """Return what the lesser fields add: editions differ in year and length, so they tip a balance and decide nothing."""
    value = 0.03 if year == 1.0 else 0.0
    if pages is not None:
        value += 0.03 if pages >= 0.95 else -0.06 if pages < 0.6 else 0.0
    return value


def _same_work(one: EditionFacts, other: EditionFacts) -> bool:
    if one.work_key and one.work_key == other.work_key:
        return True
    if not set(one.isbns).isdisjoint(other.isbns):
        return True
    title = title_similarity(take_apart(one.title, one.subtitle), take_apart(other.title, other.subtitle))
    author = authors_similarity(one.authors[0] if one.authors else "", one.authors[1:], other.authors)
    return (title is None or title >= ACCEPT) and (author is None or author >= ACCEPT)


def _isbns(wanted: Wanted) -> frozenset[str]:
    """Return the valid ISBNs of a row, as ISBN-13; an export may name two editions."""
    found = {wanted.isbn13} if is_isbn13(wanted.isbn13) else set()
    return frozenset(found | {to_isbn13(wanted.isbn10)} if is_isbn10(wanted.isbn10) else found)
