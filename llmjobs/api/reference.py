"""What there is to choose from: purposes, models with their prices, and what is left to spend today."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bookops.api.json_fields import ObjectField
from bookops.api.requests import OwnerRequest
from bookops.clock import database_now
from bookops.language_models import LanguageModel, ModelLimit, ModelPrice
from bookops.purposes import Purpose, all_purposes
from bookops.spend import Account, owner_purse
from llmjobs.api.fields import UsdField
from llmjobs.api.jobs import TAG
from llmjobs.doors import ways


class DefaultsSerializer(serializers.Serializer[Any]):
    """How a purpose asks when nobody says otherwise."""

    provider = serializers.CharField()
    way = serializers.CharField()
    model = serializers.CharField()
    effort = serializers.CharField(allow_blank=True)
    tier = serializers.CharField()
    most_output_tokens = serializers.IntegerField()
    policy = serializers.CharField()
    above = serializers.FloatField()


PURPOSE_EXAMPLE = {
    "purposes": [
        {
            "name": "describe",
            "label": "Describe books",
            "target": "book",
            "system": "You describe books.",
            "template": "Title: {{title}}\nAuthor: {{author}}",
            "variables": ["title", "author", "publisher", "year"],
            "filters": ["title", "author", "language", "flagged"],
            "schema": {"type": "object", "properties": {"description": {"type": "string"}}, "additionalProperties": False},
            "defaults": {
                "provider": "openai",
                "way": "responses",
                "model": "gpt-6-luna",
                "effort": "",
                "tier": "standard",
                "most_output_tokens": 2000,
                "policy": "review",
                "above": 0.8,
            },
        }
    ]
}


class PurposeSerializer(serializers.Serializer[Purpose]):
    """What a job may ask."""

    name = serializers.CharField()
    # A serializer keeps its fields apart from its own attributes, one of which is called label too.
    label = serializers.CharField()  # type: ignore[assignment]
    target = serializers.CharField(help_text="What it asks about: book or runbook.")
    system = serializers.CharField(allow_blank=True)
    template = serializers.CharField()
    variables = serializers.ListField(child=serializers.CharField(), source="declared")
    filters = serializers.SerializerMethodField()
    schema = ObjectField()
    defaults = DefaultsSerializer()

    @extend_schema_field({"type": "array", "items": {"type": "string"}})
    def get_filters(self, purpose: Purpose) -> list[str]:
        """Return what its targets can be filtered by; none where it does not say."""
        return list(getattr(purpose, "FILTERS", ()))


@extend_schema_serializer(examples=[OpenApiExample("One of them", PURPOSE_EXAMPLE, response_only=True)])
class PurposesSerializer(serializers.Serializer[Any]):
    """Every purpose of every app."""

    purposes = PurposeSerializer(many=True)


class PurposesView(APIView):
    """List purposes."""

    @extend_schema(operation_id="llm_purposes", tags=[TAG], summary="What a job may ask", responses=PurposesSerializer)
    def get(self, request: Request) -> Response:
        """Return them by name."""
        found = all_purposes()
        return Response(PurposesSerializer({"purposes": [found[name] for name in sorted(found)]}).data)


class PriceSerializer(serializers.ModelSerializer[ModelPrice]):
    """What a model costs: dollars for a million tokens, and how a tier changes that."""

    class Meta:
        model = ModelPrice
        fields = [
            *("from_day", "input", "output", "cached_input", "cache_write", "batch_factor", "flex_factor", "priority_factor"),
            *("long_above", "long_input_factor", "long_output_factor"),
        ]
        read_only_fields = fields


class LimitSerializer(serializers.ModelSerializer[ModelLimit]):
    """What a provider lets us send."""

    class Meta:
        model = ModelLimit
        fields = ["from_day", "requests_per_minute", "input_tokens_per_minute", "enqueued_tokens", "batch_requests", "batch_bytes"]
        read_only_fields = fields


class ModelSerializer(serializers.ModelSerializer[LanguageModel]):
    """A model that can be asked, as of today."""

    ways = serializers.SerializerMethodField()
    efforts = serializers.ListField(child=serializers.CharField())
    is_retired = serializers.SerializerMethodField()
    price = serializers.SerializerMethodField()
    limit = serializers.SerializerMethodField()

    class Meta:
        model = LanguageModel
        fields = [
            *("provider", "name", "ways", "efforts", "context_tokens", "most_output_tokens", "is_retired", "retires_on", "successor"),
            *("price", "limit"),
        ]
        read_only_fields = fields

    @extend_schema_field({"type": "array", "items": {"type": "string"}})
    def get_ways(self, model: LanguageModel) -> list[str]:
        """Return how its provider can be asked."""
        return sorted(way for provider, way in ways() if provider == model.provider)

    def get_is_retired(self, model: LanguageModel) -> bool:
        """Say whether it answers no more."""
        return model.is_retired(self.context["day"])

    @extend_schema_field(PriceSerializer(allow_null=True))
    def get_price(self, model: LanguageModel) -> dict[str, Any] | None:
        """Return today's; None where nobody has said."""
        price = latest(model.prices.all(), self.context["day"])
        return dict(PriceSerializer(price).data) if price else None

    @extend_schema_field(LimitSerializer(allow_null=True))
    def get_limit(self, model: LanguageModel) -> dict[str, Any] | None:
        """Return today's; None where its provider sets none."""
        limit = latest(model.limits.all(), self.context["day"])
        return dict(LimitSerializer(limit).data) if limit else None


def latest(rows: Iterable[Any], day: date) -> Any:
    """Return the row that holds on a day, None where none does yet."""
    return max((row for row in rows if row.from_day <= day), key=lambda row: row.from_day, default=None)


class ModelsSerializer(serializers.Serializer[Any]):
    """The models of every provider that a job can ask."""

    models = ModelSerializer(many=True)


class ModelsView(APIView):
    """List models."""

    @extend_schema(
        operation_id="llm_models", tags=[TAG], summary="The models that can be asked, with prices and limits", responses=ModelsSerializer
    )
    def get(self, request: Request) -> Response:
        """Return them by provider and name, retired ones too."""
        models = LanguageModel.objects.filter(provider__in={provider for provider, _ in ways()}).prefetch_related("prices", "limits")
        return Response(ModelsSerializer({"models": models}, context={"day": database_now().date()}).data)


SPEND_EXAMPLE = {
    "day": "2026-11-22",
    "held_usd": "0.971000",
    "spent_usd": "1.204410",
    "cap_usd": "10.000000",
    "left_usd": "7.824590",
    "renews_at": "2026-11-23T00:00:00Z",
}


@extend_schema_serializer(examples=[OpenApiExample("A day", SPEND_EXAMPLE, response_only=True)])
class SpendSerializer(serializers.Serializer[Any]):
    """An owner's money of today, over jobs and evaluations."""

    day = serializers.DateField()
    held_usd = UsdField(source="held", help_text="For what was sent and is not settled yet.")
    spent_usd = UsdField(source="spent")
    cap_usd = UsdField(source="cap")
    left_usd = UsdField(source="left")
    renews_at = serializers.DateTimeField()


class SpendView(APIView):
    """Say what is left."""

    @extend_schema(
        operation_id="llm_spend", tags=[TAG], summary="What is held, spent and left of today's budget", responses=SpendSerializer
    )
    def get(self, request: OwnerRequest) -> Response:
        """Return the owner's purse of today."""
        day = database_now().date()
        purse = owner_purse(request.user.pk, day)
        account = Account.objects.filter(scope=purse.scope).first() or Account()
        cap = purse.cap or 0  # an owner's day always has one
        told = {"day": day, "held": account.held, "spent": account.spent, "cap": cap, "left": max(cap - account.held - account.spent, 0)}
        return Response(SpendSerializer(told | {"renews_at": purse.renews_at}).data)
