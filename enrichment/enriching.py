"""Enrich one row: claim it, ask what is still unknown, store what came of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError

from bookops.clock import database_now
from bookops.group_work import Grouped
from bookops.leases import heartbeat
from bookops.outbound.errors import BadAnswer, TryAgain
from bookops.tally import Tally, tallied
from enrichment.asking import Asked, ask
from enrichment.deciding import SOURCES, Findings, Question, next_question, questions_of
from enrichment.matching import Wanted
from enrichment.models import ImportRow, LibraryImport
from enrichment.remembering import recall
from enrichment.settling import Tried, parks, store
from enrichment.sources.facts import EditionFacts
from enrichment.wanted import chosen_of, wanted_of

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Held:
    """Hold a claimed row with all that is needed to work on it without the database."""

    row: ImportRow
    claimed_at: datetime
    policy: str
    without: frozenset[str]
    questions: list[Question]
    answers: dict[tuple[str, str], tuple[EditionFacts, ...]]


def enrich_row(row_id: int) -> bool:
    """Work on a row if it is due and nobody else does; return whether its result was stored.

    The thread holds no database connection while it waits for a source: claiming and storing go through one thread a process. Of the
    threads only as many ask as BOOK_CONCURRENCY allows; the others claim and store meanwhile.
    """
    held = claims.ask(row_id)
    if held is None:
        return False
    cpu = time.thread_time()
    with heartbeat.holding(held.row), slots:
        tried = attempt(held)
    tried.cpu_seconds = time.thread_time() - cpu
    try:
        return stores.ask(tried)
    except (OperationalError, InterfaceError):
        raise  # the database is away; the lease runs out and the row goes round again
    except (DatabaseError, ValueError) as error:
        log.exception("row_not_stored", row_id=row_id, run_id=str(held.row.library_import_id))
        unstorable = BadAnswer(type(error).__name__, reason="unstorable")
        return stores.ask(Tried(held.row, held.claimed_at, error=unstorable, tally=tried.tally, cpu_seconds=tried.cpu_seconds))


def attempt(held: Held) -> Tried:
    """Ask one question after the other until there are findings, an error, or no time left. Never raises."""
    asked = [
        Asked(one, held.answers[one.source, one.key], remembered=True) for one in held.questions if (one.source, one.key) in held.answers
    ]
    tally = Tally()
    tried = Tried(held.row, held.claimed_at, asked=asked, tally=tally)
    try:
        with tallied(tally):
            _ask_all(held, tried)
    except Exception as error:
        # A fault of ours must not take the chord down with it; the row tells, and is tried again.
        log.exception("row_crashed", row_id=held.row.pk, run_id=str(held.row.library_import_id))
        tried.error = TryAgain(type(error).__name__, reason="crashed")
    return tried


def _ask_all(held: Held, tried: Tried) -> None:
    deadline = time.monotonic() + settings.BOOK_DEADLINE
    wanted, chosen = wanted_of(held.row), chosen_of(held.row)
    while True:
        verdict = next_question(wanted, held.answers, policy=held.policy, without=held.without, chosen=chosen)
        if isinstance(verdict, Findings):
            tried.findings = verdict
            return
        if heartbeat.has_lost(held.row):
            tried.error = TryAgain("another worker has it", reason="lease_lost")
            return
        if time.monotonic() > deadline:
            tried.error = TryAgain(f"more than {settings.BOOK_DEADLINE:g} s", reason="deadline")
            return
        one = ask(verdict, flow=str(held.row.library_import_id))
        tried.asked.append(one)
        if one.error is not None:
            tried.error = one.error
            if parks(one.error):
                # Meanwhile the book shows what is known without that source.
                tried.findings = _without_asking(held, wanted, chosen)
            return
        held.answers[verdict.source, verdict.key] = one.found


def _without_asking(held: Held, wanted: Wanted, chosen: EditionFacts | None) -> Findings | None:
    known = next_question(wanted, held.answers, policy=held.policy, without=frozenset(SOURCES), chosen=chosen)
    return known if isinstance(known, Findings) and known.outcome == "matched" else None


def claim_rows(ids: Sequence[int]) -> list[Held | None]:
    """Claim rows and load what is known about them. Five queries, however many rows; None for those that are not ours."""
    rows = {row.pk: row for row in ImportRow.objects.all().claim(ids)}
    if not rows:
        return [None] * len(ids)
    now = database_now()
    imports = LibraryImport.objects.in_bulk({row.library_import_id for row in rows.values()})
    questions = {row.pk: questions_of(wanted_of(row)) for row in rows.values()}
    known = recall((question for asked in questions.values() for question in asked), now)
    held: list[Held | None] = []
    for row_id in ids:
        row = rows.pop(row_id, None)  # popped: of two messages for one row in a batch only one gets it
        if row is None:
            held.append(None)
            continue
        of_import = imports[row.library_import_id]
        answers = {name: known[name] for question in questions[row.pk] if (name := (question.source, question.key)) in known}
        held.append(Held(row, now, of_import.policy, frozenset(of_import.given_up), questions[row.pk], answers))
    return held


slots = threading.BoundedSemaphore(settings.BOOK_SLOTS)
claims: Grouped[int, Held | None] = Grouped(claim_rows, name="claims", linger=0.05)
stores: Grouped[Tried, bool] = Grouped(store, name="stores", linger=0.05)
