"""What is asked for a copy: a negotiated price, its history, and what another price would do."""

from __future__ import annotations

import uuid
from decimal import Decimal, InvalidOperation

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from bookops.api.requests import OwnerRequest
from runbooks.api.owned import runbook_of
from runbooks.api.refusals import as_problems
from runbooks.api.runbook_serializers import (
    ChangedPriceSerializer,
    HistorySerializer,
    NewPriceSerializer,
    PriceChangeSerializer,
    WhatIfSerializer,
)
from runbooks.jsonable import jsonable
from runbooks.pricing import change_price, what_if
from runbooks.versions import document_of

#: Beside the runbook, which is long.
CHANGED_EXAMPLE = {
    "previous_price": "275.00",
    "new_price": "140.00",
    "discount_code": "SPRING",
    "notes": "",
    "score_before": 60,
    "score_after": 80,
    "recommendation_before": "PASS",
    "recommendation_after": "ACQUIRE",
    "tier_before": "PASS",
    "tier_after": "CONDITIONAL",
    "changed_by": "ada",
    "changed_at": "2026-11-22T12:05:00Z",
    "runbook": {"id": "b7a4f3f2-61d8-4b0b-8d43-1b0d5a8f2c77", "total_score": 80, "current_asking_price": "140.00"},
}


class PriceView(APIView):
    """Negotiate."""

    @extend_schema(
        operation_id="runbooks_price",
        tags=["runbooks"],
        summary="Note a negotiated price, and score again all that depends on it",
        request=NewPriceSerializer,
        responses=ChangedPriceSerializer,
        examples=[
            OpenApiExample("Negotiated", {"new_price": "140.00", "discount_code": "SPRING"}, request_only=True),
            OpenApiExample("It is worth it now", CHANGED_EXAMPLE, response_only=True),
        ],
    )
    def patch(self, request: OwnerRequest, runbook_id: uuid.UUID) -> Response:
        """Change the price and tell what that did to scores and both recommendations."""
        wanted = NewPriceSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        runbook = runbook_of(request, runbook_id)
        with as_problems():
            change = change_price(runbook, by=request.user, **wanted.validated_data)
        return Response(PriceChangeSerializer(change).data | {"runbook": document_of(runbook)})


class HistoryView(APIView):
    """List what was asked."""

    @extend_schema(
        operation_id="runbooks_history", tags=["runbooks"], summary="The price history, newest first", responses=HistorySerializer
    )
    def get(self, request: OwnerRequest, runbook_id: uuid.UUID) -> Response:
        """Return every change with what it did."""
        changes = runbook_of(request, runbook_id).price_changes.select_related("changed_by")
        return Response({"history": PriceChangeSerializer(changes, many=True).data})


class WhatIfView(APIView):
    """Look ahead."""

    @extend_schema(
        operation_id="runbooks_what_if",
        tags=["runbooks"],
        summary="The scores at another price; nothing is changed",
        parameters=[OpenApiParameter("price", str, required=True, description="In US dollars; empty for no asking price.")],
        responses=WhatIfSerializer,
    )
    def get(self, request: OwnerRequest, runbook_id: uuid.UUID) -> Response:
        """Return the scores now and then."""
        price = read_price(request.query_params.get("price"))
        with as_problems():
            rescored = what_if(runbook_of(request, runbook_id), price)
        told = {"before": jsonable(rescored.before.columns()), "after": jsonable(rescored.after.columns()), "flips": rescored.flips}
        return Response({"price": jsonable(price)} | told)


def read_price(text: str | None) -> Decimal | None:
    """Return a price from a query, None for the empty one."""
    if text is None:
        raise ValidationError({"price": "Say which price."})
    try:
        return Decimal(text) if text.strip() else None
    except InvalidOperation:
        raise ValidationError({"price": "This is no number."}) from None
