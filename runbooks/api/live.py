"""Watching an execution: what its watchers are told, the websocket, and the same as server-sent events."""

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
from bookops.api.throttles import AnonThrottle, StatusThrottle, UserThrottle
from bookops.credentials import of_request
from bookops.runs import OPEN
from bookops.sockets import RunConsumer, as_seq
from bookops.watch import Kind
from runbooks.advancing import Course
from runbooks.api.owned import execution_of
from runbooks.executions import progress
from runbooks.models import EvalRunbook, Execution
from runbooks.plan import STEPS


def seed_status(execution: Execution) -> dict[str, Any]:
    """Return the first design's status of an execution: `status`, `progress`, `book_id` and `error`."""
    book = EvalRunbook.objects.filter(executions=execution).values_list("copy__book__public_id", flat=True).first()
    return {
        "status": execution.status,
        "progress": progress(execution),
        "book_id": str(book) if book else None,
        "error": error_of(execution),
    }


def error_of(execution: Execution) -> str | None:
    """Say why an execution came to nothing, with the remedy; None for any other."""
    if execution.status != "FAILED":
        return None
    return execution.detail or execution.reason or f"It was {execution.get_state_display()}."


def as_message(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event as the first design's message, {"step", "status", "progress"}, with its number and time beside it."""
    return {**event["payload"], **{name: event[name] for name in ("type", "seq", "kind", "at")}}


def is_over(execution: Execution, told: dict[str, Any]) -> bool:
    """Say whether nothing more comes by itself: a step of an execution that has ended may have been sent round again."""
    if not execution.has_ended:
        return False
    course = Course.of(execution)
    return not any(run.state in OPEN or course.is_wanted(STEPS[name]) for name, run in course.current.items())


EXECUTION = Kind(Execution, lambda execution: {"execution": seed_status(execution)}, as_message, is_over, tells_all=True)


class ExecutionConsumer(RunConsumer):
    """ws/import/{execution_id}: watch an evaluation."""

    kind = EXECUTION


class ExecutionStreamView(APIView):
    """Watch an evaluation by server-sent events."""

    renderer_classes = [EventStreamRenderer, JSONRenderer]
    throttle_classes = [UserThrottle, AnonThrottle, StatusThrottle]

    @extend_schema(
        operation_id="executions_stream",
        tags=["evaluations"],
        summary="Watch an evaluation (server-sent events)",
        description="The messages of the websocket ws/import/{execution_id}, for clients that cannot open one: "
        '`{"step": "claude_analysis", "status": "running", "progress": "3/19 images", "seq": 7}`, and at the end '
        '`{"step": "complete", "book_id": "…", "seq": 12}`. All that has happened comes first; a client that reconnects with '
        "Last-Event-ID, or ?after=, gets what it has missed.",
        parameters=[
            OpenApiParameter("after", int, description="The last event number you know."),
            OpenApiParameter("Last-Event-ID", int, OpenApiParameter.HEADER),
        ],
        responses={(200, "text/event-stream"): OpenApiTypes.STR},
    )
    def get(self, request: OwnerRequest, pk: uuid.UUID) -> StreamingHttpResponse:
        """Stream until nothing more comes by itself."""
        execution = execution_of(request, pk)
        after = as_seq(request.headers.get("Last-Event-ID") or request.query_params.get("after", ""))
        return stream(EXECUTION, execution.pk, of_request(request), after)
