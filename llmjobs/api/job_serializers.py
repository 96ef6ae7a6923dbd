"""What jobs look like in JSON: the first design's words and counts first, ours beside them; and what may be asked of one."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from bookops.api.json_fields import ObjectField
from bookops.api.money import usd
from bookops.api.strict import StrictSerializer
from llmjobs.api.answer_serializers import UndoSerializer
from llmjobs.api.fields import CapField, UsdField
from llmjobs.api.plan_serializers import ScopeSerializer
from llmjobs.ending import WITH_FAILURES
from llmjobs.estimating import forecast_end
from llmjobs.models import LLMJob

STATUS = ["queued", "running", "paused", "completed", "failed", "cancelled"]
JOB_ID = "3f1d2c64-7a0e-4e36-9a0b-0c1f5e8d7b21"
#: Items that are sent round again by one request.
MOST_CHOSEN = 1_000

AGGREGATES_EXAMPLE = {
    "total": 762,
    "submitted": 762,
    "processed": 762,
    "succeeded": 760,
    "failed": 2,
    "flagged": 31,
    "cancelled": 0,
    "parked": 0,
    "input_tokens": 243_012,
    "output_tokens": 90_744,
    "cost_usd": "0.243881",
    "held_usd": "0.000000",
}
JOB_EXAMPLE: dict[str, Any] = {
    "id": JOB_ID,
    "label": "Spring check",
    "purpose": "flag",
    "status": "completed",
    "completed_with_failures": True,
    "aggregates": AGGREGATES_EXAMPLE,
    "unseen_change": True,
    "state": "succeeded",
    "stage": "done",
    "reason": WITH_FAILURES,
    "detail": "2 of 762 items failed",
    "scope_kind": "filters",
    "scope": {"filters": {"language": "eng"}},
    "asks": [
        {
            "provider": "openai",
            "way": "responses",
            "model": "gpt-6-luna",
            "effort": "",
            "tier": "standard",
            "most_output_tokens": 2000,
        }
    ],
    "policy": "review",
    "above": 0.8,
    "priority": 0,
    "cap_usd": "2.500000",
    "uses_kept_answers": True,
    "larger_output_tokens": None,
    "unanswered": "hold",
    "expired_to": {},
    "total_items": 762,
    "rendered_targets": 762,
    "created_at": "2026-11-22T12:00:00Z",
    "started_at": "2026-11-22T12:00:00.2Z",
    "submitted_at": "2026-11-22T12:00:02Z",
    "paused_at": None,
    "ended_at": "2026-11-22T12:01:41Z",
    "last_polled_at": "2026-11-22T12:01:40Z",
    "sandbox": False,
    "last_seq": 3,
    "websocket": f"/ws/llm-jobs/{JOB_ID}",
}


class AggregatesSerializer(serializers.Serializer[Any]):
    """The exact counts, tokens and cost of a job's items as of now."""

    total = serializers.IntegerField(help_text="Items rendered so far; total_items of the job is how many there will be.")
    submitted = serializers.IntegerField()
    processed = serializers.IntegerField(help_text="Ended, however.")
    succeeded = serializers.IntegerField()
    failed = serializers.IntegerField()
    flagged = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    parked = serializers.IntegerField(help_text="Waiting for a budget or a provider.")
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    cost_usd = UsdField(source="cost")
    held_usd = UsdField(source="held")


@extend_schema_serializer(examples=[OpenApiExample("Completed, but not in all", JOB_EXAMPLE, response_only=True)])
class JobSerializer(serializers.ModelSerializer[LLMJob]):
    """A job; one that has not ended is counted by a query of its own."""

    status = serializers.ChoiceField(STATUS)
    completed_with_failures = serializers.SerializerMethodField()
    aggregates = serializers.SerializerMethodField()
    scope = ObjectField()
    asks = serializers.ListField(child=ObjectField())
    cap_usd = serializers.SerializerMethodField()
    expired_to = ObjectField()
    rendered_targets = serializers.IntegerField(source="rendered")
    websocket = serializers.SerializerMethodField()

    class Meta:
        model = LLMJob
        fields = [
            *("id", "label", "purpose", "status", "completed_with_failures", "aggregates", "unseen_change", "state", "stage", "reason"),
            *("detail", "scope_kind", "scope", "asks", "policy", "above", "priority", "cap_usd", "uses_kept_answers"),
            *("larger_output_tokens", "unanswered", "expired_to", "total_items", "rendered_targets", "created_at", "started_at"),
            *("submitted_at", "paused_at", "ended_at", "last_polled_at", "sandbox", "last_seq", "websocket"),
        ]
        read_only_fields = fields

    def get_completed_with_failures(self, job: LLMJob) -> bool:
        """Say whether it completed, but not in all its items."""
        return has_failures(job)

    @extend_schema_field(AggregatesSerializer)
    def get_aggregates(self, job: LLMJob) -> dict[str, Any]:
        """Return the counts."""
        return AggregatesSerializer(job.aggregates()).data

    @extend_schema_field({"type": "string", "format": "decimal", "nullable": True})
    def get_cap_usd(self, job: LLMJob) -> str | None:
        """Return what it may spend; None for no cap but its owner's."""
        return None if job.cap is None else usd(job.cap)

    def get_websocket(self, job: LLMJob) -> str:
        """Return where it can be watched."""
        return f"/ws/llm-jobs/{job.pk}"


class JobDetailSerializer(JobSerializer):
    """A job with what it asks, when it would be done, and how far it is undone."""

    forecast_end = serializers.SerializerMethodField()
    undo = serializers.SerializerMethodField()

    class Meta(JobSerializer.Meta):
        fields = [*JobSerializer.Meta.fields, "system", "template", "forecast_end", "undo"]
        read_only_fields = fields

    @extend_schema_field({"type": "string", "format": "date-time", "nullable": True})
    def get_forecast_end(self, job: LLMJob) -> str | None:
        """Return when it would end at its present pace; None while nobody can say, and when it has."""
        end = None if job.has_ended else forecast_end(job)
        return end.isoformat() if end else None

    @extend_schema_field(UndoSerializer(allow_null=True))
    def get_undo(self, job: LLMJob) -> dict[str, Any] | None:
        """Return its undoing, the last one if it was undone several times; None where nobody has asked for one."""
        undo = job.undos.last()
        return UndoSerializer(undo).data if undo else None


def has_failures(job: LLMJob) -> bool:
    """Say whether a job completed, but not in all its items."""
    return job.status == "completed" and job.reason == WITH_FAILURES


class JobChangeSerializer(StrictSerializer):
    """What may be changed about a job while it is there."""

    cap_usd = CapField(required=False, allow_null=True, source="cap")
    priority = serializers.IntegerField(min_value=-100, max_value=100, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a change of nothing."""
        if not attrs:
            raise serializers.ValidationError("Say cap_usd or priority.", "empty")
        return attrs


class AppendSerializer(StrictSerializer):
    """Targets to add."""

    scope = ScopeSerializer()


class CloneSerializer(StrictSerializer):
    """How to call the new job."""

    # A serializer keeps its fields apart from its own attributes, one of which is called label too.
    label = serializers.CharField(max_length=200, required=False)  # type: ignore[assignment]


class ChosenItemsSerializer(StrictSerializer):
    """Items by their numbers."""

    numbers = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**31 - 1), min_length=1, max_length=MOST_CHOSEN
    )  # fmt: skip


class JobCancelledSerializer(serializers.Serializer[Any]):
    """Whether there was something to cancel."""

    cancelled = serializers.BooleanField()


class PausedSerializer(serializers.Serializer[Any]):
    """Whether it was paused by this."""

    paused = serializers.BooleanField()


class ResumedSerializer(serializers.Serializer[Any]):
    """Whether it goes on by this."""

    resumed = serializers.BooleanField()


class JobRetriedSerializer(serializers.Serializer[Any]):
    """How many items are sent round again."""

    retried = serializers.IntegerField()


class AppendedSerializer(serializers.Serializer[Any]):
    """How many items that makes."""

    appended = serializers.IntegerField()


class UnseenSerializer(serializers.Serializer[Any]):
    """How many jobs have changed since they were looked at."""

    unseen = serializers.IntegerField()


class JobEventSerializer(serializers.Serializer[Any]):
    """One thing that happened."""

    seq = serializers.IntegerField()
    type = serializers.CharField()
    kind = serializers.CharField()
    payload = ObjectField()
    at = serializers.DateTimeField()


class JobEventsSerializer(serializers.Serializer[Any]):
    """Events after a number, and the number to ask after next."""

    events = JobEventSerializer(many=True)
    last_seq = serializers.IntegerField()
