"""What a person does with the comparables of a runbook; each change is noted with who and why, and the value computed at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from bookops.clock import database_now
from runbooks.comparables import entered_offer, take_judgement
from runbooks.entered import read_address, refused_day
from runbooks.entries import Entries, Entry, entries_of_csv, entries_of_text
from runbooks.evaluating import ADJUSTABLE, rescore
from runbooks.models import Comparable, EvalRunbook
from runbooks.rates import convert
from runbooks.relevance import judge
from runbooks.scoring.evidence import Evidence
from runbooks.sources.records import Basis
from runbooks.subject import Subject
from runbooks.tables import CellRefused, RefusedLine

CAUSE = "comparables"
MANUAL = Comparable.Origin.MANUAL
#: Of one runbook; each version keeps all of them.
MOST_ENTERED = 500
#: Per cent of a price; outside of this somebody mistyped.
LEAST, MOST = 1, 1000
_LONGEST_WHY = 300


class CannotCompare(Exception):
    """This cannot be done with the comparable; the text says why and what can."""


@dataclass(frozen=True, slots=True)
class Added:
    """Hold what came of a list of comparables."""

    comparables: tuple[Comparable, ...] = ()
    #: How many were entered before, word by word.
    already_there: int = 0
    refused: tuple[RefusedLine, ...] = ()
    #: Columns of the file that nobody reads.
    ignored: tuple[str, ...] = ()


def add_manual(runbook: EvalRunbook, entry: Entry, *, by: Any, relevance: str = "", why: str = "") -> Comparable:
    """Add one comparable that a person typed; the code judges its relevance where `relevance` is empty.

    One that was entered before word by word is returned as it stands. Raises ValidationError, by field, for what none has.
    """
    if relevance and relevance not in Comparable.Relevance.values:
        raise ValidationError({"relevance": f"Relevance is {', '.join(Comparable.Relevance.values)}, or empty to have it judged."})
    if entry.at and (refused := refused_day(entry.at, database_now().date())):
        raise ValidationError({"at": refused})
    try:
        read_address(entry.url)
    except CellRefused as error:
        raise ValidationError({error.column: error.why}) from None
    with transaction.atomic():
        added, there = _store(_lock(runbook), [entry], by)
        one = (added or there)[0]
        if relevance:
            _judge_otherwise(one, relevance, by, why)
            one.excluded, one.excluded_why = False, ""
            one.save()
        if added or relevance:
            rescore(runbook, cause=CAUSE, by=by)
    return one


def add_csv(runbook: EvalRunbook, content: bytes, *, by: Any, basis: Basis = "asking") -> Added:
    """Add the comparables of a CSV file: title and price, and what else it has of author, currency, date, basis, condition, binding,
    url, source.

    `basis` is of rows that do not say. Raises TableRefused for a file that is no such table; a row that cannot be read is told.
    """
    return _add(runbook, entries_of_csv(content, database_now().date(), basis, most=MOST_ENTERED), by)


def add_pasted(runbook: EvalRunbook, text: str, *, by: Any, basis: Basis = "asking") -> Added:
    """Add the comparables of a pasted text, one a line: a price, maybe a date and an address, and the rest is the title."""
    return _add(runbook, entries_of_text(text, database_now().date(), basis, most=MOST_ENTERED), by)


def _add(runbook: EvalRunbook, read: Entries, by: Any) -> Added:
    with transaction.atomic():
        added, there = _store(_lock(runbook), read.entries, by)
        if added:
            rescore(runbook, cause=CAUSE, by=by)
    return Added(tuple(added), len(there), read.refused, read.ignored)


def _lock(runbook: EvalRunbook) -> EvalRunbook:
    return EvalRunbook.objects.select_for_update().get(pk=runbook.pk)


def _store(runbook: EvalRunbook, entries: Sequence[Entry], by: Any) -> tuple[list[Comparable], list[Comparable]]:
    """Return the new comparables, and those that are there already: a list may be sent twice."""
    known = {_likeness(one): one for one in Comparable.objects.filter(runbook=runbook, origin=MANUAL)}
    subject, now = Evidence.from_json(runbook.evidence).subject, database_now()
    added, there = [], []
    for entry in entries:
        one = _comparable(runbook, subject, entry)
        if _likeness(one) in known:
            there.append(known[_likeness(one)])
            continue
        if len(known) == MOST_ENTERED:
            raise CannotCompare(f"A runbook holds {MOST_ENTERED} comparables that were entered by hand; delete some first.")
        one.changed_by, one.changed_at = by, now
        one.clean_fields(exclude=["runbook", "changed_by"])
        known[_likeness(one)] = one
        added.append(one)
    return Comparable.objects.bulk_create(added), there


def _comparable(runbook: EvalRunbook, subject: Subject, entry: Entry) -> Comparable:
    one = Comparable(
        runbook=runbook, basis=entry.basis, origin=MANUAL, source=entry.source, title=entry.title, author=entry.author, url=entry.url,
        amount=entry.price.amount, currency=entry.price.currency, condition=entry.condition, binding=entry.binding, at=entry.at,
    )  # fmt: skip
    take_judgement(one, judge(subject, entered_offer(one)))
    convert(one)
    return one


def _likeness(one: Comparable) -> tuple[Any, ...]:
    return one.basis, one.title, one.author, one.url, one.amount, one.currency, one.at, one.condition, one.binding, one.source


def delete(comparable: Comparable, *, by: Any) -> None:
    """Delete a comparable that was entered by hand. Raises CannotCompare for a fetched one, which would come back: exclude it."""
    if comparable.origin != MANUAL:
        raise CannotCompare("It was not entered by hand and would come back; exclude it instead.")
    with transaction.atomic():
        _lock(comparable.runbook)
        comparable.delete()
        rescore(comparable.runbook, cause=CAUSE, by=by)


def exclude(comparable: Comparable, *, by: Any, why: str) -> Comparable:
    """Leave a comparable out of the value."""

    def leave_out(one: Comparable) -> None:
        one.excluded, one.excluded_why = True, _said(by, why)

    return _change(comparable, leave_out, by, why)


def include(comparable: Comparable, *, by: Any, why: str) -> Comparable:
    """Let a comparable count again that was excluded by a person or by the code."""

    def take_in(one: Comparable) -> None:
        one.excluded, one.excluded_why = False, _said(by, why)

    return _change(comparable, take_in, by, why)


def set_relevance(comparable: Comparable, relevance: str, *, by: Any, why: str) -> Comparable:
    """Say otherwise than the code how much a comparable says; what the code said is kept beside it."""
    if relevance not in Comparable.Relevance.values:
        raise ValidationError({"relevance": f"Relevance is {', '.join(Comparable.Relevance.values)}."})
    return _change(comparable, lambda one: _judge_otherwise(one, relevance, by, why), by, why)


def adjust(comparable: Comparable, *, by: Any, why: str, **per_cent: Decimal | None) -> Comparable:
    """Take so many per cent of a comparable's price for its edition, binding or condition; None or 100 takes that adjustment back.

    55 says that ours is worth 55 per cent of it in this respect. Raises ValidationError, by name, for what is no such per cent.
    """
    for name, value in per_cent.items():
        if name not in ADJUSTABLE:
            raise ValidationError({name: f"Only {', '.join(ADJUSTABLE)} can be adjusted."})
        if value is not None and not (value.is_finite() and LEAST <= value <= MOST):
            raise ValidationError({name: f"An adjustment is between {LEAST} and {MOST} per cent of the price."})

    def apply(one: Comparable) -> None:
        wanted = {**one.adjustments, **per_cent}
        kept = {name: _number(wanted[name]) for name in ADJUSTABLE if wanted.get(name) not in (None, 100)}
        one.adjustments = {**kept, "why": _said(by, why)} if kept else {}

    return _change(comparable, apply, by, why)


def _change(comparable: Comparable, change: Callable[[Comparable], None], by: Any, why: str) -> Comparable:
    """Change a comparable and compute the value; a reason is asked for, because nobody remembers it later."""
    if not why.strip():
        raise ValidationError({"why": "Say why."})
    with transaction.atomic():
        _lock(comparable.runbook)
        comparable.refresh_from_db()
        change(comparable)
        comparable.changed_by, comparable.changed_at = by, database_now()
        comparable.save()
        rescore(comparable.runbook, cause=CAUSE, by=by)
    return comparable


def _judge_otherwise(one: Comparable, relevance: str, by: Any, why: str) -> None:
    one.computed_relevance = one.computed_relevance or one.relevance
    one.relevance, one.relevance_why = relevance, _said(by, why)


def _number(per_cent: Any) -> int | float:
    return int(per_cent) if per_cent == int(per_cent) else float(per_cent)


def _said(by: Any, why: str) -> str:
    text = " ".join(f"{by}: {why}".split()) if why.strip() else str(by)
    return text if len(text) <= _LONGEST_WHY else f"{text[: _LONGEST_WHY - 1]}…"
