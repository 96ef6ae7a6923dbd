"""The rows of an import: lists, details with attempts and candidates, retries, choices, dead letters, and the unmatched as CSV."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import Any

from django.db.models import Q
from django.http import StreamingHttpResponse
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.generics import ListAPIView
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView

from bookops.api.files import CSVRenderer, csv_text
from bookops.api.pagination import HighestIdFirst, InOrder
from bookops.api.problems import Problem
from bookops.api.requests import OwnerRequest
from bookops.idempotency import idempotent
from bookops.runs import BROKEN, State
from bookops.safe_csv import safe_cell
from enrichment.api.owned import import_of, row_of, rows_of
from enrichment.api.row_serializers import ChooseSerializer, DeadLetterSerializer, RowDetailSerializer, RowSerializer
from enrichment.imports import choose_candidate, retry_row
from enrichment.models import ImportRow, LibraryImport
from enrichment.reasons import explain

UNMATCHED = (ImportRow.Outcome.NEEDS_REVIEW, ImportRow.Outcome.NOT_FOUND)
UNMATCHED_COLUMNS = ["row", "line", "title", "author", "isbn13", "state", "outcome", "score", "reason", "explanation", "best_candidate"]


class RowFilter(filters.FilterSet):
    """Filter rows by state, reason, outcome and warnings, and search title and author."""

    reason = filters.CharFilter(max_length=40)
    has_warnings = filters.BooleanFilter(method="warned", label="Whether cells of the row could not be used.")
    q = filters.CharFilter(method="search", label="Part of the title or the author.", max_length=200)

    class Meta:
        model = ImportRow
        fields = ["state", "outcome", "reason", "waiting_for"]

    def warned(self, rows: Any, name: str, value: bool) -> Any:
        """Filter to rows with warnings, or without."""
        return rows.filter(entry__has_key="warnings") if value else rows.exclude(entry__has_key="warnings")

    def search(self, rows: Any, name: str, value: str) -> Any:
        """Filter to rows whose title or author contains the words."""
        return rows.filter(Q(title__icontains=value) | Q(author__icontains=value))


@extend_schema(tags=["rows"])
@extend_schema_view(get=extend_schema(operation_id="rows_list", summary="The rows of an import, as they stood in the file"))
class RowListView(ListAPIView[ImportRow]):
    """List the rows of an import."""

    serializer_class = RowSerializer
    filterset_class = RowFilter
    pagination_class = InOrder
    request: OwnerRequest
    queryset = ImportRow.objects.none()  # for the schema

    def get_queryset(self) -> Any:
        """Return the rows of an import of the owner's."""
        return rows_of(self.request, self.kwargs["pk"])


class RowDetailView(APIView):
    """Show one row."""

    @extend_schema(
        operation_id="rows_detail", tags=["rows"], summary="A row, its candidates and its attempts", responses=RowDetailSerializer
    )
    def get(self, request: OwnerRequest, pk: uuid.UUID, number: int) -> Response:
        """Return a row with everything about it."""
        return Response(RowDetailSerializer(row_of(request, pk, number)).data)


class RowRetryView(APIView):
    """Retry one row."""

    @extend_schema(
        operation_id="rows_retry", tags=["rows"], summary="Retry a failed or dead row", request=None, responses=RowDetailSerializer
    )
    @idempotent
    def post(self, request: OwnerRequest, pk: uuid.UUID, number: int) -> Response:
        """Send the row round again; 409 if it did not fail or could not be read."""
        row = row_of(request, pk, number)
        if not retry_row(row):
            raise Problem(
                409,
                "not_retryable",
                f"Row {number} is {row.state} and cannot be retried.",
                remedy="Only failed and dead rows that could be read are retried; correct an unreadable one in the file and upload it.",
                row=row.number,
                line=row.line or None,
                column=row.column or None,
            )
        return Response(RowDetailSerializer(row_of(request, pk, number)).data)


class RowChooseView(APIView):
    """Choose what a row is."""

    @extend_schema(
        operation_id="rows_choose",
        tags=["rows"],
        summary="Accept a candidate for a row",
        request=ChooseSerializer,
        responses=RowDetailSerializer,
    )
    @idempotent
    def post(self, request: OwnerRequest, pk: uuid.UUID, number: int) -> Response:
        """Keep the choice; 409 if the candidate is none of the row's, or a worker is at the row."""
        wanted = ChooseSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        row = row_of(request, pk, number)
        if not choose_candidate(row, wanted.validated_data["candidate"], by=request.user):
            raise Problem(
                409,
                "not_a_candidate",
                f"Row {number} has no such candidate, or is being worked on.",
                remedy="Send the name of one of the row's candidates; try again if the row is running.",
                row=row.number,
            )
        return Response(RowDetailSerializer(row_of(request, pk, number)).data)


@extend_schema(tags=["rows"])
@extend_schema_view(get=extend_schema(operation_id="dead_letters", summary="Rows of yours that have used up their attempts"))
class DeadLetterView(ListAPIView[ImportRow]):
    """List dead letters over all imports."""

    serializer_class = DeadLetterSerializer
    pagination_class = HighestIdFirst
    filter_backends = []
    request: OwnerRequest
    queryset = ImportRow.objects.none()  # for the schema

    def get_queryset(self) -> Any:
        """Return the owner's dead rows."""
        return ImportRow.objects.filter(library_import__owner=self.request.user, state=State.DEAD).select_related("book")


class UnmatchedView(APIView):
    """Give out the rows that found no certain match."""

    renderer_classes = [CSVRenderer, JSONRenderer]

    @extend_schema(
        operation_id="rows_unmatched",
        tags=["rows"],
        summary="Rows without a certain match, as CSV",
        description="Needs review, not found, failed and dead rows. A cell that a spreadsheet would run as a formula is led by an apostrophe.",
        responses={(200, "text/csv"): OpenApiTypes.STR},
    )
    def get(self, request: OwnerRequest, pk: uuid.UUID) -> StreamingHttpResponse:
        """Stream the file, a page of rows at a time."""
        return unmatched_file(import_of(request, pk))


def unmatched_file(library_import: LibraryImport) -> StreamingHttpResponse:
    """Return the rows of an import without a certain match as a file for saving."""
    unmatched = Q(outcome__in=UNMATCHED) | Q(state__in=BROKEN)
    headers = {"Content-Disposition": f'attachment; filename="unmatched-{library_import.pk}.csv"'}
    lines = csv_lines(library_import.rows.filter(unmatched).order_by("number"))
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


async def csv_lines(rows: Any, at_once: int = 500) -> AsyncIterator[bytes]:
    """Yield a CSV of rows, at_once of them at a time; no connection is held while a slow reader reads."""
    yield csv_text([UNMATCHED_COLUMNS])
    last = 0
    while some := [row async for row in rows.filter(number__gt=last)[:at_once]]:
        yield csv_text([cells_of(row) for row in some])
        last = some[-1].number


def cells_of(row: ImportRow) -> list[Any]:
    """Return the cells of one row: numbers as they are, text made safe."""
    best = row.candidates[0]["facts"] if row.candidates else {}
    texts = [row.title, row.author, row.isbn13, row.state, row.outcome]
    candidate = f"{best.get('title', '')} — {best.get('author', '') or ', '.join(best.get('authors', []))}" if best else ""
    rest = [row.reason, explain(row.reason, row.detail), candidate]
    score = "" if row.score is None else round(row.score, 3)
    return [row.number, row.line, *map(safe_cell, texts), score, *map(safe_cell, rest)]
