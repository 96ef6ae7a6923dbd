"""What imports, rows and books look like in JSON, and what may be sent about them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from bookops.books import FACTS, Book
from enrichment.models import ImportRow, LibraryImport, RowAttempt
from enrichment.processing_log import lines_of
from enrichment.reasons import category_of, explain
from enrichment.row_result import result_of

COUNTS = {"type": "object", "additionalProperties": {"type": "integer"}}
SEED_STATUS = ["processing", "complete", "error"]


@extend_schema_field(COUNTS)
class CountsField(serializers.JSONField):
    """{name: number}."""


@extend_schema_field({"type": "object", "additionalProperties": {}})
class ObjectField(serializers.JSONField):
    """Any JSON object."""


class StatisticsSerializer(serializers.Serializer[Any]):
    """The first designs' result of an import."""

    job_id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=SEED_STATUS)
    total_books = serializers.IntegerField()
    successful_books = serializers.IntegerField()
    failed_books = serializers.IntegerField()
    success_rate = serializers.FloatField()
    chunks_processed = serializers.IntegerField()
    processing_time_seconds = serializers.FloatField()


class UploadSerializer(serializers.Serializer[Any]):
    """A library export to import: one of `csv` and `file`."""

    csv = serializers.FileField(required=False)
    file = serializers.FileField(required=False)
    policy = serializers.ChoiceField(choices=LibraryImport.Policy.choices, required=False)
    tolerated_failures = serializers.FloatField(
        min_value=0, max_value=1, required=False, help_text="Share of failed rows above which the import fails; none by default."
    )
    deadline_seconds = serializers.IntegerField(min_value=1, max_value=30 * 86_400, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Take the file from either field."""
        file = attrs.pop("csv", None) or attrs.pop("file", None)
        attrs.pop("file", None)
        if file is None:
            raise serializers.ValidationError({"csv": "Send the export as the field csv (or file) of multipart/form-data."}, "required")
        return attrs | {"file": file}


class UploadedSerializer(serializers.Serializer[Any]):
    """Where to ask for an import that was taken in."""

    uuid = serializers.UUIDField()
    job_id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=SEED_STATUS)
    message = serializers.CharField()
    status_url = serializers.CharField()
    data_url = serializers.CharField()


class FinishedUploadSerializer(UploadedSerializer):
    """The answer to an upload that was waited for: seed 003's, under both of its spellings."""

    processing_time = serializers.FloatField()
    books_processed = serializers.IntegerField()
    successful_enrichments = serializers.IntegerField()
    failed_enrichments = serializers.IntegerField()
    success_rate = serializers.FloatField()
    statistics = StatisticsSerializer()


class ProgressSerializer(serializers.Serializer[Any]):
    """How far an import is."""

    total_books = serializers.IntegerField()
    processed_books = serializers.IntegerField()
    percent_complete = serializers.FloatField()


class WaitingSerializer(serializers.Serializer[Any]):
    """Rows that wait for a spent source."""

    source = serializers.CharField()
    name = serializers.CharField()
    rows = serializers.IntegerField()
    until = serializers.DateTimeField()


class StatusSerializer(serializers.Serializer[Any]):
    """How an import stands, in the seeds' words."""

    uuid = serializers.UUIDField()
    status = serializers.ChoiceField(choices=SEED_STATUS)
    upload_time = serializers.DateTimeField()
    filename = serializers.CharField()
    file_size = serializers.IntegerField()
    progress = ProgressSerializer()
    message = serializers.CharField()
    estimated_completion = serializers.DateTimeField(allow_null=True)
    counts = CountsField()
    outcomes = CountsField()
    error_categories = CountsField()
    waiting = WaitingSerializer(many=True)
    statistics = StatisticsSerializer()
    data_url = serializers.CharField(required=False)
    completion_time = serializers.DateTimeField(required=False)
    error_message = serializers.CharField(required=False)


class DeletedSerializer(serializers.Serializer[Any]):
    """What was deleted with an import."""

    message = serializers.CharField()
    deleted_files = serializers.ListField(child=serializers.CharField())


class MovedSerializer(serializers.Serializer[Any]):
    """How many rows an action moved."""

    moved = serializers.IntegerField()


class CancelledSerializer(serializers.Serializer[Any]):
    """Whether there was something to cancel."""

    cancelled = serializers.BooleanField()


class ImportSerializer(serializers.ModelSerializer[LibraryImport]):
    """An import in a list."""

    statistics = ObjectField(read_only=True)
    given_up = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = LibraryImport
        fields = [
            "id",
            "filename",
            "file_size",
            "source_format",
            "encoding",
            "policy",
            "tolerated_failures",
            "state",
            "stage",
            "reason",
            "detail",
            "given_up",
            "created_at",
            "started_at",
            "ended_at",
            "deadline_at",
            "last_seq",
            "dashboard_version",
            "sandbox",
            "statistics",
        ]
        read_only_fields = fields


#: What an import's details add: fields of enrichment.status.ImportStatus.
FROM_STATUS = [
    "counts",
    "outcomes",
    "reasons",
    "categories",
    "percent",
    "forecast_end",
    "waiting",
    "chunks_processed",
    "chunks_total",
    "sources",
    "cpu_seconds",
]


class ImportDetailSerializer(ImportSerializer):
    """An import with its counts, read from its rows."""

    counts = CountsField(read_only=True)
    outcomes = CountsField(read_only=True)
    reasons = CountsField(read_only=True)
    categories = CountsField(read_only=True)
    percent = serializers.FloatField(read_only=True)
    forecast_end = serializers.DateTimeField(read_only=True, allow_null=True)
    waiting = WaitingSerializer(many=True, read_only=True)
    chunks_processed = serializers.IntegerField(read_only=True)
    chunks_total = serializers.IntegerField(read_only=True)
    sources = ObjectField(read_only=True)
    cpu_seconds = serializers.FloatField(read_only=True)

    class Meta(ImportSerializer.Meta):
        fields = [*ImportSerializer.Meta.fields, *FROM_STATUS]
        read_only_fields = fields


class ReEnrichSerializer(serializers.Serializer[Any]):
    """How to enrich again."""

    forget = serializers.BooleanField(default=False, help_text="Ask the sources anew instead of using what they answered before.")


class GiveUpSerializer(serializers.Serializer[Any]):
    """Which source to go on without."""

    source = serializers.RegexField(r"^[a-z_]{1,20}$")


class EventSerializer(serializers.Serializer[Any]):
    """One thing that happened to an import."""

    seq = serializers.IntegerField()
    kind = serializers.CharField()
    payload = ObjectField()
    at = serializers.DateTimeField()


class EventsSerializer(serializers.Serializer[Any]):
    """Events after a number, and the number to ask after next."""

    events = EventSerializer(many=True)
    last_seq = serializers.IntegerField()


class AttemptSerializer(serializers.ModelSerializer[RowAttempt]):
    """One try at a row, with what was asked of whom."""

    log = serializers.ListField(child=ObjectField(), read_only=True)

    class Meta:
        model = RowAttempt
        fields = ["number", "outcome", "reason", "detail", "log", "started_at", "ended_at"]
        read_only_fields = fields


class OfResult:
    """Read a field of a row from what came of it (enrichment.row_result.result_of)."""

    field_name: str

    def get_attribute(self, row: ImportRow) -> Any:
        """Return the result's value of this field's name."""
        return result_of(row)[self.field_name]


class ResultText(OfResult, serializers.CharField):
    """A text of the result."""


class ResultFlag(OfResult, serializers.BooleanField):
    """A yes or no of the result."""


class ResultList(OfResult, serializers.ListField):
    """A list of the result."""


#: The chunked design's names for what came of a row.
FROM_RESULT = ["book_id", "success", "final_genres", "thumbnail_url", "genre_enrichment_success", "error_message"]


class RowSerializer(serializers.ModelSerializer[ImportRow]):
    """A row of an export and how its enrichment went."""

    book_id = ResultText(read_only=True)
    success = ResultFlag(read_only=True)
    final_genres = ResultList(child=serializers.CharField(), read_only=True)
    thumbnail_url = ResultText(read_only=True, allow_null=True)
    genre_enrichment_success = ResultFlag(read_only=True)
    error_message = ResultText(read_only=True, allow_null=True)
    book = serializers.UUIDField(source="book.public_id", read_only=True, allow_null=True, default=None)
    category = serializers.SerializerMethodField()
    explanation = serializers.SerializerMethodField()
    sources = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = ImportRow
        fields = [
            "number",
            "line",
            "column",
            "title",
            "author",
            "isbn13",
            "state",
            "outcome",
            "score",
            "reason",
            "category",
            "explanation",
            "attempts",
            "book",
            "chosen",
            "sources",
            "waiting_for",
            "next_at",
            "ended_at",
            *FROM_RESULT,
        ]
        read_only_fields = fields

    def get_category(self, row: ImportRow) -> str:
        """Return the family of the reason code."""
        return category_of(row.reason)

    def get_explanation(self, row: ImportRow) -> str:
        """Return the reason as a sentence."""
        return explain(row.reason, row.detail)


class RowDetailSerializer(RowSerializer):
    """A row with what the file said, its candidates and its attempts."""

    entry = ObjectField(read_only=True)
    raw = serializers.JSONField(read_only=True)
    candidates = serializers.SerializerMethodField()
    tries = AttemptSerializer(many=True, read_only=True)
    processing_logs = serializers.SerializerMethodField()

    class Meta(RowSerializer.Meta):
        fields = [*RowSerializer.Meta.fields, "entry", "raw", "candidates", "tries", "processing_logs"]
        read_only_fields = fields

    @extend_schema_field({"type": "array", "items": {"type": "string"}})
    def get_processing_logs(self, row: ImportRow) -> list[str]:
        """Return the log of the row, told from its attempts."""
        return lines_of(row.tries.all())

    @extend_schema_field({"type": "array", "items": {"type": "object", "additionalProperties": {}}})
    def get_candidates(self, row: ImportRow) -> list[dict[str, Any]]:
        """Return the candidates, each with the name by which it is chosen."""
        return [{"name": f"{one['facts']['source']}:{one['facts']['key']}", **one} for one in row.candidates]


class DeadLetterSerializer(RowSerializer):
    """A row that has used up its attempts."""

    library_import = serializers.UUIDField(source="library_import_id", read_only=True)

    class Meta(RowSerializer.Meta):
        fields = ["library_import", *RowSerializer.Meta.fields]
        read_only_fields = fields


class ChooseSerializer(serializers.Serializer[Any]):
    """Which candidate is the book."""

    candidate = serializers.CharField(max_length=120, help_text='"source:key", as the row\'s candidates name it.')


class BookSerializer(serializers.ModelSerializer[Book]):
    """A book; facts that are changed by hand are locked."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    genres = serializers.SerializerMethodField()
    cover_url = serializers.SerializerMethodField()
    small_cover_url = serializers.SerializerMethodField()
    locked = serializers.ListField(child=serializers.CharField(), read_only=True)
    provenance = ObjectField(read_only=True)
    subjects = ObjectField(read_only=True)
    series = serializers.ListField(child=serializers.JSONField(), read_only=True)
    reads = serializers.ListField(child=serializers.JSONField(), read_only=True)
    moods = serializers.ListField(child=serializers.JSONField(), read_only=True)
    additional_authors = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Book
        fields = [
            "id",
            "title",
            "author",
            "additional_authors",
            "isbn13",
            "goodreads_id",
            "publisher",
            "binding",
            "pages",
            "year",
            "original_year",
            "language",
            "description",
            "genres",
            "subjects",
            "series",
            "reads",
            "moods",
            "cover_url",
            "small_cover_url",
            "openlibrary_work_key",
            "openlibrary_edition_key",
            "google_volume_id",
            "provenance",
            "locked",
            "version",
            "enriched_at",
            "created_at",
        ]
        read_only_fields = fields

    @extend_schema_field({"type": "array", "items": {"type": "object", "additionalProperties": {}}})
    def get_genres(self, book: Book) -> list[dict[str, Any]]:
        """Return the ranked genres."""
        return book.genres

    def get_cover_url(self, book: Book) -> str:
        """Return the cover's address; "" unless it is https."""
        return book.cover_url if book.cover_url.startswith("https://") else ""

    def get_small_cover_url(self, book: Book) -> str:
        """Return the small cover's address; "" unless it is https."""
        return book.small_cover_url if book.small_cover_url.startswith("https://") else ""


class BookEditSerializer(serializers.Serializer[Any]):
    """Facts of a book to set by hand; each is locked against automated writers until it is unlocked."""

    title = serializers.CharField(max_length=1000, required=False)
    author = serializers.CharField(max_length=500, required=False, allow_blank=True)
    publisher = serializers.CharField(max_length=500, required=False, allow_blank=True)
    pages = serializers.IntegerField(min_value=1, max_value=100_000, required=False, allow_null=True)
    year = serializers.IntegerField(min_value=-5000, max_value=3000, required=False, allow_null=True)
    original_year = serializers.IntegerField(min_value=-5000, max_value=3000, required=False, allow_null=True)
    language = serializers.CharField(max_length=20, required=False, allow_blank=True)
    description = serializers.CharField(max_length=50_000, required=False, allow_blank=True)
    isbn13 = serializers.RegexField(r"^(97[89][0-9]{10})?$", required=False, allow_blank=True)
    genres = serializers.ListField(child=serializers.CharField(max_length=100), max_length=30, required=False)
    cover_url = serializers.RegexField(r"^(https://[^\s<>\"']{1,990})?$", required=False, allow_blank=True)
    small_cover_url = serializers.RegexField(r"^(https://[^\s<>\"']{1,990})?$", required=False, allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse an empty change and names that are no facts."""
        unknown = sorted(set(self.initial_data) - set(self.fields))
        if unknown:
            raise serializers.ValidationError(dict.fromkeys(unknown, "This cannot be set."), "unknown_field")
        if not attrs:
            raise serializers.ValidationError("Name at least one fact to change.", "empty")
        return attrs


class UnlockSerializer(serializers.Serializer[Any]):
    """Which fact automated writers may set again."""

    fact = serializers.ChoiceField(choices=sorted(FACTS))
