"""The jobs' tasks: a message carries an id and means "look at this row". Each may run twice."""

from __future__ import annotations

from contextlib import suppress

from celery import shared_task

from bookops.outbound.errors import SourceError


@shared_task
def work_on_job(job_id: str) -> None:
    """Do what a job needs next: render its items, submit what is queued, end it."""
    from llmjobs.working import work_on

    work_on(job_id)


@shared_task
def work_on_undo(undo_id: int) -> None:
    """Put back some of what a job has written."""
    from llmjobs import undoing

    undoing.work_on_undo(undo_id)


@shared_task
def poll() -> None:
    """Do one tick of the poller; what another poller is at already is left to it."""
    from llmjobs import polling

    polling.tick()


@shared_task
def look_at(item_id: int) -> None:
    """Ask for one background item, as a webhook says that it has ended."""
    from llmjobs import polling

    with suppress(SourceError):  # the next tick asks again
        polling.look_at(item_id)


@shared_task
def adopt(response_id: str) -> None:
    """Find out whose a response is that a webhook tells of and nobody here knows."""
    from llmjobs import webhooks

    with suppress(SourceError):  # the sweeper rings again
        webhooks.adopt(response_id)


@shared_task
def take_results(batch_id: int, tick_id: int | None = None) -> None:
    """Apply the results of a batch that has ended."""
    from llmjobs import batch_results

    with suppress(SourceError):  # the next tick rings again
        batch_results.take_results(batch_id, tick_id)
