"""The comparables of a runbook: lists, entries by hand, by file and by paste, and what a person says of one."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

from django.db import transaction
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from bookops.api.json_fields import ObjectField
from bookops.api.requests import OwnerRequest
from bookops.api.schema import IDEMPOTENCY_KEY
from bookops.api.strict import StrictSerializer
from bookops.api.throttles import AnonThrottle, UploadThrottle, UserThrottle
from bookops.idempotency import idempotent
from runbooks import comparing
from runbooks.api.owned import comparable_of, runbook_of
from runbooks.api.refusals import as_problems
from runbooks.api.uploads import FileSerializer, RefusedLineSerializer, read_file
from runbooks.entered import read_address
from runbooks.entries import Entry
from runbooks.models import Comparable
from runbooks.sources.records import Money

Basis = Comparable.Basis
#: Characters of a reason, as a comparable keeps it.
LONGEST_WHY = 200


class ComparableSerializer(serializers.ModelSerializer[Comparable]):
    """A comparable with its conversion, its relevance and why, and what a person said of it."""

    id = serializers.UUIDField(source="public_id")
    adjustments = ObjectField()
    changed_by = serializers.CharField(source="changed_by.username", default="")

    class Meta:
        model = Comparable
        fields = [
            *("id", "basis", "origin", "source", "title", "author", "url", "amount", "currency", "usd", "rate", "rate_day", "rate_source"),
            *("shipping", "condition", "binding", "at", "relevance", "relevance_why", "computed_relevance"),
            *("excluded", "excluded_why", "adjustments", "is_current", "changed_by", "changed_at"),
        ]
        read_only_fields = fields


class ComparablesSerializer(serializers.Serializer[Any]):
    """The comparables of a runbook, those of former readings too (`is_current` is false)."""

    comparables = ComparableSerializer(many=True)


class ComparableEntrySerializer(StrictSerializer):
    """A comparable as a person knows it; its relevance is judged where none is said."""

    title = serializers.CharField(max_length=500)
    author = serializers.CharField(max_length=300, required=False, allow_blank=True, help_text="Where the title does not name them.")
    price = serializers.DecimalField(max_digits=10, decimal_places=2, min_value=Decimal("0.01"))
    currency = serializers.RegexField(r"^[A-Z]{3}\Z", default="USD")
    basis = serializers.ChoiceField(choices=Basis.choices, default=Basis.ASKING)
    at = serializers.DateField(required=False, allow_null=True, help_text="When it was sold or asked.")
    condition = serializers.CharField(max_length=200, required=False, allow_blank=True)
    binding = serializers.CharField(max_length=200, required=False, allow_blank=True)
    url = serializers.CharField(max_length=1000, required=False, allow_blank=True)
    # A serializer keeps its fields apart from its own attributes, one of which is called source too.
    source = serializers.CharField(max_length=100, required=False, allow_blank=True)  # type: ignore[assignment]
    relevance = serializers.ChoiceField(choices=Comparable.Relevance.choices, required=False, allow_blank=True)
    why = serializers.CharField(max_length=LONGEST_WHY, required=False, allow_blank=True, help_text="Why that relevance.")

    @property
    def entry(self) -> Entry:
        """Return what was entered as the functions below read it."""
        given = dict(self.validated_data)
        given.pop("relevance", None), given.pop("why", None)
        price = Money(given.pop("price"), given.pop("currency"))
        return Entry(price=price, **given | {"url": read_address(given.get("url", ""))})


class AdjustmentsSerializer(StrictSerializer):
    """Per cent of its price that count; 55 says that ours is worth 55 per cent of it in this respect, null takes one back."""

    edition = serializers.DecimalField(max_digits=6, decimal_places=2, required=False, allow_null=True)
    binding = serializers.DecimalField(max_digits=6, decimal_places=2, required=False, allow_null=True)
    condition = serializers.DecimalField(max_digits=6, decimal_places=2, required=False, allow_null=True)


class JudgementSerializer(StrictSerializer):
    """What a person says of a comparable, and why."""

    excluded = serializers.BooleanField(required=False)
    relevance = serializers.ChoiceField(choices=Comparable.Relevance.choices, required=False)
    adjustments = AdjustmentsSerializer(required=False)
    why = serializers.CharField(max_length=LONGEST_WHY)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a reason for nothing."""
        if set(attrs) == {"why"}:
            raise serializers.ValidationError("Say excluded, relevance or adjustments.", "empty")
        return attrs


class ComparablesFileSerializer(FileSerializer):
    """A CSV file with the columns title and price, and what else it has."""

    basis = serializers.ChoiceField(choices=Basis.choices, default=Basis.ASKING, help_text="Of rows that do not say.")


class PasteSerializer(StrictSerializer):
    """Comparables one a line: a price, maybe a date and an address, and the rest is the title."""

    text = serializers.CharField(max_length=500_000)
    basis = serializers.ChoiceField(choices=Basis.choices, default=Basis.ASKING, help_text="Of lines that do not say.")


class AddedSerializer(serializers.Serializer[Any]):
    """What came of a list."""

    added = ComparableSerializer(many=True)
    already_there = serializers.IntegerField()
    refused = RefusedLineSerializer(many=True)
    ignored = serializers.ListField(child=serializers.CharField(), help_text="Columns that nobody reads.")


def added_document(added: comparing.Added) -> dict[str, Any]:
    """Return what came of a list."""
    return {
        "added": ComparableSerializer(added.comparables, many=True).data,
        "already_there": added.already_there,
        "refused": [line.to_json() for line in added.refused],
        "ignored": list(added.ignored),
    }


class ComparablesView(APIView):
    """List and enter comparables."""

    @extend_schema(
        operation_id="comparables_list", tags=["comparables"], summary="The comparables of a runbook", responses=ComparablesSerializer
    )
    def get(self, request: OwnerRequest, runbook_id: uuid.UUID) -> Response:
        """Return all of them in the order in which they were found."""
        rows = runbook_of(request, runbook_id).comparables.select_related("changed_by").order_by("pk")
        return Response({"comparables": ComparableSerializer(rows, many=True).data})

    @extend_schema(
        operation_id="comparables_add",
        tags=["comparables"],
        summary="Enter a comparable; the value is computed at once",
        parameters=[IDEMPOTENCY_KEY],
        request=ComparableEntrySerializer,
        responses={201: ComparableSerializer},
        examples=[
            OpenApiExample(
                "A sale",
                {
                    "title": "Our Mutual Friend, 2 vols, Chapman & Hall 1865, half calf",
                    "price": "480.00",
                    "currency": "GBP",
                    "basis": "sold",
                    "at": "2026-03-14",
                    "source": "Forum Auctions",
                },
                request_only=True,
            )
        ],
    )
    @idempotent
    def post(self, request: OwnerRequest, runbook_id: uuid.UUID) -> Response:
        """Keep one comparable; one that was entered before word by word stays one."""
        wanted = ComparableEntrySerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        said = {name: wanted.validated_data.get(name, "") for name in ("relevance", "why")}
        with as_problems():
            one = comparing.add_manual(runbook_of(request, runbook_id), wanted.entry, by=request.user, **said)
        return Response(ComparableSerializer(one).data, status=201)


class ComparableView(APIView):
    """Show, judge or delete one comparable."""

    @extend_schema(operation_id="comparables_detail", tags=["comparables"], summary="One comparable", responses=ComparableSerializer)
    def get(self, request: OwnerRequest, runbook_id: uuid.UUID, comparable_id: uuid.UUID) -> Response:
        """Return it."""
        return Response(ComparableSerializer(comparable_of(request, runbook_id, comparable_id)).data)

    @extend_schema(
        operation_id="comparables_judge",
        tags=["comparables"],
        summary="Exclude a comparable, say how relevant it is, or adjust its price",
        request=JudgementSerializer,
        responses=ComparableSerializer,
        examples=[
            OpenApiExample("Leave it out", {"excluded": True, "why": "It is an ex-library copy."}, request_only=True),
            OpenApiExample("Adjust it", {"adjustments": {"binding": 55}, "why": "Ours is in half leather."}, request_only=True),
        ],
    )
    def patch(self, request: OwnerRequest, runbook_id: uuid.UUID, comparable_id: uuid.UUID) -> Response:
        """Keep what is said with who and why; the value is computed at once."""
        wanted = JudgementSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        comparable = comparable_of(request, runbook_id, comparable_id)
        with as_problems(), transaction.atomic():
            judge(comparable, request.user, **wanted.validated_data)
        return Response(ComparableSerializer(comparable).data)

    @extend_schema(
        operation_id="comparables_delete",
        tags=["comparables"],
        summary="Delete a comparable that was entered by hand",
        responses={204: None},
    )
    def delete(self, request: OwnerRequest, runbook_id: uuid.UUID, comparable_id: uuid.UUID) -> Response:
        """Delete it; 409 for a fetched one, which would come back."""
        with as_problems():
            comparing.delete(comparable_of(request, runbook_id, comparable_id), by=request.user)
        return Response(status=204)


def judge(comparable: Comparable, by: Any, *, why: str, **said: Any) -> None:
    """Do each thing that a person said of a comparable."""
    if "relevance" in said:
        comparing.set_relevance(comparable, said["relevance"], by=by, why=why)
    if "adjustments" in said:
        comparing.adjust(comparable, by=by, why=why, **said["adjustments"])
    if "excluded" in said:
        (comparing.exclude if said["excluded"] else comparing.include)(comparable, by=by, why=why)


class ComparablesFileView(APIView):
    """Take a file of comparables."""

    parser_classes = [MultiPartParser]
    throttle_classes = [UserThrottle, AnonThrottle, UploadThrottle]

    @extend_schema(
        operation_id="comparables_upload",
        tags=["comparables"],
        summary="Enter the comparables of a CSV file",
        parameters=[IDEMPOTENCY_KEY],
        request={"multipart/form-data": ComparablesFileSerializer},
        responses=AddedSerializer,
    )
    @idempotent
    def post(self, request: OwnerRequest, runbook_id: uuid.UUID) -> Response:
        """Keep what can be read and tell of each line that cannot."""
        wanted = ComparablesFileSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        given = wanted.validated_data
        with as_problems():
            added = comparing.add_csv(runbook_of(request, runbook_id), read_file(given["file"]), by=request.user, basis=given["basis"])
        return Response(added_document(added))


class ComparablesPasteView(APIView):
    """Take pasted comparables."""

    @extend_schema(
        operation_id="comparables_paste",
        tags=["comparables"],
        summary="Enter pasted comparables, one a line",
        parameters=[IDEMPOTENCY_KEY],
        request=PasteSerializer,
        responses=AddedSerializer,
        examples=[
            OpenApiExample("Two", {"text": "Our Mutual Friend 1865, £480, sold 14 March 2026\nAnother, $350"}, request_only=True),
        ],
    )
    @idempotent
    def post(self, request: OwnerRequest, runbook_id: uuid.UUID) -> Response:
        """Keep what can be read and tell of each line that cannot."""
        wanted = PasteSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        with as_problems():
            added = comparing.add_pasted(runbook_of(request, runbook_id), by=request.user, **wanted.validated_data)
        return Response(added_document(added))
