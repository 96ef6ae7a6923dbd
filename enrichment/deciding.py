"""Decide from what is known about one book: either what is found, or the one question to ask next. Pure functions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from enrichment.covers import Cover, best_cover
from enrichment.genres import Genres, rank_genres
from enrichment.matching import Candidate, Wanted, judge, normal_author, normal_title, score
from enrichment.sources.facts import EditionFacts

OPEN_LIBRARY = "open_library"
GOOGLE_BOOKS = "google_books"
#: Asked in this order.
SOURCES = (OPEN_LIBRARY, GOOGLE_BOOKS)
#: A cover address that a book has no room for is none.
LONGEST_ADDRESS = 1000
#: Questions longer than this are kept under their hash.
LONGEST_KEY = 160


@dataclass(frozen=True, slots=True)
class Question:
    """Hold one thing a source can be asked about a book."""

    source: str
    kind: Literal["isbn", "title"]
    isbn13: str = ""
    title: str = ""
    author: str = ""

    @property
    def key(self) -> str:
        """Return the name under which the answer is remembered for all owners."""
        if self.kind == "isbn":
            return f"isbn:{self.isbn13}"
        text = f"{normal_title(self.title)}|{normal_author(self.author)}"
        if len(text) > LONGEST_KEY:
            text = hashlib.sha256(text.encode()).hexdigest()
        return f"title:{text}"


#: (source, Question.key) -> what the source knows, () for nothing.
Answers = Mapping[tuple[str, str], tuple[EditionFacts, ...]]


@dataclass(frozen=True, slots=True)
class Findings:
    """Hold what the answers come to for one book."""

    outcome: str
    score: float | None
    #: The accepted candidate first where there is one.
    candidates: tuple[Candidate, ...]
    #: The best accepted record of each source that has one.
    accepted: tuple[EditionFacts, ...] = ()
    genres: Genres = field(default_factory=lambda: rank_genres({}))
    cover: Cover | None = None

    @property
    def sources(self) -> list[str]:
        """Name the sources that gave something."""
        return [facts.source for facts in self.accepted]

    def subjects(self) -> dict[str, list[str]]:
        """Return the raw subjects by source."""
        return {facts.source: list(facts.subjects) for facts in self.accepted if facts.subjects}

    def facts(self) -> dict[str, tuple[Any, str]]:
        """Return for each fact of a book its value and the source it is taken from; the first source that has one wins."""
        found: dict[str, tuple[Any, str]] = {}
        for facts in self.accepted:
            for name, value in _book_facts(facts).items():
                if value not in ("", None) and name not in found:
                    found[name] = (value, facts.source)
        if self.genres.ranked:
            ranked = [
                {"name": genre.name, "parent": genre.parent, "score": round(genre.score, 3), "because": list(genre.because[:4])}
                for genre in self.genres.ranked
            ]
            found["genres"] = (ranked, "+".join(self.subjects()))
        if self.cover is not None and self.cover.thumbnail_url and len(self.cover.thumbnail_url) <= LONGEST_ADDRESS:
            found["cover_url"] = (self.cover.thumbnail_url, self.cover.source)
            found["small_cover_url"] = (self.cover.small_thumbnail_url, self.cover.source)
        return found


def next_question(
    wanted: Wanted, answers: Answers, *, policy: str, without: frozenset[str] = frozenset(), chosen: EditionFacts | None = None
) -> Question | Findings:
    """Return the question to ask next, or what was found when no further one is worth a call.

    `frugal` goes to the next source only when the first left the book without an accepted match, a genre or a cover; `thorough`
    asks every source. Sources in `without` are never asked. `chosen` is the record that a person has accepted: it is the match,
    in its newest form where a source tells it again.
    """
    known: list[EditionFacts] = [chosen] if chosen else []
    findings = _findings(wanted, known, chosen)
    for source in SOURCES:
        if policy == "frugal" and _is_enough(findings):
            break
        asked = _ask_source(source, wanted, answers, asks=source not in without)
        if isinstance(asked, Question):
            return asked
        if asked:
            known.extend(asked)
            findings = _findings(wanted, known, chosen)
    return findings


def questions_of(wanted: Wanted) -> list[Question]:
    """Return every question that could come up for a book, so that memory is asked for all of them at once."""
    questions = []
    for source in SOURCES:
        if wanted.isbn13:
            questions.append(Question(source, "isbn", isbn13=wanted.isbn13))
        if wanted.title:
            questions.append(Question(source, "title", title=wanted.title, author=wanted.author))
    return questions


def _ask_source(source: str, wanted: Wanted, answers: Answers, *, asks: bool) -> Question | list[EditionFacts]:
    """Ask by identifier first, and by title only where that brought no acceptable book."""
    found: list[EditionFacts] = []
    for kind in ("isbn", "title"):
        if not (wanted.isbn13 if kind == "isbn" else wanted.title):
            continue
        question = (
            Question(source, "isbn", isbn13=wanted.isbn13)
            if kind == "isbn"
            else Question(source, "title", title=wanted.title, author=wanted.author)
        )
        answer = answers.get((source, question.key))
        if answer is None:
            if asks:
                return question
            continue
        found.extend(answer)
        if answer and judge(wanted, found).outcome == "matched":
            break
    return found


def _findings(wanted: Wanted, known: list[EditionFacts], chosen: EditionFacts | None) -> Findings:
    if not known:
        return Findings("not_found", None, (), cover=best_cover((), wanted.isbn13))
    match = judge(wanted, known)
    candidates = ((match.best,) if match.best else ()) + match.alternatives
    if chosen is not None:
        name = candidate_name(chosen)
        newest = next(facts for facts in reversed(known) if candidate_name(facts) == name)
        others = [one for one in candidates if candidate_name(one.facts) != name]
        return findings_of(wanted, score(wanted, newest), others)
    if match.outcome != "matched" or match.best is None:
        return Findings(match.outcome, match.best.score if match.best else None, candidates, cover=best_cover((), wanted.isbn13))
    return _matched(wanted, candidates, _accepted(wanted, known, match.best))


def findings_of(wanted: Wanted, chosen: Candidate, others: Sequence[Candidate]) -> Findings:
    """Return the findings where a person has accepted a candidate; nothing else is taken: the row may mean another book than it says."""
    return _matched(wanted, (chosen, *others), (chosen.facts,))


def _matched(wanted: Wanted, candidates: tuple[Candidate, ...], accepted: tuple[EditionFacts, ...]) -> Findings:
    return Findings(
        "matched",
        candidates[0].score,
        candidates,
        accepted,
        rank_genres({facts.source: facts.subjects for facts in accepted if facts.subjects}),
        best_cover(accepted, wanted.isbn13),
    )


def _accepted(wanted: Wanted, known: list[EditionFacts], best: Candidate) -> tuple[EditionFacts, ...]:
    """Return the best record and, of each other source, its own best one where that is the wanted book too."""
    accepted = [best.facts]
    for source in SOURCES:
        if source != best.facts.source:
            match = judge(wanted, [facts for facts in known if facts.source == source])
            if match.outcome == "matched" and match.best is not None:
                accepted.append(match.best.facts)
    return tuple(accepted)


def _is_enough(findings: Findings) -> bool:
    # The address of a cover by ISBN counts, though it may lead nowhere: a call a book only for a picture would spend Google's day.
    return bool(findings.outcome == "matched" and findings.genres.ranked and findings.cover and findings.cover.thumbnail_url)


def _book_facts(facts: EditionFacts) -> dict[str, Any]:
    shared = {
        "publisher": facts.publisher[:500],
        "pages": facts.pages,
        "year": facts.year,
        "original_year": facts.first_year,
        "language": facts.language[:20],
        "description": facts.description[:20_000],
    }
    if facts.source == GOOGLE_BOOKS:
        return shared | {"google_volume_id": facts.key[:40]}
    if facts.source == OPEN_LIBRARY:
        return shared | {"openlibrary_work_key": facts.work_key[:40], "openlibrary_edition_key": facts.edition_key[:40]}
    return shared


def candidate_name(facts: EditionFacts) -> str:
    """Return the name a candidate is chosen by."""
    return f"{facts.source}:{facts.key}"
