"""What a sensible reader says of a book from the facts in a prompt: whether it is one at all, its genres, a description."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from sandbox.chance import happens, number_of, one_of
from sandbox.subjects import FAMILIES, Family
from sandbox.words import holds_phrase, words

#: Share of prompts on which a model holds another view than most models do.
SECOND_THOUGHTS = 0.06
MOST_GENRES = 3

#: What is sold as a book and is not one, or not the one meant; each with what it is called in a reason.
NOT_THE_BOOK = {
    r"box(ed)? ?set|\d+[- ]book(s)? (set|collection)|books? \d+ ?[-–to]+ ?\d+|bundle|omnibus": "a set of several books",
    r"companion|unofficial guide|fan ?book|making of": "a companion to another book",
    r"summary|study guide|sparknotes|cliffs ?notes|analysis of|key takeaways|book notes": "a summary of another book",
    r"sampler|excerpt|preview edition": "an excerpt",
    r"colou?ring book|calendar|blank (note)?book|journal for|notebook": "not a book to read",
}
_UNKNOWN_AUTHOR = frozenset({"", "unknown", "none", "null", "n/a", "anonymous author", "various", "-", "—"})
_LINE = re.compile(r"^[\s>*\-#]*\"?(?P<name>[A-Za-z][A-Za-z _]{1,30}?)\"?\s*[:=]\s*(?P<value>.*?)\s*,?\s*$", re.MULTILINE)
_TAG = re.compile(r"<(?P<name>[a-z_]{2,30})>\s*(?P<value>[^<]*?)\s*</(?P=name)>", re.IGNORECASE)
_NAMES = {"authors": "author", "by": "author", "writer": "author", "name": "title", "book": "title", "book_title": "title"}
_NAMES |= {
    "summary": "description",
    "year": "year",
    "published": "year",
    "publication_year": "year",
    "subjects": "genres",
    "genre": "genres",
}


def facts_in(text: str) -> dict[str, str]:
    """Return what a prompt says of its book, by lower-case name: from lines `Title: …`, tags and JSON alike; the first of a name wins."""
    found: dict[str, str] = {}
    for match in (*_TAG.finditer(text), *_LINE.finditer(text)):
        name = match["name"].strip().lower().replace(" ", "_")
        value = match["value"].strip().strip('"[]').strip()
        found.setdefault(_NAMES.get(name, name), value)
    for line in text.splitlines():
        if line.strip().startswith("{"):
            found = {**_in_json(line.strip()), **found}
    return found


def _in_json(text: str) -> dict[str, str]:
    try:
        read, _ = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return {}
    said = {name.lower(): ", ".join(map(str, value)) if isinstance(value, list) else str(value or "") for name, value in read.items()}
    return {_NAMES.get(name, name): value for name, value in said.items()}


def judged(text: str, *, model: str, choices: Sequence[str] = ()) -> dict[str, Any]:
    """Return a draft of all that one may ask of a book, by the names that are usual for it; genres are taken from `choices` if there are any."""
    facts = facts_in(text)
    wavering = happens(SECOND_THOUGHTS, "second thoughts", model, text)
    sure = 0.78 + number_of("sure", model, text) % 21 / 100
    reason = _objection(facts, text)
    if wavering:
        reason = "" if reason else "the facts do not go together"
    genres = _genres(facts, text, choices)
    return {
        "flagged": bool(reason),
        "flagged_reason": f"This looks like {reason}." if reason and not wavering else reason,
        "confidence": round(sure - 0.25 if wavering else sure, 2),
        "notes": f"Judged by its title and what is said of it: {facts.get('title') or 'untitled'}.",
        "genres": genres[1:] if wavering and len(genres) > 1 else genres,
        "genre": genres[0] if genres else "Fiction",
        "description": _description(facts, genres),
        "title": facts.get("title", ""),
        "author": facts.get("author", ""),
        "reasoning": "It follows from the facts given.",
    }


def _objection(facts: dict[str, str], text: str) -> str:
    # A template may name what is to be flagged, so the whole prompt is looked at only where no title is to be found.
    looked_at = " ".join((facts.get("title", ""), facts.get("subtitle", ""), facts.get("description", ""))) if "title" in facts else text
    for pattern, called in NOT_THE_BOOK.items():
        if re.search(rf"\b({pattern})\b", looked_at, re.IGNORECASE):
            return called
    if "author" in facts and facts["author"].lower() in _UNKNOWN_AUTHOR:
        return "a record without its author"
    return ""


def _genres(facts: dict[str, str], text: str, choices: Sequence[str]) -> list[str]:
    told = [genre.strip() for genre in re.split(r"[,;|]", facts.get("genres", "")) if genre.strip()]
    about = words(" ".join((facts.get("title", ""), facts.get("description", ""), facts.get("genres", ""))) if "title" in facts else text)
    named = frozenset(about)
    if choices:
        told = [choice for choice in choices if (phrase := words(choice)) and phrase[0] in named and holds_phrase(about, phrase)]
    by_clue = sorted((family for family in FAMILIES if family.clues & named), key=lambda family: -len(family.clues & named))
    guessed = [genre for family in by_clue for genre in _called(family, choices)]
    found = list(dict.fromkeys([*told, *guessed]))[:MOST_GENRES]
    # Who knows the book does not need its description; here chance knows, the same for every model.
    return found or ([one_of(choices, "genre", facts.get("author", ""), facts.get("title", text))] if choices else [])


def _called(family: Family, choices: Sequence[str]) -> list[str]:
    """Return the names for a kind of book: among choices, those that one of its subjects has."""
    if not choices:
        return [family.subjects[0]]
    subjects = {words(subject) for subject in family.subjects}
    return [choice for choice in choices if words(choice) in subjects][:1]


def _description(facts: dict[str, str], genres: list[str]) -> str:
    title, author, year = facts.get("title") or "This book", facts.get("author", ""), facts.get("year", "")
    sentences = [f"{title} is a work by {author}." if author else f"{title} is a work whose author is not named."]
    if year:
        sentences.append(f"It was published in {year}.")
    if genres:
        sentences.append(f"Readers put it under {', '.join(genres)}.")
    if told := facts.get("description", ""):
        sentences.append(told.split(". ")[0].rstrip(".")[:300] + ".")
    return " ".join(sentences)
