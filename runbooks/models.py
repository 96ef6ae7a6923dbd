"""Listings, executions and their steps, copies, runbooks with their versions, comparables and prices."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any, Self

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from bookops.books import Book
from bookops.events import FollowedRun
from bookops.runs import ENDED, OPEN, Run, RunQuerySet, State
from bookops.spend import Spending
from runbooks.reference_rows import (
    Author,
    AuthorTier,
    Binder,
    EraRow,
    GoalRow,
    GradeAlias,
    Preference,
    Publisher,
    RequirementRow,
)
from runbooks.sources.records import ListingFacts


class Owned(models.QuerySet[Any]):
    """Rows by owner."""

    def owned_by(self, user: Any) -> Self:
        """Filter to what this user may see."""
        return self.filter(owner=user)


class Listing(models.Model):
    """Hold one listing as its owner sees it: what it said last, and who sells it.

    `key` is "ebay:123456789012", with "|variation" where there is one, or "pasted:<uuid>".
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="listings")
    key = models.CharField(max_length=80)
    url = models.CharField(max_length=500, blank=True)
    title = models.CharField(max_length=300, blank=True)
    #: As the site names them, so that all of one seller's can be purged.
    seller = models.CharField(max_length=100, blank=True, db_index=True)
    #: ListingFacts.to_json of the last reading; emptied by a purge.
    facts = models.JSONField(default=dict, blank=True)
    fetched_at = models.DateTimeField(null=True, blank=True)
    #: The source said that it is there no more.
    gone_at = models.DateTimeField(null=True, blank=True)
    purged_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = Owned.as_manager()

    class Meta:
        indexes = [models.Index(fields=["owner", "-id"], name="listings_newest_first")]
        constraints = [
            models.UniqueConstraint(fields=["owner", "key"], name="an_owner_has_a_listing_once"),
            models.CheckConstraint(condition=Q(url="") | Q(url__startswith="https://"), name="a_listings_address_is_https"),
        ]

    def __str__(self) -> str:
        return self.title or self.key

    @property
    def record(self) -> ListingFacts:
        """Return what it said last."""
        return ListingFacts.from_json(self.facts)


class ListingSnapshot(models.Model):
    """Hold what a listing said at one moment, as evidence; a new one only where it says something else."""

    listing = models.ForeignKey(Listing, on_delete=models.CASCADE, related_name="snapshots")
    facts = models.JSONField()
    digest = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at"]
        constraints = [models.UniqueConstraint(fields=["listing", "digest"], name="a_listing_keeps_what_it_said_once")]

    def __str__(self) -> str:
        return f"{self.listing_id} {self.at:%Y-%m-%d}"


class ListingImage(models.Model):
    """Hold one photo of a listing, re-encoded; all else refers to it by this row's id, never by its place in a list."""

    class Fate(models.TextChoices):
        KEPT = "kept", "kept"
        SKIPPED = "skipped", "skipped"
        REFUSED = "refused", "refused"
        QUARANTINED = "quarantined", "quarantined"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    listing = models.ForeignKey(Listing, on_delete=models.CASCADE, related_name="images")
    position = models.PositiveSmallIntegerField()
    source_url = models.CharField(max_length=500, blank=True)
    #: Random names in storage: the whole picture, the one for the model, the small one; "" where there is none.
    key = models.CharField(max_length=100, blank=True)
    reduced_key = models.CharField(max_length=100, blank=True)
    thumbnail_key = models.CharField(max_length=100, blank=True)
    width = models.PositiveIntegerField(default=0)
    height = models.PositiveIntegerField(default=0)
    bytes = models.PositiveIntegerField(default=0)
    #: SHA-256 of the whole picture as stored.
    digest = models.CharField(max_length=64, blank=True)
    fate = models.CharField(max_length=12, choices=Fate.choices, default=Fate.KEPT)
    #: A reason code, and who says so: "rule", "claude" or a person.
    reason = models.CharField(max_length=200, blank=True)
    said_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["listing", "source_url"], condition=~Q(source_url=""), name="a_photo_is_kept_once")]

    def __str__(self) -> str:
        return f"photo {self.position}"


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
        return _percent(self.value_mid, self.purchase_price, of=self.value_mid)

    @property
    def roi_pct(self) -> Decimal | None:
        """Return (value − price paid) / price paid in per cent, two decimals half up; None without both."""
        return _percent(self.value_mid, self.purchase_price, of=self.purchase_price)


class BulkImport(FollowedRun):
    """Hold a list of links that are evaluated behind all interactive work."""

    filename = models.CharField(max_length=255, blank=True)
    total = models.PositiveIntegerField(default=0)
    #: Share of failed executions above which the whole ends as failed; empty means never.
    tolerated_failures = models.FloatField(null=True, blank=True)
    #: Calls and days that it was forecast to take before it started.
    forecast = models.JSONField(default=dict, blank=True)
    #: [{"line", "text", "why"}] of what names no listing.
    refused = models.JSONField(default=list, blank=True)

    max_attempts = models.PositiveIntegerField(default=100, editable=False)

    class Meta(FollowedRun.Meta):
        permissions = [("run_bulk", "Can start bulk imports of listings")]

    def __str__(self) -> str:
        return self.filename or f"{self.total} links"


class BulkLink(models.Model):
    """Hold one link of a bulk import: without an execution it waits for its turn, without an outcome it has not ended."""

    bulk = models.ForeignKey(BulkImport, on_delete=models.CASCADE, related_name="links")
    #: Of the file or text that was given, from 1.
    line = models.PositiveIntegerField()
    url = models.CharField(max_length=2048)
    execution = models.ForeignKey("Execution", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    #: The state that the execution ended in.
    outcome = models.CharField(max_length=10, blank=True, choices=[(state.value, state.label) for state in ENDED])

    class Meta:
        ordering = ["line"]
        constraints = [models.UniqueConstraint(fields=["bulk", "line"], name="a_line_of_a_bulk_import_is_one_link")]
        indexes = [
            # Those that wait, and those at work.
            models.Index(fields=["bulk", "line"], condition=Q(outcome=""), name="bulk_links_to_end"),
        ]

    def __str__(self) -> str:
        return f"{self.line}: {self.url}"


class ExecutionQuerySet(RunQuerySet):
    """Executions by owner and by what is due."""

    def owned_by(self, user: Any) -> Self:
        """Filter to what this user may see."""
        return self.filter(owner=user)

    def active(self) -> Self:
        """Filter to what has not ended, parked included."""
        return self.filter(state__in=[*OPEN, State.PARKED])


class Execution(FollowedRun):
    """Hold one way from a listing to its runbook; its steps do the work and nobody holds it.

    It has succeeded as soon as the runbook is saved, whatever notify does; `partial` says that some of it is missing and may still come.
    """

    class Cause(models.TextChoices):
        IMPORT = "import", "import"
        REFRESH = "refresh", "refresh"
        PASTE = "paste", "pasted by hand"
        BULK = "bulk", "bulk import"

    #: As given; "" when pasted.
    url = models.CharField(max_length=2048, blank=True)
    cause = models.CharField(max_length=10, choices=Cause.choices, default=Cause.IMPORT)
    listing = models.ForeignKey(Listing, null=True, blank=True, on_delete=models.SET_NULL, related_name="executions")
    #: The listing's key, or "link:<digest>" of a short link that nobody has followed yet: one active execution each.
    listing_key = models.CharField(max_length=80)
    runbook = models.ForeignKey("EvalRunbook", null=True, blank=True, on_delete=models.SET_NULL, related_name="executions")
    bulk = models.ForeignKey(BulkImport, null=True, blank=True, on_delete=models.CASCADE, related_name="executions")
    #: {"model", "queries", "without": [step, …]}: how it differs from the settings; a second request that differs is a conflict.
    options = models.JSONField(default=dict, blank=True)
    #: The runbook is there, but some branch failed or is late.
    partial = models.BooleanField(default=False)
    #: Steps that are missing from a partial runbook.
    missing = models.JSONField(default=list, blank=True)
    #: When the runbook was first saved.
    saved_at = models.DateTimeField(null=True, blank=True)
    sandbox = models.BooleanField(default=False, editable=False)

    max_attempts = models.PositiveIntegerField(default=100, editable=False)

    objects = ExecutionQuerySet.as_manager()  # type: ignore[misc]  # it replaces its abstract parent's

    class Meta(FollowedRun.Meta):
        constraints = [
            *FollowedRun.Meta.constraints,
            models.UniqueConstraint(
                fields=["owner", "listing_key"],
                condition=Q(state__in=["pending", "running", "parked"]),
                name="a_listing_of_an_owner_is_evaluated_once_at_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "-created_at"], name="executions_newest_first"),
            models.Index(fields=["state"], condition=Q(state__in=["pending", "running", "parked"]), name="executions_at_work"),
            models.Index(fields=["-saved_at"], condition=Q(partial=True), name="executions_partial"),
        ]
        permissions = [("run_execution", "Can import listings, retry steps, refresh and cancel")]

    def __str__(self) -> str:
        return self.listing.title if self.listing and self.listing.title else self.url or "pasted listing"

    @property
    def status(self) -> str:
        """Return RUNNING, SUCCEEDED or FAILED; parked is RUNNING, cancelled is FAILED."""
        if self.saved_at or self.state == State.SUCCEEDED:
            return "SUCCEEDED"
        return "RUNNING" if self.state in (*OPEN, State.PARKED) else "FAILED"


class StepRun(Run, Spending):
    """Hold one run of one step of an execution. A retry is a new row beside the earlier one; one of a step is the current one."""

    LOSS_IS_ATTEMPT = False

    execution = models.ForeignKey(Execution, on_delete=models.CASCADE, related_name="steps")
    name = models.CharField(max_length=20)
    #: From 1; raised by each retry that a person or a changed input asked for.
    number = models.PositiveSmallIntegerField(default=1)
    is_current = models.BooleanField(default=True)
    #: Switched off: not run, and not missing.
    skipped = models.BooleanField(default=False)
    #: What it was to work on, how that differs from the usual, and the SHA-256 of both.
    input = models.JSONField(default=dict, blank=True)
    variant = models.JSONField(default=dict, blank=True)
    input_hash = models.CharField(max_length=64, blank=True)
    output = models.JSONField(default=dict, blank=True)
    #: "3/19 images"
    progress = models.CharField(max_length=100, blank=True)
    #: What it waits for while parked: a source or "budget".
    waiting_for = models.CharField(max_length=20, blank=True)
    #: Seconds of work of the last attempt, without waiting.
    seconds = models.FloatField(default=0)
    #: {source: calls} of all attempts.
    calls = models.JSONField(default=dict, blank=True)
    #: When the step must have ended, set by its claim.
    deadline_at = models.DateTimeField(null=True, blank=True)

    class Meta(Run.Meta):
        constraints = [
            *Run.Meta.constraints,
            models.UniqueConstraint(fields=["execution", "name", "number"], name="runs_of_a_step_are_numbered_once"),
            models.UniqueConstraint(fields=["execution", "name"], condition=Q(is_current=True), name="one_run_of_a_step_is_current"),
            models.CheckConstraint(condition=~Q(skipped=True) | Q(state="succeeded"), name="a_skipped_step_has_ended"),
        ]
        indexes = [
            models.Index(fields=["ring_at"], condition=Q(state="pending"), name="steps_to_ring"),
            models.Index(fields=["lease_until"], condition=Q(state="running"), name="steps_by_lease"),
            models.Index(fields=["next_at"], condition=Q(state="parked"), name="steps_parked"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.number}"

    @property
    def status(self) -> str:
        """Return the state in the words of the first design."""
        if self.skipped:
            return "SKIPPED"
        return {
            State.PENDING: "PENDING",
            State.RUNNING: "RUNNING",
            State.PARKED: "PARKED",
            State.SUCCEEDED: "COMPLETED",
            State.FAILED: "FAILED",
            State.DEAD: "FAILED",
            State.CANCELLED: "CANCELLED",
        }[State(self.state)]


class StepAttempt(models.Model):
    """Hold one try at a step, for its timeline."""

    step = models.ForeignKey(StepRun, on_delete=models.CASCADE, related_name="tries")
    number = models.PositiveIntegerField()
    outcome = models.CharField(max_length=20)
    reason = models.CharField(max_length=40, blank=True, default="")
    detail = models.CharField(max_length=500, blank=True, default="")
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField()
    cost = models.BigIntegerField(default=0)
    calls = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["step_id", "id"]

    def __str__(self) -> str:
        return f"{self.number} {self.outcome}"


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
    at = models.DateField()
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


class KeptPage(models.Model):
    """Hold an answer that could not be read, so that whoever mends the reader has it."""

    execution = models.ForeignKey(Execution, null=True, blank=True, on_delete=models.CASCADE, related_name="pages")
    source = models.CharField(max_length=20)
    reason = models.CharField(max_length=40)
    key = models.CharField(max_length=100)
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.source} {self.at:%Y-%m-%d %H:%M}"


class AccountDeletion(models.Model):
    """Hold one notice of eBay that an account was closed, and when its listings were purged here."""

    notification_id = models.CharField(max_length=100, unique=True)
    username = models.CharField(max_length=100, blank=True)
    received_at = models.DateTimeField(auto_now_add=True)
    #: The body as it came and its X-EBAY-SIGNATURE, while eBay's key to them was not to be had; empty afterwards.
    body = models.BinaryField(default=b"", blank=True)
    signature = models.CharField(max_length=1000, blank=True)
    #: When its signature was found to be eBay's; nothing is purged before.
    verified_at = models.DateTimeField(null=True, blank=True)
    purged_at = models.DateTimeField(null=True, blank=True)
    listings = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.notification_id


def _percent(value: Decimal | None, paid: Decimal | None, *, of: Decimal | None) -> Decimal | None:
    if value is None or paid is None or not of:
        return None
    return ((value - paid) / of * 100).quantize(Decimal("0.01"), rounding="ROUND_HALF_UP")


def storage_key(kind: str) -> str:
    """Return a random name in storage for a photo or a page."""
    return f"{kind}/{uuid.uuid4()}"


__all__ = [
    "AccountDeletion",
    "Author",
    "AuthorTier",
    "Binder",
    "BulkImport",
    "BulkLink",
    "Comparable",
    "Copy",
    "EraRow",
    "EvalRunbook",
    "ExchangeRate",
    "Execution",
    "GoalRow",
    "GradeAlias",
    "KeptPage",
    "LedgerEntry",
    "Listing",
    "ListingImage",
    "ListingSnapshot",
    "Preference",
    "PriceChange",
    "Publisher",
    "RequirementRow",
    "RunbookVersion",
    "StepAttempt",
    "StepRun",
    "storage_key",
]
