"""Put questions to the sources: the doors to them, built once a process from settings, and what each call cost."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from bookops.outbound.errors import NotFound, SourceError
from bookops.tally import note_call
from enrichment.deciding import GOOGLE_BOOKS, OPEN_LIBRARY, Question
from enrichment.formats.titles import split_title
from enrichment.sources.facts import EditionFacts

#: What people call the sources.
NAMES = {OPEN_LIBRARY: "Open Library", GOOGLE_BOOKS: "Google Books"}


@dataclass(frozen=True, slots=True)
class Asked:
    """Hold one question with its answer or error, as the processing log tells it."""

    question: Question
    found: tuple[EditionFacts, ...] = ()
    error: SourceError | None = None
    milliseconds: int = 0
    shared_by: int = 1
    #: Answered before; no call was made.
    remembered: bool = False

    @property
    def is_news(self) -> bool:
        """Whether it is an answer that nobody has put into memory yet; shared ones are by whoever asked them."""
        return self.error is None and not self.remembered and self.shared_by == 1

    def line(self) -> dict[str, Any]:
        """Return the log entry that is stored with the attempt."""
        entry: dict[str, Any] = {"source": self.question.source, "asked": self.question.kind, "ms": self.milliseconds}
        if self.remembered:
            entry["remembered"] = True
        if self.shared_by > 1:
            entry["shared_by"] = self.shared_by
        if self.error is not None:
            return entry | {"error": self.error.reason, "detail": self.error.detail[:200]}
        return entry | {"found": len(self.found), "subjects": max((len(facts.subjects) for facts in self.found), default=0)}


def ask(question: Question, *, flow: str = "") -> Asked:
    """Put one question to its source. Never raises one of the four errors: they come back in the answer."""
    start = time.monotonic()
    try:
        found = _ask(source(question.source), question, flow)
        error = None
    except NotFound:
        found, error = (), None
    except SourceError as failure:
        found, error = (), failure
        failure.source = failure.source or question.source
    return Asked(question, found, error, round((time.monotonic() - start) * 1000))


def _ask(asked: Any, question: Question, flow: str) -> tuple[EditionFacts, ...]:
    if question.kind == "isbn":
        facts = asked.by_isbn(question.isbn13, flow=flow)
        return (facts,) if facts is not None else ()
    return tuple(asked.search(search_title(question.title), question.author, flow=flow))


def search_title(title: str) -> str:
    """Return a title as one searches for it: without its series."""
    return split_title(title)[0] or title


_standing_in: dict[str, Any] = {}


def source(name: str) -> Any:
    """Return the source of that name, built from settings on first use."""
    return _standing_in.get(name) or _opened(name)


@cache
def _opened(name: str) -> Any:
    from enrichment.doors import OPENERS

    return OPENERS[name](note_call)


@contextmanager
def standing_in(sources: Mapping[str, Any]) -> Iterator[None]:
    """Have these answer in the place of the sources that the settings name, in every thread, while the block runs."""
    before = dict(_standing_in)
    _standing_in.update(sources)
    try:
        yield
    finally:
        _standing_in.clear()
        _standing_in.update(before)
