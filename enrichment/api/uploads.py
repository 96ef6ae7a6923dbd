"""POST /api/upload and GET /api/status/{uuid}: taking an export in, and saying how far it is in the seeds' words."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.urls import reverse
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from bookops.api.problems import Problem
from bookops.api.requests import OwnerRequest
from bookops.api.schema import IDEMPOTENCY_KEY
from bookops.api.throttles import AnonThrottle, StatusThrottle, UploadThrottle, UserThrottle
from bookops.api.waiting import WaitingView, wait_parameter
from bookops.body_limit import ENVELOPE_BYTES
from bookops.idempotency import idempotent
from bookops.runs import State
from enrichment.api.live import IMPORT
from enrichment.api.owned import import_of
from enrichment.api.seed_serializers import FinishedUploadSerializer, StatusSerializer, UploadedSerializer, UploadSerializer
from enrichment.formats import ExportRefused
from enrichment.imports import start_import
from enrichment.models import LibraryImport
from enrichment.status import ImportStatus, describe

RETRY_AFTER_SECONDS = 2

STATISTICS_EXAMPLE = {
    "job_id": "7a0ff8f8-2d2f-4d2c-8f0e-6f6f0a3d8a11",
    "status": "complete",
    "total_books": 762,
    "successful_books": 735,
    "failed_books": 27,
    "success_rate": 96.5,
    "cells_left_out": 2,
    "chunks_processed": 3,
    "processing_time_seconds": 85.2,
}
UPLOADED_EXAMPLE = {
    "uuid": "7a0ff8f8-2d2f-4d2c-8f0e-6f6f0a3d8a11",
    "job_id": "7a0ff8f8-2d2f-4d2c-8f0e-6f6f0a3d8a11",
    "status": "processing",
    "message": "library.csv was taken in. Ask status_url how far it is.",
    "status_url": "/api/status/7a0ff8f8-2d2f-4d2c-8f0e-6f6f0a3d8a11",
    "data_url": "/api/data/7a0ff8f8-2d2f-4d2c-8f0e-6f6f0a3d8a11",
    "same_file_as": None,
}
FINISHED_EXAMPLE = UPLOADED_EXAMPLE | {
    "status": "complete",
    "message": "Done.",
    "processing_time": 85.2,
    "books_processed": 762,
    "successful_enrichments": 735,
    "failed_enrichments": 27,
    "success_rate": 96.5,
    "statistics": STATISTICS_EXAMPLE,
}


class UploadView(WaitingView):
    """Take in a library export."""

    kind = IMPORT
    id_field = "uuid"
    parser_classes = [MultiPartParser]
    throttle_classes = [UserThrottle, AnonThrottle, UploadThrottle]

    @classmethod
    def finished(cls, run_id: uuid.UUID) -> tuple[int, dict[str, Any]] | None:
        """Return seed 003's answer, None for an import that was deleted meanwhile."""
        result = finished(run_id)
        return (200, result) if result else None

    @extend_schema(
        operation_id="upload",
        tags=["imports"],
        summary="Upload a library export",
        description="Answers at once with 202 and where to ask; with ?wait=SECONDS it answers 200 with the result if that is there in time.",
        parameters=[IDEMPOTENCY_KEY, wait_parameter(WaitingView.longest_wait)],
        request={"multipart/form-data": UploadSerializer},
        responses={200: FinishedUploadSerializer, 202: UploadedSerializer},
        examples=[
            OpenApiExample("Taken in", UPLOADED_EXAMPLE, response_only=True, status_codes=["202"]),
            OpenApiExample("Done in time", FINISHED_EXAMPLE, response_only=True, status_codes=["200"]),
        ],
    )
    def post(self, request: OwnerRequest) -> Response:
        """Check the head of the file, keep it and have it read."""
        refuse_large(request)
        return self.take_in(request)

    @idempotent
    def take_in(self, request: OwnerRequest) -> Response:
        """Start the import and say where to ask for it."""
        wanted = UploadSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        options = dict(wanted.validated_data)
        file = options.pop("file")
        refuse_large(request, file.size)
        try:
            library_import = start_import(owner=request.user, file=file, filename=file.name, import_id=request.resource_id, **options)
        except ExportRefused as refusal:
            raise refused(refusal, file.name) from refusal
        body = uploaded(library_import, f"{library_import.filename} was taken in. Ask status_url how far it is.")
        headers = {"Location": body["status_url"], "Retry-After": str(RETRY_AFTER_SECONDS)}
        return Response(body, status=202, headers=headers)


def refuse_large(request: OwnerRequest, size: int | None = None) -> None:
    """Raise a 413 problem for a body, or a file, above the limit; the body is judged by its announced length, unread."""
    announced = int(request.META.get("CONTENT_LENGTH") or 0) - ENVELOPE_BYTES
    if (announced if size is None else size) > settings.UPLOAD_MAX_BYTES:
        limit = f"{settings.UPLOAD_MAX_BYTES / (1 << 20):.0f}MB"
        remedy = "Part the file, keep the header in each part, and upload the parts one by one."
        raise Problem(413, "file_too_large", f"File too large. Maximum size: {limit}.", remedy=remedy)


def refused(refusal: ExportRefused, filename: str) -> Problem:
    """Return the problem for a file that is no export we can read."""
    return Problem(
        refusal.status_hint,
        refusal.reason,
        refusal.detail,
        remedy="Download the export again from its service and upload it unchanged, or follow what detail says.",
        file=filename,
        line=getattr(refusal, "line", None),
        column=getattr(refusal, "column", None),
    )


def uploaded(library_import: LibraryImport, message: str, status: str = "processing") -> dict[str, Any]:
    """Return the seeds' answer to an upload, and which earlier one was of the same file."""
    earlier = library_import.same_file_before()
    if earlier:
        message = f"{message} It is the same file as {earlier.name_and_time}."
    return {
        "uuid": str(library_import.pk),
        "job_id": str(library_import.pk),
        "status": status,
        "message": message,
        "status_url": reverse("import-status", args=[library_import.pk]),
        "data_url": reverse("import-data", args=[library_import.pk]),
        "same_file_as": str(earlier.pk) if earlier else None,
    }


def finished(import_id: uuid.UUID) -> dict[str, Any] | None:
    """Return seed 003's answer for an import that has ended, None if it was deleted meanwhile."""
    library_import = LibraryImport.objects.filter(pk=import_id).first()
    if library_import is None:
        return None
    status = describe(library_import)
    statistics = library_import.statistics or status.statistics
    return uploaded(library_import, message_of(library_import, status), status.seed_status) | {
        "processing_time": statistics["processing_time_seconds"],
        "books_processed": statistics["total_books"],
        "successful_enrichments": statistics["successful_books"],
        "failed_enrichments": statistics["failed_books"],
        "success_rate": statistics["success_rate"],
        "statistics": statistics,
    }


def message_of(library_import: LibraryImport, status: ImportStatus) -> str:
    """Say in a sentence how an import stands."""
    if status.seed_status == "error":
        return error_message(library_import)
    if status.seed_status == "complete":
        waiting = sum(one["rows"] for one in status.waiting)
        return f"Done; {waiting} rows still wait for a source." if waiting else "Done."
    return {
        LibraryImport.Stage.READING: f"Reading {library_import.filename}.",
        LibraryImport.Stage.ENRICHING: f"Enriched {status.processed} of {status.total} books.",
    }.get(LibraryImport.Stage(status.stage), "Writing the dashboard.")


def error_message(library_import: LibraryImport) -> str:
    """Say why an import came to nothing."""
    return f"Processing failed: {library_import.detail or library_import.reason or library_import.get_state_display()}"


class StatusView(APIView):
    """Say how far an import is."""

    throttle_classes = [UserThrottle, AnonThrottle, StatusThrottle]

    @extend_schema(
        operation_id="status",
        tags=["imports"],
        summary="How far an import is",
        responses=StatusSerializer,
        examples=[
            OpenApiExample(
                "On its way",
                {
                    "uuid": UPLOADED_EXAMPLE["uuid"],
                    "status": "processing",
                    "upload_time": "2026-11-22T10:00:00Z",
                    "filename": "library.csv",
                    "file_size": 245_760,
                    "progress": {"total_books": 762, "processed_books": 381, "percent_complete": 50.0},
                    "message": "Enriched 381 of 762 books.",
                    "estimated_completion": "2026-11-22T10:01:25Z",
                    "counts": {"pending": 31, "running": 350, "succeeded": 374, "failed": 7},
                    "outcomes": {"matched": 350, "needs_review": 10, "not_found": 14},
                    "error_categories": {"api_timeout": 5, "network": 2},
                    "waiting": [],
                    "statistics": STATISTICS_EXAMPLE | {"status": "processing"},
                },
                response_only=True,
            )
        ],
    )
    def get(self, request: OwnerRequest, pk: uuid.UUID) -> Response:
        """Count the rows and answer in the seeds' words."""
        library_import = import_of(request, pk)
        body = status_document(library_import, describe(library_import))
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if body["status"] == "processing" else {}
        return Response(body, headers=headers)


def status_document(library_import: LibraryImport, status: ImportStatus) -> dict[str, Any]:
    """Return the seeds' status document."""
    body = {
        "uuid": str(library_import.pk),
        "status": status.seed_status,
        "upload_time": library_import.created_at,
        "filename": library_import.filename,
        "file_size": library_import.file_size,
        "progress": {"total_books": status.total, "processed_books": status.processed, "percent_complete": status.percent},
        "message": message_of(library_import, status),
        "estimated_completion": status.forecast_end,
        "counts": status.counts,
        "outcomes": status.outcomes,
        "error_categories": status.categories,
        "waiting": status.waiting,
        "statistics": library_import.statistics or status.statistics,
    }
    if library_import.has_ended:
        body["completion_time"] = library_import.ended_at
    if library_import.state in (State.SUCCEEDED, State.CANCELLED):
        body["data_url"] = reverse("import-data", args=[library_import.pk])
    if status.seed_status == "error":
        body["error_message"] = error_message(library_import)
    return body
