"""Executions, their steps and attempts, the bulk imports that begin many, and pages that could not be read."""

from __future__ import annotations

from typing import Any, Self

from django.db import models
from django.db.models import Q

from bookops.events import FollowedRun
from bookops.runs import ENDED, OPEN, Run, RunQuerySet, State
from bookops.spend import Spending
from runbooks.listing_rows import Listing


class BulkImport(FollowedRun):
    """Hold a list of links that are evaluated behind all interactive work."""

    filename = models.CharField(max_length=255, blank=True)
    total = models.PositiveIntegerField(default=0)
    #: Share of failed executions above which the whole ends as failed; empty means never.
    tolerated_failures = models.FloatField(null=True, blank=True)
    #: Calls and days that it was forecast to take before it started.
    forecast = models.JSONField(default=dict, blank=True)
    #: [{"line", "text", "why"}] of what names no listing.
    refused = models.JSONField(default=list, blank=True)

    max_attempts = models.PositiveIntegerField(default=100, editable=False)

    class Meta(FollowedRun.Meta):
        permissions = [("run_bulk", "Can start bulk imports of listings")]

    def __str__(self) -> str:
        return self.filename or f"{self.total} links"


class BulkLink(models.Model):
    """Hold one link of a bulk import: without an execution it waits for its turn, without an outcome it has not ended."""

    bulk = models.ForeignKey(BulkImport, on_delete=models.CASCADE, related_name="links")
    #: Of the file or text that was given, from 1.
    line = models.PositiveIntegerField()
    url = models.CharField(max_length=2048)
    execution = models.ForeignKey("Execution", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    #: The state that the execution ended in.
    outcome = models.CharField(max_length=10, blank=True, choices=[(state.value, state.label) for state in ENDED])

    class Meta:
        ordering = ["line"]
        constraints = [models.UniqueConstraint(fields=["bulk", "line"], name="a_line_of_a_bulk_import_is_one_link")]
        indexes = [
            # Those that wait, and those at work.
            models.Index(fields=["bulk", "line"], condition=Q(outcome=""), name="bulk_links_to_end"),
        ]

    def __str__(self) -> str:
        return f"{self.line}: {self.url}"


class ExecutionQuerySet(RunQuerySet):
    """Executions by owner and by what is due."""

    def owned_by(self, user: Any) -> Self:
        """Filter to what this user may see."""
        return self.filter(owner=user)

    def active(self) -> Self:
        """Filter to what has not ended, parked included."""
        return self.filter(state__in=[*OPEN, State.PARKED])

    def of_listing(self, owner_id: Any, key: str, *, sandbox: bool) -> Self:
        """Filter to those of one listing of an owner; the sandbox's of the same number is another one."""
        return self.filter(owner_id=owner_id, listing_key=key, sandbox=sandbox)


class Execution(FollowedRun):
    """Hold one way from a listing to its runbook; its steps do the work and nobody holds it.

    It has succeeded as soon as the runbook is saved, whatever notify does; `partial` says that some of it is missing and may still come.
    """

    class Cause(models.TextChoices):
        IMPORT = "import", "import"
        REFRESH = "refresh", "refresh"
        PASTE = "paste", "pasted by hand"
        BULK = "bulk", "bulk import"

    #: As given; "" when pasted.
    url = models.CharField(max_length=2048, blank=True)
    cause = models.CharField(max_length=10, choices=Cause.choices, default=Cause.IMPORT)
    listing = models.ForeignKey(Listing, null=True, blank=True, on_delete=models.SET_NULL, related_name="executions")
    #: The listing's key, or "link:<digest>" of a short link that nobody has followed yet: one active execution each.
    listing_key = models.CharField(max_length=80)
    runbook = models.ForeignKey("EvalRunbook", null=True, blank=True, on_delete=models.SET_NULL, related_name="executions")
    bulk = models.ForeignKey(BulkImport, null=True, blank=True, on_delete=models.CASCADE, related_name="executions")
    #: {"model", "queries", "without": [step, …]}: how it differs from the settings; a second request that differs is a conflict.
    options = models.JSONField(default=dict, blank=True)
    #: The runbook is there, but some branch failed or is late.
    partial = models.BooleanField(default=False)
    #: Steps that are missing from a partial runbook.
    missing = models.JSONField(default=list, blank=True)
    #: When the runbook was first saved.
    saved_at = models.DateTimeField(null=True, blank=True)
    #: Whether it asks the sandbox; where the real sources are asked, it goes no further.
    sandbox = models.BooleanField(default=False, editable=False)

    max_attempts = models.PositiveIntegerField(default=100, editable=False)

    objects = ExecutionQuerySet.as_manager()  # type: ignore[misc]  # it replaces its abstract parent's

    class Meta(FollowedRun.Meta):
        constraints = [
            *FollowedRun.Meta.constraints,
            models.UniqueConstraint(
                fields=["owner", "listing_key", "sandbox"],
                condition=Q(state__in=["pending", "running", "parked"]),
                name="a_listing_of_an_owner_is_evaluated_once_at_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "-created_at"], name="executions_newest_first"),
            models.Index(fields=["state"], condition=Q(state__in=["pending", "running", "parked"]), name="executions_at_work"),
            models.Index(fields=["-saved_at"], condition=Q(partial=True), name="executions_partial"),
        ]
        permissions = [("run_execution", "Can import listings, retry steps, refresh and cancel")]

    def __str__(self) -> str:
        return self.listing.title if self.listing and self.listing.title else self.url or "pasted listing"

    @property
    def status(self) -> str:
        """Return RUNNING, SUCCEEDED or FAILED; parked is RUNNING, cancelled is FAILED."""
        if self.saved_at or self.state == State.SUCCEEDED:
            return "SUCCEEDED"
        return "RUNNING" if self.state in (*OPEN, State.PARKED) else "FAILED"


class StepRun(Run, Spending):
    """Hold one run of one step of an execution. A retry is a new row beside the earlier one; one of a step is the current one."""

    LOSS_IS_ATTEMPT = False

    execution = models.ForeignKey(Execution, on_delete=models.CASCADE, related_name="steps")
    name = models.CharField(max_length=20)
    #: From 1; raised by each retry that a person or a changed input asked for.
    number = models.PositiveSmallIntegerField(default=1)
    is_current = models.BooleanField(default=True)
    #: Switched off: not run, and not missing.
    skipped = models.BooleanField(default=False)
    #: What it was to work on, how that differs from the usual, and the SHA-256 of both.
    input = models.JSONField(default=dict, blank=True)
    variant = models.JSONField(default=dict, blank=True)
    input_hash = models.CharField(max_length=64, blank=True)
    output = models.JSONField(default=dict, blank=True)
    #: "3/19 images"
    progress = models.CharField(max_length=100, blank=True)
    #: What it waits for while parked: a source or "budget".
    waiting_for = models.CharField(max_length=20, blank=True)
    #: Seconds of work of the last attempt, without waiting.
    seconds = models.FloatField(default=0)
    #: {source: calls} of all attempts.
    calls = models.JSONField(default=dict, blank=True)
    #: When the step must have ended, set by its claim.
    deadline_at = models.DateTimeField(null=True, blank=True)

    class Meta(Run.Meta):
        constraints = [
            *Run.Meta.constraints,
            models.UniqueConstraint(fields=["execution", "name", "number"], name="runs_of_a_step_are_numbered_once"),
            models.UniqueConstraint(fields=["execution", "name"], condition=Q(is_current=True), name="one_run_of_a_step_is_current"),
            models.CheckConstraint(condition=~Q(skipped=True) | Q(state="succeeded"), name="a_skipped_step_has_ended"),
        ]
        indexes = [
            models.Index(fields=["ring_at"], condition=Q(state="pending"), name="steps_to_ring"),
            models.Index(fields=["lease_until"], condition=Q(state="running"), name="steps_by_lease"),
            models.Index(fields=["next_at"], condition=Q(state="parked"), name="steps_parked"),
            models.Index(fields=["ended_at"], condition=Q(state__in=["failed", "dead"]), name="steps_failed"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.number}"

    @property
    def status(self) -> str:
        """Return the state in the words of the first design."""
        if self.skipped:
            return "SKIPPED"
        return {
            State.PENDING: "PENDING",
            State.RUNNING: "RUNNING",
            State.PARKED: "PARKED",
            State.SUCCEEDED: "COMPLETED",
            State.FAILED: "FAILED",
            State.DEAD: "FAILED",
            State.CANCELLED: "CANCELLED",
        }[State(self.state)]


class StepAttempt(models.Model):
    """Hold one try at a step, for its timeline."""

    step = models.ForeignKey(StepRun, on_delete=models.CASCADE, related_name="tries")
    number = models.PositiveIntegerField()
    outcome = models.CharField(max_length=20)
    reason = models.CharField(max_length=40, blank=True, default="")
    detail = models.CharField(max_length=500, blank=True, default="")
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField()
    cost = models.BigIntegerField(default=0)
    calls = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["step_id", "id"]

    def __str__(self) -> str:
        return f"{self.number} {self.outcome}"


class KeptPage(models.Model):
    """Hold an answer that could not be read, so that whoever mends the reader has it."""

    execution = models.ForeignKey(Execution, null=True, blank=True, on_delete=models.CASCADE, related_name="pages")
    source = models.CharField(max_length=20)
    reason = models.CharField(max_length=40)
    key = models.CharField(max_length=100)
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.source} {self.at:%Y-%m-%d %H:%M}"
