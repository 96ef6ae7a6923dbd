"""Send a batch that `cutting` made: hand over its file, create it once.

file → upload → intent written → created → known. A batch whose creation was begun is looked
for at its provider before anybody creates it again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from django.db import transaction

from bookops.bulk import write_fields
from bookops.clock import database_now
from bookops.leases import heartbeat
from bookops.outbound.errors import BadAnswer, Refused, SourceError, TryAgain
from bookops.runs import ENDED, State, wait_before
from llmjobs.asking import RATE_LIMITED
from llmjobs.attempts import keep_refused
from llmjobs.cutting import ASKED, HALVED, PORTION, take_out
from llmjobs.doors import open_batches
from llmjobs.models import LLMJob, LLMJobItem, ProviderBatch
from llmjobs.pace import pace_of
from llmjobs.providers import Batches, BatchSeen, may_have_arrived
from llmjobs.questions import Asking
from llmjobs.reconciling import StillUnsure, adopt_batch, find_batch
from llmjobs.submitting import pause_for

log = structlog.get_logger(__name__)

Stage = LLMJobItem.Stage
#: Seconds between two looks for a batch that was perhaps created, and for room in a provider's queue.
LOOK_EVERY = 60.0


def send(batch_id: int) -> bool:
    """Send a batch if it is due and nobody else does; True when it is at its provider now.

    Looks for it there first if its creation had been begun before. Never raises for what a provider does.
    """
    held = ProviderBatch.objects.filter(provider_id="").claim([batch_id])
    if not held:
        return False
    batch = held[0]
    job = LLMJob.objects.get(pk=batch.job_id)
    try:
        if _must_wait(batch):
            raise TryAgain("its provider's queue is full", retry_after=LOOK_EVERY, asked=False, reason=HALVED)
        with heartbeat.holding(batch):
            seen = find_batch(batch)
            if seen is None:
                if job.state in ENDED or job.deleted_at:
                    drop(batch)
                    return False
                seen = _create(open_batches(batch.provider), batch, job)
    except StillUnsure as unsure:
        _wait_unsure(batch, str(unsure), needs_person=unsure.needs_person)
    except SourceError as error:
        _store_failure(batch, job, error)
    except Exception:
        # A fault of ours: perhaps after the call, so the row keeps its intent.
        log.exception("batch_crashed", run_id=str(job.pk), batch=str(batch.intent))
        _wait_unsure(batch, "It failed half-way by a fault of ours.", needs_person=False)
    else:
        pace_of(batch.provider).answered()
        return adopt_batch(batch, seen.provider_id, status=seen.status)
    return False


def _must_wait(batch: ProviderBatch) -> bool:
    """Say whether a half would meet the queue that was too full for the whole."""
    there = ProviderBatch.objects.filter(provider=batch.provider, model=batch.model, state=State.RUNNING).exclude(provider_id="")
    return batch.reason == HALVED and there.exists()


def _create(provider: Batches, batch: ProviderBatch, job: LLMJob) -> BatchSeen:
    ours = ProviderBatch.objects.all()
    if batch.sending_at is not None:
        # The listing has shown that it was not created.
        batch.sending_at = None
        ours.held([batch]).update(sending_at=None)
    with written(provider, batch, job) as path:
        if not batch.input_file_id:
            batch.input_file_id, batch.bytes = provider.upload(path), path.stat().st_size
            ours.held([batch]).update(input_file_id=batch.input_file_id, bytes=batch.bytes)
        batch.sending_at = database_now()
        if not ours.held([batch]).update(sending_at=batch.sending_at):
            raise TryAgain("its lease was lost", reason="lease_lost", asked=False)
        return provider.create(path, batch.input_file_id, intent=str(batch.intent), job_id=str(job.pk))


@contextmanager
def written(provider: Batches, batch: ProviderBatch, job: LLMJob) -> Iterator[Path]:
    """Write a batch's lines to a file that lasts as long as the block; memory stays flat however many they are."""
    asking = Asking.of(job)
    with tempfile.TemporaryDirectory(prefix="batch-") as folder:
        path = Path(folder) / f"{batch.intent}.jsonl"
        with path.open("wb") as file:
            for item in LLMJobItem.objects.filter(batch=batch).order_by("number").only(*ASKED).iterator(chunk_size=PORTION):
                file.write(provider.line(asking.in_batch(item, batch)))
        yield path


def _store_failure(batch: ProviderBatch, job: LLMJob, error: SourceError) -> None:
    """Note why a batch is not at its provider: later again, or never, or perhaps it is."""
    if batch.sending_at is not None and may_have_arrived(error):
        _wait_unsure(batch, f"{error.reason}: {error.detail}", needs_person=False)
        return
    now = database_now()
    with transaction.atomic():
        if not ProviderBatch.objects.all().fence([batch]):
            return
        batch.sending_at = None
        if isinstance(error, TryAgain):
            batch.after_waiting(now, _pause_after(batch, error), reason=error.reason, detail=error.detail)
        elif isinstance(error, BadAnswer):
            # Nothing was created yet, and what could not be read may be whole the next time.
            batch.after_failure(now, retry_after=None, reason=error.reason, detail=error.detail)
        else:
            batch.after_refusal(now, reason=error.reason, detail=error.detail)
        if batch.has_ended:
            _leave_items(batch, job, error, now)
        write_fields([batch], _MOVED)
    if isinstance(error, Refused) and error.account_wide:
        pause_for(job, error)


def _pause_after(batch: ProviderBatch, error: TryAgain) -> float:
    if error.reason == RATE_LIMITED:
        return pace_of(batch.provider).throttled(error.retry_after)
    return wait_before(batch.losses + batch.attempts, error.retry_after)


def _leave_items(batch: ProviderBatch, job: LLMJob, error: SourceError, now: datetime) -> None:
    """Send the items of a batch that was refused back to wait, where their account is at fault, or fail them."""
    again = isinstance(error, Refused) and error.account_wide
    state: dict[str, Any] = {"state": State.PENDING, "next_at": now} if again else {"state": State.FAILED, "ended_at": now}
    items = LLMJobItem.objects.filter(batch=batch)
    keep_refused(items, error.reason, error.detail, now)
    take_out(batch, job, items, reason=error.reason, detail=error.detail[:500], **state)


_MOVED = ("state", "attempts", "next_at", "ring_at", "reason", "detail", "sending_at", "ended_at", "lease_owner", "lease_until")


def _wait_unsure(batch: ProviderBatch, detail: str, *, needs_person: bool) -> None:
    """Have a batch that was perhaps created looked for again in a while, or wait for a person; it never dies of waiting."""
    with transaction.atomic():
        if not ProviderBatch.objects.all().fence([batch]):
            return
        now = database_now()
        if needs_person:
            batch.after_parking(now, reason="perhaps_sent", detail=detail)
        else:
            batch.after_waiting(now, LOOK_EVERY, reason="perhaps_sent", detail=detail)
        write_fields([batch], _MOVED)


def drop(batch: ProviderBatch) -> None:
    """End a batch that is certainly not at its provider, because its job ended; its items have ended with the job."""
    with transaction.atomic():
        job = LLMJob.objects.get(pk=batch.job_id)
        take_out(batch, job, LLMJobItem.objects.all(), state=State.CANCELLED, ended_at=database_now(), reason="cancelled")
        ProviderBatch.objects.filter(pk=batch.pk, provider_id="").cancel()


def create_again(batch: ProviderBatch, by: Any = None) -> bool:
    """Send a batch again that was perhaps created, as a person decided; False unless it waits for one."""
    now = database_now()
    again = ProviderBatch.objects.filter(pk=batch.pk, provider_id="", state=State.PARKED).update(
        state=State.PENDING, sending_at=None, next_at=now, ring_at=now, reason="", detail=""
    )
    if again:
        batch.job.record("sent_again", batch=str(batch.intent), items=batch.requests, by=getattr(by, "pk", None))
    return bool(again)
