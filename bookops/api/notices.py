"""Notices, how an owner wants to get them, and the webhooks they are posted to."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import F
from django.http import Http404
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.response import Response
from rest_framework.views import APIView

from bookops.api.problems import Problem
from bookops.api.requests import OwnerRequest
from bookops.api.schema import IDEMPOTENCY_KEY
from bookops.idempotency import idempotent
from bookops.notices import Delivery, Notice, NoticeChoice
from bookops.webhooks import Webhook

MOST_WEBHOOKS = 20


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    """How far a notice is on its way out."""

    class Meta:
        model = Delivery
        fields = ["channel", "webhook", "state", "attempts", "reason", "next_at", "ended_at"]
        read_only_fields = fields


class NoticeSerializer(serializers.ModelSerializer[Notice]):
    """A notice."""

    facts = serializers.SerializerMethodField()
    deliveries = DeliverySerializer(many=True, read_only=True)

    class Meta:
        model = Notice
        fields = ["id", "run_id", "outcome", "subject", "facts", "read_at", "created_at", "deliveries"]
        read_only_fields = fields

    @extend_schema_field({"type": "object", "additionalProperties": {}})
    def get_facts(self, notice: Notice) -> dict[str, Any]:
        """Return what the run came to."""
        return notice.facts


class ChoiceSerializer(serializers.ModelSerializer[NoticeChoice]):
    """What one wants to be told, and how."""

    class Meta:
        model = NoticeChoice
        fields = ["in_app", "by_email", "by_webhook", "on_success", "on_failure"]


class WebhookSerializer(serializers.ModelSerializer[Webhook]):
    """An endpoint."""

    class Meta:
        model = Webhook
        fields = ["id", "url", "active", "created_at"]
        read_only_fields = ["id", "created_at"]


class NewWebhookSerializer(WebhookSerializer):
    """An endpoint with its secret, which is shown once."""

    secret = serializers.CharField(read_only=True)

    class Meta(WebhookSerializer.Meta):
        fields = [*WebhookSerializer.Meta.fields, "secret"]


class WebhookListSerializer(serializers.Serializer[Any]):
    """The endpoints of an owner."""

    webhooks = WebhookSerializer(many=True)


class NoticeFilter(filters.FilterSet):
    """Filter notices."""

    unread = filters.BooleanFilter(field_name="read_at", lookup_expr="isnull")

    class Meta:
        model = Notice
        fields = ["run_id", "outcome"]


@extend_schema(tags=["notices"])
@extend_schema_view(get=extend_schema(operation_id="notices_list", summary="Your notices, newest first"))
class NoticeListView(ListAPIView[Notice]):
    """List notices."""

    serializer_class = NoticeSerializer
    filterset_class = NoticeFilter
    request: OwnerRequest
    queryset = Notice.objects.none()  # for the schema

    def get_queryset(self) -> Any:
        """Return the owner's, with where they went."""
        return Notice.objects.filter(owner=self.request.user, in_app=True).prefetch_related("deliveries")


class NoticeReadView(APIView):
    """Mark a notice as read."""

    @extend_schema(operation_id="notices_read", tags=["notices"], summary="Mark as read", request=None, responses=NoticeSerializer)
    def post(self, request: OwnerRequest, pk: uuid.UUID) -> Response:
        """Note when it was first read."""
        mine = Notice.objects.filter(owner=request.user, pk=pk)
        mine.filter(read_at=None).update(read_at=timezone.now())
        notice = mine.first()
        if notice is None:
            raise Http404
        return Response(NoticeSerializer(notice).data)


class NoticeChoiceView(APIView):
    """Choose what to be told."""

    @extend_schema(operation_id="notice_choice", tags=["notices"], summary="What you are told, and how", responses=ChoiceSerializer)
    def get(self, request: OwnerRequest) -> Response:
        """Return the choice, or what holds without one."""
        choice = NoticeChoice.objects.filter(owner=request.user).first() or NoticeChoice()
        return Response(ChoiceSerializer(choice).data)

    @extend_schema(
        operation_id="notice_choice_change",
        tags=["notices"],
        summary="Choose what you are told, and how",
        request=ChoiceSerializer,
        responses=ChoiceSerializer,
    )
    def patch(self, request: OwnerRequest) -> Response:
        """Keep the choice."""
        choice, _ = NoticeChoice.objects.get_or_create(owner=request.user)
        wanted = ChoiceSerializer(choice, data=request.data, partial=True)
        wanted.is_valid(raise_exception=True)
        wanted.save()
        return Response(wanted.data)


class WebhooksView(APIView):
    """List and add endpoints."""

    @extend_schema(operation_id="webhooks_list", tags=["notices"], summary="Your webhooks", responses=WebhookListSerializer)
    def get(self, request: OwnerRequest) -> Response:
        """Return the endpoints, without their secrets."""
        mine = Webhook.objects.filter(owner=request.user).order_by("created_at")
        return Response({"webhooks": WebhookSerializer(mine, many=True).data})

    @extend_schema(
        operation_id="webhooks_create",
        tags=["notices"],
        summary="Add a webhook",
        description="Notices are posted to it as JSON. X-Bookops-Signature is v1= and the HMAC-SHA256, under the secret shown here once, of "
        "X-Bookops-Timestamp, a dot and the body. Any public https address may be named.",
        parameters=[IDEMPOTENCY_KEY],
        request=WebhookSerializer,
        responses={201: NewWebhookSerializer},
        examples=[OpenApiExample("Add", {"url": "https://hooks.example.org/books"}, request_only=True)],
    )
    def post(self, request: OwnerRequest) -> Response:
        """Add it and show its secret."""
        response = self.add(request)
        webhook = Webhook.objects.get(owner=request.user, pk=response.data["id"])
        # The idempotency table keeps what `add` answers, and no table keeps a secret.
        response.data = NewWebhookSerializer(webhook).data
        return response

    @idempotent
    def add(self, request: OwnerRequest) -> Response:
        """Add an endpoint."""
        wanted = WebhookSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        if Webhook.objects.filter(owner=request.user).count() >= MOST_WEBHOOKS:
            raise Problem(409, "too_many_webhooks", f"You have {MOST_WEBHOOKS} webhooks already.", remedy="Delete one first.")
        webhook = wanted.save(owner=request.user, **({"id": request.resource_id} if request.resource_id else {}))
        return Response(WebhookSerializer(webhook).data, status=201)


class WebhookView(APIView):
    """Show, change or delete one endpoint."""

    def find(self, request: OwnerRequest, pk: uuid.UUID) -> Webhook:
        """Return the owner's endpoint; raises Http404."""
        webhook = Webhook.objects.filter(owner=request.user, pk=pk).first()
        if webhook is None:
            raise Http404
        return webhook

    @extend_schema(operation_id="webhooks_detail", tags=["notices"], summary="One webhook", responses=WebhookSerializer)
    def get(self, request: OwnerRequest, pk: uuid.UUID) -> Response:
        """Return it."""
        return Response(WebhookSerializer(self.find(request, pk)).data)

    @extend_schema(
        operation_id="webhooks_change",
        tags=["notices"],
        summary="Change a webhook's address, or switch it off",
        request=WebhookSerializer,
        responses=WebhookSerializer,
    )
    def patch(self, request: OwnerRequest, pk: uuid.UUID) -> Response:
        """Change it; its secret stays."""
        wanted = WebhookSerializer(self.find(request, pk), data=request.data, partial=True)
        wanted.is_valid(raise_exception=True)
        wanted.save()
        return Response(wanted.data)

    @extend_schema(operation_id="webhooks_delete", tags=["notices"], summary="Delete a webhook", responses={204: None})
    def delete(self, request: OwnerRequest, pk: uuid.UUID) -> Response:
        """Delete it with what was still on its way to it."""
        self.find(request, pk).delete()
        return Response(status=204)


class WebhookSecretView(APIView):
    """Give an endpoint another secret."""

    @extend_schema(
        operation_id="webhooks_new_secret", tags=["notices"], summary="Get a new secret", request=None, responses=NewWebhookSerializer
    )
    def post(self, request: OwnerRequest, pk: uuid.UUID) -> Response:
        """Replace the secret at once and show the new one."""
        mine = Webhook.objects.filter(owner=request.user, pk=pk)
        if not mine.update(secret_version=F("secret_version") + 1):
            raise Http404
        return Response(NewWebhookSerializer(mine.get()).data, headers={"Cache-Control": "no-store"})
