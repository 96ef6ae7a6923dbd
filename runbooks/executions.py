"""What a person can do with an execution: views, admin actions and commands each make one of these calls."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.db.models import F

from bookops.clock import database_now
from bookops.dispatch import ring
from bookops.doors import asks_sandbox
from bookops.runs import BROKEN, ENDED, OPEN, State
from runbooks.advancing import Course, open_steps, tell
from runbooks.doors import OTHER_SOURCES, UPLOADED
from runbooks.links import ItemLink, ShortLink, read_link
from runbooks.models import BulkImport, EvalRunbook, Execution, Listing, StepRun, storage_key
from runbooks.plan import FETCH_LISTING, SHOWN, STEPS
from runbooks.reference_loading import give_first_wishes
from runbooks.sources.records import ListingFacts

Cause = Execution.Cause


class AnotherOneRuns(Exception):
    """The same listing is being evaluated with other options; `execution` is the one that runs."""

    def __init__(self, execution: Execution) -> None:
        super().__init__(f"This listing is being evaluated with other options: {execution.pk}.")
        self.execution = execution


class CannotRetry(Exception):
    """This step cannot be run again now; the text says why."""


def start_import(
    owner: Any,
    url: str,
    *,
    options: Mapping[str, Any] | None = None,
    cause: str = Cause.IMPORT,
    bulk: BulkImport | None = None,
    execution_id: uuid.UUID | None = None,
) -> tuple[Execution, bool]:
    """Begin to evaluate the listing of a link; False beside the one that runs already, where it asks for the same.

    Raises BadLink for what names no listing, AnotherOneRuns where the one that runs has other options. No call is made here.
    """
    link = read_link(url)
    execution = Execution(
        pk=execution_id or uuid.uuid4(),
        owner=owner,
        url=link.url,
        cause=cause,
        listing_key=key_of(link),
        options=dict(options or {}),
        bulk=bulk,
    )
    return _begin(execution)


def start_pasted(
    owner: Any,
    facts: ListingFacts,
    *,
    photos: Sequence[bytes] = (),
    options: Mapping[str, Any] | None = None,
    execution_id: uuid.UUID | None = None,
) -> tuple[Execution, bool]:
    """Begin to evaluate a listing that a person typed or pasted; it runs the same plan from there.

    `photos` are files as they were uploaded, of which the next step takes what it can decode; addresses of photos are not taken here.
    """
    pk = execution_id or uuid.uuid4()
    key = f"pasted:{pk}"
    same = Execution.objects.filter(pk=pk).first()
    if same is not None:
        return same, False
    uploaded = tuple(f"{UPLOADED}{default_storage.save(storage_key('uploads'), ContentFile(photo))}" for photo in photos)
    facts = replace(facts, image_urls=uploaded, is_pasted=True)
    with transaction.atomic():
        listing, _ = Listing.objects.get_or_create(
            owner=owner,
            key=key,
            sandbox=asks_sandbox(),
            defaults={"title": facts.title[:300], "url": facts.url[:500], "facts": facts.to_json(), "seller": facts.seller[:100]},
        )
        return _begin(Execution(pk=pk, owner=owner, cause=Cause.PASTE, listing=listing, listing_key=key, options=dict(options or {})))


def refresh(runbook: EvalRunbook, owner: Any) -> tuple[Execution, bool]:
    """Evaluate a runbook's listing again; history, negotiated price and codes stay. A listing that is gone is read from what was kept.

    Raises CannotRetry where the listing was deleted, or is of other sources than are asked here.
    """
    listing = runbook.copy.listing
    if listing is None:
        raise CannotRetry("Its listing was deleted.")
    _refuse_of_other_sources(listing.sandbox)
    return _begin(Execution(owner=owner, url=listing.url, cause=Cause.REFRESH, listing=listing, listing_key=listing.key))


def key_of(link: ItemLink | ShortLink) -> str:
    """Return the key by which two links are one listing: a short link is only itself until somebody has followed it."""
    if isinstance(link, ShortLink):
        return f"link:{hashlib.sha256(link.url.encode()).hexdigest()}"
    return f"ebay:{link.legacy_id}" + (f"|{link.variation}" if link.variation else "")


def _begin(execution: Execution) -> tuple[Execution, bool]:
    from runbooks.tasks import advance_execution

    execution.sandbox = asks_sandbox()
    execution.ring_at = execution.next_at + timedelta(seconds=settings.RING_AGAIN_SECONDS)
    for _ in range(3):
        running = Execution.objects.active().of_listing(execution.owner_id, execution.listing_key, sandbox=execution.sandbox).first()
        if running is not None:
            if running.options != execution.options:
                raise AnotherOneRuns(running)
            if execution.bulk_id is None:
                _promote(running)
            return running, False
        try:
            with transaction.atomic():
                if not Execution.objects.filter(owner=execution.owner).exists():
                    give_first_wishes(execution.owner)
                execution.save(force_insert=True)
                execution.record("started", url=execution.url, cause=execution.cause)
                ring(advance_execution, str(execution.pk))
            return execution, True
        except IntegrityError:
            # Somebody began the same at the same moment, or it is our own id that was used before.
            same = Execution.objects.filter(pk=execution.pk).first()
            if same is not None:
                return same, False
    raise IntegrityError(f"{execution.listing_key} could not be begun.")


def _refuse_of_other_sources(sandbox: bool) -> None:
    if sandbox != asks_sandbox():
        raise CannotRetry(OTHER_SOURCES[sandbox])


def _promote(execution: Execution) -> None:
    """Let the further steps of what a bulk import began go before bulk work, for a person waits now; its link still counts it there."""
    if execution.bulk_id is not None:
        Execution.objects.filter(pk=execution.pk).update(bulk=None)
        execution.bulk = None


def retry_step(execution: Execution, name: str, *, variant: Mapping[str, Any] | None = None) -> StepRun:
    """Run one step again, with another input if `variant` says so, and then what depends on it; the earlier result stays beside it.

    Raises CannotRetry for a step that never ran or still runs. An execution that had failed is open again.
    """
    if name not in STEPS:
        raise CannotRetry(f"There is no step {name}. There are: {', '.join(STEPS)}.")
    if name in settings.STEPS_OFF:
        raise CannotRetry(f"{name} is switched off by the operator.")
    _refuse_of_other_sources(execution.sandbox)
    with transaction.atomic():
        execution = Execution.objects.select_for_update().get(pk=execution.pk)
        course = Course.of(execution)
        run = course.current.get(name)
        if run is None:
            raise CannotRetry(f"{name} has not run yet.")
        fetched = course.found.get(FETCH_LISTING)
        if fetched is not None and not fetched.output and name != FETCH_LISTING:
            raise CannotRetry(f"What the listing said was purged. Retry {FETCH_LISTING}, or import the link again.")
        if run.state in OPEN:
            raise CannotRetry(f"{name} is {run.get_state_display()}; wait for its end, or cancel the execution.")
        if execution.state == State.CANCELLED:
            raise CannotRetry("The execution was cancelled. Import the link again.")
        _reopen(execution)
        if run.state == State.PARKED:
            StepRun.objects.filter(pk=run.pk, state=State.PARKED).cancel()
        chosen = {**run.variant, **(variant or {})}
        open_steps(course, [STEPS[name]], variant=chosen)
        execution.record("retried", step=name, status="pending", variant=chosen)
    return StepRun.objects.get(execution=execution, name=name, is_current=True)


def _reopen(execution: Execution) -> None:
    """Let an execution that has failed run again; one that has succeeded stays so, and gets a new version of its runbook."""
    same = Execution.objects.active().of_listing(execution.owner_id, execution.listing_key, sandbox=execution.sandbox)
    taken = same.exclude(pk=execution.pk)
    if execution.state in BROKEN and taken.exists():
        raise CannotRetry("The same listing is being evaluated by a later execution.")
    Execution.objects.filter(pk=execution.pk, state__in=BROKEN).update(
        state=State.RUNNING, reopenings=F("reopenings") + 1, ended_at=None, reason="", detail=""
    )


def retry_failed(execution: Execution) -> int:
    """Run every failed step again and return how many those are."""
    names = list(execution.steps.filter(is_current=True, state__in=BROKEN).values_list("name", flat=True))
    for name in names:
        retry_step(execution, name)
    return len(names)


def cancel_execution(execution: Execution) -> bool:
    """Stop an execution; what was found stays. False when it has ended already."""
    with transaction.atomic():
        running = Execution.objects.select_for_update().filter(pk=execution.pk).exclude(state__in=ENDED)
        now = database_now()
        if not running.update(state=State.CANCELLED, ended_at=now, finishes=F("finishes") + 1, ring_at=None):
            return False
        StepRun.objects.filter(execution=execution).cancel()
        execution.refresh_from_db()
        execution.record("cancelled", step="cancelled")
        tell(execution)
    return True


def progress(execution: Execution) -> dict[str, str]:
    """Return the state of each of the six steps in the words of the first design."""
    current = {run.name: run.status for run in execution.steps.filter(is_current=True)}
    never = "CANCELLED" if execution.state in ENDED and not execution.saved_at else "PENDING"
    return {name: current.get(name, never) for name in SHOWN}
