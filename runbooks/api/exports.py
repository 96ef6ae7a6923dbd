"""Runbooks to take away: a CSV of many, a page of one to print."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.template.loader import render_to_string
from django.templatetags.static import static
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.renderers import JSONRenderer
from rest_framework.views import APIView

from bookops.api.files import CSVRenderer, FileRenderer, csv_text
from bookops.api.requests import OwnerRequest
from bookops.safe_csv import safe_cell
from runbooks.api.owned import runbook_of, runbooks_of
from runbooks.api.runbooks import RunbookFilter
from runbooks.models import EvalRunbook, ListingImage
from runbooks.versions import document_of

#: A page of ours with a style sheet and photos of ours, and nothing else.
PAGE_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
PRINTED_PHOTOS = 6
#: Column -> where a runbook has it.
TEXTS = {
    "title": "copy.book.title",
    "author": "copy.book.author",
    "publisher": "copy.book.publisher",
    "condition": "condition_grade",
    "status": "copy.status",
    "recommendation": "recommendation",
    "tier": "recommendation_tier",
    "price_position": "price_position",
    "reasoning": "recommendation_reasoning",
    "decision": "decision",
    "decision_reason": "decision_reason",
    "fmv_basis": "fmv_basis",
    "fmv_confidence": "fmv_confidence",
    "discount_code": "discount_code",
    "url": "copy.listing.url",
}
NUMBERS = {
    "year": "copy.book.year",
    "volumes": "copy.volumes",
    "total_score": "total_score",
    "combined_score": "combined_score",
    "quality_score": "quality_score",
    "strategic_fit_score": "strategic_fit_score",
    "asking_usd": "current_asking_price",
    "fmv_low_usd": "fmv_low",
    "fmv_mid_usd": "fmv_mid",
    "fmv_high_usd": "fmv_high",
    "comparables": "fmv_count",
    "suggested_offer_usd": "suggested_offer",
    "recommended_price_usd": "recommended_price",
    "purchase_price_usd": "copy.purchase_price",
    "version": "version",
}


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
        runbooks = self.filter_queryset(runbooks_of(request).defer("evidence", "provenance").order_by("pk"))
        headers = {"Content-Disposition": 'attachment; filename="runbooks.csv"'}
        return StreamingHttpResponse(csv_lines(runbooks), content_type="text/csv; charset=utf-8", headers=headers)


async def csv_lines(runbooks: Any, at_once: int = 200) -> AsyncIterator[bytes]:
    """Yield a CSV of runbooks, at_once of them at a time; no connection is held while a slow reader reads."""
    yield csv_text([["id", *TEXTS, *NUMBERS, "generated_at"]])
    last = 0
    while some := [runbook async for runbook in runbooks.filter(pk__gt=last)[:at_once]]:
        yield csv_text(cells_of(runbook) for runbook in some)
        last = some[-1].pk


def cells_of(runbook: EvalRunbook) -> list[Any]:
    """Return the cells of one runbook: numbers as they are, text made safe."""
    texts = [safe_cell(str(_at(runbook, where) or "")) for where in TEXTS.values()]
    numbers = ["" if (value := _at(runbook, where)) is None else value for where in NUMBERS.values()]
    return [runbook.public_id, *texts, *numbers, runbook.generated_at.isoformat() if runbook.generated_at else ""]


def _at(row: Any, where: str) -> Any:
    for name in where.split("."):
        row = getattr(row, name, None)
    return row


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
