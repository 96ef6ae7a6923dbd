"""What a person can do with a job: views, admin actions and commands each make one of these calls."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F

from bookops.clock import database_now
from bookops.dispatch import ring
from bookops.purposes import purpose_named
from bookops.runs import BROKEN, ENDED, OPEN, State
from llmjobs.attempts import keep_given_up
from llmjobs.ending import end
from llmjobs.models import JobScope, LLMJob, LLMJobItem
from llmjobs.plans import BY_DEFAULT, MOST_TARGETS, Plan, Scope, ScopeKind, draft, targets_of

Stage = LLMJob.Stage


def create_job(owner: Any, purpose_name: str, scope: Scope, plan: Plan = BY_DEFAULT, *, job_id: uuid.UUID | None = None) -> LLMJob:
    """Freeze the scope and begin; a worker renders the items. Four short queries and one read of ids, however many there are.

    Raises ValidationError by field for an unknown purpose, variable, filter or model, a retired model, and a scope without targets.
    """
    job = draft(owner, purpose_name, plan, job_id=job_id)
    job.scope_kind, job.scope = scope.kind, scope.told()
    ids = targets_of(owner.pk, purpose_named(purpose_name), scope)
    job.total_items = len(ids) * len(job.asks)
    job.ring_at = database_now() + timedelta(seconds=settings.RING_AGAIN_SECONDS)
    with transaction.atomic():
        job.save(force_insert=True)
        JobScope.objects.create(job=job, number=0, ids=ids)
        job.record("created", total=job.total_items, purpose=job.purpose, label=job.label)
        _ring(job)
    return job


def append(job: LLMJob, scope: Scope) -> int:
    """Add targets to a job that has sent nothing yet and return how many items that makes; raises ValidationError for any other job."""
    ids = targets_of(job.owner_id, purpose_named(job.purpose), scope)
    with transaction.atomic():
        job = LLMJob.objects.select_for_update().get(pk=job.pk)
        if job.state not in OPEN or job.submitted_at or job.deleted_at:
            raise ValidationError("Only a job that has sent nothing yet can be added to. Clone it for the rest.")
        scopes = list(job.scopes.all())
        known = {one for there in scopes for one in there.ids}
        new = [one for one in ids if one not in known]
        if not new:
            return 0
        if len(known) + len(new) > MOST_TARGETS:
            raise ValidationError({"scope": f"A job has {MOST_TARGETS:,} targets at most. Make another for the rest."})
        items = len(new) * len(job.asks)
        JobScope.objects.create(job=job, number=len(scopes), ids=new)
        LLMJob.objects.filter(pk=job.pk).update(total_items=F("total_items") + items)
        # One that had been rendered is rendered on.
        rendered = LLMJob.objects.filter(pk=job.pk, state=State.RUNNING, stage=Stage.WORKING)
        rendered.update(state=State.PENDING, stage=Stage.RENDERING, next_at=database_now())
        job.record("appended", items=items)
        _ring(job)
    return items


def clone(job: LLMJob, *, label: str = "", job_id: uuid.UUID | None = None) -> LLMJob:
    """Begin a new job that asks the same about the same targets, those that are gone left out."""
    ids = tuple(one for scope in job.scopes.all() for one in scope.ids)
    plan = Plan(
        label=label or f"{job.label} (again)"[:200],
        system=job.system,
        template=job.template,
        asks=tuple(job.asks),
        policy=job.policy,
        above=job.above,
        priority=job.priority,
        cap=job.cap,
        uses_kept_answers=False,
        larger_output_tokens=job.larger_output_tokens,
        unanswered=job.unanswered,
        expired_to=job.expired_to,
    )
    return create_job(job.owner, job.purpose, Scope(ScopeKind.IDS, ids), plan, job_id=job_id)


def pause(job: LLMJob) -> bool:
    """Submit no more of a job; what is at a provider is still polled. False when it is paused already or has ended."""
    if not LLMJob.objects.filter(pk=job.pk, state__in=OPEN, paused_at=None).update(paused_at=database_now()):
        return False
    job.refresh_from_db()
    job.record("paused")
    return True


def resume(job: LLMJob) -> bool:
    """Go on with a paused job, whoever paused it; False when it is not."""
    with transaction.atomic():
        paused = LLMJob.objects.select_for_update().filter(pk=job.pk, state__in=OPEN, deleted_at=None).exclude(paused_at=None).first()
        if paused is None:
            return False
        if paused.submitted_at:
            # Of the job's own time none has passed. What is at a provider goes on being worked on and asked for, so that its time has.
            paused.paused_for += database_now() - max(paused.paused_at, paused.submitted_at)
        LLMJob.objects.filter(pk=job.pk).update(paused_at=None, paused_for=paused.paused_for, reason="", detail="")
        job.refresh_from_db()
        job.record("resumed")
        _ring(job)
    return True


def change_cap(job: LLMJob, cap: int | None) -> None:
    """Set what a job may spend (microdollars, None for no cap but its owner's); what was parked for it is tried again."""
    with transaction.atomic():
        LLMJob.objects.filter(pk=job.pk).update(cap=cap)
        job.refresh_from_db()
        job.record("cap_changed", cap=cap)
        _ring(job)


def change_priority(job: LLMJob, priority: int) -> None:
    """Have a job sent and polled before those of a smaller number."""
    LLMJob.objects.filter(pk=job.pk).update(priority=priority)
    job.refresh_from_db()
    job.record("priority_changed", priority=priority)


def retry_failed(job: LLMJob) -> int:
    """Send every failed and dead item round again and return how many."""
    return _send_round(job, LLMJobItem.objects.filter(job=job))


def retry_items(job: LLMJob, ids: Sequence[int]) -> int:
    """Send chosen failed or dead items round again; a job that had ended is open again."""
    return _send_round(job, LLMJobItem.objects.filter(job=job, pk__in=ids))


def _send_round(job: LLMJob, chosen: Any) -> int:
    with transaction.atomic():
        job = LLMJob.objects.select_for_update().get(pk=job.pk)
        if job.state == State.CANCELLED or job.deleted_at:
            return 0
        # What was never rendered has no prompt to send; what still holds money is let go of by the sweeper first.
        broken = chosen.filter(state__in=BROKEN, held=0).exclude(prompt="")
        keep_given_up(broken, database_now())
        sent = broken.retry(**UNSENT)
        if not sent:
            return 0
        LLMJob.objects.filter(pk=job.pk, state__in=ENDED).update(
            state=State.RUNNING, stage=Stage.WORKING, ended_at=None, totals={}, reason="", detail="",
            reopenings=F("reopenings") + 1, submitted_at=None, paused_for=timedelta(),
        )  # fmt: skip
        job.refresh_from_db()
        job.record("retried", items=sent)
        _ring(job)
    return sent


#: What an item is that is to be sent anew.
UNSENT: Mapping[str, Any] = {
    "stage": LLMJobItem.Stage.QUEUED,
    "batch": None,
    "intent": None,
    "provider_task_id": "",
    "provider_status": "",
    "sending_at": None,
    "submitted_at": None,
    "last_polled_at": None,
    "polls": 0,
}


def cancel(job: LLMJob) -> bool:
    """Stop a job: nothing more is sent, and what is at a provider ends here at once; its provider work is cancelled by the poller.

    What is answered all the same is kept and counted as paid, never applied. False when it has ended already.
    """
    with transaction.atomic():
        job = LLMJob.objects.select_for_update().get(pk=job.pk)
        if job.state in ENDED:
            return False
        items = LLMJobItem.objects.filter(job=job)
        never_sent = items.filter(sending_at=None).cancel(reason="cancelled", detail="Job cancelled before submission")
        items.exclude(sending_at=None).cancel(reason="cancelled", detail="Cancelled while at the provider")
        job.record("cancelled", skipped=never_sent)
        end(job, State.CANCELLED, items.aggregates(), "", "")
        _ring(job)
    return True


def delete_job(job: LLMJob) -> None:
    """Hide a job and stop its provider work; retention takes the rest."""
    cancel(job)
    LLMJob.objects.filter(pk=job.pk, deleted_at=None).update(deleted_at=database_now(), unseen_change=False)


def mark_seen(job: LLMJob) -> None:
    """Note that its owner has seen how it stands."""
    LLMJob.objects.filter(pk=job.pk).update(unseen_change=False)


def unseen_count(owner: Any) -> int:
    """Count an owner's jobs with changes nobody has looked at."""
    return LLMJob.objects.owned_by(owner).filter(unseen_change=True).count()


def _ring(job: LLMJob) -> None:
    from llmjobs.tasks import work_on_job

    ring(work_on_job, str(job.pk))
