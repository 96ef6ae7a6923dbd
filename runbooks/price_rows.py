"""What comparable books were asked, bid or paid for: comparables, the owner's ledger, exchange rates."""

from __future__ import annotations

import uuid
from datetime import date
from decimal import Decimal

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from bookops.clock import database_now
from runbooks.entered import refused_day
from runbooks.execution_rows import Execution
from runbooks.listing_rows import Owned
from runbooks.runbook_rows import Copy, EvalRunbook


class Comparable(models.Model):
    """Hold one price that somebody asked, bid or paid for a comparable book, and how much it says about this one."""

    class Basis(models.TextChoices):
        SOLD = "sold", "sold"
        AUCTION = "auction", "auction"
        ASKING = "asking", "asking"

    class Origin(models.TextChoices):
        EBAY = "ebay", "eBay"
        ABEBOOKS = "abebooks", "AbeBooks"
        MANUAL = "manual", "entered by hand"
        LEDGER = "ledger", "own ledger"

    class Relevance(models.TextChoices):
        HIGH = "high", "high"
        MEDIUM = "medium", "medium"
        LOW = "low", "low"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    runbook = models.ForeignKey(EvalRunbook, on_delete=models.CASCADE, related_name="comparables")
    basis = models.CharField(max_length=8, choices=Basis.choices)
    origin = models.CharField(max_length=10, choices=Origin.choices)
    #: The source's own key, by which a refresh finds it again; "" for one entered by hand.
    source_key = models.CharField(max_length=120, blank=True)
    source = models.CharField(max_length=100, blank=True)
    title = models.CharField(max_length=500)
    #: As whoever offers or enters it names them; empty where only the title may.
    author = models.CharField(max_length=300, blank=True)
    url = models.CharField(max_length=1000, blank=True)
    amount = models.DecimalField(max_digits=12, decimal_places=2, validators=[MinValueValidator(Decimal("0.01"))])
    currency = models.CharField(max_length=3)
    #: Converted; empty while no rate is known, which leaves it out of the value.
    usd = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    rate = models.DecimalField(max_digits=18, decimal_places=8, null=True, blank=True)
    rate_day = models.DateField(null=True, blank=True)
    rate_source = models.CharField(max_length=30, blank=True)
    shipping = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    condition = models.CharField(max_length=200, blank=True)
    binding = models.CharField(max_length=200, blank=True)
    at = models.DateField(null=True, blank=True)
    relevance = models.CharField(max_length=6, choices=Relevance.choices)
    relevance_why = models.CharField(max_length=300, blank=True)
    #: What the code said before a person said otherwise; empty where nobody did.
    computed_relevance = models.CharField(max_length=6, blank=True)
    #: Filtered by the code as junk or a lot, or excluded by a person; `excluded_why` tells which.
    excluded = models.BooleanField(default=False)
    excluded_why = models.CharField(max_length=300, blank=True)
    #: A person's percentages for edition, binding, condition: {"binding": 55}.
    adjustments = models.JSONField(default=dict, blank=True)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    changed_at = models.DateTimeField(null=True, blank=True)
    #: The last execution that found it; what a refresh finds no more stays as history and out of the value.
    seen_in = models.ForeignKey(Execution, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    is_current = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["runbook", "basis"], name="comparables_by_basis")]
        constraints = [
            models.UniqueConstraint(
                fields=["runbook", "origin", "source_key"], condition=~Q(source_key=""), name="an_offer_is_comparable_once"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="a_comparable_has_a_price"),
            models.CheckConstraint(
                condition=Q(url="") | Q(url__startswith="https://") | Q(url__startswith="http://"),
                name="a_comparables_address_is_of_the_web",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title[:60]} {self.amount} {self.currency}"


def is_no_day_to_come(day: date) -> None:
    """Raise ValidationError for a day on which nothing can have been paid yet, or that is too long ago."""
    if why := refused_day(day, database_now().date()):
        raise ValidationError(why)


class LedgerEntry(models.Model):
    """Hold what an owner paid or got for a book, wherever that was; the surest comparables there are."""

    class Kind(models.TextChoices):
        PAID = "paid", "paid"
        SOLD = "sold", "sold"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="ledger")
    copy = models.ForeignKey(Copy, null=True, blank=True, on_delete=models.SET_NULL, related_name="ledger")
    kind = models.CharField(max_length=4, choices=Kind.choices)
    title = models.CharField(max_length=500)
    author = models.CharField(max_length=300, blank=True)
    volumes = models.PositiveSmallIntegerField(default=1)
    binding = models.CharField(max_length=200, blank=True)
    condition = models.CharField(max_length=200, blank=True)
    amount = models.DecimalField(max_digits=12, decimal_places=2, validators=[MinValueValidator(Decimal("0.01"))])
    currency = models.CharField(max_length=3, default="USD")
    at = models.DateField(validators=[is_no_day_to_come])
    where = models.CharField(max_length=200, blank=True)
    notes = models.TextField(blank=True)

    objects = Owned.as_manager()

    class Meta:
        verbose_name_plural = "ledger entries"
        indexes = [models.Index(fields=["owner", "-at"], name="ledger_newest_first")]
        constraints = [models.CheckConstraint(condition=Q(amount__gt=0), name="a_ledger_entry_has_an_amount")]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount} {self.currency} {self.title[:60]}"


class ExchangeRate(models.Model):
    """Hold what one US dollar was worth on a day; staff may edit it."""

    day = models.DateField()
    currency = models.CharField(max_length=3)
    #: Units of the currency for one US dollar.
    rate = models.DecimalField(max_digits=18, decimal_places=8)
    source = models.CharField(max_length=30)

    class Meta:
        ordering = ["-day", "currency"]
        constraints = [
            models.UniqueConstraint(fields=["day", "currency"], name="a_currency_has_one_rate_a_day"),
            models.CheckConstraint(condition=Q(rate__gt=0), name="a_rate_is_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.currency} {self.rate:g} on {self.day}"
