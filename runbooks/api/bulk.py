"""Bulk imports: a forecast before the start, the list itself, how far it is, and stopping or retrying it."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from bookops.api.json_fields import CountsField, ObjectField
from bookops.api.requests import OwnerRequest
from bookops.api.schema import IDEMPOTENCY_KEY
from bookops.api.strict import StrictSerializer
from bookops.api.throttles import AnonThrottle, UploadThrottle, UserThrottle
from bookops.idempotency import idempotent
from runbooks import bulk
from runbooks.api.import_serializers import ExecutionCancelledSerializer, RetriedSerializer
from runbooks.api.owned import bulk_of
from runbooks.api.refusals import as_problems
from runbooks.api.uploads import RefusedLineSerializer, read_file
from runbooks.link_lists import MOST_LINKS, read_links
from runbooks.models import BulkImport
from runbooks.tables import MAX_BYTES

FORECAST_EXAMPLE = {
    "listings": 1200,
    "calls": 3600,
    "most_calls": 4800,
    "calls_left_today": 4500,
    "calls_a_day": 4500,
    "dollars": 36.0,
    "days": 4,
}


class LinkListSerializer(StrictSerializer):
    """A list of links: one of `links`, `text` and `file`."""

    links = serializers.ListField(child=serializers.CharField(max_length=4096), max_length=MOST_LINKS, min_length=1, required=False)
    text = serializers.CharField(max_length=MAX_BYTES, required=False, help_text="A link a line.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse none, and two that could say different things."""
        if sum(name in attrs for name in ("links", "text", "file")) != 1:
            raise serializers.ValidationError("Send one of links, text and file.", "required")
        return attrs

    @property
    def content(self) -> bytes:
        """Return the list as a file has it."""
        given = self.validated_data
        if "file" in given:
            return read_file(given["file"])
        text: str = given["text"] if "text" in given else "\n".join(" ".join(link.split()) for link in given["links"])
        return text.encode(errors="replace")

    @property
    def filename(self) -> str:
        """Return what the file is called, "" where there is none."""
        file = self.validated_data.get("file")
        return file.name if file else ""


class LinkFileSerializer(LinkListSerializer):
    """A list of links as a file: a CSV with a column url, or a link a line."""

    file = serializers.FileField(max_length=255, required=False)


class BulkSerializer(LinkListSerializer):
    """A list of links to evaluate."""

    tolerated_failures = serializers.FloatField(
        min_value=0, max_value=1, required=False, allow_null=True, help_text="Share of failed listings above which no more are begun."
    )


class BulkFileSerializer(BulkSerializer, LinkFileSerializer):
    """A file of links to evaluate."""


class ForecastSerializer(serializers.Serializer[Any]):
    """What a list will take."""

    listings = serializers.IntegerField()
    calls = serializers.IntegerField()
    most_calls = serializers.IntegerField()
    calls_left_today = serializers.IntegerField()
    calls_a_day = serializers.IntegerField()
    dollars = serializers.FloatField()
    days = serializers.IntegerField()
    refused = RefusedLineSerializer(many=True)


class BulkImportSerializer(serializers.ModelSerializer[BulkImport]):
    """A bulk import."""

    forecast = ObjectField()

    class Meta:
        model = BulkImport
        fields = [
            *("id", "filename", "state", "total", "tolerated_failures", "forecast", "reason", "detail"),
            *("created_at", "started_at", "ended_at", "last_seq"),
        ]
        read_only_fields = fields


class BulkDetailSerializer(BulkImportSerializer):
    """A bulk import with its counts and the lines that were not taken."""

    counts = CountsField()
    refused = RefusedLineSerializer(many=True)

    class Meta(BulkImportSerializer.Meta):
        fields = [*BulkImportSerializer.Meta.fields, "counts", "refused"]
        read_only_fields = fields


def bulk_document(bulk_import: BulkImport) -> dict[str, Any]:
    """Return a bulk import with its counts."""
    return BulkImportSerializer(bulk_import).data | {"counts": bulk.counts_of(bulk_import), "refused": bulk_import.refused}


class ForecastView(APIView):
    """Look ahead."""

    parser_classes = [JSONParser, MultiPartParser]
    throttle_classes = [UserThrottle, AnonThrottle, UploadThrottle]

    @extend_schema(
        operation_id="bulk_forecast",
        tags=["bulk imports"],
        summary="What a list of links will take of calls, money and days; nothing is begun",
        request={"application/json": LinkListSerializer, "multipart/form-data": LinkFileSerializer},
        responses=ForecastSerializer,
        examples=[
            OpenApiExample("Two", {"links": ["https://www.ebay.com/itm/256712345678", "256712345679"]}, request_only=True),
            OpenApiExample("Four days", FORECAST_EXAMPLE | {"refused": []}, response_only=True),
        ],
    )
    def post(self, request: OwnerRequest) -> Response:
        """Read the list and count."""
        wanted = LinkFileSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        with as_problems():
            listed = read_links(wanted.content)
        told = bulk.forecast(len(listed.links), request.user).to_json()
        return Response(told | {"refused": [line.to_json() for line in listed.refused]})


@extend_schema(tags=["bulk imports"])
@extend_schema_view(get=extend_schema(operation_id="bulk_list", summary="Your bulk imports, newest first"))
class BulkListView(ListAPIView[BulkImport]):
    """List and begin bulk imports."""

    serializer_class = BulkImportSerializer
    filterset_fields = ["state"]
    parser_classes = [JSONParser, MultiPartParser]
    request: OwnerRequest
    queryset = BulkImport.objects.none()  # for the schema

    def get_throttles(self) -> list[Any]:
        """Limit uploads as uploads."""
        return [*super().get_throttles(), *([UploadThrottle()] if self.request.method == "POST" else [])]

    def get_queryset(self) -> Any:
        """Return the owner's."""
        return BulkImport.objects.filter(owner=self.request.user)

    @extend_schema(
        operation_id="bulk_start",
        tags=["bulk imports"],
        summary="Evaluate a list of links behind all interactive work",
        parameters=[IDEMPOTENCY_KEY],
        request={"application/json": BulkSerializer, "multipart/form-data": BulkFileSerializer},
        responses={202: BulkDetailSerializer},
        examples=[OpenApiExample("Two", {"links": ["https://www.ebay.com/itm/256712345678", "256712345679"]}, request_only=True)],
    )
    @idempotent
    def post(self, request: OwnerRequest) -> Response:
        """Keep the list with its forecast; its listings begin a few at a time."""
        wanted = BulkFileSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        with as_problems():
            begun = bulk.start_bulk(
                request.user,
                wanted.content,
                filename=wanted.filename,
                tolerated_failures=wanted.validated_data.get("tolerated_failures"),
                bulk_id=request.resource_id,
            )
        return Response(bulk_document(begun), status=202)


class BulkView(APIView):
    """Show one bulk import."""

    @extend_schema(operation_id="bulk_detail", tags=["bulk imports"], summary="How far a bulk import is", responses=BulkDetailSerializer)
    def get(self, request: OwnerRequest, pk: uuid.UUID) -> Response:
        """Count its links and answer; its evaluations are listed by /api/books/import?bulk=."""
        return Response(bulk_document(bulk_of(request, pk)))


class CancelBulkView(APIView):
    """Stop."""

    @extend_schema(
        operation_id="bulk_cancel",
        tags=["bulk imports"],
        summary="Stop a bulk import and what it has at work",
        request=None,
        responses=ExecutionCancelledSerializer,
    )
    @idempotent
    def post(self, request: OwnerRequest, pk: uuid.UUID) -> Response:
        """Stop it unless it has ended; what is done stays."""
        return Response({"cancelled": bulk.cancel_bulk(bulk_of(request, pk))})


class RetryBulkView(APIView):
    """Go on."""

    @extend_schema(
        operation_id="bulk_retry",
        tags=["bulk imports"],
        summary="Let the failed links take their turn again",
        request=None,
        responses=RetriedSerializer,
    )
    @idempotent
    def post(self, request: OwnerRequest, pk: uuid.UUID) -> Response:
        """Open it again for its failed links, and for those that had not begun."""
        return Response({"retried": bulk.retry_failed(bulk_of(request, pk))})
