"""GET and DELETE /api/data/{uuid}: the dashboard as it lies in storage, streamed; and the end of an import with all it left."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import IO, Any

from asgiref.sync import sync_to_async
from django.core.files.storage import default_storage
from django.http import HttpResponse, StreamingHttpResponse
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from bookops.api.problems import Problem
from bookops.api.requests import OwnerRequest
from bookops.api.throttles import AnonThrottle, StatusThrottle, UserThrottle
from bookops.runs import BROKEN
from enrichment.api.owned import import_of
from enrichment.api.seed_serializers import DeletedSerializer
from enrichment.api.uploads import RETRY_AFTER_SECONDS, error_message, uploaded
from enrichment.finishing import ask_rebuild
from enrichment.imports import delete_import
from enrichment.models import LibraryImport

PIECE_BYTES = 256 * 1024
DASHBOARD = OpenApiResponse(OpenApiTypes.OBJECT, description="The dashboard; its JSON Schema ships with the project.")

FAILED = OpenApiResponse(OpenApiTypes.OBJECT, description="The import failed; detail says why, in the seeds' words.")


class DataView(APIView):
    """Give out the dashboard of an import."""

    throttle_classes = [UserThrottle, AnonThrottle, StatusThrottle]

    @extend_schema(
        operation_id="data",
        tags=["imports"],
        summary="The dashboard of an import",
        description="200 with an ETag when it is complete (304 to If-None-Match, gzip where accepted). 202 with Retry-After before: the "
        "partial dashboard (metadata.partial is true) once there is one, else the answer of the upload. 500 when the import failed; of a "
        "cancelled one, what had been done (200, metadata.partial is true).",
        responses={200: DASHBOARD, 202: DASHBOARD, 304: OpenApiResponse(description="You have it already."), 500: FAILED},
        examples=[
            OpenApiExample(
                "Complete",
                {
                    "export_id": "7a0ff8f8-2d2f-4d2c-8f0e-6f6f0a3d8a11",
                    "books": [],
                    "summary": {"total_books": 0},
                    "metadata": {"partial": False},
                },
                response_only=True,
                status_codes=["200"],
            )
        ],
    )
    def get(self, request: OwnerRequest, pk: uuid.UUID) -> HttpResponse | StreamingHttpResponse:
        """Answer with what is stored; a worker is asked for a newer version, nothing is built here."""
        library_import = import_of(request, pk)
        ask_rebuild(library_import)
        # The seeds' answer to an error; but who cancelled an import knows, and what was done until then is theirs.
        if library_import.state in BROKEN:
            raise Problem(
                500, "processing_failed", error_message(library_import), remedy="Retry its failed rows, or upload the file again."
            )
        if not library_import.dashboard_key:
            body = uploaded(library_import, "There is nothing to show yet.")
            return Response(body, status=202, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
        return stored(request, library_import)

    @extend_schema(
        operation_id="data_delete",
        tags=["imports"],
        summary="Delete an import",
        description="Cancels it if it runs and removes its upload, dashboard, rows and the books nothing else refers to.",
        responses={200: DeletedSerializer},
    )
    def delete(self, request: OwnerRequest, pk: uuid.UUID) -> Response:
        """Delete everything of an import."""
        deleted = delete_import(import_of(request, pk))
        return Response({"message": "The import and its data were deleted.", "deleted_files": deleted})


def stored(request: OwnerRequest, library_import: LibraryImport) -> HttpResponse | StreamingHttpResponse:
    """Return the stored dashboard, gzipped as it lies if the caller takes that."""
    etag = f'W/"{library_import.dashboard_etag}"'  # weak: the plain and the gzipped form share it
    partial = library_import.dashboard_partial
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "X-Dashboard-Version": str(library_import.dashboard_version)}
    known = parse_etags(request.headers.get("If-None-Match", ""))
    if not partial and (etag in known or etag.removeprefix("W/") in known or known == ["*"]):
        response: HttpResponse | StreamingHttpResponse = HttpResponse(status=304, headers=headers)
    else:
        zipped = takes_gzip(request.headers.get("Accept-Encoding", ""))
        file = default_storage.open(library_import.dashboard_key + (".gz" if zipped else ""), "rb")
        response = StreamingHttpResponse(pieces(file), status=202 if partial else 200, content_type="application/json", headers=headers)
        if zipped:
            response["Content-Encoding"] = "gzip"
        if partial:
            response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    patch_vary_headers(response, ["Accept-Encoding"])
    return response


async def pieces(file: IO[Any]) -> AsyncIterator[bytes]:
    """Yield a file piece by piece; under ASGI any other iterator would be read whole into memory first."""
    try:
        while piece := await sync_to_async(file.read)(PIECE_BYTES):
            yield piece
    finally:
        file.close()


def takes_gzip(accepted: str) -> bool:
    """Say whether an Accept-Encoding header allows gzip."""
    for part in accepted.lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
