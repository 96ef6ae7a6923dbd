"""Evaluate the listings of a long list a few at a time, behind all interactive work."""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Q

from bookops.clock import database_now
from bookops.language_models import MILLION
from bookops.notices import notify
from bookops.outbound.errors import Refused
from bookops.runs import BROKEN, ENDED, OPEN, State
from bookops.spend import owner_purse
from runbooks.doors import open_ebay
from runbooks.executions import AnotherOneRuns, Cause, cancel_execution, start_import
from runbooks.link_lists import read_links
from runbooks.links import BadLink
from runbooks.models import BulkImport, BulkLink, Execution
from runbooks.tables import RefusedLine

log = structlog.get_logger(__name__)

#: Of eBay, for one listing: the item, maybe its group, and two searches.
CALLS_A_LISTING, MOST_CALLS_A_LISTING = 3, 4
#: US dollars for one listing: what its reading costs on the default model with twelve photos.
DOLLARS_A_LISTING = 0.03
TOO_MANY_FAILURES = "too_many_failures"


@dataclass(frozen=True, slots=True)
class Forecast:
    """Hold what a bulk import will take."""

    listings: int
    #: Of eBay, as a rule and at most.
    calls: int
    most_calls: int
    #: What bulk work may still ask today, and on any other day.
    calls_left_today: int
    calls_a_day: int
    dollars: float
    #: By calls and by the owner's daily budget, whichever takes longer; today is one.
    days: int

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return asdict(self)


def forecast(listings: int, owner: Any, *, left_today: int | None = None) -> Forecast:
    """Return what so many listings take of eBay's calls and of an owner's days. One round trip to Redis where `left_today` is not given.

    A tenth of the day's calls is kept for people who wait, so it is not counted in.
    """
    a_day = settings.EBAY_PER_DAY * 9 // 10
    left = _left_today(a_day) if left_today is None else left_today
    budget = (owner_purse(owner.pk, database_now().date()).cap or 0) / MILLION
    calls, dollars = listings * CALLS_A_LISTING, round(listings * DOLLARS_A_LISTING, 2)
    days = max(1 + math.ceil(max(calls - left, 0) / a_day), math.ceil(dollars / budget) if budget else 1)
    return Forecast(listings, calls, listings * MOST_CALLS_A_LISTING, left, a_day, dollars, days)


def _left_today(a_day: int) -> int:
    try:
        quota = open_ebay(bulk=True).door.quota
    except Refused:
        return a_day
    remaining = quota.state().remaining_today if quota else None
    return a_day if remaining is None else min(remaining, a_day)


def start_bulk(
    owner: Any, content: bytes, *, filename: str = "", tolerated_failures: float | None = None, bulk_id: uuid.UUID | None = None
) -> BulkImport:
    """Begin to evaluate the listings of a file or a text with a link a line; the sweeper lets them start, a few at a time.

    With a `bulk_id` that is there already, that one is returned as it is. Raises TableRefused where nothing of it can be read.
    """
    if bulk_id and (there := BulkImport.objects.filter(pk=bulk_id, owner=owner).first()):
        return there
    listed = read_links(content)
    with transaction.atomic():
        bulk = BulkImport.objects.create(
            id=bulk_id or uuid.uuid4(),
            owner=owner,
            filename=filename[:255],
            total=len(listed.links),
            tolerated_failures=tolerated_failures,
            forecast=forecast(len(listed.links), owner).to_json(),
            refused=[line.to_json() for line in listed.refused],
        )
        BulkLink.objects.bulk_create((BulkLink(bulk=bulk, line=link.line, url=link.url) for link in listed.links), batch_size=1000)
        bulk.record("started", total=bulk.total, refused=len(bulk.refused), **bulk.forecast)
    return bulk


def counts_of(bulk: BulkImport) -> Mapping[str, int]:
    """Return how many links wait, are at work, and have ended how; refused lines beside them. One query."""
    counted = bulk.links.aggregate(
        total=Count("pk"),
        waiting=Count("pk", filter=Q(outcome="", execution=None)),
        at_work=Count("pk", filter=Q(outcome="", execution__isnull=False)),
        succeeded=Count("pk", filter=Q(outcome=State.SUCCEEDED)),
        failed=Count("pk", filter=Q(outcome__in=BROKEN)),
        cancelled=Count("pk", filter=Q(outcome=State.CANCELLED)),
    )
    return counted | {"refused": len(bulk.refused)}


def advance_bulk(bulk_id: Any) -> dict[str, int]:
    """Note which executions have ended, let the next ones start, and end the whole once; return how many of each.

    The import's row is locked meanwhile, so that of two sweepers the second finds the work of the first.
    """
    with transaction.atomic():
        bulk = BulkImport.objects.select_for_update().filter(pk=bulk_id, state__in=OPEN).first()
        if bulk is None:
            return {}
        BulkImport.objects.filter(pk=bulk.pk, state=State.PENDING).update(state=State.RUNNING, started_at=database_now())
        settled = _settle(bulk)
        # Where too many have failed, a key is wrong or a list is: no more money is spent on it.
        too_many = _too_many_failures(bulk)
        started = 0 if too_many else _start_next(bulk)
        counts = counts_of(bulk)
        ended = not counts["at_work"] and (bool(too_many) or not counts["waiting"]) and _end(bulk)
        if settled and not ended:
            bulk.record("progress", **counts)
    return {"settled": settled, "started": started, "ended": int(ended)}


def _settle(bulk: BulkImport) -> int:
    settled = 0
    at_work = bulk.links.filter(outcome="", execution__isnull=False)
    for state in ENDED:
        settled += at_work.filter(execution__in=Execution.objects.filter(state=state)).update(outcome=state)
    return settled


def _start_next(bulk: BulkImport) -> int:
    room = settings.BULK_AT_ONCE - bulk.links.filter(outcome="", execution__isnull=False).count()
    started = 0
    for link in bulk.links.filter(outcome="", execution=None)[: max(room, 0)]:
        try:
            link.execution, _ = start_import(bulk.owner, link.url, cause=Cause.BULK, bulk=bulk)
        except AnotherOneRuns as running:
            # A person has it evaluated with options of their own; what that comes to is as good.
            link.execution = running.execution
        except BadLink as error:
            # It was a link when it was listed; the rules have changed since.
            link.outcome = State.FAILED
            bulk.record("refused", line=link.line, error=str(error))
        link.save(update_fields=["execution", "outcome"])
        started += 1
    return started


def _too_many_failures(bulk: BulkImport) -> str:
    """Say that more failed than are tolerated; "" where that is not so."""
    counts, tolerated = counts_of(bulk), bulk.tolerated_failures
    if tolerated is None or counts["failed"] <= tolerated * counts["total"]:
        return ""
    return f"{counts['failed']} of {counts['total']} failed; {tolerated:.0%} are tolerated."


def _end(bulk: BulkImport) -> bool:
    too_many = _too_many_failures(bulk)
    return _finish(bulk, State.FAILED if too_many else State.SUCCEEDED, reason=TOO_MANY_FAILURES if too_many else "", detail=too_many)


def _finish(bulk: BulkImport, state: State, *, reason: str = "", detail: str = "") -> bool:
    """End a bulk import once, in the caller's transaction."""
    moved = BulkImport.objects.filter(pk=bulk.pk).exclude(state__in=ENDED)
    if not moved.update(state=state, reason=reason, detail=detail, ended_at=database_now(), finishes=F("finishes") + 1):
        return False
    bulk.refresh_from_db()
    counts = counts_of(bulk)
    bulk.record("cancelled" if state == State.CANCELLED else "finished", state=state, detail=detail, **counts)
    notify(bulk, outcome=state, subject=f"{bulk}: {bulk.get_state_display()}", facts=dict(counts))
    log.info("bulk_ended", run_id=str(bulk.pk), state=state, **counts)
    return True


def cancel_bulk(bulk: BulkImport) -> bool:
    """Stop a bulk import and what it has at work; what is done stays. False when it has ended already."""
    with transaction.atomic():
        BulkImport.objects.select_for_update().get(pk=bulk.pk)
        _settle(bulk)
        for execution in Execution.objects.active().filter(bulk=bulk):
            cancel_execution(execution)
        bulk.links.filter(outcome="").update(outcome=State.CANCELLED)
        return _finish(bulk, State.CANCELLED)


def retry_failed(bulk: BulkImport) -> int:
    """Let the failed links of a bulk import take their turn again and return how many; one that had ended is open again.

    Those that had not started when it ended for its failures go on too.
    """
    with transaction.atomic():
        BulkImport.objects.select_for_update().get(pk=bulk.pk)
        again = bulk.links.filter(outcome__in=BROKEN).update(outcome="", execution=None)
        if not again:
            return 0
        BulkImport.objects.filter(pk=bulk.pk, state__in=ENDED).update(
            state=State.RUNNING, reopenings=F("reopenings") + 1, ended_at=None, reason="", detail=""
        )
        bulk.refresh_from_db()
        bulk.record("retried", links=again)
    return again


def refused_of(bulk: BulkImport) -> list[RefusedLine]:
    """Return the lines that named no listing."""
    return [RefusedLine(**line) for line in bulk.refused]
