"""The poller's ticks, ringing for one now, and OpenAI's webhooks, which ring too."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field, extend_schema_serializer, extend_schema_view
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bookops.api.json_fields import CountsField
from bookops.api.pagination import HighestIdFirst
from bookops.api.problems import Problem
from bookops.api.requests import OwnerRequest
from bookops.api.throttles import AnonThrottle, UploadThrottle, UserThrottle
from llmjobs.api.jobs import STATUS_THROTTLES, TAG
from llmjobs.api.owned import jobs_of
from llmjobs.models import PollTick
from llmjobs.polling import poll_now
from llmjobs.webhooks import MOST_BYTES, NotTheirs, Replayed, take_message

TICK_EXAMPLE = {
    "started_at": "2026-11-22T12:00:30Z",
    "seconds": 1.284,
    "jobs_polled": 3,
    "items_polled": 45,
    "items_updated": 42,
    "jobs_resolved": ["3f1d2c64-7a0e-4e36-9a0b-0c1f5e8d7b21"],
    "errors": 0,
    "throttled": 0,
    "unmapped": {},
    "cut_short": False,
}


@extend_schema_serializer(examples=[OpenApiExample("A round", TICK_EXAMPLE, response_only=True)])
class TickSerializer(serializers.ModelSerializer[PollTick]):
    """What one round of the poller did, for all owners together."""

    jobs_resolved = serializers.SerializerMethodField()
    unmapped = CountsField()

    class Meta:
        model = PollTick
        fields = [
            *("started_at", "seconds", "jobs_polled", "items_polled", "items_updated", "jobs_resolved", "errors", "throttled"),
            *("unmapped", "cut_short"),
        ]
        read_only_fields = fields

    @extend_schema_field({"type": "array", "items": {"type": "string", "format": "uuid"}})
    def get_jobs_resolved(self, tick: PollTick) -> list[str]:
        """Return the jobs that ended in it, of the one who asks."""
        return [job_id for job_id in tick.jobs_resolved if job_id in self.context.get("own", ())]


@extend_schema(tags=[TAG])
@extend_schema_view(get=extend_schema(operation_id="llm_ticks_list", summary="The poller's rounds, newest first"))
class TickListView(ListAPIView[PollTick]):
    """List ticks."""

    serializer_class = TickSerializer
    pagination_class = HighestIdFirst
    throttle_classes = STATUS_THROTTLES
    filter_backends: list[Any] = []
    request: OwnerRequest
    queryset = PollTick.objects.all()

    def paginate_queryset(self, queryset: Any) -> Any:
        """Return one page, and look up which of its jobs are the owner's."""
        page = super().paginate_queryset(queryset)
        resolved = {uuid.UUID(job_id) for tick in page or () for job_id in tick.jobs_resolved}
        self.own = {str(pk) for pk in jobs_of(self.request).filter(pk__in=resolved).values_list("pk", flat=True)}
        return page

    def get_serializer_context(self) -> dict[str, Any]:
        """Hand on whose jobs may be named."""
        return {**super().get_serializer_context(), "own": getattr(self, "own", ())}


class RungSerializer(serializers.Serializer[Any]):
    """That the poller was called."""

    rung = serializers.BooleanField()


class PollThrottle(UploadThrottle):
    """Limit how often one user calls the poller, as often as uploads but counted by itself: each call asks providers."""

    def who(self, request: Request) -> str:
        """Count apart from uploads."""
        return f"poll:{super().who(request)}"


class PollNowView(APIView):
    """Call the poller."""

    throttle_classes = [UserThrottle, AnonThrottle, PollThrottle]

    @extend_schema(
        operation_id="llm_poll_now",
        tags=[TAG],
        summary="Poll the providers now, and not at the next beat",
        description="If a round is under way, nothing more happens.",
        request=None,
        responses={202: RungSerializer},
    )
    def post(self, request: OwnerRequest) -> Response:
        """Ring for a tick."""
        poll_now()
        return Response({"rung": True}, status=202)


@extend_schema(exclude=True)  # for OpenAI alone
class OpenAIWebhookView(APIView):
    """Take OpenAI's messages. Who sends one shows by its signature, and is neither logged in nor counted: a job may bring thousands."""

    authentication_classes = []
    permission_classes = [AllowAny]
    throttle_classes = []

    def post(self, request: Request) -> Response:
        """Ring for what a message tells of; 400 for what OpenAI has not signed, 409 for what was taken before."""
        announced = request.META.get("CONTENT_LENGTH") or "0"
        if announced.isdigit() and int(announced) > MOST_BYTES:
            raise Problem(413, "message_too_large", f"A message has {MOST_BYTES:,} bytes at most.")
        try:
            take_message(request.body, request.headers)
        except NotTheirs as refusal:
            raise Problem(400, "not_signed", "This is no message of OpenAI's to us.", remedy="Set OPENAI_WEBHOOK_SECRET.") from refusal
        except Replayed as refusal:
            raise Problem(409, "taken_before", "This message was taken before.") from refusal
        return Response(status=204)
