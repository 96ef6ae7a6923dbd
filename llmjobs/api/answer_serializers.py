"""What items, their answers and what those propose look like in JSON, and what a reviewer may say."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from bookops.api.json_fields import ObjectField
from bookops.api.money import usd
from bookops.api.strict import StrictSerializer
from llmjobs.api.fields import LARGEST_ID, FactField, UsdField
from llmjobs.measures import Measure
from llmjobs.models import ItemAttempt, JobUndo, LLMJobItem, Proposal

ITEM_STATUS = ["queued", "submitting", "processing", "unknown", "answered", "parked", "succeeded", "failed", "dead", "cancelled", "skipped"]
#: Proposals that are decided about by one request.
MOST_DECIDED = 1_000

PROPOSAL_EXAMPLE = {
    "id": 8121,
    "item": 17,
    "model": "gpt-6-luna",
    "target": "0d4c7f0a-5a55-4a3e-8a52-9a0d4a3c7e21",
    "target_label": "The Left Hand of Darkness: Summary and Analysis",
    "state": "waiting",
    "why": "policy",
    "confidence": 0.93,
    "changes": {
        "flagged": {"before": False, "after": True},
        "flagged_reason": {"before": "", "after": "Spring check: A study guide, not the novel."},
    },
    "corrected": {},
    "applied": {},
    "decided_by": None,
    "decided_at": None,
    "created_at": "2026-11-22T12:00:31Z",
}


class TargetSerializer(serializers.ModelSerializer[Any]):
    """What is about a target; the context's `targets` gives its public id by its key."""

    target = serializers.SerializerMethodField()

    @extend_schema_field({"type": "string", "format": "uuid", "nullable": True})
    def get_target(self, row: Any) -> str | None:
        """Return the id of the book or runbook; None for one that is gone."""
        public_id = self.context.get("targets", {}).get(row.target_id)
        return str(public_id) if public_id else None


@extend_schema_serializer(examples=[OpenApiExample("Waiting for a person", PROPOSAL_EXAMPLE, response_only=True)])
class ProposalSerializer(TargetSerializer):
    """What an answer would change, and what was decided about it."""

    item = serializers.IntegerField(source="item.number")
    model = serializers.CharField(source="item.model")
    target_label = serializers.CharField(source="item.target_label")
    changes = ObjectField()
    corrected = ObjectField()
    applied = ObjectField()
    decided_by = serializers.CharField(source="decided_by.username", default=None, allow_null=True)

    class Meta:
        model = Proposal
        fields = [
            *("id", "item", "model", "target", "target_label", "state", "why", "confidence", "changes", "corrected", "applied"),
            *("decided_by", "decided_at", "created_at"),
        ]
        read_only_fields = fields


class ItemSerializer(TargetSerializer):
    """An item in a list."""

    status = serializers.ChoiceField(ITEM_STATUS)
    cost_usd = UsdField(source="cost")
    proposal = serializers.CharField(source="proposal.state", default=None, allow_null=True)

    class Meta:
        model = LLMJobItem
        fields = [
            *("number", "target", "target_label", "status", "state", "reason", "detail", "provider", "way", "model", "effort", "tier"),
            *("provider_status", "flagged", "was_kept", "came_late", "attempts", "input_tokens", "output_tokens", "cost_usd"),
            *("submitted_at", "last_polled_at", "ended_at", "proposal"),
        ]
        read_only_fields = fields


class TrySerializer(serializers.ModelSerializer[ItemAttempt]):
    """One sending that has come to something."""

    cost_usd = UsdField(source="cost")

    class Meta:
        model = ItemAttempt
        fields = [
            *("number", "provider", "way", "model", "provider_id", "outcome", "reason", "detail"),
            *("input_tokens", "cached_tokens", "output_tokens", "cost_usd", "sent_at", "ended_at"),
        ]
        read_only_fields = fields


class AttemptsSerializer(serializers.ModelSerializer[LLMJobItem]):
    """How often it was sent and asked for, and where it is at its provider."""

    batch = serializers.CharField(source="batch.provider_id", default=None, allow_null=True)

    class Meta:
        model = LLMJobItem
        fields = [
            *("attempts", "max_attempts", "losses", "polls", "stage", "next_at", "sending_at", "submitted_at", "last_polled_at"),
            *("provider_task_id", "batch", "intent"),
        ]
        read_only_fields = fields


class ItemDetailSerializer(ItemSerializer):
    """An item with its prompt, its answer, what that proposes and how it came about; evidence is forgotten after a time."""

    system = serializers.CharField(source="job.system")
    answer = ObjectField()
    response = ObjectField()
    held_usd = UsdField(source="held")
    proposal = serializers.SerializerMethodField()  # type: ignore[assignment]  # in a list only its state is told
    sending = AttemptsSerializer(source="*")
    tries = TrySerializer(many=True, read_only=True, help_text="The sendings that have come to something; the one under way is in sending.")

    class Meta(ItemSerializer.Meta):
        fields = [
            *ItemSerializer.Meta.fields,
            *("system", "prompt", "estimated_tokens", "most_output_tokens", "cached_tokens", "held_usd", "answer", "response", "sending"),
            "tries",
            *("created_at", "started_at"),
        ]
        read_only_fields = fields

    @extend_schema_field(ProposalSerializer(allow_null=True))
    def get_proposal(self, item: LLMJobItem) -> dict[str, Any] | None:
        """Return what its answer proposes; None while there is none."""
        proposal = getattr(item, "proposal", None)
        return dict(ProposalSerializer(proposal, context=self.context).data) if proposal else None


class ChosenProposalsSerializer(StrictSerializer):
    """Proposals by their ids."""

    ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=LARGEST_ID), min_length=1, max_length=MOST_DECIDED
    )  # fmt: skip


class CorrectionSerializer(StrictSerializer):
    """What is right instead, by field; what is not named stays as the answer says."""

    values = serializers.DictField(child=FactField(), allow_empty=False)


class ReviewedSerializer(serializers.Serializer[Any]):
    """What became of the proposals."""

    applied = serializers.IntegerField()
    rejected = serializers.IntegerField()
    stale = serializers.IntegerField(help_text="Changed since they were shown; they wait again as they are now.")
    nothing = serializers.IntegerField(help_text="Nothing was left to change, or the target is gone.")
    decided = serializers.IntegerField(help_text="Decided before.")


class UndoneSerializer(serializers.Serializer[Any]):
    """What taking back one answer did."""

    undone = serializers.IntegerField(help_text="Answers of which something was put back.")
    kept = serializers.IntegerField(help_text="Fields that stay, because somebody has touched them since.")


UNDO_EXAMPLE = {
    "asked_at": "2026-11-22T14:03:10Z",
    "ended_at": None,
    "total": 27,
    "done": 0,
    "undone": 0,
    "kept": 0,
    "failed": 0,
}


@extend_schema_serializer(examples=[OpenApiExample("Begun", UNDO_EXAMPLE, response_only=True)])
class UndoSerializer(serializers.ModelSerializer[JobUndo]):
    """How far taking back a whole job has come."""

    asked_at = serializers.DateTimeField(allow_null=True, help_text="What was written later stays. Null where there was nothing to undo.")
    ended_at = serializers.DateTimeField(allow_null=True, help_text="Null while it goes on; at once where there was nothing to undo.")
    total = serializers.IntegerField(help_text="Answers that stood as written when it was asked.")
    done = serializers.IntegerField(help_text="Those of them that have been looked at.")
    undone = serializers.IntegerField(help_text="Answers of which something was put back.")
    kept = serializers.IntegerField(help_text="Fields that stay, because somebody has touched them since.")
    failed = serializers.IntegerField(help_text="Answers that stay by a fault of ours.")

    class Meta:
        model = JobUndo
        fields = ["asked_at", "ended_at", "total", "done", "undone", "kept", "failed"]
        read_only_fields = fields


class MeasureSerializer(serializers.Serializer[Measure]):
    """What became of one model's answers."""

    provider = serializers.CharField()
    model = serializers.CharField()
    items = serializers.IntegerField()
    answered = serializers.IntegerField()
    applied = serializers.IntegerField()
    nothing = serializers.IntegerField()
    waiting = serializers.IntegerField()
    accepted = serializers.IntegerField(help_text="By a person, as it was.")
    corrected = serializers.IntegerField(help_text="By a person, with another value.")
    rejected = serializers.IntegerField(help_text="By a person.")
    undone = serializers.IntegerField()
    accuracy = serializers.FloatField(allow_null=True, help_text="Share of what people judged that was right as it was.")
    cost_usd = UsdField(source="cost")
    cost_per_accepted_usd = serializers.SerializerMethodField(help_text="All its answers' cost for each that was written.")

    @extend_schema_field({"type": "string", "format": "decimal", "nullable": True})
    def get_cost_per_accepted_usd(self, measure: Measure) -> str | None:
        """Return dollars; None where no answer was written."""
        return None if measure.cost_per_accepted is None else usd(measure.cost_per_accepted)


MEASURES_EXAMPLE = {
    "measures": [
        {
            "provider": "openai",
            "model": "gpt-6-luna",
            "items": 762,
            "answered": 760,
            "applied": 27,
            "nothing": 729,
            "waiting": 0,
            "accepted": 25,
            "corrected": 2,
            "rejected": 4,
            "undone": 0,
            "accuracy": 0.806,
            "cost_usd": "0.243881",
            "cost_per_accepted_usd": "0.009033",
        }
    ]
}


@extend_schema_serializer(examples=[OpenApiExample("One model", MEASURES_EXAMPLE, response_only=True)])
class MeasuresSerializer(serializers.Serializer[Any]):
    """How well models answer, and what that costs."""

    measures = MeasureSerializer(many=True)
