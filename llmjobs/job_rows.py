"""A job as a row, and the frozen ids that it asks about."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Self

from django.db import models
from django.db.models import Q

from bookops.events import FollowedRun
from bookops.runs import OPEN, RunQuerySet, State


class LLMJobQuerySet(RunQuerySet):
    """Jobs by owner and by what is due."""

    def owned_by(self, user: Any) -> Self:
        """Filter to what this user may see."""
        return self.filter(owner=user, deleted_at=None)

    def active(self) -> Self:
        """Filter to jobs that have something to do, paused ones not."""
        return self.filter(state__in=OPEN, deleted_at=None, paused_at=None)


class LLMJob(FollowedRun):
    """Hold one purpose asked about many targets.

    While it runs, `stage` says what it is at: rendering its items (one worker under a lease), then working on them (nobody holds it).
    """

    class Stage(models.TextChoices):
        RENDERING = "rendering", "rendering prompts"
        WORKING = "working", "asking and applying"
        DONE = "done", "done"

    class ScopeKind(models.TextChoices):
        IDS = "ids", "chosen ones"
        FILTERS = "filters", "those that matched a filter"
        ALL = "all", "all there were"

    class Unanswered(models.TextChoices):
        """What to do with a background item that was perhaps sent, when nobody can tell."""

        HOLD = "hold", "wait for a person"
        RESEND = "resend", "send again after its time limit, perhaps paying twice"

    stage = models.CharField(max_length=10, choices=Stage.choices, default=Stage.RENDERING)
    label = models.CharField(max_length=200)
    purpose = models.CharField(max_length=40)
    scope_kind = models.CharField(max_length=10, choices=ScopeKind.choices)
    #: What the person asked for, for people; the frozen ids stand in `JobScope`.
    scope = models.JSONField(default=dict, blank=True)
    system = models.TextField(blank=True)
    template = models.TextField()
    #: [{"provider", "way", "model", "effort", "tier", "most_output_tokens"}]: each target is asked of each.
    asks = models.JSONField(default=list)
    policy = models.CharField(max_length=10, default="review")
    #: The confidence from which the policy "above" applies.
    above = models.FloatField(default=0.8)
    #: Larger wins: its items are submitted and polled first.
    priority = models.SmallIntegerField(default=0)
    #: Microdollars; empty for no cap but the owner's.
    cap = models.BigIntegerField(null=True, blank=True)
    uses_kept_answers = models.BooleanField(default=True)
    #: Output tokens to try once more with when an answer was cut short; empty to fail it.
    larger_output_tokens = models.PositiveIntegerField(null=True, blank=True)
    unanswered = models.CharField(max_length=10, choices=Unanswered.choices, default=Unanswered.HOLD)
    #: {"provider", "way", "model"} to resubmit expired batch items to; empty for where they were.
    expired_to = models.JSONField(default=dict, blank=True)
    total_items = models.PositiveIntegerField(default=0)
    #: Targets of the frozen scope whose items have been rendered; rendering resumes behind them.
    rendered = models.PositiveIntegerField(default=0)
    paused_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    unseen_change = models.BooleanField(default=False)
    #: What `aggregates` said when the job ended; empty while it has not.
    totals = models.JSONField(default=dict, blank=True)
    #: The submission that the 48 hours count from, and how long it was paused since, which they leave out.
    submitted_at = models.DateTimeField(null=True, blank=True)
    paused_for = models.DurationField(default=timedelta, editable=False)
    #: Its answers come from stand-ins for the providers.
    sandbox = models.BooleanField(default=False, editable=False)
    last_polled_at = models.DateTimeField(null=True, blank=True)

    max_attempts = models.PositiveIntegerField(default=100, editable=False)

    objects = LLMJobQuerySet.as_manager()  # type: ignore[misc]  # it replaces its abstract parent's

    class Meta(FollowedRun.Meta):
        verbose_name = "LLM job"
        verbose_name_plural = "LLM jobs"
        constraints = [
            *FollowedRun.Meta.constraints,
            models.CheckConstraint(condition=Q(above__gte=0, above__lte=1), name="a_confidence_is_between_0_and_1"),
            models.CheckConstraint(condition=Q(policy__in=["apply", "above", "review"]), name="a_policy_is_one_of_three"),
        ]
        indexes = [
            models.Index(fields=["owner", "-created_at"], name="jobs_newest_first"),
            # The poller and the sweeper ask for what still runs.
            models.Index(fields=["-priority", "last_polled_at"], condition=Q(state__in=OPEN), name="jobs_at_work"),
        ]
        permissions = [
            ("run_job", "Can submit, pause, cancel and retry LLM jobs"),
            ("review_answers", "Can accept, correct and undo answers"),
        ]

    def __str__(self) -> str:
        return self.label

    @classmethod
    def most_losses(cls) -> int:
        # Rendering resumes where it stopped.
        return 100

    @property
    def status(self) -> str:
        """Return the state under the first design's name."""
        if self.state in OPEN and self.paused_at:
            return "paused"
        return {
            State.PENDING: "queued",
            State.RUNNING: "running",
            State.PARKED: "running",
            State.SUCCEEDED: "completed",
            State.FAILED: "failed",
            State.DEAD: "failed",
            State.CANCELLED: "cancelled",
        }[State(self.state)]

    @property
    def source(self) -> str:
        """Return the name under which its changes stand in a book's provenance."""
        return f"job:{self.pk}"

    def aggregates(self) -> dict[str, int]:
        """Return the exact counts, tokens and cost of the job's items as of now, in one query; frozen when the job has ended."""
        if self.totals:
            return dict(self.totals)
        return self.items.aggregates()


class JobScope(models.Model):
    """Hold the frozen ids that a job asks about, in the order in which they are rendered."""

    job = models.ForeignKey(LLMJob, on_delete=models.CASCADE, related_name="scopes")
    #: A job is appended to in further scopes while it is queued.
    number = models.PositiveIntegerField(default=0)
    ids = models.JSONField(default=list)
    rendered = models.BooleanField(default=False)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["job", "number"], name="scopes_of_a_job_are_numbered_once")]

    def __str__(self) -> str:
        return f"{len(self.ids)} ids"
