"""Looking before one asks: what would be asked, what it would take, whether it can be, and about how many."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from bookops.api.problems import field_errors
from bookops.api.requests import OwnerRequest
from bookops.purposes import purpose_named
from llmjobs.api.jobs import TAG
from llmjobs.api.plan_serializers import (
    CountSerializer,
    EstimateSerializer,
    PlanSerializer,
    PreviewAskedSerializer,
    PreviewSerializer,
    PurposeAndScopeSerializer,
    ValidatedSerializer,
)
from llmjobs.api.refusals import said_by_field
from llmjobs.estimating import estimate
from llmjobs.plans import draft, scoped, targets_of
from llmjobs.previewing import preview


class PreviewView(APIView):
    """Show prompts."""

    @extend_schema(
        operation_id="llm_jobs_preview",
        tags=[TAG],
        summary="The prompts that a job would send, a few of them",
        request=PreviewAskedSerializer,
        responses=PreviewSerializer,
    )
    def post(self, request: OwnerRequest) -> Response:
        """Render a sample; nothing is stored."""
        wanted = PreviewAskedSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        purpose = purpose_named(wanted.validated_data["purpose"])
        with said_by_field():
            seen = preview(request.user, purpose.name, wanted.scope_for(request.user), wanted.plan, most=wanted.validated_data["most"])
        sampled = [sample.target_id for sample in seen.samples]
        ids = dict(purpose.targets(request.user.pk).filter(pk__in=sampled).values_list("pk", "public_id"))
        samples = [
            {"target": ids[one.target_id], "target_label": one.target_label, "prompt": one.prompt, "tokens": one.tokens}
            for one in seen.samples
        ]
        told = {"targets": seen.targets, "system": seen.system, "schema": seen.schema, "samples": samples}
        return Response(PreviewSerializer(told).data)


class EstimateView(APIView):
    """Estimate a job."""

    @extend_schema(
        operation_id="llm_jobs_estimate",
        tags=[TAG],
        summary="What a job would take: tokens, money, calls and time",
        request=PlanSerializer,
        responses=EstimateSerializer,
    )
    def post(self, request: OwnerRequest) -> Response:
        """Reckon from a sample, today's prices and earlier answers; nothing is stored."""
        wanted = PlanSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        with said_by_field():
            seen = estimate(request.user, wanted.validated_data["purpose"], wanted.scope_for(request.user), wanted.plan)
        return Response(EstimateSerializer(seen).data)


class ValidateView(APIView):
    """Check a job."""

    @extend_schema(
        operation_id="llm_jobs_validate",
        tags=[TAG],
        summary="Whether a job could be created so, and what is wrong with it",
        request=PlanSerializer,
        responses=ValidatedSerializer,
    )
    def post(self, request: OwnerRequest) -> Response:
        """Check all that creating it would; nothing is stored."""
        wanted = PlanSerializer(data=request.data)
        errors: list[dict[str, str]] = []
        try:
            with said_by_field():
                wanted.is_valid(raise_exception=True)
                purpose = purpose_named(wanted.validated_data["purpose"])
                draft(request.user, purpose.name, wanted.plan)
                targets_of(request.user.pk, purpose, wanted.scope_for(request.user))
        except serializers.ValidationError as refusal:
            errors = list(field_errors(refusal.get_full_details()))
        return Response({"valid": not errors, "errors": errors, "variables": variables_of(wanted)})


def variables_of(wanted: PlanSerializer) -> list[str]:
    """Return what templates of the purpose may ask for; none where it is not known."""
    name = wanted.initial_data.get("purpose") if isinstance(wanted.initial_data, dict) else None
    try:
        return list(purpose_named(str(name)).declared)
    except KeyError:
        return []


class CountScopeView(APIView):
    """Count targets."""

    @extend_schema(
        operation_id="llm_jobs_count_scope",
        tags=[TAG],
        summary="How many targets a scope means now",
        request=PurposeAndScopeSerializer,
        responses=CountSerializer,
    )
    def post(self, request: OwnerRequest) -> Response:
        """Count them."""
        wanted = PurposeAndScopeSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        purpose: Any = purpose_named(wanted.validated_data["purpose"])
        with said_by_field():
            targets = scoped(request.user.pk, purpose, wanted.scope_for(request.user)).count()
        return Response({"targets": targets})
