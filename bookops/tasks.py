"""The core's tasks: each makes one call. They go to the default queue."""

from celery import shared_task

from bookops import sweep as sweeping


@shared_task(name="bookops.sweep")
def sweep() -> None:
    """Do one round of the sweeper."""
    sweeping.sweep_once()


@shared_task(name="bookops.send_notices")
def send_notices() -> None:
    """Send the notices that are due."""
    from bookops.notices import send_due_notices

    send_due_notices()


@shared_task(name="bookops.forget")
def forget() -> None:
    """Delete what has outlived its use."""
    from bookops.forgetting import forget_old

    forget_old()
