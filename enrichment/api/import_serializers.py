"""What imports and their events look like in JSON, and what may be asked of them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from bookops.api.json_fields import CountsField, ObjectField
from enrichment.api.seed_serializers import WaitingSerializer
from enrichment.models import LibraryImport


class MovedSerializer(serializers.Serializer[Any]):
    """How many rows an action moved."""

    moved = serializers.IntegerField()


class CancelledSerializer(serializers.Serializer[Any]):
    """Whether there was something to cancel."""

    cancelled = serializers.BooleanField()


IMPORT_EXAMPLE = {
    "id": "7a0ff8f8-2d2f-4d2c-8f0e-6f6f0a3d8a11",
    "filename": "goodreads_library_export.csv",
    "file_size": 149226,
    "source_format": "goodreads",
    "encoding": "utf-8",
    "policy": "frugal",
    "tolerated_failures": None,
    "state": "succeeded",
    "stage": "done",
    "reason": "",
    "detail": "",
    "given_up": [],
    "cells_left_out": {"Date Read": 2},
    "created_at": "2026-11-22T12:00:00Z",
    "started_at": "2026-11-22T12:00:00.1Z",
    "ended_at": "2026-11-22T12:00:31Z",
    "deadline_at": None,
    "last_seq": 9,
    "dashboard_version": 1,
    "sandbox": False,
    "statistics": {"total_books": 565, "successful_books": 563, "failed_books": 2, "success_rate": 99.6},
}


@extend_schema_serializer(examples=[OpenApiExample("A complete import", IMPORT_EXAMPLE, response_only=True)])
class ImportSerializer(serializers.ModelSerializer[LibraryImport]):
    """An import in a list."""

    statistics = ObjectField(read_only=True)
    given_up = serializers.ListField(child=serializers.CharField(), read_only=True)
    cells_left_out = CountsField(
        read_only=True, help_text="Cells that could not be used, by column; `entry.warnings` of their rows says why."
    )

    class Meta:
        model = LibraryImport
        fields = [
            "id",
            "filename",
            "file_size",
            "source_format",
            "encoding",
            "policy",
            "tolerated_failures",
            "state",
            "stage",
            "reason",
            "detail",
            "given_up",
            "cells_left_out",
            "created_at",
            "started_at",
            "ended_at",
            "deadline_at",
            "last_seq",
            "dashboard_version",
            "sandbox",
            "statistics",
        ]
        read_only_fields = fields


#: What an import's details add: fields of enrichment.status.ImportStatus.
FROM_STATUS = [
    "counts",
    "outcomes",
    "reasons",
    "categories",
    "percent",
    "forecast_end",
    "waiting",
    "chunks_processed",
    "chunks_total",
    "sources",
    "cpu_seconds",
]


class ImportDetailSerializer(ImportSerializer):
    """An import with its counts, read from its rows."""

    counts = CountsField(read_only=True)
    outcomes = CountsField(read_only=True)
    reasons = CountsField(read_only=True)
    categories = CountsField(read_only=True)
    percent = serializers.FloatField(read_only=True)
    forecast_end = serializers.DateTimeField(read_only=True, allow_null=True)
    waiting = WaitingSerializer(many=True, read_only=True)
    chunks_processed = serializers.IntegerField(read_only=True)
    chunks_total = serializers.IntegerField(read_only=True)
    sources = ObjectField(read_only=True)
    cpu_seconds = serializers.FloatField(read_only=True)
    same_file_as = serializers.UUIDField(
        read_only=True, allow_null=True, help_text="Your latest import before this one of the very same file."
    )

    class Meta(ImportSerializer.Meta):
        fields = [*ImportSerializer.Meta.fields, *FROM_STATUS, "same_file_as"]
        read_only_fields = fields


class ReEnrichSerializer(serializers.Serializer[Any]):
    """How to enrich again."""

    forget = serializers.BooleanField(default=False, help_text="Ask the sources anew instead of using what they answered before.")


class GiveUpSerializer(serializers.Serializer[Any]):
    """Which source to go on without."""

    # A serializer keeps its fields apart from its own attributes, one of which is called source too.
    source = serializers.RegexField(r"^[a-z_]{1,20}$")  # type: ignore[assignment]


class EventSerializer(serializers.Serializer[Any]):
    """One thing that happened to an import."""

    seq = serializers.IntegerField()
    kind = serializers.CharField()
    payload = ObjectField()
    at = serializers.DateTimeField()


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "The end of a chunk",
            {
                "events": [
                    {
                        "seq": 4,
                        "kind": "chunk_done",
                        "payload": {"number": 1, "done": 1, "of": 2, "percent": 50.0, "rows": 350, "successful": 349, "failed": 1},
                        "at": "2026-11-22T12:00:17Z",
                    }
                ],
                "last_seq": 4,
            },
            response_only=True,
        )
    ]
)
class EventsSerializer(serializers.Serializer[Any]):
    """Events after a number, and the number to ask after next."""

    events = EventSerializer(many=True)
    last_seq = serializers.IntegerField()
