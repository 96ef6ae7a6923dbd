"""Runbooks to take away: a CSV of many, a page of one to print."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.template.loader import render_to_string
from django.templatetags.static import static
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.renderers import JSONRenderer
from rest_framework.views import APIView

from bookops.api.files import CSVRenderer, FileRenderer
from bookops.api.requests import OwnerRequest
from runbooks.api.owned import runbook_of, runbooks_of
from runbooks.api.runbooks import RunbookFilter
from runbooks.exporting import file_of
from runbooks.models import EvalRunbook, ListingImage
from runbooks.versions import document_of

#: A page of ours with a style sheet and photos of ours, and nothing else.
PAGE_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
PRINTED_PHOTOS = 6


class RunbooksFileView(GenericAPIView[EvalRunbook]):
    """Runbooks as CSV."""

    renderer_classes = [CSVRenderer, JSONRenderer]
    filterset_class = RunbookFilter
    request: OwnerRequest
    queryset = EvalRunbook.objects.none()  # for the schema

    @extend_schema(
        operation_id="runbooks_file",
        tags=["runbooks"],
        summary="Your runbooks as CSV",
        description="A cell that a spreadsheet would run as a formula is led by an apostrophe.",
        responses={(200, "text/csv"): OpenApiTypes.STR},
    )
    def get(self, request: OwnerRequest) -> StreamingHttpResponse:
        """Stream the file, a page of runbooks at a time."""
        return file_of(self.filter_queryset(runbooks_of(request)))


class PageRenderer(FileRenderer):
    """Answer with text/html."""

    media_type = "text/html"
    format = "html"
    charset = "utf-8"


class PrintView(APIView):
    """A runbook on paper."""

    renderer_classes = [PageRenderer, JSONRenderer]

    @extend_schema(
        operation_id="runbooks_print",
        tags=["runbooks"],
        summary="A runbook as a page to print",
        responses={(200, "text/html"): OpenApiTypes.STR},
    )
    def get(self, request: OwnerRequest, runbook_id: uuid.UUID) -> HttpResponse:
        """Return the page; its photos are there for who has logged in with a browser."""
        document = document_of(runbook_of(request, runbook_id))
        page = render_to_string("runbooks/print.html", printed(document))
        return HttpResponse(page, headers={"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "private, no-store"})


def printed(document: dict[str, Any]) -> dict[str, Any]:
    """Return what the page shows of a document: criteria in one list, photos that are kept, comparables that count first."""
    images = document["listing"]["images"] if document["listing"] else []
    kept = [image["id"] for image in images if image["fate"] == ListingImage.Fate.KEPT]
    comparables = [one for one in document["comparables"] if one["is_current"]]
    return {
        "runbook": document,
        "photos": kept[:PRINTED_PHOTOS],
        "scores": {
            "Quality": document["tiered_breakdown"].get("quality", {}),
            "Strategic fit": document["tiered_breakdown"].get("strategic_fit", {}),
            "First score": document["score_breakdown"],
        },
        "findings": {
            "For it": document["condition_positives"],
            "Against it": document["condition_negatives"],
            "Critical": document["critical_issues"],
            "Contradictions": document["contradictions"],
        },
        "comparables": sorted(comparables, key=lambda one: (one["excluded"], one["basis"])),
        "stylesheet": static("runbooks/print.css"),
    }
