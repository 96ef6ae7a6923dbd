"""End a job once: its state by what became of its items, its totals frozen, its owner told."""

from __future__ import annotations

from typing import Any

import structlog
from django.db import transaction
from django.db.models import Exists, F, OuterRef

from bookops.clock import database_now
from bookops.notices import notify
from bookops.runs import ENDED, State
from bookops.spend import dollars
from llmjobs.deciding import decide_rest
from llmjobs.models import LLMJob, LLMJobItem

log = structlog.get_logger(__name__)

Stage = LLMJob.Stage
#: The reason of a job that completed, but not in all its items.
WITH_FAILURES = "with_failures"


def end_if_done(job_id: Any) -> bool:
    """End a job whose items have all ended: completed, or failed where every one of them failed. True for the one who did.

    Costs one small query while there is something to do; any number may call it at any time.
    """
    open_items = LLMJobItem.objects.filter(job=OuterRef("pk")).exclude(state__in=ENDED)
    done = LLMJob.objects.filter(~Exists(open_items), pk=job_id, state=State.RUNNING, stage=Stage.WORKING)
    if not done.exists():
        return False
    # Of several models asked about a target, the last may have ended without an answer.
    while decide_rest(job_id):
        continue
    with transaction.atomic():
        # Whoever opens items again (a retry, an append) locks the job first.
        job = LLMJob.objects.select_for_update().get(pk=job_id)
        if not done.exists():
            return False
        totals = LLMJobItem.objects.filter(job=job).aggregates()
        has_failed = totals["failed"] == totals["total"]
        end(job, State.FAILED if has_failed else State.SUCCEEDED, totals, *_said(totals))
    return True


def end(job: LLMJob, state: State, totals: dict[str, int], reason: str, detail: str) -> None:
    """Write an end down: state, frozen totals, event and notice; in the caller's transaction, which has locked the job."""
    LLMJob.objects.filter(pk=job.pk).update(
        state=state,
        stage=Stage.DONE,
        reason=reason,
        detail=detail[:500],
        totals=totals,
        ended_at=database_now(),
        finishes=F("finishes") + 1,
        unseen_change=True,
        paused_at=None,
        lease_owner=None,
        lease_until=None,
        ring_at=None,
    )
    job.refresh_from_db()
    job.record("ended", state=job.status, reason=reason, detail=job.detail, **totals)
    subject = f"{job.label}: {job.status}" + (f", {job.detail}" if reason else "")
    notify(job, outcome=state, subject=subject, facts={"job": str(job.pk), "label": job.label, **totals, "price": dollars(totals["cost"])})
    log.info("job_ended", run_id=str(job.pk), state=state, reason=reason, **totals)


def freeze_again(job_id: Any) -> None:
    """Write an ended job's totals anew, because an answer that came late was paid all the same; in the caller's transaction."""
    job = LLMJob.objects.select_for_update().get(pk=job_id)
    if job.state in ENDED:
        LLMJob.objects.filter(pk=job_id).update(totals=LLMJobItem.objects.filter(job=job).aggregates())


def _said(totals: dict[str, int]) -> tuple[str, str]:
    failed, total = totals["failed"], totals["total"]
    if not failed:
        return "", ""
    return WITH_FAILURES, f"{'all' if failed == total else failed} of {total} items failed"
