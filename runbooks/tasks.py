"""The evaluation's tasks: a message carries an id and means "look at this row". Each may run twice."""

from __future__ import annotations

from celery import shared_task

from runbooks import advancing, closed_accounts, rates, working


@shared_task
def work_on_step(step_id: int) -> None:
    """Work on one step; a member of its stage's chord, so it never raises."""
    working.work_on(step_id)


@shared_task
def work_on_images(step_id: int) -> None:
    """Work on one step that decodes images, in a queue of its own."""
    working.work_on(step_id)


@shared_task
def work_on_bulk_step(step_id: int) -> None:
    """Work on one step of a bulk import, in a queue behind which nobody waits."""
    working.work_on(step_id)


@shared_task
def advance_execution(execution_id: str) -> None:
    """Open what is next for an execution: the chord's body. Mostly the last step of the chord has done so."""
    advancing.advance_if_idle(execution_id)


@shared_task
def fetch_exchange_rates() -> None:
    """Fetch the day's exchange rates where they are missing; beat rings every hour, so that a try that failed is made good."""
    rates.bring_up_to_date()


@shared_task
def purge_closed_accounts() -> None:
    """Verify and purge what eBay told of closed accounts, where its keys are at hand."""
    closed_accounts.purge_closed_accounts()


#: The task of each queue.
TASK_OF = {"runbooks": work_on_step, "images": work_on_images, "bulk": work_on_bulk_step}
