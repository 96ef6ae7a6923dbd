"""What may be asked of an evaluation, and what one looks like in JSON: the first design's names first, ours beside them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import OpenApiExample, PolymorphicProxySerializer, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from bookops.api.json_fields import CountsField, ObjectField
from bookops.api.money import usd
from bookops.api.strict import StrictSerializer
from bookops.language_models import LanguageModel
from runbooks.images.fetching import MOST_PHOTOS
from runbooks.images.formats import ACCEPTED, HEAD, refused_photo
from runbooks.models import Execution, StepRun
from runbooks.plan import ABEBOOKS_FMV, BRANCHES, EBAY_FMV, STEPS
from runbooks.queries import LONGEST as LONGEST_QUERY
from runbooks.sources.claude import NAME as CLAUDE
from runbooks.sources.records import ListingFacts, Money

#: Characters of a pasted listing's text.
LONGEST_TEXT = 50_000
STATUS = ["RUNNING", "SUCCEEDED", "FAILED"]
STEP_STATUS = ["PENDING", "RUNNING", "COMPLETED", "FAILED", "PARKED", "SKIPPED", "CANCELLED"]

EXECUTION_ID = "5f0c6d1e-8f0b-4c5a-9a57-0f6f4d6c2b11"
BOOK_ID = "0d4c7f0a-5a55-4a3e-8a52-9a0d4a3c7e21"
RUNBOOK_ID = "b7a4f3f2-61d8-4b0b-8d43-1b0d5a8f2c77"


class ModelNameField(serializers.CharField):
    """The name of a model that can look at photos."""

    def to_internal_value(self, data: Any) -> str:
        """Return the name of a model that is known."""
        name = super().to_internal_value(data)
        known = list(LanguageModel.objects.filter(provider=CLAUDE).values_list("name", flat=True))
        if name and name not in known:
            raise serializers.ValidationError(f"There is no model {name}. There are: {', '.join(known)}.", "unknown_model")
        return name


class QueriesSerializer(StrictSerializer):
    """Searches to make instead of the ones that the rules word."""

    ebay_fmv = serializers.CharField(max_length=LONGEST_QUERY, required=False)
    abebooks_fmv = serializers.CharField(max_length=LONGEST_QUERY, required=False)


class OptionsSerializer(StrictSerializer):
    """How an evaluation differs from the settings."""

    model = ModelNameField(max_length=60, required=False, help_text="The model that looks at the photos.")
    queries = QueriesSerializer(required=False)
    without = serializers.ListField(
        child=serializers.ChoiceField(choices=BRANCHES), max_length=len(BRANCHES), required=False, help_text="Branches to leave out."
    )

    def validate_without(self, names: list[str]) -> list[str]:
        """Return each name once and in the plan's order, so that the same options are the same however they were sent."""
        return [name for name in BRANCHES if name in names]


@extend_schema_field(OptionsSerializer)
class OptionsField(serializers.JSONField):
    """OptionsSerializer's object; in a form, as JSON text."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return the options that say something."""
        options = OptionsSerializer(data=super().to_internal_value(data))
        options.is_valid(raise_exception=True)
        return {name: value for name, value in options.validated_data.items() if value}


class LinkSerializer(StrictSerializer):
    """A listing by its link."""

    url = serializers.CharField(max_length=4096, help_text="The listing's address, a short link, or its number.")
    options = OptionsField(required=False)


class PastedListingSerializer(StrictSerializer):
    """A listing as a person sees it, where eBay gives none."""

    title = serializers.CharField(max_length=300)
    author = serializers.CharField(max_length=300, required=False, allow_blank=True, help_text="Where the title does not name them.")
    text = serializers.CharField(max_length=LONGEST_TEXT, required=False, allow_blank=True, help_text="The seller's description.")
    price = serializers.DecimalField(
        max_digits=10, decimal_places=2, min_value=Decimal(0), required=False, allow_null=True, help_text="None for an auction."
    )
    currency = serializers.RegexField(r"^[A-Za-z]{3}\Z", default="USD", help_text="ISO 4217.")
    condition = serializers.CharField(max_length=100, required=False, allow_blank=True)
    seller = serializers.CharField(max_length=100, required=False, allow_blank=True)
    options = OptionsField(required=False)

    @property
    def facts(self) -> ListingFacts:
        """Return what was pasted as the plan reads it."""
        given = self.validated_data
        price = given.get("price")
        return ListingFacts(
            item_id="",
            legacy_id="",
            url="",
            title=given["title"],
            description=given.get("text", ""),
            price=Money(price, given["currency"].upper()) if price is not None else None,
            condition=given.get("condition", ""),
            seller=given.get("seller", ""),
            aspects={"Author": given["author"]} if given.get("author") else {},
            is_pasted=True,
        )


class PastedFormSerializer(PastedListingSerializer):
    """A pasted listing with its photos."""

    photos = serializers.ListField(child=serializers.FileField(), max_length=MOST_PHOTOS, required=False, help_text=f"{ACCEPTED} files.")

    def validate_photos(self, files: list[Any]) -> list[Any]:
        """Refuse files that the decoder would not open."""
        for file in files:
            why = refused_photo(file.name, file.size, file.read(HEAD))
            file.seek(0)
            if why:
                raise serializers.ValidationError(why, "no_photo")
        return files


TAKES = {
    "application/json": PolymorphicProxySerializer(
        component_name="ImportEbay", serializers=[LinkSerializer, PastedListingSerializer], resource_type_field_name=None
    ),
    "multipart/form-data": PastedFormSerializer,
}


class SixStepsSerializer(serializers.Serializer[Any]):
    """The six steps."""

    fetch_listing = serializers.ChoiceField(choices=STEP_STATUS)
    download_images = serializers.ChoiceField(choices=STEP_STATUS)
    claude_analysis = serializers.ChoiceField(choices=STEP_STATUS)
    ebay_fmv = serializers.ChoiceField(choices=STEP_STATUS)
    abebooks_fmv = serializers.ChoiceField(choices=STEP_STATUS)
    assemble = serializers.ChoiceField(choices=STEP_STATUS)


class StartedSerializer(serializers.Serializer[Any]):
    """What was begun, and where to ask for it. `error` is there when it came to nothing while it was waited for."""

    execution_id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=STATUS)
    status_url = serializers.CharField()
    websocket = serializers.CharField()
    error = serializers.CharField(required=False)


class FinishedSerializer(serializers.Serializer[Any]):
    """The first design's answer, for who waits."""

    book = ObjectField()
    eval_runbook = ObjectField()
    execution_id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=STATUS)


class StepSerializer(serializers.ModelSerializer[StepRun]):
    """One run of a step."""

    step = serializers.CharField(source="name")
    run = serializers.IntegerField(source="number")
    status = serializers.ChoiceField(choices=STEP_STATUS)
    until = serializers.SerializerMethodField()
    variant = ObjectField()
    calls = CountsField()
    cost_usd = serializers.SerializerMethodField()

    class Meta:
        model = StepRun
        fields = [
            *("step", "run", "is_current", "status", "progress", "attempts", "reason", "detail", "waiting_for", "until", "variant"),
            *("started_at", "ended_at", "seconds", "model", "input_tokens", "cached_tokens", "output_tokens", "calls", "cost_usd"),
        ]
        read_only_fields = fields

    @extend_schema_field({"type": "string", "format": "date-time", "nullable": True})
    def get_until(self, run: StepRun) -> str | None:
        """Return until when it waits; None when it does not."""
        waits = run.status == "PARKED" or (run.status == "PENDING" and run.attempts)
        return run.next_at.isoformat() if waits else None

    @extend_schema_field({"type": "string", "format": "decimal"})
    def get_cost_usd(self, run: StepRun) -> str:
        """Return what it cost in US dollars."""
        return usd(run.cost)


class ExecutionStatusSerializer(serializers.Serializer[Any]):
    """The first design's status; what stands below `error` is added."""

    status = serializers.ChoiceField(choices=STATUS)
    progress = SixStepsSerializer()
    book_id = serializers.UUIDField(allow_null=True)
    error = serializers.CharField(allow_null=True)
    execution_id = serializers.UUIDField()
    state = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)
    # A serializer keeps its fields apart from its own attributes, one of which is called partial too.
    partial = serializers.BooleanField()  # type: ignore[assignment]
    missing = serializers.ListField(child=serializers.CharField())
    runbook_id = serializers.UUIDField(allow_null=True)
    last_seq = serializers.IntegerField()
    steps = StepSerializer(many=True)


class CostSerializer(serializers.Serializer[Any]):
    """What a step used, over all its runs."""

    cost_usd = serializers.CharField()
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    calls = serializers.IntegerField()
    seconds = serializers.FloatField()


EXECUTION_EXAMPLE = {
    "execution_id": EXECUTION_ID,
    "status": "SUCCEEDED",
    "state": "succeeded",
    "title": "Works of Charles Dickens, 6 vols, full morocco, Zaehnsdorf",
    "url": "https://www.ebay.com/itm/256712345678",
    "cause": "import",
    "options": {},
    "partial": True,
    "missing": [ABEBOOKS_FMV],
    "reason": "",
    "detail": "",
    "runbook_id": RUNBOOK_ID,
    "bulk_id": None,
    "created_at": "2026-11-22T12:00:00Z",
    "saved_at": "2026-11-22T12:00:21Z",
    "ended_at": "2026-11-22T12:00:21Z",
    "last_seq": 17,
    "sandbox": False,
    "cost_usd": "0.024310",
    "cost_by_step": {
        "claude_analysis": {"cost_usd": "0.024310", "input_tokens": 11204, "output_tokens": 812, "calls": 1, "seconds": 14.2},
        EBAY_FMV: {"cost_usd": "0.000000", "input_tokens": 0, "output_tokens": 0, "calls": 2, "seconds": 1.1},
    },
}


@extend_schema_serializer(examples=[OpenApiExample("A partial one", EXECUTION_EXAMPLE, response_only=True)])
class ExecutionSerializer(serializers.ModelSerializer[Execution]):
    """An evaluation in a list, with what each step cost; its steps are to be prefetched."""

    execution_id = serializers.UUIDField(source="pk")
    status = serializers.ChoiceField(choices=STATUS)
    title = serializers.CharField(source="__str__")
    options = ObjectField()
    missing = serializers.ListField(child=serializers.CharField())
    runbook_id = serializers.UUIDField(source="runbook.public_id", default=None, allow_null=True)
    bulk_id = serializers.UUIDField(allow_null=True)
    cost_usd = serializers.SerializerMethodField()
    cost_by_step = serializers.SerializerMethodField()

    class Meta:
        model = Execution
        fields = [
            *("execution_id", "status", "state", "title", "url", "cause", "options", "partial", "missing", "reason", "detail"),
            *("runbook_id", "bulk_id", "created_at", "saved_at", "ended_at", "last_seq", "sandbox", "cost_usd", "cost_by_step"),
        ]
        read_only_fields = fields

    @extend_schema_field({"type": "string", "format": "decimal"})
    def get_cost_usd(self, execution: Execution) -> str:
        """Return what all of it cost."""
        return usd(sum(run.cost for run in execution.steps.all()))

    @extend_schema_field(serializers.DictField(child=CostSerializer()))
    def get_cost_by_step(self, execution: Execution) -> dict[str, dict[str, Any]]:
        """Return what each step used, in the plan's order."""
        runs: dict[str, list[StepRun]] = {}
        for run in execution.steps.all():
            runs.setdefault(run.name, []).append(run)
        return {name: cost_of(runs[name]) for name in STEPS if name in runs}


def cost_of(runs: list[StepRun]) -> dict[str, Any]:
    """Return what the runs of a step used together."""
    return {
        "cost_usd": usd(sum(run.cost for run in runs)),
        "input_tokens": sum(run.input_tokens for run in runs),
        "output_tokens": sum(run.output_tokens for run in runs),
        "calls": sum(sum(run.calls.values()) for run in runs),
        "seconds": round(sum(run.seconds for run in runs), 3),
    }


class ExecutionDetailSerializer(ExecutionSerializer):
    """An evaluation with every run of its steps, the earlier ones too."""

    steps = StepSerializer(many=True)

    class Meta(ExecutionSerializer.Meta):
        fields = [*ExecutionSerializer.Meta.fields, "steps"]
        read_only_fields = fields


class VariantSerializer(StrictSerializer):
    """How a step is to differ this time."""

    query = serializers.CharField(max_length=LONGEST_QUERY, required=False, help_text="Of eBay or AbeBooks.")
    model = ModelNameField(max_length=60, required=False, help_text="Of claude_analysis.")


class RetrySerializer(StrictSerializer):
    """How to run a step again; without a variant, as before."""

    variant = VariantSerializer(required=False)


class RetriedSerializer(serializers.Serializer[Any]):
    """How many failed steps run again."""

    retried = serializers.IntegerField()


class ExecutionCancelledSerializer(serializers.Serializer[Any]):
    """Whether there was something to cancel."""

    cancelled = serializers.BooleanField()


class MessageSerializer(serializers.Serializer[Any]):
    """One thing that happened, in the first design's words with a number beside; further names by kind."""

    seq = serializers.IntegerField()
    kind = serializers.CharField()
    at = serializers.DateTimeField()
    step = serializers.CharField(required=False)
    status = serializers.CharField(required=False)
    progress = serializers.CharField(required=False)
    book_id = serializers.CharField(required=False)


class MessagesSerializer(serializers.Serializer[Any]):
    """Messages after a number, and the number to ask after next."""

    events = MessageSerializer(many=True)
    last_seq = serializers.IntegerField()
