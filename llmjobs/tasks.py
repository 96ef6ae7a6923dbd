"""The jobs' tasks: a message carries an id and means "look at this row". Each may run twice."""

from __future__ import annotations

from celery import shared_task


@shared_task
def work_on_job(job_id: str) -> None:
    """Do what a job needs next: render its items, submit what is queued, end it."""
    from llmjobs.working import work_on

    work_on(job_id)
