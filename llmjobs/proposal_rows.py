"""What an answer would change, as a row."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from llmjobs.item_rows import LLMJobItem
from llmjobs.job_rows import LLMJob


class Proposal(models.Model):
    """Hold what an answer would change, what was decided about it, by whom, and what was really written."""

    class State(models.TextChoices):
        WAITING = "waiting", "waiting for review"
        APPLIED = "applied", "applied"
        REJECTED = "rejected", "rejected"
        NOTHING = "nothing", "nothing to change"
        UNDONE = "undone", "undone"

    class Why(models.TextChoices):
        """Why a person is asked."""

        POLICY = "policy", "the job asks for a review"
        UNSURE = "unsure", "below the confidence asked for"
        LOCKED = "locked", "a person settled this field"
        DISAGREE = "disagree", "two models disagree"
        STALE = "stale", "changed since it was asked"

    item = models.OneToOneField(LLMJobItem, on_delete=models.CASCADE, related_name="proposal")
    job = models.ForeignKey(LLMJob, on_delete=models.CASCADE, related_name="proposals", db_index=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    target_id = models.BigIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    why = models.CharField(max_length=10, choices=Why.choices, blank=True, default="")
    confidence = models.FloatField(null=True, blank=True)
    #: {field: {"before", "after"}} as the answer says.
    changes = models.JSONField(default=dict)
    #: {field: after} as a person put it right; empty where nobody did.
    corrected = models.JSONField(default=dict, blank=True)
    #: {field: {"before", "after"}} as really written, which undoing puts back.
    applied = models.JSONField(default=dict, blank=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="waiting") | Q(decided_at__isnull=True), name="what_waits_for_review_was_not_decided"
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "job", "id"], condition=Q(state="waiting"), name="proposals_to_review"),
            models.Index(fields=["job", "target_id"], name="proposals_of_a_target"),
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.item_id}"
