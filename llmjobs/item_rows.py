"""What is asked as rows: items, the batches they are sent in, and what came of each sending."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce

from bookops.runs import BROKEN, ENDED, OPEN, Run, RunQuerySet, State
from bookops.spend import Spending
from llmjobs.job_rows import LLMJob


class ProviderBatch(Run):
    """Hold one batch at a provider; written before it is created there, so that a crash in between can be reconciled.

    pending: to be sent · running: being sent, under a lease, while `provider_id` is empty; at the provider, without one, afterwards.
    """

    job = models.ForeignKey(LLMJob, on_delete=models.CASCADE, related_name="batches")
    provider = models.CharField(max_length=20)
    way = models.CharField(max_length=20)
    model = models.CharField(max_length=60)
    #: Sent as metadata where the provider keeps some, and as the start of every custom_id.
    intent = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    provider_id = models.CharField(max_length=100, blank=True)
    input_file_id = models.CharField(max_length=100, blank=True)
    output_file_id = models.CharField(max_length=100, blank=True)
    error_file_id = models.CharField(max_length=100, blank=True)
    #: The provider's own word for where it stands.
    provider_status = models.CharField(max_length=40, blank=True)
    #: The provider's own counts; 0 until the end where it does not count before.
    provider_counts = models.JSONField(default=dict, blank=True)
    requests = models.PositiveIntegerField(default=0)
    bytes = models.PositiveBigIntegerField(default=0)
    #: When the call that creates it was begun, and when it was known to be there.
    sending_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    last_polled_at = models.DateTimeField(null=True, blank=True)
    #: Lines of the results that have been applied; applying resumes behind them.
    lines_applied = models.PositiveIntegerField(default=0)
    cancel_asked_at = models.DateTimeField(null=True, blank=True)

    class Meta(Run.Meta):
        verbose_name_plural = "provider batches"
        constraints = [
            *Run.Meta.constraints,
            models.UniqueConstraint(fields=["provider", "provider_id"], condition=~Q(provider_id=""), name="a_batch_is_known_once"),
        ]
        indexes = [
            models.Index(fields=["next_at"], condition=Q(state__in=OPEN), name="batches_at_work"),
        ]

    def __str__(self) -> str:
        return self.provider_id or f"unsent {self.intent}"


class LLMJobItemQuerySet(RunQuerySet):
    """Items by what a worker, the poller or a person would ask for."""

    def expired(self, now: datetime) -> Self:
        """Filter to items whose worker fell silent; a batch holds the lease for all its items, and a provider holds none."""
        return super().expired(now).filter(stage=LLMJobItem.Stage.SUBMITTING, batch=None)

    def unfinished(self) -> Self:
        """Filter to what keeps a job from its end."""
        return self.exclude(state__in=ENDED)

    def due(self, now: datetime) -> Self:
        """Filter to what may be sent now, in the order of the job."""
        return self.filter(state=State.PENDING, next_at__lte=now).order_by("number")

    def at_provider(self) -> Self:
        """Filter to what a provider is working on."""
        return self.filter(state=State.RUNNING, stage=LLMJobItem.Stage.PROCESSING)

    def left_there(self) -> Self:
        """Filter to what was given up here while a provider was at it, which may be so still; what is in a batch ends with that."""
        given_up = self.filter(state__in=[State.CANCELLED, State.FAILED], batch=None).exclude(provider_task_id="")
        return given_up.exclude(stage=LLMJobItem.Stage.ANSWERED)

    def broken(self) -> Self:
        """Filter to failed and dead items."""
        return self.filter(state__in=BROKEN)

    def aggregates(self) -> dict[str, int]:
        """Return counts, tokens and cost of these items, in one query."""
        ended = Q(state__in=ENDED)
        return self.aggregate(
            total=Count("*"),
            submitted=Count("pk", filter=Q(submitted_at__isnull=False)),
            processed=Count("pk", filter=ended),
            succeeded=Count("pk", filter=Q(state=State.SUCCEEDED)),
            failed=Count("pk", filter=Q(state__in=BROKEN)),
            cancelled=Count("pk", filter=Q(state=State.CANCELLED)),
            flagged=Count("pk", filter=Q(flagged=True)),
            parked=Count("pk", filter=Q(state=State.PARKED)),
            input_tokens=Coalesce(Sum("input_tokens"), 0),
            output_tokens=Coalesce(Sum("output_tokens"), 0),
            cost=Coalesce(Sum("cost"), 0),
            held=Coalesce(Sum("held"), 0),
        )


class LLMJobItem(Run, Spending):
    """Hold one target asked of one model.

    While it runs, `stage` says who works on it: submitting is a worker under a lease; processing is the provider, without one. What
    failed or was cancelled at another stage than answered was given up here, and its provider may be at work still.
    """

    class Stage(models.TextChoices):
        QUEUED = "queued", "queued"
        SUBMITTING = "submitting", "submitting"
        PROCESSING = "processing", "processing"
        #: Perhaps sent, perhaps not: nobody may send it again before somebody knows.
        UNKNOWN = "unknown", "perhaps sent"
        #: The provider has said its last word.
        ANSWERED = "answered", "answered"

    # Without indexes of their own, which each applied result would have to keep: composite ones begin with the job, and nobody asks
    # for items by their owner alone.
    job = models.ForeignKey(LLMJob, on_delete=models.CASCADE, related_name="items", db_index=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    number = models.PositiveIntegerField()
    target_id = models.BigIntegerField()
    #: As it was when asked: a change is made only while it still is so.
    target_version = models.PositiveIntegerField(default=0)
    target_label = models.CharField(max_length=300, blank=True)
    way = models.CharField(max_length=20)
    effort = models.CharField(max_length=10, blank=True)
    most_output_tokens = models.PositiveIntegerField(default=2000)
    stage = models.CharField(max_length=10, choices=Stage.choices, default=Stage.QUEUED)
    prompt = models.TextField(blank=True)
    #: SHA-256 of all that decides the answer; equal ones of an owner are asked once.
    digest = models.CharField(max_length=64, blank=True)
    #: Tokens that the prompt may have, as counted before.
    estimated_tokens = models.PositiveIntegerField(default=0)
    batch = models.ForeignKey(ProviderBatch, null=True, blank=True, on_delete=models.SET_NULL, related_name="items")
    #: Sent as metadata with a background response, new for each sending; written before the call.
    intent = models.UUIDField(null=True, blank=True, editable=False)
    provider_task_id = models.CharField(max_length=100, blank=True)
    #: The provider's own word, as last seen.
    provider_status = models.CharField(max_length=40, blank=True)
    sending_at = models.DateTimeField(null=True, blank=True)
    submitted_at = models.DateTimeField(null=True, blank=True)
    last_polled_at = models.DateTimeField(null=True, blank=True)
    polls = models.PositiveIntegerField(default=0)
    #: The answer, checked; empty until there is one.
    answer = models.JSONField(default=dict, blank=True)
    #: The provider's last word about it, as evidence; forgotten after a time.
    response = models.JSONField(default=dict, blank=True)
    flagged = models.BooleanField(default=False)
    #: An identical request had been answered before; nothing was asked.
    was_kept = models.BooleanField(default=False)
    #: The answer came after its job was cancelled: paid, kept, never applied.
    came_late = models.BooleanField(default=False)

    objects = LLMJobItemQuerySet.as_manager()  # type: ignore[misc]  # it replaces its abstract parent's

    class Meta(Run.Meta):
        verbose_name = "LLM job item"
        constraints = [
            *Run.Meta.constraints,
            models.UniqueConstraint(fields=["job", "target_id", "provider", "model"], name="a_target_is_asked_of_a_model_once_a_job"),
            models.UniqueConstraint(fields=["intent"], condition=Q(intent__isnull=False), name="an_intent_is_of_one_item"),
            models.UniqueConstraint(
                fields=["provider", "provider_task_id"], condition=~Q(provider_task_id=""), name="a_background_response_is_of_one_item"
            ),
            models.CheckConstraint(
                condition=~Q(stage="processing", state="running") | Q(lease_owner__isnull=True), name="processing_holds_no_lease"
            ),
        ]
        indexes = [
            models.Index(fields=["job", "state", "number"], name="items_by_state"),
            models.Index(fields=["job", "last_polled_at"], condition=Q(state="running", stage="processing"), name="items_to_poll"),
            models.Index(
                fields=["job"],
                condition=Q(state__in=["cancelled", "failed"], batch__isnull=True) & ~Q(provider_task_id="") & ~Q(stage="answered"),
                name="items_left_at_provider",
            ),
            models.Index(fields=["job", "number"], condition=Q(state="pending"), name="items_to_submit"),
            models.Index(fields=["ring_at"], condition=Q(state="pending"), name="items_to_ring"),
            models.Index(fields=["lease_until"], condition=Q(state="running"), name="items_by_lease"),
            models.Index(fields=["next_at"], condition=Q(state="parked"), name="items_parked"),
            models.Index(fields=["owner", "digest"], condition=Q(state="succeeded"), name="kept_answers"),
            models.Index(fields=["job", "reason"], condition=~Q(reason=""), name="items_by_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.target_label}"

    @property
    def status(self) -> str:
        """Return the state under the first design's name."""
        if self.state == State.RUNNING:
            return self.stage
        return {
            State.PENDING: "queued",
            State.PARKED: "parked",
            State.SUCCEEDED: "succeeded",
            State.FAILED: "failed",
            State.DEAD: "dead",
            State.CANCELLED: "cancelled" if self.sending_at else "skipped",
        }[State(self.state)]


class ItemAttempt(models.Model):
    """Hold one sending of an item that has come to something: to whom, as what, and what came of it. The item tells of the one under way."""

    class Outcome(models.TextChoices):
        """What the provider's last word meant, or why there is none."""

        ANSWERED = "answered", "answered"
        CUT_SHORT = "cut_short", "cut short"
        REFUSED = "refused", "refused"
        FAILED = "failed", "failed there"
        EXPIRED = "expired", "expired"
        CANCELLED = "cancelled", "cancelled there"
        LOST = "lost", "lost"
        NOT_SENT = "not_sent", "not taken"
        PERHAPS_SENT = "perhaps_sent", "perhaps sent"
        GIVEN_UP = "given_up", "given up"

    item = models.ForeignKey(LLMJobItem, on_delete=models.CASCADE, related_name="tries")
    #: The item's `attempts` at the time.
    number = models.PositiveIntegerField()
    provider = models.CharField(max_length=20)
    way = models.CharField(max_length=20)
    model = models.CharField(max_length=60)
    #: Of the background response, or of the batch that the item was a line of.
    provider_id = models.CharField(max_length=100, blank=True, default="")
    outcome = models.CharField(max_length=12, choices=Outcome.choices)
    #: Why it came to no answer that holds; also where the provider did answer.
    reason = models.CharField(max_length=40, blank=True, default="")
    detail = models.CharField(max_length=500, blank=True, default="")
    input_tokens = models.PositiveIntegerField(default=0)
    cached_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    #: Microdollars.
    cost = models.BigIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField()

    class Meta:
        ordering = ["item_id", "id"]

    def __str__(self) -> str:
        return f"{self.number} {self.outcome}"
