"""What is left after the faults, from the database, the storage and the sandbox's own log: a line for each promise."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.chaos.uploads import Accepted


@dataclass(frozen=True)
class Line:
    """Hold one promise, the figure found, and whether it holds."""

    name: str
    found: Any
    bound: str
    holds: bool
    detail: str = ""


def none(name: str, broken: Iterable[Any]) -> Line:
    """Return the line of a promise that nothing may break."""
    listed = [str(one) for one in broken]
    return Line(name, len(listed), "0", not listed, "; ".join(listed[:3]))


def at_most(name: str, found: float, bound: float, unit: str = "", detail: str = "") -> Line:
    """Return the line of a figure with a bound."""
    return Line(name, f"{found:.1f}{unit}", f"≤ {bound:g}{unit}", found <= bound, detail)


def judge(accepted: Sequence[Accepted]) -> list[Line]:
    """Return the lines that hold for any imports that were left alone by people but for cancelling."""
    from bookops.invariants import broken_invariants
    from bookops.runs import State
    from enrichment.models import LibraryImport

    imports = LibraryImport.objects.in_bulk([one.id for one in accepted])
    whole = [one for one in accepted if one.id in imports and imports[one.id].state != State.CANCELLED]
    return [
        none("imports lost", [one.id for one in accepted if one.id not in imports]),
        none("imports not finished", [f"{one.pk} {one.state} {one.stage}" for one in imports.values() if not one.has_ended]),
        none("imports finished twice", _finished_twice(imports.values())),
        none("event lists with gaps", gaps(imports.values())),
        none("rows lost", _rows_lost(whole)),
        none("rows applied twice", _applied_twice([one.id for one in accepted])),
        none("rows dead", _dead([one.id for one in accepted])),
        none("dashboards that tell not all", _wrong_dashboards(whole, imports)),
        none("invariants broken", (f"{rule}: {line}" for rule, broken in broken_invariants().items() for line in broken)),
    ]


def _finished_twice(imports: Iterable[Any]) -> list[str]:
    from bookops.events import RunEvent

    ends = Counter(RunEvent.objects.filter(kind__in=["finished", "cancelled", "failed"]).order_by().values_list("run_id", flat=True))
    return [
        f"{one.pk} finishes={one.finishes} events={ends[one.pk]}"
        for one in imports
        if one.has_ended and (one.finishes != 1 + one.reopenings or ends[one.pk] != 1 + one.reopenings)
    ]


def gaps(runs: Iterable[Any]) -> list[str]:
    """Return the runs whose events are not numbered from 1 on without a gap."""
    from bookops.events import RunEvent

    return [
        str(one.pk)
        for one in runs
        if list(RunEvent.objects.filter(run_id=one.pk).order_by("seq").values_list("seq", flat=True)) != list(range(1, one.last_seq + 1))
    ]


def _rows_lost(whole: Sequence[Accepted]) -> list[str]:
    from bookops.runs import ENDED
    from enrichment.models import ImportRow

    lost = []
    for one in whole:
        ended = set(ImportRow.objects.filter(library_import_id=one.id, state__in=ENDED).values_list("number", flat=True))
        lost += [f"{one.id} row {number}" for number in range(1, one.rows + 1) if number not in ended]
    return lost


def _applied_twice(ids: Sequence[Any]) -> list[str]:
    """Return rows stored twice, by their attempts and by what their book has been through."""
    from django.db.models import Count

    from enrichment.models import ImportRow, RowAttempt

    stored = RowAttempt.objects.filter(row__library_import_id__in=ids, outcome="succeeded").order_by()
    twice = {row: f"stored {times} times" for row, times in stored.values_list("row").annotate(n=Count("pk")).filter(n__gt=1)}
    # A book is made with version 1, and each time a source's findings are applied it is one higher.
    alone = ImportRow.objects.filter(library_import_id__in=ids, state="succeeded").annotate(holders=Count("book__rows"))
    for row, version in alone.filter(holders=1).exclude(book__version=2).values_list("pk", "book__version"):
        twice.setdefault(row, f"left its book at version {version}")
    return [f"row {row} {what}" for row, what in sorted(twice.items())]


def _dead(ids: Sequence[Any]) -> list[str]:
    from enrichment.models import ImportRow

    dead = ImportRow.objects.filter(library_import_id__in=ids, state__in=["dead", "failed"])
    return [f"row {pk}: {state}, {reason} {detail}" for pk, state, reason, detail in dead.values_list("pk", "state", "reason", "detail")]


def _wrong_dashboards(whole: Sequence[Accepted], imports: dict[Any, Any]) -> list[str]:
    """Return the imports whose stored dashboard does not tell every row once, in both of its forms."""
    from django.core.files.storage import default_storage

    wrong = []
    for one in whole:
        key = imports[one.id].dashboard_key
        if not key:
            wrong.append(f"{one.id} has none")
            continue
        try:
            with default_storage.open(key) as plain, default_storage.open(key + ".gz") as packed:
                text = plain.read()
                same = gzip.decompress(packed.read()) == text
            document = json.loads(text)
        except (OSError, ValueError, EOFError) as error:
            wrong.append(f"{one.id}: {type(error).__name__}: {error}")
            continue
        told = sorted(book["row"] for book in document["books"])
        if not same or told != list(range(1, one.rows + 1)) or document["metadata"]["partial"]:
            wrong.append(f"{one.id}: {len(told)} of {one.rows} rows, same={same}, partial={document['metadata']['partial']}")
    return wrong


def extra_calls(log: dict[str, Any], *, witnesses: Iterable[str] = ()) -> tuple[float, float]:
    """Return the calls that were needed and those made beyond them, from the sandbox's log of each call.

    Every book is uploaded once, so that no question is needed twice: of each call the share of its keys that had been asked before
    at the same place is extra. `witnesses` are asked to be believed and do not count.
    """
    ignored = set(witnesses)
    asked: set[tuple[str, str, str]] = set()
    needed = extra = 0.0
    for call in log["each_call"]:
        keys = [(call["source"], call["endpoint"], key) for key in call["keys"] if key not in ignored]
        if not keys:
            continue
        repeated = sum(key in asked for key in keys) / len(keys)
        extra += repeated
        needed += 1 - repeated
        asked.update(keys)
    return needed, extra
