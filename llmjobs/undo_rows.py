"""The undoing of a whole job, and how far it has come, as a row."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from llmjobs.job_rows import LLMJob


class JobUndo(models.Model):
    """Hold that somebody wants back what a job had written by then; workers do it, the answer that came last first."""

    job = models.ForeignKey(LLMJob, on_delete=models.CASCADE, related_name="undos")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    asked_at = models.DateTimeField()
    #: Answers that stood as written when it was asked, and how many of those have been looked at.
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    #: Proposals from this id on have been looked at; it goes on below.
    below = models.BigIntegerField(default=0, editable=False)
    #: Answers of which something was put back.
    undone = models.PositiveIntegerField(default=0)
    #: Fields that stay, because somebody has touched them since.
    kept = models.PositiveIntegerField(default=0)
    #: Answers that stay, because a fault of ours keeps them from being put back; the log says which.
    failed = models.PositiveIntegerField(default=0)
    #: When the doorbell is to be rung again, should nobody be heard of until then.
    ring_at = models.DateTimeField(null=True, blank=True, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            # The sweeper asks for what is under way by it, too.
            models.UniqueConstraint(fields=["job"], condition=Q(ended_at=None), name="a_job_is_undone_once_at_a_time"),
            models.CheckConstraint(condition=Q(ended_at__isnull=False) | Q(ring_at__isnull=False), name="an_undo_under_way_is_rung_for"),
        ]

    def __str__(self) -> str:
        return f"{self.done} of {self.total} answers"
