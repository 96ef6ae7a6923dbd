"""Copies: what an owner looks at, waits for, has or had; and the way from one to the next."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.response import Response
from rest_framework.views import APIView

from bookops.api.json_fields import ObjectField
from bookops.api.pagination import HighestIdFirst
from bookops.api.requests import OwnerRequest
from bookops.api.schema import IDEMPOTENCY_KEY
from bookops.api.strict import StrictSerializer
from bookops.idempotency import idempotent
from runbooks import deciding
from runbooks.api.owned import copies_of, copy_of
from runbooks.api.refusals import as_problems
from runbooks.models import Copy


class CopySerializer(serializers.ModelSerializer[Copy]):
    """A copy; amounts are US dollars."""

    id = serializers.UUIDField(source="public_id")
    book_id = serializers.UUIDField(source="book.public_id")
    title = serializers.CharField(source="book.title")
    author = serializers.CharField(source="book.author")
    runbook_id = serializers.UUIDField(source="runbook.public_id", default=None, allow_null=True)
    discount_pct = serializers.DecimalField(max_digits=20, decimal_places=2, allow_null=True)
    roi_pct = serializers.DecimalField(max_digits=20, decimal_places=2, allow_null=True)
    scoring_snapshot = ObjectField()

    class Meta:
        model = Copy
        fields = [
            *("id", "book_id", "title", "author", "runbook_id", "status", "volumes", "binder", "condition_grade"),
            *("value_low", "value_mid", "value_high", "purchase_price", "purchase_date", "order_number", "place_of_purchase"),
            *("estimated_delivery", "tracking", "discount_pct", "roi_pct", "scoring_snapshot", "created_at"),
        ]
        read_only_fields = fields


class PurchaseSerializer(StrictSerializer):
    """What is known of a purchase."""

    purchase_price = serializers.DecimalField(
        max_digits=10, decimal_places=2, min_value=Decimal(0), help_text="US dollars, as paid, without shipping."
    )
    purchase_date = serializers.DateField()
    order_number = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")
    place_of_purchase = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    estimated_delivery = serializers.DateField(required=False, allow_null=True, default=None)
    tracking = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")

    @property
    def purchase(self) -> deciding.Purchase:
        """Return it as the domain reads it."""
        given = self.validated_data
        return deciding.Purchase(
            price=given["purchase_price"],
            at=given["purchase_date"],
            order_number=given["order_number"],
            place=given["place_of_purchase"],
            estimated_delivery=given["estimated_delivery"],
            tracking=given["tracking"],
        )


class CopyFilter(filters.FilterSet):
    """Filter copies."""

    book = filters.UUIDFilter(field_name="book__public_id", label="Of one book.")

    class Meta:
        model = Copy
        fields = ["status"]


@extend_schema(tags=["copies"])
@extend_schema_view(get=extend_schema(operation_id="copies_list", summary="Your copies, newest first"))
class CopyListView(ListAPIView[Copy]):
    """List copies."""

    serializer_class = CopySerializer
    filterset_class = CopyFilter
    pagination_class = HighestIdFirst
    request: OwnerRequest
    queryset = Copy.objects.none()  # for the schema

    def get_queryset(self) -> Any:
        """Return the owner's."""
        return copies_of(self.request)


class CopyView(APIView):
    """Show one copy."""

    @extend_schema(operation_id="copies_detail", tags=["copies"], summary="One copy", responses=CopySerializer)
    def get(self, request: OwnerRequest, copy_id: uuid.UUID) -> Response:
        """Return it."""
        return Response(CopySerializer(copy_of(request, copy_id)).data)


class AcquireView(APIView):
    """Buy."""

    @extend_schema(
        operation_id="copies_acquire",
        tags=["copies"],
        summary="Note that a copy was bought",
        description="Only one that is evaluated, else 400. It is in transit then, and keeps what was known of its value that day.",
        parameters=[IDEMPOTENCY_KEY],
        request=PurchaseSerializer,
        responses=CopySerializer,
        examples=[
            OpenApiExample("Bought", {"purchase_price": "480.00", "purchase_date": "2026-11-22", "order_number": "12-3"}, request_only=True)
        ],
    )
    @idempotent
    def post(self, request: OwnerRequest, copy_id: uuid.UUID) -> Response:
        """Move it to in transit."""
        wanted = PurchaseSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        with as_problems():
            deciding.acquire(copy_of(request, copy_id), wanted.purchase, by=request.user)
        return Response(CopySerializer(copy_of(request, copy_id)).data)


class ReceiveView(APIView):
    """Take in."""

    @extend_schema(
        operation_id="copies_receive", tags=["copies"], summary="Note that a copy has arrived", request=None, responses=CopySerializer
    )
    @idempotent
    def post(self, request: OwnerRequest, copy_id: uuid.UUID) -> Response:
        """Move it from in transit to on hand; 400 for any other."""
        with as_problems():
            deciding.receive(copy_of(request, copy_id), by=request.user)
        return Response(CopySerializer(copy_of(request, copy_id)).data)


class RemoveView(APIView):
    """Take out."""

    @extend_schema(
        operation_id="copies_remove",
        tags=["copies"],
        summary="Remove a copy with its runbook, photos and the listing's words",
        description="What it cost stays, here and in the ledger.",
        request=None,
        responses=CopySerializer,
    )
    @idempotent
    def post(self, request: OwnerRequest, copy_id: uuid.UUID) -> Response:
        """Move it to removed; 400 for one that is."""
        with as_problems():
            deciding.remove(copy_of(request, copy_id), by=request.user)
        return Response(CopySerializer(copy_of(request, copy_id)).data)
