"""Evaluations that were begun: how far they are, in the first design's words, and what a person can do with one."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import Exists, OuterRef, Prefetch
from django.http import Http404
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.generics import ListAPIView
from rest_framework.response import Response
from rest_framework.views import APIView

from bookops.api.problems import Problem
from bookops.api.requests import OwnerRequest
from bookops.api.throttles import AnonThrottle, StatusThrottle, UserThrottle
from bookops.idempotency import idempotent
from bookops.runs import State
from bookops.sockets import as_seq
from bookops.watch import events_after
from runbooks.api.import_serializers import (
    EXECUTION_ID,
    ExecutionCancelledSerializer,
    ExecutionDetailSerializer,
    ExecutionSerializer,
    ExecutionStatusSerializer,
    MessagesSerializer,
    RetriedSerializer,
    RetrySerializer,
    StepSerializer,
)
from runbooks.api.imports import RETRY_AFTER_SECONDS
from runbooks.api.live import as_message, seed_status
from runbooks.api.owned import execution_of
from runbooks.api.refusals import as_problems
from runbooks.executions import (
    cancel_execution,
    retry_failed,
    retry_step,
)
from runbooks.models import Execution, StepRun
from runbooks.plan import SHOWN, STEPS

STATUS_EXAMPLE: dict[str, Any] = {
    "status": "RUNNING",
    "progress": dict.fromkeys(SHOWN, "COMPLETED") | {"claude_analysis": "RUNNING", "abebooks_fmv": "RUNNING", "assemble": "PENDING"},
    "book_id": None,
    "error": None,
    "execution_id": EXECUTION_ID,
    "state": "running",
    "reason": "",
    "partial": False,
    "missing": [],
    "runbook_id": None,
    "last_seq": 9,
    "steps": [],
}


class ExecutionStatusView(APIView):
    """Say how far an evaluation is."""

    throttle_classes = [UserThrottle, AnonThrottle, StatusThrottle]

    @extend_schema(
        operation_id="executions_status",
        tags=["evaluations"],
        summary="How far an evaluation is",
        responses=ExecutionStatusSerializer,
        examples=[OpenApiExample("On its way", STATUS_EXAMPLE, response_only=True)],
    )
    def get(self, request: OwnerRequest, pk: uuid.UUID) -> Response:
        """Answer in the first design's words, and tell of each step beside them."""
        execution = execution_of(request, pk)
        steps = execution.steps.filter(is_current=True).defer("input", "output").order_by("pk")
        body = seed_status(execution) | {
            "execution_id": str(execution.pk),
            "state": execution.state,
            "reason": execution.reason,
            "partial": execution.partial,
            "missing": execution.missing,
            "runbook_id": str(execution.runbook.public_id) if execution.runbook else None,
            "last_seq": execution.last_seq,
            "steps": StepSerializer(steps, many=True).data,
        }
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if body["status"] == "RUNNING" else {}
        return Response(body, headers=headers)


class ExecutionFilter(filters.FilterSet):
    """Filter evaluations."""

    parked = filters.BooleanFilter(method="are_parked", label="A step waits for a source or for tomorrow's budget.")
    bulk = filters.UUIDFilter(field_name="bulk_id", label="Of one bulk import.")
    runbook = filters.UUIDFilter(field_name="runbook__public_id", label="Of one runbook.")

    class Meta:
        model = Execution
        fields = ["state", "cause", "partial"]

    def are_parked(self, executions: Any, name: str, value: bool) -> Any:
        """Filter to those with a step that is parked, or to those without one."""
        parked = Exists(StepRun.objects.filter(execution=OuterRef("pk"), is_current=True, state=State.PARKED))
        return executions.filter(parked if value else ~parked)


#: What lists and details read of steps: not what these worked on and found, which may be long.
STEPS_READ = Prefetch("steps", StepRun.objects.defer("input", "output").order_by("pk"))


@extend_schema(tags=["evaluations"])
@extend_schema_view(get=extend_schema(operation_id="executions_list", summary="Your evaluations, newest first, with what each step cost"))
class ExecutionListView(ListAPIView[Execution]):
    """List evaluations."""

    serializer_class = ExecutionSerializer
    filterset_class = ExecutionFilter
    request: OwnerRequest
    queryset = Execution.objects.none()  # for the schema

    def get_queryset(self) -> Any:
        """Return the owner's."""
        return Execution.objects.owned_by(self.request.user).select_related("listing", "runbook").prefetch_related(STEPS_READ)


class ExecutionDetailView(APIView):
    """Show one evaluation."""

    @extend_schema(
        operation_id="executions_detail",
        tags=["evaluations"],
        summary="One evaluation with every run of its steps",
        responses=ExecutionDetailSerializer,
    )
    def get(self, request: OwnerRequest, pk: uuid.UUID) -> Response:
        """Return it."""
        return Response(ExecutionDetailSerializer(execution_of(request, pk)).data)


class ExecutionEventsView(APIView):
    """List what happened."""

    @extend_schema(
        operation_id="executions_events",
        tags=["evaluations"],
        summary="What happened in an evaluation, after an event number",
        parameters=[OpenApiParameter("after", int, description="The last event number you know; 0 for all.")],
        responses=MessagesSerializer,
    )
    def get(self, request: OwnerRequest, pk: uuid.UUID) -> Response:
        """Return up to 500 messages, oldest first."""
        execution = execution_of(request, pk)
        after = as_seq(request.query_params.get("after", "0"))
        if after is None:
            raise Problem(400, "invalid", "after is no event number.", remedy="Send the seq of the last event you know.")
        messages = [as_message(event) for event in events_after(execution.pk, after)]
        return Response({"events": messages, "last_seq": messages[-1]["seq"] if messages else after})


class CancelExecutionView(APIView):
    """Stop an evaluation."""

    @extend_schema(
        operation_id="executions_cancel",
        tags=["evaluations"],
        summary="Cancel an evaluation",
        request=None,
        responses=ExecutionCancelledSerializer,
    )
    @idempotent
    def post(self, request: OwnerRequest, pk: uuid.UUID) -> Response:
        """Cancel it unless it has ended; what was found stays."""
        return Response({"cancelled": cancel_execution(execution_of(request, pk))})


class RetryFailedView(APIView):
    """Run what failed again."""

    @extend_schema(
        operation_id="executions_retry",
        tags=["evaluations"],
        summary="Run every failed step again",
        request=None,
        responses=RetriedSerializer,
    )
    @idempotent
    def post(self, request: OwnerRequest, pk: uuid.UUID) -> Response:
        """Send the failed steps round again; 409 where a later evaluation of the listing runs."""
        with as_problems():
            return Response({"retried": retry_failed(execution_of(request, pk))})


class RetryStepView(APIView):
    """Run one step again."""

    @extend_schema(
        operation_id="executions_retry_step",
        tags=["evaluations"],
        summary="Run one step again, with another input if you say so",
        description=f"What depends on it runs again too; the earlier result stays beside the new one. Steps: {', '.join(STEPS)}.",
        request=RetrySerializer,
        responses=StepSerializer,
        examples=[OpenApiExample("Another search", {"variant": {"query": "dickens works zaehnsdorf morocco"}}, request_only=True)],
    )
    @idempotent
    def post(self, request: OwnerRequest, pk: uuid.UUID, step: str) -> Response:
        """Open a new run of the step; 409 while the last one is at work."""
        execution = execution_of(request, pk)
        if step not in STEPS:
            raise Http404
        wanted = RetrySerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        with as_problems():
            run = retry_step(execution, step, variant=wanted.validated_data.get("variant"))
        return Response(StepSerializer(run).data)
