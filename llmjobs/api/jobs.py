"""Jobs as resources: lists, creation, details, changes, and what has happened to them."""

from __future__ import annotations

import uuid
from typing import Any

from django.urls import reverse
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.generics import ListAPIView
from rest_framework.response import Response
from rest_framework.views import APIView

from bookops.api.pagination import NewestFirst
from bookops.api.problems import Problem
from bookops.api.requests import OwnerRequest
from bookops.api.schema import IDEMPOTENCY_KEY
from bookops.api.throttles import AnonThrottle, StatusThrottle, UserThrottle
from bookops.idempotency import idempotent
from bookops.runs import ENDED
from bookops.sockets import as_seq
from bookops.watch import events_after
from llmjobs import jobs
from llmjobs.api.job_serializers import (
    JobChangeSerializer,
    JobDetailSerializer,
    JobEventsSerializer,
    JobSerializer,
    UnseenSerializer,
)
from llmjobs.api.owned import job_of, jobs_of
from llmjobs.api.plan_serializers import PlanSerializer
from llmjobs.api.refusals import said_by_field
from llmjobs.models import LLMJob

TAG = "llm jobs"
RETRY_AFTER_SECONDS = 2
STATUS_THROTTLES = [UserThrottle, AnonThrottle, StatusThrottle]


class JobPages(NewestFirst):
    """Page as the first design did: `limit` from 1 to 50, 15 by default."""

    page_size = 15
    page_size_query_param = "limit"
    max_page_size = 50


class JobFilter(filters.FilterSet):
    """Filter jobs; those that have ended are listed only when they are asked for."""

    purpose = filters.CharFilter(max_length=40)
    include_completed = filters.BooleanFilter(method="stay", label="Also those that have ended.")
    includeCompleted = filters.BooleanFilter(method="stay", label="The same, as the first design spelt it.")

    class Meta:
        model = LLMJob
        fields = ["purpose", "unseen_change"]

    def stay(self, found: Any, name: str, value: bool) -> Any:
        """Leave it to `filter_queryset`, which also knows when neither was sent."""
        return found

    def filter_queryset(self, queryset: Any) -> Any:
        """Filter by all that was sent."""
        wanted = self.form.cleaned_data
        found = super().filter_queryset(queryset)
        return found if wanted["include_completed"] or wanted["includeCompleted"] else found.exclude(state__in=ENDED)


@extend_schema(tags=[TAG])
@extend_schema_view(
    get=extend_schema(
        operation_id="llm_jobs_list",
        summary="Your jobs, newest first",
        description="Those that have not ended; with include_completed=true all of them.",
    )
)
class JobListView(ListAPIView[LLMJob]):
    """List jobs, and create one."""

    serializer_class = JobSerializer
    filterset_class = JobFilter
    pagination_class = JobPages
    throttle_classes = STATUS_THROTTLES
    request: OwnerRequest
    queryset = LLMJob.objects.none()  # for the schema

    def get_queryset(self) -> Any:
        """Return the owner's."""
        return jobs_of(self.request)

    @extend_schema(
        operation_id="llm_jobs_create",
        summary="Create a job",
        description="Its scope is frozen and it answers at once; a worker renders the prompts and sends them. With starts_paused=true "
        "nothing is sent before POST …/resume.",
        parameters=[IDEMPOTENCY_KEY],
        request=PlanSerializer,
        responses={202: JobSerializer},
        filters=False,
    )
    @idempotent
    def post(self, request: OwnerRequest) -> Response:
        """Write down what is to be done; nothing is rendered and nobody is asked here."""
        wanted = PlanSerializer(data=request.data)
        with said_by_field():
            wanted.is_valid(raise_exception=True)
            job = made_before(request) or jobs.create_job(
                request.user, wanted.validated_data["purpose"], wanted.scope_for(request.user), wanted.plan, job_id=request.resource_id
            )
        return begun(job)


def made_before(request: OwnerRequest) -> LLMJob | None:
    """Return the job that the same request made before its server crashed; None as a rule."""
    return jobs_of(request).filter(pk=request.resource_id).first() if request.resource_id else None


def begun(job: LLMJob) -> Response:
    """Return the 202 that tells of a new job."""
    return accepted(job, JobSerializer(job).data)


def accepted(job: LLMJob, told: Any) -> Response:
    """Return a 202 for what workers do with a job, which says where to ask how far they are."""
    headers = {"Location": reverse("llm-job", args=[job.pk]), "Retry-After": str(RETRY_AFTER_SECONDS)}
    return Response(told, status=202, headers=headers)


class JobDetailView(APIView):
    """Show, change or delete one job."""

    throttle_classes = STATUS_THROTTLES

    @extend_schema(operation_id="llm_jobs_detail", tags=[TAG], summary="One job, with its counts", responses=JobDetailSerializer)
    def get(self, request: OwnerRequest, pk: uuid.UUID) -> Response:
        """Count its items and answer."""
        return Response(JobDetailSerializer(job_of(request, pk)).data)

    @extend_schema(
        operation_id="llm_jobs_change",
        tags=[TAG],
        summary="Change a job's cap or priority",
        description="What was parked for the cap is tried again at once.",
        request=JobChangeSerializer,
        responses=JobDetailSerializer,
    )
    def patch(self, request: OwnerRequest, pk: uuid.UUID) -> Response:
        """Change what was sent."""
        job = job_of(request, pk)
        wanted = JobChangeSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        if "cap" in wanted.validated_data:
            jobs.change_cap(job, wanted.validated_data["cap"])
        if "priority" in wanted.validated_data:
            jobs.change_priority(job, wanted.validated_data["priority"])
        return Response(JobDetailSerializer(job).data)

    @extend_schema(
        operation_id="llm_jobs_delete",
        tags=[TAG],
        summary="Delete a job",
        description="It is cancelled if it runs, its provider work is stopped, and it is shown no more. What it changed stays.",
        responses={204: None},
    )
    def delete(self, request: OwnerRequest, pk: uuid.UUID) -> Response:
        """Hide it and stop what it has begun."""
        jobs.delete_job(job_of(request, pk))
        return Response(status=204)


class JobEventsView(APIView):
    """List the events of a job."""

    @extend_schema(
        operation_id="llm_jobs_events",
        tags=[TAG],
        summary="What happened to a job, after an event number",
        parameters=[OpenApiParameter("after", int, description="The last event number you know; 0 for all.")],
        responses=JobEventsSerializer,
    )
    def get(self, request: OwnerRequest, pk: uuid.UUID) -> Response:
        """Return up to 500 events, oldest first."""
        job = job_of(request, pk)
        after = as_seq(request.query_params.get("after", "0"))
        if after is None:
            raise Problem(400, "invalid", "after is no event number.", remedy="Send the seq of the last event you know.")
        events = events_after(job.pk, after)
        return Response({"events": events, "last_seq": events[-1]["seq"] if events else after})


class UnseenCountView(APIView):
    """Count what has changed."""

    throttle_classes = STATUS_THROTTLES

    @extend_schema(
        operation_id="llm_jobs_unseen_count",
        tags=[TAG],
        summary="How many jobs have changed since you looked",
        responses=UnseenSerializer,
    )
    def get(self, request: OwnerRequest) -> Response:
        """Return the number for the badge."""
        return Response({"unseen": jobs.unseen_count(request.user)})
