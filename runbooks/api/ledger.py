"""The owner's ledger: what they paid and sold for, by hand and by file."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpResponse
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.parsers import MultiPartParser
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView

from bookops.api.files import CSVRenderer
from bookops.api.pagination import HighestIdFirst
from bookops.api.requests import OwnerRequest
from bookops.api.schema import IDEMPOTENCY_KEY
from bookops.api.throttles import AnonThrottle, UploadThrottle, UserThrottle
from bookops.idempotency import idempotent
from runbooks.api.owned import entry_of
from runbooks.api.refusals import as_problems
from runbooks.api.uploads import FileSerializer, RefusedLineSerializer, read_file
from runbooks.ledger import read_ledger, write_ledger
from runbooks.models import LedgerEntry


class LedgerEntrySerializer(serializers.ModelSerializer[LedgerEntry]):
    """What was paid or got for a book."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    copy_id = serializers.SerializerMethodField()
    currency = serializers.RegexField(r"^[A-Z]{3}\Z", default="USD")
    notes = serializers.CharField(max_length=5_000, required=False, allow_blank=True)

    class Meta:
        model = LedgerEntry
        fields = [
            *("id", "copy_id", "kind", "title", "author", "volumes", "binding", "condition", "amount", "currency", "at", "where", "notes")
        ]

    @extend_schema_field({"type": "string", "format": "uuid", "nullable": True})
    def get_copy_id(self, entry: LedgerEntry) -> str | None:
        """Return the copy that it was paid or got for."""
        return str(entry.copy.public_id) if entry.copy else None


class LedgerReadSerializer(serializers.Serializer[Any]):
    """What came of a file."""

    added = serializers.IntegerField()
    already_there = serializers.IntegerField()
    refused = RefusedLineSerializer(many=True)
    ignored = serializers.ListField(child=serializers.CharField(), help_text="Columns that nobody reads.")


class EntryFilter(filters.FilterSet):
    """Filter the ledger."""

    q = filters.CharFilter(field_name="title", lookup_expr="icontains", max_length=200, label="Part of the title.")

    class Meta:
        model = LedgerEntry
        fields = ["kind"]


@extend_schema(tags=["ledger"])
@extend_schema_view(get=extend_schema(operation_id="ledger_list", summary="Your ledger, newest entries first"))
class LedgerView(ListAPIView[LedgerEntry]):
    """List and write entries."""

    serializer_class = LedgerEntrySerializer
    filterset_class = EntryFilter
    pagination_class = HighestIdFirst
    request: OwnerRequest
    queryset = LedgerEntry.objects.none()  # for the schema

    def get_queryset(self) -> Any:
        """Return the owner's."""
        return LedgerEntry.objects.owned_by(self.request.user).select_related("copy")

    @extend_schema(
        operation_id="ledger_add",
        tags=["ledger"],
        summary="Write down what you paid or got",
        description="It is a comparable of every runbook of the same work, from its next evaluation on.",
        parameters=[IDEMPOTENCY_KEY],
        request=LedgerEntrySerializer,
        responses={201: LedgerEntrySerializer},
        examples=[
            OpenApiExample(
                "A sale",
                {"kind": "sold", "title": "The Moonstone, 3 vols, 1868", "amount": "310.00", "currency": "USD", "at": "2026-05-02"},
                request_only=True,
            )
        ],
    )
    @idempotent
    def post(self, request: OwnerRequest) -> Response:
        """Keep an entry."""
        wanted = LedgerEntrySerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        wanted.save(owner=request.user, **({"public_id": request.resource_id} if request.resource_id else {}))
        return Response(wanted.data, status=201)


class EntryView(APIView):
    """Show, change or delete one entry."""

    @extend_schema(operation_id="ledger_detail", tags=["ledger"], summary="One entry", responses=LedgerEntrySerializer)
    def get(self, request: OwnerRequest, entry_id: uuid.UUID) -> Response:
        """Return it."""
        return Response(LedgerEntrySerializer(entry_of(request, entry_id)).data)

    @extend_schema(
        operation_id="ledger_change",
        tags=["ledger"],
        summary="Correct an entry",
        request=LedgerEntrySerializer,
        responses=LedgerEntrySerializer,
    )
    def patch(self, request: OwnerRequest, entry_id: uuid.UUID) -> Response:
        """Change what is named."""
        wanted = LedgerEntrySerializer(entry_of(request, entry_id), data=request.data, partial=True)
        wanted.is_valid(raise_exception=True)
        wanted.save()
        return Response(wanted.data)

    @extend_schema(operation_id="ledger_delete", tags=["ledger"], summary="Delete an entry", responses={204: None})
    def delete(self, request: OwnerRequest, entry_id: uuid.UUID) -> Response:
        """Delete it; where it was comparable, it stays as history, out of the value."""
        entry_of(request, entry_id).delete()
        return Response(status=204)


class LedgerFileView(APIView):
    """The ledger as a file."""

    parser_classes = [MultiPartParser]
    renderer_classes = [JSONRenderer, CSVRenderer]
    throttle_classes = [UserThrottle, AnonThrottle, UploadThrottle]

    @extend_schema(
        operation_id="ledger_file",
        tags=["ledger"],
        summary="Your ledger as CSV, as it can be uploaded again",
        responses={(200, "text/csv"): OpenApiTypes.STR},
    )
    def get(self, request: OwnerRequest) -> HttpResponse:
        """Return the file, oldest entry first."""
        lines = write_ledger(LedgerEntry.objects.owned_by(request.user).order_by("pk"))
        content = "".join(lines).encode(errors="replace")
        return HttpResponse(content, "text/csv; charset=utf-8", headers={"Content-Disposition": 'attachment; filename="ledger.csv"'})

    @extend_schema(
        operation_id="ledger_upload",
        tags=["ledger"],
        summary="Write down the rows of a CSV file",
        parameters=[IDEMPOTENCY_KEY],
        request={"multipart/form-data": FileSerializer},
        responses=LedgerReadSerializer,
    )
    @idempotent
    def post(self, request: OwnerRequest) -> Response:
        """Keep what can be read and is not there yet; tell of each line that cannot be read."""
        wanted = FileSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        with as_problems():
            read = read_ledger(request.user, read_file(wanted.validated_data["file"]))
        told = {"added": len(read.entries), "already_there": read.already_there, "ignored": list(read.ignored)}
        return Response(told | {"refused": [line.to_json() for line in read.refused]})
