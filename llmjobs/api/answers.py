"""The items of a job with their answers; what those propose, and a person's word on it; and how well models do."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.response import Response
from rest_framework.views import APIView

from bookops.api.pagination import HighestIdFirst, InOrder, Pages
from bookops.api.requests import OwnerRequest
from bookops.api.schema import IDEMPOTENCY_KEY
from bookops.clock import database_now
from bookops.idempotency import idempotent
from llmjobs import reviewing, undoing
from llmjobs.api.actions import ActionView, action
from llmjobs.api.answer_serializers import (
    ChosenProposalsSerializer,
    CorrectionSerializer,
    ItemDetailSerializer,
    ItemSerializer,
    MeasuresSerializer,
    ProposalSerializer,
    ReviewedSerializer,
    UndoneSerializer,
    UndoSerializer,
)
from llmjobs.api.jobs import STATUS_THROTTLES, TAG, accepted
from llmjobs.api.owned import item_of, items_of, job_of, jobs_of, proposal_of, proposals_of, public_ids
from llmjobs.api.refusals import said_by_field
from llmjobs.measures import measures_of
from llmjobs.models import JobUndo, LLMJob, LLMJobItem, Proposal


class OfJobView(ListAPIView[Any]):
    """List what belongs to one job, each with the public id of its target. This is not a complete class: a subclass says what."""

    throttle_classes = STATUS_THROTTLES
    request: OwnerRequest

    def rows_of(self, job: LLMJob) -> Any:
        """Return what is listed."""
        raise NotImplementedError

    def get_queryset(self) -> Any:
        """Return the rows of a job of the owner's."""
        self.job = job_of(self.request, self.kwargs["pk"])
        return self.rows_of(self.job)

    def paginate_queryset(self, queryset: Any) -> Any:
        """Return one page, and look up what its targets are called outside."""
        page = super().paginate_queryset(queryset)
        self.targets = public_ids(self.job, {row.target_id for row in page or ()})
        return page

    def get_serializer_context(self) -> dict[str, Any]:
        """Hand the public ids on."""
        return {**super().get_serializer_context(), "targets": getattr(self, "targets", {})}


class ItemFilter(filters.FilterSet):
    """Filter items."""

    reason = filters.CharFilter(max_length=40)
    model = filters.CharFilter(max_length=60)
    proposal = filters.ChoiceFilter(field_name="proposal__state", choices=Proposal.State.choices)

    class Meta:
        model = LLMJobItem
        fields = ["state", "stage", "reason", "model", "flagged", "was_kept", "came_late"]


@extend_schema(tags=[TAG])
@extend_schema_view(get=extend_schema(operation_id="llm_items_list", summary="The items of a job, in its order"))
class ItemListView(OfJobView):
    """List items."""

    serializer_class = ItemSerializer
    filterset_class = ItemFilter
    pagination_class = InOrder
    queryset = LLMJobItem.objects.none()  # for the schema

    def rows_of(self, job: LLMJob) -> Any:
        """Return the job's items."""
        return items_of(job)


class ItemDetailView(APIView):
    """Show one item."""

    @extend_schema(
        operation_id="llm_items_detail",
        tags=[TAG],
        summary="An item with its prompt, answer, proposal and attempts",
        responses=ItemDetailSerializer,
    )
    def get(self, request: OwnerRequest, pk: uuid.UUID, number: int) -> Response:
        """Return all that is kept of it."""
        item = item_of(job_of(request, pk), number)
        return Response(ItemDetailSerializer(item, context={"targets": public_ids(item.job, [item.target_id])}).data)


class UndoItemView(APIView):
    """Take one answer back."""

    @extend_schema(
        operation_id="llm_items_undo",
        tags=[TAG],
        summary="Put back what an answer changed",
        description="But for what somebody has touched since.",
        parameters=[IDEMPOTENCY_KEY],
        request=None,
        responses=UndoneSerializer,
    )
    @idempotent
    def post(self, request: OwnerRequest, pk: uuid.UUID, number: int) -> Response:
        """Undo it."""
        item = item_of(job_of(request, pk), number)
        return Response(UndoneSerializer(undoing.undo_item(item, by=request.user)).data)


@action(
    "undo",
    "Put back all that a job's answers changed",
    {200: OpenApiResponse(UndoSerializer, "Nothing stands as it was written."), 202: UndoSerializer},
    description="But for what somebody has touched since, and for what is written after this was asked. Workers do it; `undo` of the job "
    "tells how far they are, and its event `undone` that they are done. While it goes on, asking again answers how far it is.",
)
class UndoJobView(ActionView):
    """Take all answers back."""

    def do(self, job: LLMJob, request: OwnerRequest) -> Response:
        """Have them undone."""
        undo = undoing.undo_job(job, by=request.user)
        if undo is None:
            return Response(UndoSerializer(JobUndo(ended_at=database_now())).data)
        return accepted(job, UndoSerializer(undo).data)


class ProposalFilter(filters.FilterSet):
    """Filter proposals; without a state, those that wait."""

    model = filters.CharFilter(field_name="item__model", max_length=60)
    confidence_from = filters.NumberFilter(field_name="confidence", lookup_expr="gte", min_value=0, max_value=1)
    confidence_below = filters.NumberFilter(field_name="confidence", lookup_expr="lt", min_value=0, max_value=1)

    class Meta:
        model = Proposal
        fields = ["state", "why"]

    def filter_queryset(self, queryset: Any) -> Any:
        """Filter by all that was sent."""
        state = self.form.cleaned_data["state"] or Proposal.State.WAITING
        return super().filter_queryset(queryset).filter(state=state)


@extend_schema(tags=[TAG])
@extend_schema_view(
    get=extend_schema(
        operation_id="llm_proposals_list",
        summary="What the answers of a job propose",
        description="Those that wait for a person, or those of the state that you name.",
    )
)
class ProposalListView(OfJobView):
    """List proposals."""

    serializer_class = ProposalSerializer
    filterset_class = ProposalFilter
    pagination_class: type[Pages] = HighestIdFirst
    queryset = Proposal.objects.none()  # for the schema

    def rows_of(self, job: LLMJob) -> Any:
        """Return the job's proposals."""
        return proposals_of(job)


@action("accept", "Accept proposals", ReviewedSerializer, ChosenProposalsSerializer)
class AcceptView(ActionView):
    """Accept proposals."""

    def do(self, job: LLMJob, request: OwnerRequest) -> dict[str, Any]:
        """Write what they say; what has changed since it was shown waits again."""
        return dict(ReviewedSerializer(reviewing.accept(chosen(job, request), by=request.user)).data)


@action("reject", "Reject proposals", ReviewedSerializer, ChosenProposalsSerializer)
class RejectView(ActionView):
    """Reject proposals."""

    def do(self, job: LLMJob, request: OwnerRequest) -> dict[str, Any]:
        """Leave everything as it is."""
        return dict(ReviewedSerializer(reviewing.reject(chosen(job, request), by=request.user)).data)


def chosen(job: LLMJob, request: OwnerRequest) -> Sequence[int]:
    """Return the ids that a request names; raises ValidationError for those that are no proposals of the job."""
    wanted = ChosenProposalsSerializer(data=request.data)
    wanted.is_valid(raise_exception=True)
    ids = list(dict.fromkeys(wanted.validated_data["ids"]))
    own = set(Proposal.objects.filter(job=job, pk__in=ids).values_list("pk", flat=True))
    if len(own) < len(ids):
        first = next(one for one in ids if one not in own)
        raise serializers.ValidationError({"ids": f"{first} is no proposal of this job."}, "unknown_proposal")
    return ids


class CorrectView(APIView):
    """Correct one proposal."""

    @extend_schema(
        operation_id="llm_proposals_correct",
        tags=[TAG],
        summary="Write what is right instead of what an answer says",
        description="Kept as a measure of the model. `applied` is 1 when it was written; `stale` when the target has changed since the "
        "proposal was shown, which waits again as it is now.",
        parameters=[IDEMPOTENCY_KEY],
        request=CorrectionSerializer,
        responses=ReviewedSerializer,
        examples=[OpenApiExample("Another reason", {"values": {"flagged_reason": "A study guide."}}, request_only=True)],
    )
    @idempotent
    def post(self, request: OwnerRequest, pk: uuid.UUID, proposal: int) -> Response:
        """Write the values, and the rest as the answer says."""
        found = proposal_of(job_of(request, pk), proposal)
        wanted = CorrectionSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        with said_by_field():
            reviewed = reviewing.correct(found.pk, wanted.validated_data["values"], by=request.user)
        return Response(ReviewedSerializer(reviewed).data)


class ProposalDetailView(APIView):
    """Show one proposal."""

    @extend_schema(operation_id="llm_proposals_detail", tags=[TAG], summary="One proposal", responses=ProposalSerializer)
    def get(self, request: OwnerRequest, pk: uuid.UUID, proposal: int) -> Response:
        """Return it with what was decided."""
        job = job_of(request, pk)
        found = proposal_of(job, proposal)
        return Response(ProposalSerializer(found, context={"targets": public_ids(job, [found.target_id])}).data)


class JobMeasuresView(APIView):
    """Measure the models of one job."""

    throttle_classes = STATUS_THROTTLES

    @extend_schema(
        operation_id="llm_jobs_measures", tags=[TAG], summary="How well the models of a job did", responses=MeasuresSerializer
    )  # fmt: skip
    def get(self, request: OwnerRequest, pk: uuid.UUID) -> Response:
        """Count what became of its answers."""
        job = job_of(request, pk)
        return Response(MeasuresSerializer({"measures": measures_of(LLMJobItem.objects.filter(job=job))}).data)


class MeasuresView(APIView):
    """Measure models over all jobs."""

    throttle_classes = STATUS_THROTTLES

    @extend_schema(
        operation_id="llm_measures",
        tags=[TAG],
        summary="How well models did in all your jobs",
        parameters=[OpenApiParameter("purpose", str, description="Only jobs of this purpose.")],
        responses=MeasuresSerializer,
    )
    def get(self, request: OwnerRequest) -> Response:
        """Count what became of their answers."""
        jobs = jobs_of(request)
        if purpose := request.query_params.get("purpose"):
            jobs = jobs.filter(purpose=purpose)
        return Response(MeasuresSerializer({"measures": measures_of(LLMJobItem.objects.filter(job__in=jobs))}).data)
