"""What may be asked for: a purpose, which targets, and how to ask about them; and what a preview and an estimate answer."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from bookops.api.json_fields import ObjectField
from bookops.api.strict import StrictSerializer
from bookops.language_models import Tier
from bookops.purposes import Purpose, purpose_named
from llmjobs.api.fields import CapField, PlainField, PublicIdsField, UsdField
from llmjobs.models import LLMJob
from llmjobs.plans import FEW_IDS, Plan, Scope, ScopeKind
from llmjobs.previewing import MOST

#: Characters of a template, and of what goes before all prompts of a job.
LONGEST_TEMPLATE = 20_000
MOST_FILTERS = 20
WAYS = ["responses", "batch"]
POLICIES = ["apply", "above", "review"]

NEW_JOB_EXAMPLE = OpenApiExample(
    "Flag what wants a look, by two models",
    {
        "purpose": "flag",
        "label": "Spring check",
        "scope": {"filters": {"language": "eng", "year_to": 1950}},
        "asks": [{"model": "gpt-6-luna", "tier": "flex"}, {"provider": "anthropic", "model": "claude-haiku-5-5"}],
        "policy": "review",
        "cap_usd": "2.50",
        "starts_paused": True,
    },
    request_only=True,
)


class ScopeSerializer(StrictSerializer):
    """Which targets: one of the three."""

    ids = PublicIdsField(required=False)
    filters = serializers.DictField(child=PlainField(), required=False, help_text="As GET /api/llm-jobs/purposes names them.")
    all = serializers.BooleanField(required=False, help_text="true: all that there are now.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a scope that could be read in two ways, or in none."""
        if len([name for name, value in attrs.items() if value is not False]) != 1:
            raise serializers.ValidationError("Say ids, filters, or all: one of them.", "ambiguous")
        if len(attrs.get("filters") or {}) > MOST_FILTERS:
            raise serializers.ValidationError({"filters": f"So many filters as {MOST_FILTERS} are enough."}, "too_many")
        return attrs


def scope_of(owner_id: Any, purpose: Purpose, given: dict[str, Any]) -> Scope:
    """Return what a checked ScopeSerializer means; raises DRF's ValidationError for an id that is not one of the owner's."""
    if "ids" in given:
        return Scope(ScopeKind.IDS, ids=_own_ids(owner_id, purpose, given["ids"]))
    if "filters" in given:
        return Scope(ScopeKind.FILTERS, filters=given["filters"])
    return Scope(ScopeKind.ALL)


def _own_ids(owner_id: Any, purpose: Purpose, wanted: Sequence[uuid.UUID]) -> tuple[int, ...]:
    targets = purpose.targets(owner_id)
    if len(wanted) <= FEW_IDS:
        targets = targets.filter(public_id__in=wanted)
    own = dict(targets.values_list("public_id", "pk"))
    missing = [one for one in wanted if one not in own]
    if missing:
        said = f"{len(missing)} of {len(wanted)} ids are no {purpose.target}s of yours, {missing[0]} first."
        raise serializers.ValidationError({"scope": {"ids": [said]}}, "unknown_target")
    return tuple(own[one] for one in wanted)


class AskSerializer(StrictSerializer):
    """Whom to ask; what is left out is as the purpose says."""

    provider = serializers.CharField(max_length=20, required=False)
    way = serializers.ChoiceField(WAYS, required=False, help_text="One request an item, or many in a batch.")
    model = serializers.CharField(max_length=60, required=False)
    effort = serializers.CharField(max_length=10, required=False)
    tier = serializers.ChoiceField(Tier.values, required=False)
    most_output_tokens = serializers.IntegerField(min_value=1, max_value=1_000_000, required=False)


class ExpiredToSerializer(StrictSerializer):
    """Whom to ask what has expired in a batch."""

    provider = serializers.CharField(max_length=20)
    way = serializers.ChoiceField(WAYS)
    model = serializers.CharField(max_length=60)


class PurposeAndScopeSerializer(StrictSerializer):
    """What is asked, and about what."""

    purpose = serializers.CharField(max_length=40)
    scope = ScopeSerializer()

    def validate_purpose(self, name: str) -> str:
        """Return the name of a purpose that there is."""
        try:
            purpose_named(name)
        except KeyError as error:
            raise serializers.ValidationError(str(error.args[0]), "unknown_purpose") from None
        return name

    def scope_for(self, owner: Any) -> Scope:
        """Return the targets that are meant; raises ValidationError for those that are not the owner's."""
        return scope_of(owner.pk, purpose_named(self.validated_data["purpose"]), self.validated_data["scope"])


@extend_schema_serializer(examples=[NEW_JOB_EXAMPLE])
class PlanSerializer(PurposeAndScopeSerializer):
    """A job as it would be created; what is left out is as the purpose says."""

    # A serializer keeps its fields apart from its own attributes, one of which is called label too.
    label = serializers.CharField(max_length=200, required=False)  # type: ignore[assignment]
    system = serializers.CharField(max_length=LONGEST_TEMPLATE, required=False, trim_whitespace=False)
    template = serializers.CharField(max_length=LONGEST_TEMPLATE, required=False, trim_whitespace=False)
    asks = AskSerializer(many=True, required=False)
    policy = serializers.ChoiceField(POLICIES, required=False)
    above = serializers.FloatField(min_value=0, max_value=1, required=False, help_text="The confidence from which above applies.")
    priority = serializers.IntegerField(min_value=-100, max_value=100, required=False, help_text="Larger goes first; normal is 0.")
    cap_usd = CapField(required=False, allow_null=True, source="cap")
    uses_kept_answers = serializers.BooleanField(required=False)
    starts_paused = serializers.BooleanField(required=False, help_text="Render, but send nothing until it is resumed.")
    larger_output_tokens = serializers.IntegerField(min_value=1, max_value=1_000_000, required=False, allow_null=True)
    unanswered = serializers.ChoiceField(LLMJob.Unanswered.choices, required=False)
    expired_to = ExpiredToSerializer(required=False)

    @property
    def plan(self) -> Plan:
        """Return how to ask, as the job's own verbs take it."""
        given = {name: value for name, value in self.validated_data.items() if name not in ("purpose", "scope", "most")}
        return Plan(**given | {"asks": tuple(given.get("asks", ()))})


class PreviewAskedSerializer(PlanSerializer):
    """A job as it would be created, and how many prompts to show."""

    most = serializers.IntegerField(min_value=1, max_value=MOST, default=5)


class SampleSerializer(serializers.Serializer[Any]):
    """One prompt."""

    target = serializers.UUIDField()
    target_label = serializers.CharField()
    prompt = serializers.CharField()
    tokens = serializers.IntegerField()


class PreviewSerializer(serializers.Serializer[Any]):
    """What would be asked."""

    targets = serializers.IntegerField()
    system = serializers.CharField(allow_blank=True)
    schema = ObjectField()
    samples = SampleSerializer(many=True)


class AskEstimateSerializer(serializers.Serializer[Any]):
    """What asking one model would take."""

    provider = serializers.CharField()
    way = serializers.ChoiceField(WAYS)
    model = serializers.CharField()
    tier = serializers.ChoiceField(Tier.values)
    requests = serializers.IntegerField()
    calls = serializers.IntegerField()
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    output_is_measured = serializers.BooleanField()
    cost_usd = UsdField(source="cost")
    most_cost_usd = UsdField(source="most_cost")
    seconds = serializers.FloatField()


ESTIMATE_EXAMPLE = {
    "targets": 762,
    "asks": [
        {
            "provider": "openai",
            "way": "responses",
            "model": "gpt-6-luna",
            "tier": "standard",
            "requests": 762,
            "calls": 762,
            "input_tokens": 243840,
            "output_tokens": 91440,
            "output_is_measured": True,
            "cost_usd": "0.245000",
            "most_cost_usd": "0.971000",
            "seconds": 99.5,
        }
    ],
    "cost_usd": "0.245000",
    "most_cost_usd": "0.971000",
    "most_cost_if_resent_usd": "0.971000",
    "forecast_end": "2026-11-22T12:01:40Z",
}


@extend_schema_serializer(examples=[OpenApiExample("A library", ESTIMATE_EXAMPLE, response_only=True)])
class EstimateSerializer(serializers.Serializer[Any]):
    """What a job would take."""

    targets = serializers.IntegerField()
    asks = AskEstimateSerializer(many=True)
    cost_usd = UsdField(source="cost")
    most_cost_usd = UsdField(source="most_cost")
    most_cost_if_resent_usd = UsdField(source="most_cost_if_resent")
    forecast_end = serializers.DateTimeField()


class CountSerializer(serializers.Serializer[Any]):
    """How many targets a scope means now."""

    targets = serializers.IntegerField()


class FieldErrorSerializer(serializers.Serializer[Any]):
    """What is wrong with one field."""

    field = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()


class ValidatedSerializer(serializers.Serializer[Any]):
    """Whether a job could be created so."""

    valid = serializers.BooleanField()
    # A serializer keeps its fields apart from its own attributes, one of which is called errors too.
    errors = FieldErrorSerializer(many=True)  # type: ignore[assignment]
    variables = serializers.ListField(child=serializers.CharField(), help_text="What the purpose's templates may ask for.")
