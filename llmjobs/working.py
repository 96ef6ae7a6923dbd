"""Do what a job needs next, for a while: render its items, answer some from kept answers, send what is due, end it."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any, NamedTuple

import structlog
from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import Q

from bookops.clock import database_now
from bookops.dispatch import ring
from bookops.language_models import UnknownModel
from bookops.outbound.errors import Refused
from bookops.runs import ENDED, State, wait_before
from llmjobs import batching, cutting, submitting
from llmjobs.ending import end, end_if_done
from llmjobs.keeping import answer_from_kept
from llmjobs.models import LLMJob, LLMJobItem, ProviderBatch
from llmjobs.rendering import render

log = structlog.get_logger(__name__)

#: Seconds after which a job gives its worker to whoever is next, and rings again.
TURN = 20.0


def work_on(job_id: Any) -> None:
    """Work on a job for TURN seconds at most; any number of workers may at once, as each row is claimed by one of them."""
    if claimed := LLMJob.objects.filter(deleted_at=None).claim([job_id]):
        render_or_fail(claimed[0])
    job = LLMJob.objects.filter(pk=job_id).first()
    if job is None:
        return
    send_batches(job)
    if is_sending(job):
        go_on(job, time.monotonic() + TURN)
    end_if_done(job_id)


def render_or_fail(job: LLMJob) -> None:
    """Render a claimed job; one that a fault of ours keeps from it is tried MAX_ATTEMPTS times, then fails with all its items."""
    try:
        render(job)
    except OperationalError:
        raise  # a database that is away ends nothing
    except Exception as error:
        log.exception("render_crashed", run_id=str(job.pk))
        now = database_now()
        with transaction.atomic():
            if not LLMJob.objects.all().fence([job]):
                return
            if job.attempts < settings.MAX_ATTEMPTS:
                again = now + timedelta(seconds=wait_before(job.attempts))
                LLMJob.objects.filter(pk=job.pk).update(
                    state=State.PENDING, next_at=again, ring_at=again, lease_owner=None, lease_until=None, reason="crashed",
                )  # fmt: skip
                return
            items = LLMJobItem.objects.filter(job=job)
            items.cancel()
            end(job, State.FAILED, items.aggregates(), "not_rendered", f"Its prompts could not be rendered: {type(error).__name__}")


def is_sending(job: LLMJob) -> bool:
    """Say whether a job may send items now."""
    return job.state == State.RUNNING and job.stage == LLMJob.Stage.WORKING and job.paused_at is None and job.deleted_at is None


def send_batches(job: LLMJob) -> None:
    """Send the job's batches that are cut already; one that was perhaps created is looked for whatever became of the job."""
    due = ProviderBatch.objects.filter(job=job, provider_id="", state=State.PENDING, next_at__lte=database_now())
    if not is_sending(job):
        due = due.filter(~Q(sending_at=None)) if job.state not in ENDED else due
    for batch_id in list(due.order_by("pk").values_list("pk", flat=True)):
        batching.send(batch_id)


class Route(NamedTuple):
    """How some items of a job are sent: a round of them goes out together, and waits for its like of more urgent jobs."""

    provider: str
    way: str
    #: One model a batch; "" for all of them one by one.
    model: str = ""


def go_on(job: LLMJob, stop_at: float) -> None:
    """Answer from kept answers, then send until nothing is due, more is of no use, something more urgent waits, or the turn is over."""
    answer_from_kept(job)
    try:
        while is_sending(job):
            has_more, wait = send_some(job)
            if not has_more:
                if wait:
                    ring_after(job, wait)
                return
            if time.monotonic() > stop_at:
                ring_again(job)
                return
            job.refresh_from_db()
    except (Refused, UnknownModel) as error:
        # Every further item would meet the same.
        submitting.pause_for(job, error if isinstance(error, Refused) else Refused(str(error), reason="unknown_model"))


def send_some(job: LLMJob) -> tuple[bool, float]:
    """Send a round by each route that is free; return whether more can be sent now, and else the seconds until then."""
    has_more, wait = False, 0.0
    for route in free_routes(job):
        if route.way == "batch":
            batch = cutting.cut_batch(job, route.provider, route.model)
            has_more |= batch is not None and batching.send(batch.pk)
        else:
            sent = submitting.submit_some(job, route.provider)
            has_more |= sent.moved > sent.turned_away
            wait = max(wait, sent.wait)
    return has_more, wait


def routes(job: LLMJob) -> list[Route]:
    """Return the routes of a job's items, those of expired ones included."""
    asks = [*job.asks, *([job.expired_to] if job.expired_to else [])]
    return sorted({Route(ask["provider"], ask["way"], ask["model"] if ask["way"] == "batch" else "") for ask in asks})


def free_routes(job: LLMJob) -> list[Route]:
    """Return the routes by which no job of a higher priority has something to send; it would go first."""
    more_urgent = LLMJob.objects.active().filter(priority__gt=job.priority, state=State.RUNNING, stage=LLMJob.Stage.WORKING)
    if not more_urgent.exists():
        return routes(job)
    due = LLMJobItem.objects.filter(job__in=more_urgent).due(database_now())
    return [route for route in routes(job) if not due.filter(**{name: part for name, part in route._asdict().items() if part}).exists()]


def ring_after(job: LLMJob, seconds: float) -> None:
    """Have the sweeper ring for a job when its provider may be asked again."""
    LLMJob.objects.filter(pk=job.pk).update(ring_at=database_now() + timedelta(seconds=seconds))


def ring_again(job: LLMJob) -> None:
    """Ring for a job that has more to do than one turn."""
    from llmjobs.tasks import work_on_job

    ring(work_on_job, str(job.pk))
