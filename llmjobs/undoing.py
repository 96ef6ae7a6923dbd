"""Undo: put back what answers changed, but for what somebody has touched since; of chosen ones at once, of a whole job by workers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import Count, F, Max, Q, QuerySet

from bookops.clock import database_now
from bookops.dispatch import ring
from bookops.purposes import purpose_named
from llmjobs.deciding import changes_of
from llmjobs.models import JobUndo, LLMJob, LLMJobItem, Proposal

log = structlog.get_logger(__name__)

#: Answers put back in one transaction.
CHUNK = 500
#: Seconds after which an undo gives its worker to whoever is next, and rings again.
TURN = 20.0


@dataclass
class Undone:
    """Count what putting back did."""

    #: Answers of which something was put back.
    undone: int = 0
    #: Fields that stay, because somebody has touched them since.
    kept: int = 0
    #: Answers that stay by a fault of ours.
    failed: int = 0


def undo_item(item: LLMJobItem, *, by: Any) -> Undone:
    """Put back what an item's answer changed, with the same word of other models."""
    return undo_targets(item.job_id, [item.target_id], by=by)


def undo_targets(job_id: Any, target_ids: Sequence[int], *, by: Any) -> Undone:
    """Put back what a job has written about these targets, at once."""
    undone = Undone()
    for start in range(0, len(target_ids), CHUNK):
        with transaction.atomic():
            job = LLMJob.objects.select_for_update().get(pk=job_id)
            one = _put_back(job, _written(job_id, database_now()).filter(target_id__in=target_ids[start : start + CHUNK]))
            job.record("undone", answers=one.undone, kept=one.kept, by=getattr(by, "pk", None))
        undone.undone += one.undone
        undone.kept += one.kept
    return undone


def undo_job(job: LLMJob, *, by: Any) -> JobUndo | None:
    """Have workers put back all that a job has written by now; None when nothing stands as it was written.

    While that goes on, asking again is the same as having asked. What is written after it was asked stays.
    """
    with transaction.atomic():
        # Whoever writes locks it too: what they wrote is dated before this, or comes after it.
        job = LLMJob.objects.select_for_update().get(pk=job.pk)
        if under_way := JobUndo.objects.filter(job=job, ended_at=None).first():
            return under_way
        now = database_now()
        there = _written(job.pk, now).aggregate(total=Count("pk"), last=Max("pk"))
        if not there["total"]:
            return None
        undo = JobUndo.objects.create(
            job=job, asked_by=by, asked_at=now, total=there["total"], below=there["last"] + 1, ring_at=_ring_again_at(now)
        )
        job.record("undo_asked", answers=undo.total, by=getattr(by, "pk", None))
        _ring(undo)
    return undo


def work_on_undo(undo_id: int) -> None:
    """Put back for TURN seconds at most; any number of workers may at once, as each chunk locks the job and goes on behind the last."""
    undo = JobUndo.objects.filter(pk=undo_id, ended_at=None).first()
    if undo is None:
        return
    stop_at = time.monotonic() + TURN
    ids = list(_left(undo).order_by("-pk").values_list("pk", flat=True))
    for start in range(0, len(ids), CHUNK):
        if time.monotonic() > stop_at:
            _ring(undo)
            return
        _put_back_or_leave(undo, ids[start : start + CHUNK])
    _end(undo)


def _put_back_or_leave(undo: JobUndo, ids: Sequence[int]) -> None:
    """Put a chunk back; should it fail, each answer is tried alone, and one that cannot be put back stays."""
    try:
        _put_back_chunk(undo, ids)
    except OperationalError:
        raise  # a database that is away is asked again when the sweeper rings
    except Exception:
        # A fault of ours, whatever it is, must not keep the job's other answers from being put back.
        log.exception("not_undone", run_id=str(undo.job_id), answers=len(ids), first=ids[0])
        if len(ids) > 1:
            for pk in ids:
                _put_back_or_leave(undo, [pk])
        else:
            JobUndo.objects.filter(pk=undo.pk, below__gt=ids[0]).update(below=ids[0], done=F("done") + 1, failed=F("failed") + 1)


def _put_back_chunk(undo: JobUndo, ids: Sequence[int]) -> None:
    """Put back the proposals of these ids, which descend, but for those that another worker was faster with."""
    with transaction.atomic():
        job = LLMJob.objects.select_for_update().get(pk=undo.job_id)
        undo = JobUndo.objects.get(pk=undo.pk)
        ours = [pk for pk in ids if pk < undo.below]
        if not ours:
            return
        one = _put_back(job, _left(undo).filter(pk__in=ours))
        JobUndo.objects.filter(pk=undo.pk).update(
            below=ours[-1], done=F("done") + len(ours), undone=F("undone") + one.undone, kept=F("kept") + one.kept,
            ring_at=_ring_again_at(database_now()),
        )  # fmt: skip


def _end(undo: JobUndo) -> None:
    with transaction.atomic():
        job = LLMJob.objects.select_for_update().get(pk=undo.job_id)
        if not JobUndo.objects.filter(pk=undo.pk, ended_at=None).update(ended_at=database_now(), ring_at=None, done=F("total")):
            return  # another worker ended it
        undo.refresh_from_db()
        job.record("undone", answers=undo.undone, kept=undo.kept, failed=undo.failed, by=undo.asked_by_id)


def _written(job_id: Any, then: datetime) -> QuerySet[Proposal]:
    """Return the proposals of a job that wrote something by then and stand; one that only agreed with another wrote nothing."""
    return Proposal.objects.filter(job=job_id, state=Proposal.State.APPLIED, decided_at__lte=then).exclude(applied={})


def _left(undo: JobUndo) -> QuerySet[Proposal]:
    return _written(undo.job_id, undo.asked_at).filter(pk__lt=undo.below)


def _put_back(job: LLMJob, written: QuerySet[Proposal]) -> Undone:
    """Undo what proposals wrote, the last one first; those of other models that only agreed go with it. The caller has locked the job."""
    purpose = purpose_named(job.purpose)
    proposals = list(written.order_by("-pk"))
    ids = {proposal.target_id for proposal in proposals}
    targets = purpose.targets(job.owner_id).filter(pk__in=ids).select_for_update(of=("self",)).order_by("pk").in_bulk()
    there = [one for one in proposals if one.target_id in targets]
    came = purpose.undo([(targets[one.target_id], changes_of(one.applied)) for one in there], job.source, database_now())
    undone = Undone()
    back: dict[int, int] = {}
    for proposal, one in zip(there, came, strict=True):
        undone.kept += len(proposal.applied) - len(one.changes)
        if one.changes:
            undone.undone += 1
            back[proposal.pk] = proposal.target_id
    in_job = Proposal.objects.filter(job=job, state=Proposal.State.APPLIED)
    in_job.filter(Q(pk__in=back) | Q(applied={}), target_id__in=set(back.values())).update(state=Proposal.State.UNDONE)
    return undone


def _ring(undo: JobUndo) -> None:
    from llmjobs.tasks import work_on_undo

    ring(work_on_undo, undo.pk)


def _ring_again_at(now: datetime) -> datetime:
    return now + timedelta(seconds=settings.RING_AGAIN_SECONDS)
