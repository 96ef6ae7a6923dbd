"""Ask for a whole chunk what many books can be asked for in one request, before any book goes out alone."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

import structlog

from bookops.clock import database_now
from bookops.connections import let_go
from bookops.leases import heartbeat
from bookops.outbound.errors import SourceError
from bookops.runs import State
from bookops.tally import Tally, tallied
from enrichment import settling
from enrichment.asking import Asked, ask, search_title, source
from enrichment.deciding import Findings, Question, next_question, questions_of
from enrichment.models import ImportChunk, ImportCost, ImportRow, LibraryImport
from enrichment.remembering import recall, remember
from enrichment.sources.facts import EditionFacts
from enrichment.wanted import chosen_of, wanted_of

log = structlog.get_logger(__name__)

#: Requests of one chunk under way at once; the source's own pace is kept by its quota.
AT_ONCE = 4


@dataclass
class Gathering:
    """Hold what is known of a chunk's rows while their shared questions are asked."""

    rows: list[ImportRow]
    policy: str
    without: frozenset[str]
    answers: dict[tuple[str, str], tuple[EditionFacts, ...]]
    asked: dict[int, list[Asked]] = field(default_factory=lambda: defaultdict(list))
    tried: set[tuple[str, str]] = field(default_factory=set)
    tally: Tally = field(default_factory=Tally)

    def verdict(self, row: ImportRow) -> Question | Findings:
        """Return what is still to be asked about a row, or what was found."""
        return next_question(wanted_of(row), self.answers, policy=self.policy, without=self.without, chosen=chosen_of(row))


def gather(chunk: ImportChunk) -> int:
    """Ask the shared questions of a chunk's pending rows and store those rows that need no more; return how many.

    What cannot be asked now (a source that fails, is spent, or takes no shared questions) is left to the rows' own tasks.
    """
    start, cpu = database_now(), time.thread_time()
    library_import = LibraryImport.objects.get(pk=chunk.library_import_id)
    rows = list(ImportRow.objects.filter(library_import=library_import, chunk=chunk.number, state=State.PENDING))
    known = recall((question for row in rows for question in questions_of(wanted_of(row))), start)
    gathering = Gathering(rows, library_import.policy, frozenset(library_import.given_up), known)
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="gather") as pool:
        while batches := list(_batches(gathering)):
            let_go()
            for batch in pool.map(lambda questions: _ask_together(questions, gathering.tally, str(library_import.pk)), batches):
                _take_in(gathering, batch)
                remember({one.question: one.found for one in batch}, start)
                let_go()
            if heartbeat.has_lost(chunk):
                return 0
    stored = _store_finished(gathering, start)
    ImportCost.objects.bulk_create(settling.cost_of(library_import.pk, [gathering.tally], time.thread_time() - cpu))
    return stored


def _batches(gathering: Gathering) -> list[list[Question]]:
    """Return the next shared questions, each a list that one request can carry; none that was tried before."""
    waiting: dict[tuple[str, str], dict[str, Question]] = defaultdict(dict)
    for row in gathering.rows:
        question = gathering.verdict(row)
        if isinstance(question, Question) and (question.source, question.key) not in gathering.tried:
            waiting[question.source, question.kind].setdefault(question.key, question)
    batches = []
    for (name, kind), questions in waiting.items():
        most = _carries(name, kind)
        if most > 1:
            several = iter(questions.values())
            while batch := list(islice(several, most)):
                batches.append(batch)
    gathering.tried.update((question.source, question.key) for batch in batches for question in batch)
    return batches


def _carries(name: str, kind: str) -> int:
    """Return how many questions of a kind one request to a source carries; 1 where it takes no shared ones."""
    asked = source(name)
    if kind == "isbn":
        return int(getattr(asked, "MAX_ISBNS", 1))
    return int(getattr(asked, "MAX_JOINED", 1)) if getattr(asked, "supports_joined", False) else 1


def _ask_together(questions: Sequence[Question], tally: Tally, flow: str) -> list[Asked]:
    """Return those questions that were answered; an error is no answer."""
    if len(questions) == 1:
        with tallied(tally):
            one = ask(questions[0], flow=flow)
            return [one] if one.error is None else []
    asked, start = source(questions[0].source), time.monotonic()
    with tallied(tally):
        try:
            found = _answers(asked, questions, flow)
        except SourceError as error:
            # The rows' own tasks will meet the same trouble and settle what it means for each.
            log.info("shared_question_failed", source=questions[0].source, kind=questions[0].kind, reason=error.reason)
            return []
    milliseconds = round((time.monotonic() - start) * 1000)
    return [
        Asked(question, facts, None, milliseconds, shared_by=len(questions))
        for question, facts in zip(questions, found, strict=True)
        if facts is not None
    ]


def _answers(asked: object, questions: Sequence[Question], flow: str) -> list[tuple[EditionFacts, ...] | None]:
    if questions[0].kind == "isbn":
        by_isbn = asked.by_isbns([question.isbn13 for question in questions], flow=flow)  # type: ignore[attr-defined]
        return [(facts,) if (facts := by_isbn.get(question.isbn13)) else () for question in questions]
    pairs = [(search_title(question.title), question.author) for question in questions]
    return list(asked.search_many(pairs, flow=flow))  # type: ignore[attr-defined]


def _take_in(gathering: Gathering, batch: Sequence[Asked]) -> None:
    by_key = {(one.question.source, one.question.key): one for one in batch}
    for key, one in by_key.items():
        gathering.answers[key] = one.found
    for row in gathering.rows:
        for question in questions_of(wanted_of(row)):
            if answered := by_key.get((question.source, question.key)):
                gathering.asked[row.pk].append(answered)


def _store_finished(gathering: Gathering, start: datetime) -> int:
    done = {row.pk: verdict for row in gathering.rows if isinstance(verdict := gathering.verdict(row), Findings)}
    held = ImportRow.objects.all().claim(list(done))
    tries = [settling.Tried(row, start, done[row.pk], asked=gathering.asked.get(row.pk, [])) for row in held]
    return sum(settling.store(tries)) if tries else 0
