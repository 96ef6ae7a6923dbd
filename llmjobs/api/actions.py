"""What a person can do with a job, one address each."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.response import Response
from rest_framework.views import APIView

from bookops.api.problems import Problem
from bookops.api.requests import OwnerRequest
from bookops.api.schema import IDEMPOTENCY_KEY
from bookops.idempotency import idempotent
from bookops.purposes import purpose_named
from llmjobs import jobs
from llmjobs.api.job_serializers import (
    AppendedSerializer,
    AppendSerializer,
    ChosenItemsSerializer,
    CloneSerializer,
    JobCancelledSerializer,
    JobRetriedSerializer,
    JobSerializer,
    PausedSerializer,
    ResumedSerializer,
)
from llmjobs.api.jobs import TAG, begun, made_before
from llmjobs.api.owned import job_of
from llmjobs.api.plan_serializers import scope_of
from llmjobs.api.refusals import said_by_field
from llmjobs.models import LLMJob, LLMJobItem


class ActionView(APIView):
    """Do one thing with a job: subclasses name the function that does it."""

    def do(self, job: LLMJob, request: OwnerRequest) -> Any:
        """Act and return the answer."""
        raise NotImplementedError

    @idempotent
    def post(self, request: OwnerRequest, pk: uuid.UUID) -> Response:
        """Find the job and act."""
        told = self.do(job_of(request, pk), request)
        return told if isinstance(told, Response) else Response(told)


def action(name: str, summary: str, responds_with: Any, takes: Any = None, **more: Any) -> Callable[[type[ActionView]], type[ActionView]]:
    """Describe an action in the schema."""
    described = extend_schema(
        operation_id=f"llm_jobs_{name}",
        tags=[TAG],
        summary=summary,
        request=takes,
        responses=responds_with,
        parameters=[IDEMPOTENCY_KEY],
        **more,
    )
    return extend_schema_view(post=described)


@action(
    "cancel", "Cancel a job", JobCancelledSerializer, description="Answers that come all the same are kept and paid, and change nothing."
)
class CancelView(ActionView):
    """Stop a job."""

    def do(self, job: LLMJob, request: OwnerRequest) -> dict[str, Any]:
        """Cancel it unless it has ended."""
        return {"cancelled": jobs.cancel(job)}


@action("pause", "Send no more of a job for now", PausedSerializer)
class PauseView(ActionView):
    """Pause a job."""

    def do(self, job: LLMJob, request: OwnerRequest) -> dict[str, Any]:
        """Pause it; what is at a provider is still polled."""
        return {"paused": jobs.pause(job)}


@action("resume", "Go on with a paused job", ResumedSerializer)
class ResumeView(ActionView):
    """Resume a job."""

    def do(self, job: LLMJob, request: OwnerRequest) -> dict[str, Any]:
        """Have its items sent."""
        return {"resumed": jobs.resume(job)}


@action("retry", "Send every failed item round again", JobRetriedSerializer)
class RetryView(ActionView):
    """Retry what failed."""

    def do(self, job: LLMJob, request: OwnerRequest) -> dict[str, Any]:
        """Open a job that has ended again, if anything in it failed."""
        return {"retried": jobs.retry_failed(job)}


@action("retry_items", "Send chosen failed items round again", JobRetriedSerializer, ChosenItemsSerializer)
class RetryItemsView(ActionView):
    """Retry chosen items."""

    def do(self, job: LLMJob, request: OwnerRequest) -> dict[str, Any]:
        """Send those of them round that failed."""
        wanted = ChosenItemsSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        chosen = LLMJobItem.objects.filter(job=job, number__in=wanted.validated_data["numbers"])
        return {"retried": jobs.retry_items(job, list(chosen.values_list("pk", flat=True)))}


@action("append", "Add targets to a job that has sent nothing yet", AppendedSerializer, AppendSerializer)
class AppendView(ActionView):
    """Append to a job."""

    def do(self, job: LLMJob, request: OwnerRequest) -> dict[str, Any]:
        """Add what is not in it yet; 409 when it has sent something."""
        wanted = AppendSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        with said_by_field():
            scope = scope_of(job.owner_id, purpose_named(job.purpose), wanted.validated_data["scope"])
            try:
                return {"appended": jobs.append(job, scope)}
            except ValidationError as refusal:
                if hasattr(refusal, "error_dict"):
                    raise
                remedy = "POST …/clone makes a job like it; or create one."
                raise Problem(409, "not_appendable", " ".join(refusal.messages), remedy=remedy) from refusal


@action("clone", "Ask the same about the same targets again", {202: JobSerializer}, CloneSerializer)
class CloneView(ActionView):
    """Clone a job."""

    def do(self, job: LLMJob, request: OwnerRequest) -> Response:
        """Begin a new job like it; kept answers are not used."""
        wanted = CloneSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        with said_by_field():
            return begun(made_before(request) or jobs.clone(job, **wanted.validated_data, job_id=request.resource_id))


@action("mark_seen", "Note that you have seen how a job stands", {204: None})
class MarkSeenView(ActionView):
    """Mark a job as seen."""

    def do(self, job: LLMJob, request: OwnerRequest) -> Response:
        """Take it off the badge."""
        jobs.mark_seen(job)
        return Response(status=204)
