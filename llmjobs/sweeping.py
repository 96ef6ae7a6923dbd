"""What the sweeper does for jobs in each round."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from bookops.dispatch import ring
from bookops.language_models import UnknownModel
from bookops.outbound.errors import Refused
from bookops.runs import ENDED, State
from bookops.spend import dollars, room_in
from bookops.sweep import register
from llmjobs.ending import end_if_done
from llmjobs.holding import most_cost, price_of, purses_of, release_holds
from llmjobs.models import JobUndo, LLMJob, LLMJobItem, ProviderBatch
from llmjobs.reconciling import resend_overdue, suspect_lost
from llmjobs.submitting import pause_for
from llmjobs.webhooks import ring_for_unknown_responses

#: Rows moved in one round by each rule, so that a round stays short; the next one follows in seconds.
MOST = 500


@register
def sweep_jobs(now: datetime) -> dict[str, int]:
    """Bring every job that has lost a worker or a message back on its way; nothing that was perhaps sent is sent again here blindly."""
    return {
        "jobs_freed": free_jobs(now),
        "batches_freed": free_batches(now),
        "items_suspected": suspect_lost(now),
        "responses_rung": ring_for_unknown_responses(now),
        "items_resent": resend_overdue(now),
        "items_resumed": resume_items(now),
        "jobs_rung": ring_jobs(now),
        "undos_rung": ring_undos(now),
        "jobs_ended": end_jobs(),
        "holds_released": release_holds(now),
    }


def free_jobs(now: datetime) -> int:
    """Give jobs back whose renderer fell silent; it goes on where that one stopped."""
    rendering = LLMJob.objects.filter(stage=LLMJob.Stage.RENDERING)
    return rendering.free(list(rendering.expired(now).values_list("pk", flat=True)[:MOST]), now)


def free_batches(now: datetime) -> int:
    """Give batches back whose sender fell silent; whoever is next looks for them at the provider first."""
    sending = ProviderBatch.objects.filter(provider_id="")
    lost = list(sending.expired(now).values_list("pk", flat=True)[:MOST])
    return sending.filter(pk__in=lost).expired(now).update(
        state=State.PENDING, next_at=now, lease_owner=None, lease_until=None, losses=F("losses") + 1, attempts=F("attempts") - 1,
        reason="worker_lost",
    )  # fmt: skip


def resume_items(now: datetime) -> int:
    """Make parked items pending again: all when their time has come, and as many as fit when a purse has room again."""
    resumed = LLMJobItem.objects.all().resume(now, MOST)
    parked = LLMJobItem.objects.filter(job=OuterRef("pk"), state=State.PARKED)
    for job in LLMJob.objects.active().filter(Exists(parked), reason="over_budget")[:MOST]:
        try:
            resumed += resume_within_budget(job, now)
        except UnknownModel as error:
            # It could not be sent either, and must not keep all other jobs from being swept.
            pause_for(job, Refused(str(error), reason="unknown_model"))
    return resumed


def resume_within_budget(job: LLMJob, now: datetime) -> int:
    """Make as many of a job's parked items pending as its purses have room for now; raises UnknownModel where they have no price."""
    parked = LLMJobItem.objects.filter(job=job, state=State.PARKED, reason="over_budget").order_by("number")
    first = parked.first()
    if first is None:
        LLMJob.objects.filter(pk=job.pk, reason="over_budget").update(reason="", detail="")
        return 0
    price = price_of(first.provider, first.model, now.date())
    each = most_cost(price, tokens=first.estimated_tokens, most_output_tokens=first.most_output_tokens, tier=first.tier)
    rooms = [room for purse in purses_of(job, now.date()) if (room := room_in(purse)) is not None]
    fitting = min(min(rooms) // max(each, 1), MOST) if rooms else MOST
    if fitting <= 0:
        return 0
    chosen = list(parked.values_list("pk", flat=True)[:fitting])
    return LLMJobItem.objects.filter(pk__in=chosen, state=State.PARKED).update(
        state=State.PENDING, next_at=now, reason="", detail=f"There is room for {dollars(each)} again."
    )


def ring_jobs(now: datetime) -> int:
    """Ring for jobs that have something to render, to send or to look for, the most urgent first."""
    from llmjobs.tasks import work_on_job

    items = LLMJobItem.objects.filter(job=OuterRef("pk")).due(now)
    batches = ProviderBatch.objects.filter(job=OuterRef("pk"), provider_id="", state=State.PENDING, next_at__lte=now)
    sends = Q(state=State.RUNNING, stage=LLMJob.Stage.WORKING, paused_at=None, deleted_at=None) & (Exists(items) | Exists(batches))
    renders = Q(state=State.PENDING, next_at__lte=now, deleted_at=None)
    looks = Exists(batches.filter(~Q(sending_at=None))) | (Q(state__in=ENDED) & Exists(batches))
    quiet = LLMJob.objects.filter(Q(ring_at=None) | Q(ring_at__lte=now))
    due = list(quiet.filter(sends | renders | looks).order_by("-priority", "created_at").values_list("pk", flat=True)[:MOST])
    with transaction.atomic():
        LLMJob.objects.filter(pk__in=due).update(ring_at=now + timedelta(seconds=settings.RING_AGAIN_SECONDS))
        for job_id in due:
            ring(work_on_job, str(job_id))
    return len(due)


def ring_undos(now: datetime) -> int:
    """Ring for the undoing of jobs that nobody has been at for a while: the bell was lost, or its worker."""
    from llmjobs.tasks import work_on_undo

    quiet = JobUndo.objects.filter(ended_at=None, ring_at__lte=now)
    rung = 0
    for undo_id in list(quiet.order_by("ring_at").values_list("pk", flat=True)[:MOST]):
        if quiet.filter(pk=undo_id).update(ring_at=now + timedelta(seconds=settings.RING_AGAIN_SECONDS)):
            ring(work_on_undo, undo_id)
            rung += 1
    return rung


def end_jobs() -> int:
    """End the jobs whose last item ended without anybody there to end them."""
    unfinished = LLMJobItem.objects.filter(job=OuterRef("pk")).unfinished()
    done = LLMJob.objects.filter(~Exists(unfinished), state=State.RUNNING, stage=LLMJob.Stage.WORKING)
    return sum(end_if_done(pk) for pk in list(done.values_list("pk", flat=True)[:MOST]))
