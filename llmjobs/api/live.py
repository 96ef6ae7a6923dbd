"""Watching a job: what its watchers are told, the websocket, and the same as server-sent events."""

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
from bookops.credentials import Credential, of_request
from bookops.sockets import RunConsumer, as_seq
from bookops.watch import Kind
from llmjobs.api.job_serializers import AggregatesSerializer, has_failures
from llmjobs.api.jobs import STATUS_THROTTLES, TAG
from llmjobs.api.owned import job_of
from llmjobs.models import LLMJob


def progress_of(job: LLMJob) -> dict[str, Any]:
    """Return what watchers are told of a job whenever it changes. One query."""
    return {
        "job": str(job.pk),
        "status": job.status,
        "completed_with_failures": has_failures(job),
        "stage": job.stage,
        "reason": job.reason,
        "detail": job.detail,
        "aggregates": AggregatesSerializer(job.aggregates()).data,
        "total_items": job.total_items,
        "rendered_targets": job.rendered,
    }


JOB = Kind(LLMJob, progress_of)


class JobConsumer(RunConsumer):
    """ws/llm-jobs/{id}: watch a job."""

    kind = JOB

    def _owns(self, credential: Credential) -> bool:
        # A deleted job is gone for its owner, though its row stays for a while.
        return super()._owns(credential) and LLMJob.objects.filter(pk=self.run_id, deleted_at=None).exists()


class JobStreamView(APIView):
    """Watch a job by server-sent events."""

    renderer_classes = [EventStreamRenderer, JSONRenderer]
    throttle_classes = STATUS_THROTTLES

    @extend_schema(
        operation_id="llm_jobs_stream",
        tags=[TAG],
        summary="Watch a job (server-sent events)",
        description="The messages of the websocket ws/llm-jobs/{id}, for clients that cannot open one: a snapshot with the job's counts, "
        "its events, and the counts whenever they change. Goes on until the job ends; a client that reconnects with Last-Event-ID, or "
        "?after=, gets every event it has missed.",
        parameters=[
            OpenApiParameter("after", int, description="The last event number you know."),
            OpenApiParameter("Last-Event-ID", int, OpenApiParameter.HEADER),
        ],
        responses={(200, "text/event-stream"): OpenApiTypes.STR},
    )
    def get(self, request: OwnerRequest, pk: uuid.UUID) -> StreamingHttpResponse:
        """Stream until the job ends."""
        job = job_of(request, pk)
        after = as_seq(request.headers.get("Last-Event-ID") or request.query_params.get("after", ""))
        return stream(JOB, job.pk, of_request(request), after)
