"""What runbooks, their versions and their prices look like in JSON, and what may be asked of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from bookops.api.json_fields import ObjectField
from bookops.api.strict import StrictSerializer
from runbooks.api.import_serializers import EXECUTION_ID, RUNBOOK_ID
from runbooks.deciding import DECISIONS, LONGEST_REASON
from runbooks.models import Copy, EvalRunbook, PriceChange, RunbookVersion
from runbooks.pricing import LONGEST_CODE
from runbooks.versions import SHOWN

#: Characters of a remark that nobody reads by machine.
LONGEST_NOTE = 5_000

SHORT_EXAMPLE: dict[str, Any] = {
    "id": RUNBOOK_ID,
    "title": "Our Mutual Friend",
    "author": "Charles Dickens",
    "copy_status": "EVALUATING",
    "recommendation": "ACQUIRE",
    "recommendation_tier": "BUY",
    "price_position": "GOOD",
    "total_score": 85,
    "combined_score": 71,
    "quality_score": 80,
    "strategic_fit_score": 57,
    "current_asking_price": "520.00",
    "fmv_low": "560.00",
    "fmv_mid": "640.00",
    "fmv_high": "720.00",
    "fmv_basis": "sold",
    "fmv_confidence": "high",
    "suggested_offer": None,
    "partial": False,
    "missing": [],
    "decision": "",
    "version": 3,
    "generated_at": "2026-11-22T12:00:21Z",
    "updated_at": "2026-11-22T12:05:00Z",
}


@extend_schema_serializer(examples=[OpenApiExample("A set worth buying", SHORT_EXAMPLE, response_only=True)])
class ShortRunbookSerializer(serializers.ModelSerializer[EvalRunbook]):
    """A runbook in a list."""

    id = serializers.UUIDField(source="public_id")
    title = serializers.CharField(source="copy.book.title")
    author = serializers.CharField(source="copy.book.author")
    copy_status = serializers.ChoiceField(source="copy.status", choices=Copy.Status.choices)
    missing = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = EvalRunbook
        fields = list(SHORT_EXAMPLE)
        read_only_fields = fields


class RunbookSerializer(serializers.ModelSerializer[EvalRunbook]):
    """A runbook whole, as `runbooks.versions.document_of` writes it; this is its description."""

    id = serializers.UUIDField(source="public_id")
    book = ObjectField()
    # A model's serializer has no method of this name, its model has a relation.
    copy = ObjectField()
    listing = ObjectField(allow_null=True)
    score_breakdown = ObjectField()
    tiered_breakdown = ObjectField()
    asked = ObjectField()
    fmv_by_basis = ObjectField()
    item_identification = ObjectField()
    evidence = ObjectField()
    provenance = ObjectField()
    missing = serializers.ListField(child=serializers.CharField())
    condition_positives = serializers.ListField(child=ObjectField())
    condition_negatives = serializers.ListField(child=ObjectField())
    critical_issues = serializers.ListField(child=ObjectField())
    contradictions = serializers.ListField(child=ObjectField())
    missing_photos = serializers.ListField(child=ObjectField())
    decided_by = serializers.CharField(allow_blank=True)
    comparables = serializers.ListField(child=ObjectField())

    class Meta:
        model = EvalRunbook
        fields = ["id", "book", "copy", "listing", *SHOWN, "decided_by", "comparables"]
        read_only_fields = fields


VERSION_EXAMPLE = {"number": 3, "cause": "price", "by": "ada", "execution_id": None, "at": "2026-11-22T12:05:00Z"}


@extend_schema_serializer(examples=[OpenApiExample("A negotiated price", VERSION_EXAMPLE, response_only=True)])
class VersionSerializer(serializers.ModelSerializer[RunbookVersion]):
    """What made a version."""

    by = serializers.CharField(source="by.username", default="")
    execution_id = serializers.UUIDField(allow_null=True)

    class Meta:
        model = RunbookVersion
        fields = ["number", "cause", "by", "execution_id", "at"]
        read_only_fields = fields


class VersionDetailSerializer(VersionSerializer):
    """A runbook as it was."""

    document = ObjectField()

    class Meta(VersionSerializer.Meta):
        fields = [*VersionSerializer.Meta.fields, "document"]
        read_only_fields = fields


class VersionsSerializer(serializers.Serializer[Any]):
    """The versions of a runbook."""

    versions = VersionSerializer(many=True)


class NewPriceSerializer(StrictSerializer):
    """A negotiated price in US dollars."""

    new_price = serializers.DecimalField(
        max_digits=10, decimal_places=2, min_value=Decimal(0), allow_null=True, help_text="None where no price is asked."
    )
    discount_code = serializers.CharField(max_length=LONGEST_CODE, required=False, allow_blank=True)
    notes = serializers.CharField(max_length=LONGEST_NOTE, required=False, allow_blank=True)


class PriceChangeSerializer(serializers.ModelSerializer[PriceChange]):
    """One change of the asking price and what it did."""

    changed_by = serializers.CharField(source="changed_by.username", default="")

    class Meta:
        model = PriceChange
        fields = [
            *("previous_price", "new_price", "discount_code", "notes", "score_before", "score_after"),
            *("recommendation_before", "recommendation_after", "tier_before", "tier_after", "changed_by", "changed_at"),
        ]
        read_only_fields = fields


class ChangedPriceSerializer(PriceChangeSerializer):
    """A change, and the runbook as it is now."""

    runbook = RunbookSerializer()

    class Meta(PriceChangeSerializer.Meta):
        fields = [*PriceChangeSerializer.Meta.fields, "runbook"]
        read_only_fields = fields


class HistorySerializer(serializers.Serializer[Any]):
    """The price history, newest first."""

    history = PriceChangeSerializer(many=True)


class WhatIfSerializer(serializers.Serializer[Any]):
    """The scores now and at another price, under the names that a runbook has for them."""

    price = serializers.CharField(allow_null=True)
    before = ObjectField()
    after = ObjectField()
    flips = serializers.BooleanField()


class DecisionSerializer(StrictSerializer):
    """A person's word beside the computed one."""

    decision = serializers.ChoiceField(choices=DECISIONS, allow_blank=True, help_text='"" takes it back.')
    reason = serializers.CharField(max_length=LONGEST_REASON, required=False, allow_blank=True, default="")


class RefreshedSerializer(serializers.Serializer[Any]):
    """The evaluation that was begun, and where to ask for it."""

    execution_id = serializers.UUIDField()
    status = serializers.CharField()
    status_url = serializers.CharField()
    websocket = serializers.CharField()


REFRESHED_EXAMPLE = {
    "execution_id": EXECUTION_ID,
    "status": "RUNNING",
    "status_url": f"/api/books/import/{EXECUTION_ID}/status",
    "websocket": f"/ws/import/{EXECUTION_ID}",
}
