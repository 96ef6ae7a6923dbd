"""Sources: whether each third party answers, and until when one is let be."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bookops.source_health import SourceHealth


class SourceSerializer(serializers.ModelSerializer[SourceHealth]):
    """A third party."""

    class Meta:
        model = SourceHealth
        fields = ["name", "calls", "errors", "last_success_at", "last_error_at", "last_error", "parked_until"]
        read_only_fields = fields


class SourceListSerializer(serializers.Serializer[Any]):
    """All third parties that were asked so far."""

    sources = SourceSerializer(many=True)


EXAMPLE = OpenApiExample(
    "A source that is let be until its day ends",
    {
        "sources": [
            {
                "name": "google_books",
                "calls": 1000,
                "errors": 1,
                "last_success_at": "2026-11-22T12:00:31Z",
                "last_error_at": "2026-11-22T12:00:32Z",
                "last_error": "quota_day",
                "parked_until": "2026-11-23T08:00:00Z",
            }
        ]
    },
    response_only=True,
)


class SourcesView(APIView):
    """List sources."""

    @extend_schema(
        operation_id="sources_list",
        tags=["sources"],
        summary="The sources and how they are",
        responses=SourceListSerializer,
        examples=[EXAMPLE],
    )
    def get(self, request: Request) -> Response:
        """Return each source's health."""
        return Response({"sources": SourceSerializer(SourceHealth.objects.all(), many=True).data})
