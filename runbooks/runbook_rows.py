"""Copies, their runbooks with every version, and how their prices changed."""

from __future__ import annotations

import uuid
from decimal import Decimal

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from bookops.books import Book
from runbooks.execution_rows import Execution
from runbooks.listing_rows import Listing, Owned
from runbooks.returns import discount_percent, gain_percent


class Copy(models.Model):
    """Hold one copy of a book that an owner looks at, waits for, has or had."""

    class Status(models.TextChoices):
        EVALUATING = "EVALUATING", "evaluating"
        IN_TRANSIT = "IN_TRANSIT", "in transit"
        ON_HAND = "ON_HAND", "on hand"
        REMOVED = "REMOVED", "removed"

    #: Only these count as owned.
    OWNED = (Status.IN_TRANSIT, Status.ON_HAND)

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="copies")
    book = models.ForeignKey(Book, on_delete=models.CASCADE, related_name="copies")
    listing = models.ForeignKey(Listing, null=True, blank=True, on_delete=models.SET_NULL, related_name="copies")
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.EVALUATING)
    volumes = models.PositiveSmallIntegerField(default=1)
    binder = models.CharField(max_length=200, blank=True)
    condition_grade = models.CharField(max_length=20, blank=True)
    #: US dollars, as all prices without a currency here.
    value_low = models.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True)
    value_mid = models.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True)
    value_high = models.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True)
    purchase_price = models.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True, validators=[MinValueValidator(Decimal(0))])
    purchase_date = models.DateField(null=True, blank=True)
    order_number = models.CharField(max_length=100, blank=True)
    place_of_purchase = models.CharField(max_length=200, blank=True)
    estimated_delivery = models.DateField(null=True, blank=True)
    tracking = models.CharField(max_length=200, blank=True)
    #: {"captured_at", "purchase_price", "fmv_at_purchase", "discount_pct", "collection_position"} as of the purchase.
    scoring_snapshot = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = Owned.as_manager()

    class Meta:
        verbose_name_plural = "copies"
        indexes = [models.Index(fields=["owner", "status"], name="copies_by_status")]
        constraints = [
            models.UniqueConstraint(fields=["listing"], condition=Q(status="EVALUATING"), name="a_listing_is_evaluated_as_one_copy"),
            models.CheckConstraint(
                condition=~Q(status__in=["IN_TRANSIT", "ON_HAND"]) | Q(purchase_price__isnull=False), name="an_owned_copy_has_its_price"
            ),
        ]
        permissions = [("acquire_copy", "Can acquire and remove copies")]

    def __str__(self) -> str:
        return f"{self.book} ({self.get_status_display()})"

    @property
    def discount_pct(self) -> Decimal | None:
        """Return (value − price paid) / value in per cent, two decimals half up; None without both."""
        return discount_percent(self.value_mid, self.purchase_price)

    @property
    def roi_pct(self) -> Decimal | None:
        """Return (value − price paid) / price paid in per cent, two decimals half up; None without both."""
        return gain_percent(self.value_mid, self.purchase_price)


class EvalRunbook(models.Model):
    """Hold what a copy is worth and whether to buy it: the latest version, and what a person decided.

    Prices are US dollars unless a currency stands beside them.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="runbooks")
    copy = models.OneToOneField(Copy, on_delete=models.CASCADE, related_name="runbook")
    #: Raised by every write.
    version = models.PositiveIntegerField(default=0)
    scoring_version = models.CharField(max_length=20, blank=True)
    score_source = models.CharField(max_length=20, default="eval_runbook")
    partial = models.BooleanField(default=False)
    missing = models.JSONField(default=list, blank=True)

    total_score = models.SmallIntegerField(default=0)
    #: {criterion: {"points", "most", "notes"}} of the legacy score.
    score_breakdown = models.JSONField(default=dict, blank=True)
    recommendation = models.CharField(max_length=10, blank=True)
    quality_score = models.SmallIntegerField(default=0)
    strategic_fit_score = models.SmallIntegerField(default=0)
    combined_score = models.SmallIntegerField(default=0)
    #: Each criterion of the tiered score with its points and why.
    tiered_breakdown = models.JSONField(default=dict, blank=True)
    recommendation_tier = models.CharField(max_length=12, blank=True)
    price_position = models.CharField(max_length=10, blank=True)
    suggested_offer = models.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True)
    recommendation_reasoning = models.CharField(max_length=500, blank=True)
    strategic_floor_applied = models.BooleanField(default=False)
    quality_floor_applied = models.BooleanField(default=False)
    recommended_price = models.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True)
    #: "any", "unattainable" or "" where recommended_price says it.
    recommended_price_note = models.CharField(max_length=20, blank=True)
    last_scored_price = models.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True)

    #: As the listing asked when it was first read, converted; and now, after negotiating. Empty for an auction.
    original_asking_price = models.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True)
    current_asking_price = models.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True)
    #: What the listing said before conversion: Money.to_json, and the rate with its day and source.
    asked = models.JSONField(default=dict, blank=True)
    #: A person has set the price; a refresh leaves it.
    negotiated = models.BooleanField(default=False)
    discount_code = models.CharField(max_length=100, blank=True)
    price_notes = models.TextField(blank=True)

    fmv_basis = models.CharField(max_length=10, blank=True)
    fmv_low = models.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True)
    fmv_high = models.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True)
    fmv_mid = models.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True)
    fmv_median = models.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True)
    fmv_count = models.PositiveIntegerField(default=0)
    fmv_confidence = models.CharField(max_length=10, blank=True)
    fmv_notes = models.TextField(blank=True)
    #: The value by each basis, for the chart and the page.
    fmv_by_basis = models.JSONField(default=dict, blank=True)

    condition_grade = models.CharField(max_length=20, blank=True)
    #: Each a list of {"text", "images": [public ids]}.
    condition_positives = models.JSONField(default=list, blank=True)
    condition_negatives = models.JSONField(default=list, blank=True)
    critical_issues = models.JSONField(default=list, blank=True)
    contradictions = models.JSONField(default=list, blank=True)
    #: [{"what", "question"}] to send to the seller.
    missing_photos = models.JSONField(default=list, blank=True)
    item_identification = models.JSONField(default=dict, blank=True)
    binding_analysis = models.TextField(blank=True)
    analysis_narrative = models.TextField(blank=True)
    #: What was scored (Evidence.to_json), kept so that history can be scored again without a call.
    evidence = models.JSONField(default=dict, blank=True)

    #: A person's word beside the computed one.
    decision = models.CharField(max_length=12, blank=True)
    decision_reason = models.TextField(blank=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)

    #: The second opinion of a language model on the kept evidence.
    napoleon_recommendation = models.CharField(max_length=12, blank=True)
    napoleon_reasoning = models.TextField(blank=True)
    napoleon_analyzed_at = models.DateTimeField(null=True, blank=True)
    provenance = models.JSONField(default=dict, blank=True)

    generated_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = Owned.as_manager()

    class Meta:
        verbose_name = "evaluation runbook"
        indexes = [
            models.Index(fields=["owner", "-id"], name="runbooks_newest_first"),
            models.Index(fields=["owner", "recommendation_tier"], name="runbooks_by_tier"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(recommendation_tier__in=["", "STRONG_BUY", "BUY", "CONDITIONAL", "PASS"]), name="a_tier_is_one_of_four"
            ),
            models.CheckConstraint(
                condition=Q(price_position__in=["", "EXCELLENT", "GOOD", "FAIR", "POOR"]), name="a_price_position_is_one_of_four"
            ),
            models.CheckConstraint(condition=Q(fmv_basis__in=["", "sold", "auction", "asking"]), name="a_value_has_one_basis"),
            models.CheckConstraint(
                condition=Q(quality_score__range=(0, 100), strategic_fit_score__range=(0, 100), combined_score__range=(0, 100)),
                name="scores_are_between_0_and_100",
            ),
            models.CheckConstraint(condition=Q(total_score__range=(0, 120)), name="the_legacy_score_is_between_0_and_120"),
        ]
        permissions = [("edit_runbook", "Can change prices, comparables and decisions of runbooks")]

    def __str__(self) -> str:
        return f"{self.copy.book.title}"


class RunbookVersion(models.Model):
    """Hold a runbook as it was once, with what made it."""

    runbook = models.ForeignKey(EvalRunbook, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    #: "execution", "price", "comparables", "decision", "rescore", "reference"
    cause = models.CharField(max_length=20)
    execution = models.ForeignKey(Execution, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    document = models.JSONField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["runbook", "number"], name="versions_of_a_runbook_are_numbered_once")]

    def __str__(self) -> str:
        return f"version {self.number}"


class PriceChange(models.Model):
    """Hold one change of the asking price and what it did to the scores."""

    runbook = models.ForeignKey(EvalRunbook, on_delete=models.CASCADE, related_name="price_changes")
    previous_price = models.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True)
    new_price = models.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True)
    discount_code = models.CharField(max_length=100, blank=True)
    notes = models.TextField(blank=True)
    score_before = models.SmallIntegerField()
    score_after = models.SmallIntegerField()
    recommendation_before = models.CharField(max_length=10, blank=True)
    recommendation_after = models.CharField(max_length=10, blank=True)
    tier_before = models.CharField(max_length=12, blank=True)
    tier_after = models.CharField(max_length=12, blank=True)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    changed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-changed_at", "-id"]

    def __str__(self) -> str:
        return f"{self.previous_price} → {self.new_price}"
