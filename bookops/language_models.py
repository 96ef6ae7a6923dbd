"""Language models with their prices and limits: dated rows, loaded from language_models.toml and edited in the admin."""

from __future__ import annotations

import math
import tomllib
from datetime import date
from decimal import Decimal
from importlib.resources import files
from typing import Any

from django.db import models, transaction
from django.db.models import Q

from bookops.outbound.sdk_usage import Usage

MILLION = 1_000_000


class Tier(models.TextChoices):
    """How urgently a provider works; each has its own price."""

    STANDARD = "standard", "standard"
    BATCH = "batch", "batch"
    FLEX = "flex", "flex"
    PRIORITY = "priority", "priority"


class UnknownModel(Exception):
    """Nobody knows this model, or it is retired; the text names the remedy."""


class LanguageModel(models.Model):
    """Hold one model of a provider."""

    provider = models.CharField(max_length=20)
    name = models.CharField(max_length=60)
    context_tokens = models.PositiveIntegerField(default=200_000)
    most_output_tokens = models.PositiveIntegerField(default=64_000)
    #: Into how many tokens a picture is turned: "high" (long edge 2576, at most 4,784 tokens) or "standard" (1568, 1,568).
    picture_tier = models.CharField(max_length=10, default="high")
    #: Reasoning efforts that it accepts, in ascending order; empty where it has none.
    efforts = models.JSONField(default=list, blank=True)
    retires_on = models.DateField(null=True, blank=True)
    successor = models.CharField(max_length=60, blank=True)

    class Meta:
        ordering = ["provider", "name"]
        constraints = [models.UniqueConstraint(fields=["provider", "name"], name="a_model_of_a_provider_is_known_once")]

    def __str__(self) -> str:
        return self.name

    def is_retired(self, day: date) -> bool:
        """Say whether the provider no longer answers for it on that day."""
        return self.retires_on is not None and self.retires_on <= day


class ModelPrice(models.Model):
    """Hold what a model costs from a day on, in dollars for a million tokens, which is microdollars a token."""

    model = models.ForeignKey(LanguageModel, on_delete=models.CASCADE, related_name="prices")
    from_day = models.DateField()
    input = models.DecimalField(max_digits=10, decimal_places=4)
    output = models.DecimalField(max_digits=10, decimal_places=4)
    cached_input = models.DecimalField(max_digits=10, decimal_places=4)
    cache_write = models.DecimalField(max_digits=10, decimal_places=4)
    batch_factor = models.DecimalField(max_digits=5, decimal_places=3, default=Decimal("0.5"))
    flex_factor = models.DecimalField(max_digits=5, decimal_places=3, default=Decimal("0.5"))
    priority_factor = models.DecimalField(max_digits=5, decimal_places=3, default=Decimal(2))
    #: Input tokens above which the whole request costs by the two factors below; None where length does not matter.
    long_above = models.PositiveIntegerField(null=True, blank=True)
    long_input_factor = models.DecimalField(max_digits=5, decimal_places=3, default=Decimal(1))
    long_output_factor = models.DecimalField(max_digits=5, decimal_places=3, default=Decimal(1))

    class Meta:
        ordering = ["model", "-from_day"]
        constraints = [
            models.UniqueConstraint(fields=["model", "from_day"], name="a_model_has_one_price_a_day"),
            models.CheckConstraint(condition=Q(input__gte=0, output__gte=0), name="a_price_is_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.model}: {self.input:g} in, {self.output:g} out from {self.from_day}"

    def cost(self, usage: Usage, tier: str = Tier.STANDARD) -> int:
        """Return the price of one request in microdollars, rounded up.

        (input − cached − written)·in + cached·cache_read + written·cache_write + output·out, times the tier's factor.
        """
        is_long = self.long_above is not None and usage.input_tokens > self.long_above
        by_input, by_output = (self.long_input_factor, self.long_output_factor) if is_long else (Decimal(1), Decimal(1))
        fresh = max(usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens, 0)
        read = (fresh * self.input + usage.cached_tokens * self.cached_input + usage.cache_write_tokens * self.cache_write) * by_input
        return math.ceil((read + usage.output_tokens * self.output * by_output) * self._factor(tier))

    def _factor(self, tier: str) -> Decimal:
        factors = {Tier.BATCH: self.batch_factor, Tier.FLEX: self.flex_factor, Tier.PRIORITY: self.priority_factor}
        return factors.get(Tier(tier), Decimal(1))


class ModelLimit(models.Model):
    """Hold what a provider lets us send to a model from a day on; None where it sets no limit."""

    model = models.ForeignKey(LanguageModel, on_delete=models.CASCADE, related_name="limits")
    from_day = models.DateField()
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True)
    input_tokens_per_minute = models.PositiveIntegerField(null=True, blank=True)
    #: Prompt tokens that may wait in batches at one time.
    enqueued_tokens = models.PositiveBigIntegerField(null=True, blank=True)
    batch_requests = models.PositiveIntegerField(null=True, blank=True)
    batch_bytes = models.PositiveBigIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["model", "-from_day"]
        constraints = [models.UniqueConstraint(fields=["model", "from_day"], name="a_model_has_one_limit_a_day")]

    def __str__(self) -> str:
        return f"{self.model} from {self.from_day}"


def model_on(day: date, provider: str, name: str) -> LanguageModel:
    """Return a model that may be asked on that day; raises UnknownModel, which names a retired one's successor."""
    model = LanguageModel.objects.filter(provider=provider, name=name).first()
    if model is None:
        raise UnknownModel(f"No model {name} of {provider} is known. Add it in the admin, or run manage.py load_models.")
    if model.is_retired(day):
        instead = f" Use {model.successor}." if model.successor else ""
        raise UnknownModel(f"{name} was retired by {provider} on {model.retires_on}.{instead}")
    return model


def price_on(day: date, model: LanguageModel) -> ModelPrice:
    """Return what a model costs on that day; raises UnknownModel where nobody has said."""
    price = model.prices.filter(from_day__lte=day).order_by("-from_day").select_related("model").first()
    if price is None:
        raise UnknownModel(f"No price of {model} is known for {day}. Add one in the admin, or run manage.py load_models.")
    return price


def limit_on(day: date, model: LanguageModel) -> ModelLimit:
    """Return a model's limits on that day; an unsaved row without limits where nobody has said."""
    limit = model.limits.filter(from_day__lte=day).order_by("-from_day").first()
    return limit or ModelLimit(model=model, from_day=day)


@transaction.atomic
def load_models(*, overwrite: bool = False) -> int:
    """Write what language_models.toml says and return how many rows that changed; what staff wrote stays unless `overwrite`."""
    data = tomllib.loads(files("bookops").joinpath("language_models.toml").read_text())
    changed = 0

    def keep(rows: models.Manager[Any], defaults: dict[str, Any], **key: Any) -> Any:
        nonlocal changed
        row, is_new = rows.update_or_create(**key, defaults=defaults) if overwrite else rows.get_or_create(**key, defaults=defaults)
        changed += is_new or overwrite
        return row

    for entry in data["model"]:
        values = dict(entry)
        price, limit = values.pop("price"), values.pop("limit", None)
        model = keep(LanguageModel.objects, values, provider=values.pop("provider"), name=values.pop("name"))
        keep(ModelPrice.objects, _decimals(price), model=model, from_day=price.pop("from_day"))
        if limit:
            keep(ModelLimit.objects, limit, model=model, from_day=limit.pop("from_day"))
    return changed


def _decimals(price: dict[str, Any]) -> dict[str, Any]:
    """Return a price's numbers as exact decimals, with a cache at its usual price where none is named."""
    exact = {name: value if name == "long_above" else Decimal(str(value)) for name, value in price.items() if name != "from_day"}
    return {"cached_input": exact["input"] / 10, "cache_write": exact["input"] * Decimal("1.25")} | exact
