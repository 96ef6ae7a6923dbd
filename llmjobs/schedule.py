"""Beat's row for the poller: made once, and the operator's from then on."""

from __future__ import annotations

from typing import Any

from django.conf import settings

NAME = "poll language models"


def schedule_poller(**kwargs: Any) -> bool:
    """Make the row that has beat ring every POLL_SECONDS, unless there is one; True if it was made. Called after each migrate.

    In CELERY_BEAT_SCHEDULE it would be written over each time beat starts.
    """
    from django_celery_beat.models import IntervalSchedule, PeriodicTask

    if PeriodicTask.objects.filter(name=NAME).exists():
        return False
    seconds = max(round(settings.POLL_SECONDS), 1)
    every = IntervalSchedule.objects.filter(every=seconds, period=IntervalSchedule.SECONDS).first()
    every = every or IntervalSchedule.objects.create(every=seconds, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.create(
        name=NAME,
        task="llmjobs.tasks.poll",
        interval=every,
        # What nobody took by the next round is of no use: a tick asks for all there is.
        expire_seconds=seconds,
        description="Asks the providers what has become of what LLM jobs sent. Another interval may be chosen here.",
    )
    return True
