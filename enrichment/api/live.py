"""Watching an import: what its progress is told as, the websocket, and the same as server-sent events."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.views import APIView

from bookops.api.requests import OwnerRequest
from bookops.api.streams import EventStreamRenderer, stream
from bookops.credentials import of_request
from bookops.sockets import RunConsumer, as_seq
from bookops.watch import Kind
from enrichment.api.owned import import_of
from enrichment.models import LibraryImport
from enrichment.status import describe


def progress_of(library_import: LibraryImport) -> dict[str, Any]:
    """Return what watchers are told of an import whenever it changes."""
    status = describe(library_import)
    return {
        "import": str(library_import.pk),
        "status": status.seed_status,
        "stage": status.stage,
        "counts": status.counts,
        "outcomes": status.outcomes,
        "total": status.total,
        "processed": status.processed,
        "percent": status.percent,
        "categories": status.categories,
        "waiting": status.waiting,
        "chunks_processed": status.chunks_processed,
        "chunks_total": status.chunks_total,
        "dashboard_version": library_import.dashboard_version,
        "forecast_end": status.forecast_end.replace(microsecond=0).isoformat() if status.forecast_end else None,
    }


IMPORT = Kind(LibraryImport, progress_of)


class ImportConsumer(RunConsumer):
    """ws/imports/{uuid}: watch an import."""

    kind = IMPORT


class ImportStreamView(APIView):
    """Watch an import by server-sent events."""

    renderer_classes = [EventStreamRenderer, JSONRenderer]

    @extend_schema(
        operation_id="imports_stream",
        summary="Watch an import (server-sent events)",
        description="The messages of the websocket ws/imports/{uuid}, for clients that cannot open one. Goes on until the import ends; "
        "a client that reconnects with Last-Event-ID, or ?after=, gets every event it has missed.",
        parameters=[
            OpenApiParameter("after", int, description="The last event number you know."),
            OpenApiParameter("Last-Event-ID", int, OpenApiParameter.HEADER),
        ],
        responses={(200, "text/event-stream"): OpenApiTypes.STR},
    )
    def get(self, request: OwnerRequest, pk: uuid.UUID) -> StreamingHttpResponse:
        """Stream until the import ends."""
        library_import = import_of(request, pk)
        after = as_seq(request.headers.get("Last-Event-ID") or request.query_params.get("after", ""))
        return stream(IMPORT, library_import.pk, of_request(request), after)
