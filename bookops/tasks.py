"""The core's tasks: each makes one call."""

from celery import shared_task

from bookops import sweep as sweeping


@shared_task(name="bookops.sweep", queue="default")
def sweep() -> None:
    """Do one round of the sweeper."""
    sweeping.sweep_once()


@shared_task(name="bookops.send_notices", queue="default")
def send_notices() -> None:
    """Send the notices that are due."""
    from bookops.notices import send_due_notices

    send_due_notices()


@shared_task(name="bookops.forget", queue="default")
def forget() -> None:
    """Delete what has outlived its use."""
    from bookops.forgetting import forget_old

    forget_old()
