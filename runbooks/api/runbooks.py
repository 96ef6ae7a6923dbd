"""Runbooks as resources: lists, details, versions, a new reading of the listing, a person's decision, deletion."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.generics import ListAPIView
from rest_framework.response import Response
from rest_framework.views import APIView

from bookops.api.pagination import HighestIdFirst
from bookops.api.problems import Problem
from bookops.api.requests import OwnerRequest
from bookops.api.schema import IDEMPOTENCY_KEY
from bookops.idempotency import idempotent
from bookops.runs import State
from runbooks import deciding
from runbooks.api.imports import RETRY_AFTER_SECONDS, another_one_runs, started
from runbooks.api.owned import one_of, runbook_of, runbooks_of
from runbooks.api.refusals import as_problems
from runbooks.api.runbook_serializers import (
    REFRESHED_EXAMPLE,
    DecisionSerializer,
    RefreshedSerializer,
    RunbookSerializer,
    ShortRunbookSerializer,
    VersionDetailSerializer,
    VersionSerializer,
    VersionsSerializer,
)
from runbooks.executions import AnotherOneRuns, refresh
from runbooks.models import Copy, EvalRunbook, StepRun
from runbooks.scoring.prices import Position
from runbooks.scoring.tiers import Tier
from runbooks.versions import document_of


class RunbookFilter(filters.FilterSet):
    """Filter runbooks."""

    tier = filters.ChoiceFilter(field_name="recommendation_tier", choices=[(one.value, one.value) for one in Tier])
    position = filters.ChoiceFilter(field_name="price_position", choices=[(one.value, one.value) for one in Position])
    status = filters.ChoiceFilter(field_name="copy__status", choices=Copy.Status.choices, label="Of the copy.")
    parked = filters.BooleanFilter(method="are_parked", label="A step waits for a source or for tomorrow's budget.")
    decided = filters.BooleanFilter(method="are_decided", label="A person has decided.")
    q = filters.CharFilter(method="search", label="Part of the title or the author.", max_length=200)

    class Meta:
        model = EvalRunbook
        fields = ["recommendation", "partial"]

    def are_parked(self, runbooks: Any, name: str, value: bool) -> Any:
        """Filter to those with a step that is parked, or to those without one."""
        parked = Exists(StepRun.objects.filter(execution__runbook=OuterRef("pk"), is_current=True, state=State.PARKED))
        return runbooks.filter(parked if value else ~parked)

    def are_decided(self, runbooks: Any, name: str, value: bool) -> Any:
        """Filter to those with a person's decision, or to those without one."""
        return runbooks.exclude(decision="") if value else runbooks.filter(decision="")

    def search(self, runbooks: Any, name: str, value: str) -> Any:
        """Filter to runbooks of books whose title or author contains the words."""
        return runbooks.filter(Q(copy__book__title__icontains=value) | Q(copy__book__author__icontains=value))


@extend_schema(tags=["runbooks"])
@extend_schema_view(get=extend_schema(operation_id="runbooks_list", summary="Your runbooks, newest first"))
class RunbookListView(ListAPIView[EvalRunbook]):
    """List runbooks."""

    serializer_class = ShortRunbookSerializer
    filterset_class = RunbookFilter
    pagination_class = HighestIdFirst
    request: OwnerRequest
    queryset = EvalRunbook.objects.none()  # for the schema

    def get_queryset(self) -> Any:
        """Return the owner's, without what only a whole one shows."""
        return runbooks_of(self.request).defer("evidence", "analysis_narrative", "provenance", "fmv_by_basis")


class RunbookView(APIView):
    """Show or delete one runbook."""

    @extend_schema(operation_id="runbooks_detail", tags=["runbooks"], summary="One runbook, whole", responses=RunbookSerializer)
    def get(self, request: OwnerRequest, runbook_id: uuid.UUID) -> Response:
        """Return the document that every kept version has too."""
        return Response(document_of(runbook_of(request, runbook_id)))

    @extend_schema(
        operation_id="runbooks_delete",
        tags=["runbooks"],
        summary="Delete a runbook with its comparables, history, photos and the listing's words",
        description="Only of a copy that is still evaluated, which is removed with it; what you own keeps its runbook until you remove the copy.",
        responses={204: None},
    )
    def delete(self, request: OwnerRequest, runbook_id: uuid.UUID) -> Response:
        """Remove the copy that was evaluated, with all that was found."""
        runbook = runbook_of(request, runbook_id)
        try:
            with as_problems():
                deciding.delete_runbook(runbook, by=request.user)
        except deciding.CopyIsOwned as refusal:
            remedy = f"POST /api/copies/{runbook.copy.public_id}/remove."
            raise Problem(409, "copy_is_owned", str(refusal), remedy=remedy) from refusal
        return Response(status=204)


class VersionsView(APIView):
    """List versions."""

    @extend_schema(operation_id="runbooks_versions", tags=["runbooks"], summary="What made each version", responses=VersionsSerializer)
    def get(self, request: OwnerRequest, runbook_id: uuid.UUID) -> Response:
        """Return the versions without what they say, newest first."""
        versions = runbook_of(request, runbook_id).versions.defer("document").select_related("by")
        return Response({"versions": VersionSerializer(versions, many=True).data})


class VersionView(APIView):
    """Show one version."""

    @extend_schema(
        operation_id="runbooks_version", tags=["runbooks"], summary="A runbook as it was in one version", responses=VersionDetailSerializer
    )
    def get(self, request: OwnerRequest, runbook_id: uuid.UUID, number: int) -> Response:
        """Return the version of this number."""
        versions = runbook_of(request, runbook_id).versions.select_related("by")
        return Response(VersionDetailSerializer(one_of(versions.filter(number=number))).data)


class RefreshView(APIView):
    """Evaluate again."""

    @extend_schema(
        operation_id="runbooks_refresh",
        tags=["runbooks"],
        summary="Read the listing again and evaluate it anew",
        description="The history, a negotiated price, codes and what you said of comparables stay.",
        parameters=[IDEMPOTENCY_KEY],
        request=None,
        responses={202: RefreshedSerializer},
        examples=[OpenApiExample("Begun", REFRESHED_EXAMPLE, response_only=True, status_codes=["202"])],
    )
    @idempotent
    def post(self, request: OwnerRequest, runbook_id: uuid.UUID) -> Response:
        """Begin another execution, or return the one that runs."""
        runbook = runbook_of(request, runbook_id)
        try:
            with as_problems():
                execution, _ = refresh(runbook, request.user)
        except AnotherOneRuns as conflict:
            raise another_one_runs(conflict) from conflict
        body = started(execution)
        return Response(body, status=202, headers={"Location": body["status_url"], "Retry-After": str(RETRY_AFTER_SECONDS)})


class DecisionView(APIView):
    """Decide."""

    @extend_schema(
        operation_id="runbooks_decide",
        tags=["runbooks"],
        summary="Put your decision beside the computed recommendation",
        request=DecisionSerializer,
        responses=RunbookSerializer,
        examples=[OpenApiExample("Against it", {"decision": "PASS", "reason": "The rear board is detached."}, request_only=True)],
    )
    def patch(self, request: OwnerRequest, runbook_id: uuid.UUID) -> Response:
        """Keep the decision with its reason; the recommendation stays as computed."""
        wanted = DecisionSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        runbook = runbook_of(request, runbook_id)
        with as_problems():
            deciding.decide(runbook, **wanted.validated_data, by=request.user)
        return Response(document_of(runbook))
