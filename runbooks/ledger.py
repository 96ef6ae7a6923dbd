"""What an owner paid and sold for, by hand, by file or by acquiring; of the same work, it is comparable to what is evaluated."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

from django.core.exceptions import ValidationError
from django.db import transaction

from bookops.clock import database_now
from bookops.safe_csv import safe_cell
from runbooks.comparables import take_judgement
from runbooks.entered import read_count, read_date, read_price
from runbooks.models import Comparable, EvalRunbook, LedgerEntry
from runbooks.naming import main_title, title_words
from runbooks.rates import convert
from runbooks.relevance import Level, Relevance, judge
from runbooks.scoring.evidence import Evidence
from runbooks.sources.records import Money, Offer
from runbooks.subject import Subject
from runbooks.tables import CellRefused, RefusedLine, Row, read_table, refused_line

SOURCE = "own ledger"
MOST_ROWS = 5_000
#: As a file names them, with other spellings.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "kind": ("type", "paid or sold"),
    "title": (),
    "author": (),
    "volumes": ("vols",),
    "binding": (),
    "condition": (),
    "price": ("amount",),
    "currency": (),
    "date": ("day", "paid on", "sold on"),
    "where": ("place", "place of purchase"),
    "notes": ("note",),
}
_KINDS = {"paid": "paid", "bought": "paid", "purchase": "paid", "sold": "sold", "sale": "sold"}


@dataclass(frozen=True, slots=True)
class Read:
    """Hold what came of a file: what was written down, what was there already, and what was refused."""

    entries: tuple[LedgerEntry, ...]
    already_there: int
    refused: tuple[RefusedLine, ...]
    #: Columns that nobody reads.
    ignored: tuple[str, ...] = ()


def note(owner: Any, *, kind: str, title: str, price: Money, at: date, **more: Any) -> LedgerEntry:
    """Write down that an owner paid or sold. `more`: copy, author, volumes, binding, condition, where, notes.

    Raises ValidationError, by field, for what no entry has.
    """
    entry = LedgerEntry(owner=owner, kind=kind, title=title, amount=price.amount, currency=price.currency, at=at, **more)
    entry.full_clean(exclude=["owner"])
    entry.save()
    return entry


def read_ledger(owner: Any, content: bytes) -> Read:
    """Write down the rows of a CSV file; those that are there already are passed over, so that a file may be uploaded again.

    Raises TableRefused for a file that is no such table.
    """
    table = read_table(content, COLUMNS, required=("kind", "title", "price", "date"), most_rows=MOST_ROWS)
    today, refused, entries = database_now().date(), list(table.refused), []
    for row in table.rows:
        try:
            entries.append(_entry(owner, row, today))
        except CellRefused as error:
            refused.append(refused_line(row.line, row[error.column], error.why, error.column))
    with transaction.atomic():
        there = {_likeness(one) for one in LedgerEntry.objects.filter(owner=owner)}
        new = []
        for entry in entries:
            if _likeness(entry) not in there:
                there.add(_likeness(entry))
                new.append(entry)
        LedgerEntry.objects.bulk_create(new)
    refused.sort(key=lambda one: one.line)
    return Read(tuple(new), len(entries) - len(new), tuple(refused), tuple(table.ignored))


def _entry(owner: Any, row: Row, today: date) -> LedgerEntry:
    kind = _KINDS.get(row["kind"].lower())
    if kind is None:
        raise CellRefused("kind", "write paid or sold")
    price, at = read_price(row["price"], row["currency"]), read_date(row["date"], today)
    if at is None:
        raise CellRefused("date", "say when it was paid or sold, such as 2024-05-31")
    if not row["title"]:
        raise CellRefused("title", "say which book it was")
    entry = LedgerEntry(
        owner=owner, kind=kind, title=row["title"], author=row["author"], volumes=read_count(row["volumes"]), binding=row["binding"],
        condition=row["condition"], amount=price.amount, currency=price.currency, at=at, where=row["where"], notes=row["notes"],
    )  # fmt: skip
    try:
        entry.clean_fields(exclude=["owner"])
    except ValidationError as error:
        name, (why, *_) = next(iter(error.message_dict.items()))
        raise CellRefused(name, why) from None
    return entry


def _likeness(entry: LedgerEntry) -> tuple[Any, ...]:
    return entry.kind, entry.title, entry.author, entry.volumes, entry.amount, entry.currency, entry.at, entry.where


def write_ledger(entries: Iterable[LedgerEntry]) -> Iterator[str]:
    """Yield the lines of a CSV file that `read_ledger` reads and no spreadsheet runs."""
    line = io.StringIO()
    writer = csv.writer(line, lineterminator="\r\n")

    def written(cells: Iterable[Any]) -> str:
        line.seek(0)
        line.truncate()
        writer.writerow(cells)
        return line.getvalue()

    yield written(COLUMNS)
    for one in entries:
        texts = map(safe_cell, (one.title, one.author, str(one.volumes), one.binding, one.condition))
        yield written([one.kind, *texts, one.amount, one.currency, one.at.isoformat(), safe_cell(one.where), safe_cell(one.notes)])


def ledger_comparables(runbook: EvalRunbook, subject: Subject | None = None) -> list[Comparable]:
    """Return what the owner paid and sold for other copies of the same work, as comparables that are not stored. One query.

    What was paid for the evaluated copy itself is not among them: it would prove its own price right.
    """
    subject = subject or Evidence.from_json(runbook.evidence).subject
    words = set(title_words(main_title(subject.title)))
    found = []
    for entry in LedgerEntry.objects.filter(owner_id=runbook.owner_id).exclude(copy_id=runbook.copy_id).order_by("pk"):
        if words.isdisjoint(title_words(entry.title)):
            continue
        judged = judge(subject, _offer(entry))
        if judged.level == "low":
            continue  # another work, or one volume of it
        found.append(
            Comparable(
                runbook=runbook, basis=Comparable.Basis.SOLD, origin=Comparable.Origin.LEDGER, source_key=str(entry.public_id),
                source=f"{SOURCE}, {entry.get_kind_display()}", title=entry.title, author=entry.author, amount=entry.amount,
                currency=entry.currency, condition=entry.condition, binding=entry.binding, at=entry.at, relevance=judged.level, relevance_why=judged.why,
            )
        )  # fmt: skip
    return found


def _offer(entry: LedgerEntry) -> Offer:
    aspects = {"Author": entry.author, "Number of Volumes": str(entry.volumes) if entry.volumes > 1 else ""}
    return Offer(
        source="ledger",
        basis="sold",
        title=entry.title,
        price=Money(entry.amount, entry.currency),
        condition=entry.condition,
        binding=entry.binding,
        at=entry.at,
        aspects={name: value for name, value in aspects.items() if value},
    )


#: What an entry says; what a person said of the comparable stays.
_TOLD = ("source", "title", "author", "amount", "currency", "condition", "binding", "at")


def bring_ledger(runbook: EvalRunbook) -> int:
    """Bring a runbook's comparables up to its owner's ledger and return how many changed; in the caller's transaction.

    An entry that is gone leaves its comparable as history, out of the value.
    """
    stored = {one.source_key: one for one in Comparable.objects.filter(runbook=runbook, origin=Comparable.Origin.LEDGER)}
    changed = 0
    for one in ledger_comparables(runbook):
        there = stored.pop(one.source_key, None)
        if there is None:
            convert(one)
            one.save()
        elif _bring(there, one):
            convert(there)
            there.save()
        else:
            continue
        changed += 1
    gone = [one.pk for one in stored.values() if one.is_current]
    return changed + Comparable.objects.filter(pk__in=gone).update(is_current=False)


def _bring(there: Comparable, one: Comparable) -> bool:
    """Write what an entry says, and what the code says of it, to the comparable it is already; return whether that is news."""
    told = {name: getattr(one, name) for name in _TOLD} | {"is_current": True}
    is_news = any(getattr(there, name) != value for name, value in told.items())
    for name, value in told.items():
        setattr(there, name, value)
    return take_judgement(there, Relevance(cast("Level", one.relevance), one.relevance_why)) or is_news
