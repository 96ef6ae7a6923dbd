"""POST /api/books/import-ebay: an evaluation is begun, by a link or by what is pasted of a listing."""

from __future__ import annotations

import uuid
from typing import Any

from django.urls import reverse
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.response import Response

from bookops.api.problems import Problem
from bookops.api.requests import OwnerRequest
from bookops.api.schema import IDEMPOTENCY_KEY
from bookops.api.waiting import WaitingView, wait_parameter
from bookops.idempotency import idempotent
from runbooks.api.import_serializers import (
    BOOK_ID,
    EXECUTION_ID,
    RUNBOOK_ID,
    TAKES,
    FinishedSerializer,
    LinkSerializer,
    PastedFormSerializer,
    StartedSerializer,
)
from runbooks.api.live import EXECUTION, error_of
from runbooks.executions import (
    AnotherOneRuns,
    start_import,
    start_pasted,
)
from runbooks.links import ACCEPTED, BadLink
from runbooks.models import Execution
from runbooks.versions import document_of

RETRY_AFTER_SECONDS = 2
#: Below the minute after which proxies give a silent request up.
LONGEST_WAIT = 55.0
INVALID_URL = "Invalid eBay URL"

STARTED_EXAMPLE = {
    "execution_id": EXECUTION_ID,
    "status": "RUNNING",
    "status_url": f"/api/books/import/{EXECUTION_ID}/status",
    "websocket": f"/ws/import/{EXECUTION_ID}",
}
FINISHED_EXAMPLE = {
    "book": {"id": BOOK_ID, "title": "Works of Charles Dickens", "author": "Charles Dickens"},
    "eval_runbook": {
        "id": RUNBOOK_ID,
        "recommendation_tier": "BUY",
        "combined_score": 71,
        "total_score": 85,
        "fmv_mid": "640.00",
        "current_asking_price": "520.00",
    },
    "execution_id": EXECUTION_ID,
    "status": "SUCCEEDED",
}


class ImportEbayView(WaitingView):
    """Begin an evaluation."""

    kind = EXECUTION
    id_field = "execution_id"
    longest_wait = LONGEST_WAIT
    parser_classes = [JSONParser, MultiPartParser]

    @classmethod
    def finished(cls, run_id: uuid.UUID) -> tuple[int, dict[str, Any]] | None:
        """Return the book and its runbook; a 202 that says why where it came to none."""
        execution = Execution.objects.select_related("runbook__copy__book").filter(pk=run_id).first()
        if execution is None:
            return None
        if execution.runbook is None:
            return 202, started(execution) | {"error": error_of(execution)}
        document = document_of(execution.runbook)
        told = {"book": document["book"], "eval_runbook": document, "execution_id": str(execution.pk), "status": execution.status}
        return 200, told

    @extend_schema(
        operation_id="import_ebay",
        tags=["evaluations"],
        summary="Evaluate a listing by its link, or by what you paste of it",
        description="Answers at once with 202 and where to ask; with ?wait=SECONDS it answers 200 with book and runbook if they are there "
        "in time. The same listing while it is being evaluated gets the evaluation that runs; with other options it is a conflict. "
        f"{ACCEPTED} Photos of a pasted listing are sent as files in multipart/form-data.",
        parameters=[IDEMPOTENCY_KEY, wait_parameter(LONGEST_WAIT)],
        request=TAKES,
        responses={200: FinishedSerializer, 202: StartedSerializer},
        examples=[
            OpenApiExample("By its link", {"url": "https://www.ebay.com/itm/256712345678"}, request_only=True),
            OpenApiExample(
                "Pasted",
                {"title": "Works of Charles Dickens, 6 vols", "text": "Full morocco by Zaehnsdorf.", "price": "520.00", "currency": "USD"},
                request_only=True,
            ),
            OpenApiExample("Begun", STARTED_EXAMPLE, response_only=True, status_codes=["202"]),
            OpenApiExample("Done in time", FINISHED_EXAMPLE, response_only=True, status_codes=["200"]),
        ],
    )
    @idempotent
    def post(self, request: OwnerRequest) -> Response:
        """Write down what is to be done; nothing is asked of anybody else here."""
        try:
            execution = start_of(request)
        except BadLink as refusal:
            why = refusal.detail.removesuffix(ACCEPTED).strip()
            raise Problem(400, "invalid_ebay_url", f"{INVALID_URL}. {why}", remedy=ACCEPTED, reason=refusal.reason) from refusal
        except AnotherOneRuns as conflict:
            raise another_one_runs(conflict) from conflict
        body = started(execution)
        return Response(body, status=202, headers={"Location": body["status_url"], "Retry-After": str(RETRY_AFTER_SECONDS)})


def start_of(request: OwnerRequest) -> Execution:
    """Begin what a request asks for, or return the same that runs already."""
    if isinstance(request.data, dict) and "url" in request.data:
        link = LinkSerializer(data=request.data)
        link.is_valid(raise_exception=True)
        given = link.validated_data
        return start_import(request.user, given["url"], options=given.get("options"), execution_id=request.resource_id)[0]
    pasted = PastedFormSerializer(data=request.data)
    pasted.is_valid(raise_exception=True)
    given = pasted.validated_data
    photos = [file.read() for file in given.get("photos", ())]
    return start_pasted(request.user, pasted.facts, photos=photos, options=given.get("options"), execution_id=request.resource_id)[0]


def another_one_runs(conflict: AnotherOneRuns) -> Problem:
    """Return the problem for a listing that is being evaluated otherwise."""
    return Problem(
        409,
        "another_one_runs",
        "This listing is being evaluated with other options.",
        remedy="Wait for its end, cancel it, or ask for the same.",
        execution_id=str(conflict.execution.pk),
    )


def started(execution: Execution) -> dict[str, Any]:
    """Return the first design's answer to an import, and where to ask."""
    return {
        "execution_id": str(execution.pk),
        "status": execution.status,
        "status_url": reverse("execution-status", args=[execution.pk]),
        "websocket": f"/ws/import/{execution.pk}",
    }
