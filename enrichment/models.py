"""LibraryImport, its chunks and rows, their attempts, and what sources have answered."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from django.db import models
from django.db.models import Count, F, Q

from bookops.books import Book
from bookops.events import FollowedRun
from bookops.runs import BROKEN, OPEN, Run, RunQuerySet, State


class LibraryImportQuerySet(RunQuerySet):
    """Imports by owner and by what is due."""

    def owned_by(self, user: Any) -> Self:
        """Filter to what this user may see."""
        return self.filter(owner=user)


class LibraryImport(FollowedRun):
    """Hold one upload of a library export and its way to a dashboard.

    While it runs, `stage` says what it is at: reading the file, enriching its rows, assembling the dashboard. Reading and
    assembling are done by one worker under a lease; in between the rows do the work and nobody holds the import.
    """

    class Stage(models.TextChoices):
        READING = "reading", "reading the file"
        ENRICHING = "enriching", "enriching"
        ASSEMBLING = "assembling", "assembling the dashboard"
        DONE = "done", "done"

    class Policy(models.TextChoices):
        FRUGAL = "frugal", "frugal: the next source only where the first left a gap"
        THOROUGH = "thorough", "thorough: both sources for each book"

    stage = models.CharField(max_length=12, choices=Stage.choices, default=Stage.READING)
    filename = models.CharField(max_length=255)
    file_size = models.PositiveBigIntegerField(default=0)
    #: Where the raw upload lies in storage: uploads/{uuid}/raw.csv
    upload_key = models.CharField(max_length=100, blank=True)
    #: SHA-256 of the upload, in hex; empty for what was uploaded before it was kept.
    upload_sha256 = models.CharField(max_length=64, blank=True, default="", editable=False)
    source_format = models.CharField(max_length=20, blank=True)
    encoding = models.CharField(max_length=20, blank=True)
    policy = models.CharField(max_length=10, choices=Policy.choices, default=Policy.FRUGAL)
    #: Share of failed and dead rows above which the import fails; empty means never.
    tolerated_failures = models.FloatField(null=True, blank=True)
    chunk_size = models.PositiveIntegerField(default=350)
    #: Data rows read so far; reading resumes behind them after a crash.
    rows_read = models.PositiveIntegerField(default=0)
    #: Cells of those rows that could not be used, by column: {"Date Read": 12}. The warnings themselves are in the rows' entries.
    cells_left_out = models.JSONField(default=dict, blank=True, editable=False)
    #: Sources that a person gave up for this import; their parked rows go on without them.
    given_up = models.JSONField(default=list, blank=True)
    sandbox = models.BooleanField(default=False, editable=False)
    #: Raised when something in it changed that its dashboard does not show yet.
    changes = models.PositiveIntegerField(default=0, editable=False)
    dashboard_changes = models.PositiveIntegerField(default=0, editable=False)
    dashboard_version = models.PositiveIntegerField(default=0, editable=False)
    dashboard_key = models.CharField(max_length=100, blank=True)
    dashboard_etag = models.CharField(max_length=64, blank=True)
    #: When it was stored, or a builder last said that it is at work on the next.
    dashboard_at = models.DateTimeField(null=True, blank=True)
    dashboard_partial = models.BooleanField(default=False, editable=False)
    #: The statistics of the finished import, frozen with its dashboard.
    statistics = models.JSONField(default=dict, blank=True)

    max_attempts = models.PositiveIntegerField(default=100, editable=False)

    objects = LibraryImportQuerySet.as_manager()  # type: ignore[misc]  # it replaces its abstract parent's

    class Meta(FollowedRun.Meta):
        verbose_name = "library import"
        constraints = [*FollowedRun.Meta.constraints]
        indexes = [
            models.Index(fields=["owner", "-created_at"], name="imports_newest_first"),
            # The sweeper asks for what still runs.
            models.Index(fields=["stage"], condition=Q(state__in=OPEN), name="imports_at_work"),
        ]
        permissions = [("run_import", "Can upload, retry, redrive and cancel imports")]

    def __str__(self) -> str:
        return f"{self.filename} ({self.created_at:%Y-%m-%d %H:%M})" if self.created_at else self.filename

    @classmethod
    def most_losses(cls) -> int:
        # Reading resumes where it stopped, so that a lost lease costs next to nothing.
        return 100

    def start_enriching(self) -> bool:
        """Move from reading to enriching; False when another worker has done so or the import has ended."""
        return bool(
            LibraryImport.objects.filter(pk=self.pk, state=State.RUNNING, stage=self.Stage.READING, lease_owner=self.lease_owner).update(
                stage=self.Stage.ENRICHING, lease_owner=None, lease_until=None
            )
        )

    def counts(self) -> dict[str, int]:
        """Return the number of rows by state, with 0 for those that have none. One query."""
        found = dict(self.rows.values_list("state").annotate(n=Count("*")).order_by())
        return {state: found.get(state, 0) for state in State.values}

    def same_file_before(self) -> LibraryImport | None:
        """Return its owner's latest import before this one of the very same file, None for a file that is new. One query."""
        if not self.upload_sha256:
            return None
        same = LibraryImport.objects.owned_by(self.owner_id).filter(upload_sha256=self.upload_sha256, created_at__lt=self.created_at)
        return same.order_by("-created_at").first()

    @property
    def name_and_time(self) -> str:
        """Return what people tell it from others by, where no link can."""
        return f"import {self.pk} of {self.created_at:%Y-%m-%d %H:%M} UTC"

    def touch(self) -> None:
        """Note that the dashboard no longer shows all there is."""
        LibraryImport.objects.filter(pk=self.pk).update(changes=F("changes") + 1)


class ImportChunk(Run):
    """Hold up to CHUNK_SIZE rows of an import that are sent out together; two of an import are out at most."""

    library_import = models.ForeignKey(LibraryImport, on_delete=models.CASCADE, related_name="chunks")
    number = models.PositiveIntegerField()
    rows_total = models.PositiveIntegerField(default=0)
    #: The questions many books share have been asked, and the rows that were left have been sent out one by one.
    sent_out = models.BooleanField(default=False)
    max_attempts = models.PositiveIntegerField(default=100, editable=False)

    class Meta(Run.Meta):
        constraints = [
            *Run.Meta.constraints,
            models.UniqueConstraint(fields=["library_import", "number"], name="chunks_of_an_import_are_numbered_once"),
        ]
        indexes = [
            models.Index(fields=["library_import", "number"], condition=Q(state__in=OPEN), name="chunks_at_work"),
        ]

    def __str__(self) -> str:
        return f"chunk {self.number}"

    @classmethod
    def most_losses(cls) -> int:
        # What was asked is remembered; sending a chunk out again repeats nothing.
        return 100


class ImportRowQuerySet(RunQuerySet):
    """Rows by what a person would ask for."""

    def open(self) -> Self:
        """Filter to what a worker has still to do."""
        return self.filter(state__in=OPEN)

    def broken(self) -> Self:
        """Filter to failed and dead rows."""
        return self.filter(state__in=BROKEN)

    def overdue(self, now: datetime) -> Self:
        """Filter to pending rows whose doorbell is to be rung (again)."""
        return self.filter(state=State.PENDING, ring_at__lte=now)


class ImportRow(Run):
    """Hold one row of an export: what it said, the book it became, and how its enrichment went."""

    class Outcome(models.TextChoices):
        MATCHED = "matched", "matched"
        NEEDS_REVIEW = "needs_review", "needs review"
        NOT_FOUND = "not_found", "not found"

    # Without an index of its own: composite ones begin with it.
    library_import = models.ForeignKey(LibraryImport, on_delete=models.CASCADE, related_name="rows", db_index=False)
    #: The data row, from 1; `line` is where it starts in the file.
    number = models.PositiveIntegerField()
    line = models.PositiveIntegerField(default=0)
    chunk = models.PositiveIntegerField(null=True, blank=True)
    book = models.ForeignKey(Book, null=True, blank=True, on_delete=models.SET_NULL, related_name="rows")
    title = models.CharField(max_length=1000, blank=True)
    author = models.CharField(max_length=500, blank=True)
    isbn13 = models.CharField(max_length=13, blank=True)
    #: The row as read (LibraryEntry.to_json); empty for one that could not be read.
    entry = models.JSONField(default=dict, blank=True)
    #: The cells as they stood in the file, kept for rows that could not be read.
    raw = models.JSONField(default=dict, blank=True)
    column = models.CharField(max_length=100, blank=True)
    outcome = models.CharField(max_length=12, choices=Outcome.choices, blank=True, default="")
    score = models.FloatField(null=True, blank=True)
    #: The accepted candidate first, then up to five others: Candidate.to_json of enrichment/matching.py.
    candidates = models.JSONField(default=list, blank=True)
    #: Which candidate a person chose, as "source:key"; later enrichment keeps it.
    chosen = models.CharField(max_length=120, blank=True)
    #: Sources that gave something to the book.
    sources = models.JSONField(default=list, blank=True)
    #: Which source a parked row waits for.
    waiting_for = models.CharField(max_length=20, blank=True)

    objects = ImportRowQuerySet.as_manager()  # type: ignore[misc]  # it replaces its abstract parent's

    class Meta(Run.Meta):
        constraints = [
            *Run.Meta.constraints,
            models.UniqueConstraint(fields=["library_import", "number"], name="rows_of_an_import_are_numbered_once"),
            models.CheckConstraint(condition=Q(outcome__in=["", "matched", "needs_review", "not_found"]), name="outcome_is_one_of_three"),
        ]
        indexes = [
            # Counts by state and the lists that filter by it.
            models.Index(fields=["library_import", "state", "number"], name="rows_by_state"),
            # The books of an import, by id, as lists show them.
            models.Index(fields=["library_import", "book"], name="rows_by_book"),
            # "Is anything of this chunk still open?"
            models.Index(fields=["library_import", "chunk"], condition=Q(state__in=OPEN), name="rows_open_in_a_chunk"),
            models.Index(fields=["ring_at"], condition=Q(state="pending"), name="rows_to_ring"),
            models.Index(fields=["lease_until"], condition=Q(state="running"), name="rows_by_lease"),
            models.Index(fields=["next_at"], condition=Q(state="parked"), name="rows_parked"),
            models.Index(fields=["library_import", "reason"], condition=~Q(reason=""), name="rows_by_reason"),
            # The home page counts what waits for a person's choice.
            models.Index(fields=["library_import"], condition=Q(outcome="needs_review"), name="rows_to_review"),
            # How many dead letters are there, and which came last, over all imports?
            models.Index(fields=["-id"], condition=Q(state="dead"), name="rows_dead"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.title}"

    @property
    def category(self) -> str:
        """Name the family of the reason code, "" where nothing went wrong."""
        from enrichment.reasons import category_of

        return category_of(self.reason)


class RowAttempt(models.Model):
    """Hold one try at a row: what was asked of whom and what came of it. The processing log is read from these."""

    row = models.ForeignKey(ImportRow, on_delete=models.CASCADE, related_name="tries")
    number = models.PositiveIntegerField()
    outcome = models.CharField(max_length=20)
    reason = models.CharField(max_length=40, blank=True, default="")
    detail = models.CharField(max_length=500, blank=True, default="")
    #: [{"source", "asked", "answer", "ms"}], in order.
    log = models.JSONField(default=list, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField()

    class Meta:
        ordering = ["row_id", "id"]
        indexes = [models.Index(fields=["row", "number"], name="tries_of_a_row")]

    def __str__(self) -> str:
        return f"{self.number} {self.outcome}"


class EditionRecord(models.Model):
    """Hold what a source answered to one question, for all owners; an empty answer is one too."""

    source = models.CharField(max_length=20)
    #: "isbn:9780…" or "title:normal title|normal author", cut and hashed when long.
    question = models.CharField(max_length=200)
    #: [EditionFacts.to_json], empty when the source knows nothing.
    answer = models.JSONField(default=list)
    #: Whether the sandbox made it up; then it answers in the sandbox only.
    sandbox = models.BooleanField(default=False, editable=False)
    fetched_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        # The question first: what is remembered is looked up by it.
        constraints = [models.UniqueConstraint(fields=["question", "source", "sandbox"], name="a_question_to_a_source_is_kept_once")]
        indexes = [models.Index(fields=["expires_at"], name="answers_by_age")]

    def __str__(self) -> str:
        return f"{self.source} {self.question}"


class ImportCost(models.Model):
    """Hold what one batch of work cost an import; summed when asked, so that no batch waits for another."""

    library_import = models.ForeignKey(LibraryImport, on_delete=models.CASCADE, related_name="costs")
    #: "" for our own work.
    source = models.CharField(max_length=20, blank=True, default="")
    calls = models.PositiveIntegerField(default=0)
    bytes_in = models.PositiveBigIntegerField(default=0)
    cpu_seconds = models.FloatField(default=0)

    class Meta:
        indexes = [models.Index(fields=["library_import", "source"], name="costs_of_an_import")]

    def __str__(self) -> str:
        return f"{self.source or 'work'} {self.calls}"


class SubjectCount(models.Model):
    """Count how often a raw subject met no genre, so that the vocabulary can grow where it matters."""

    subject = models.CharField(max_length=200, unique=True)
    times = models.PositiveIntegerField(default=0)
    last_seen = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-times"]

    def __str__(self) -> str:
        return self.subject


def storage_keys(import_id: Any) -> tuple[str, str]:
    """Return where an import's upload and dashboard lie in storage."""
    return f"uploads/{import_id}/raw.csv", f"data/{import_id}.json"


__all__ = [
    "EditionRecord",
    "ImportChunk",
    "ImportCost",
    "ImportRow",
    "LibraryImport",
    "RowAttempt",
    "SubjectCount",
    "storage_keys",
]
