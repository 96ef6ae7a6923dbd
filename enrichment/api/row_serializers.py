"""What rows and their attempts look like in JSON, and how a candidate is chosen."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from bookops.api.json_fields import ObjectField
from enrichment.models import ImportRow, RowAttempt
from enrichment.processing_log import lines_of
from enrichment.reasons import category_of, explain
from enrichment.row_result import result_of


class AttemptSerializer(serializers.ModelSerializer[RowAttempt]):
    """One try at a row, with what was asked of whom."""

    log = serializers.ListField(child=ObjectField(), read_only=True)

    class Meta:
        model = RowAttempt
        fields = ["number", "outcome", "reason", "detail", "log", "started_at", "ended_at"]
        read_only_fields = fields


class OfResult:
    """Read a field of a row from what came of it (enrichment.row_result.result_of)."""

    field_name: str | None

    def get_attribute(self, row: ImportRow) -> Any:
        """Return the result's value of this field's name."""
        return result_of(row)[str(self.field_name)]


class ResultText(OfResult, serializers.CharField):
    """A text of the result."""


class ResultFlag(OfResult, serializers.BooleanField):
    """A yes or no of the result."""


class ResultList(OfResult, serializers.ListField):
    """A list of the result."""


#: The chunked design's names for what came of a row.
FROM_RESULT = ["book_id", "success", "final_genres", "thumbnail_url", "genre_enrichment_success", "error_message"]


ROW_EXAMPLE = {
    "number": 17,
    "line": 18,
    "column": "",
    "title": "The Left Hand of Darkness",
    "author": "Ursula K. Le Guin",
    "isbn13": "9780441478125",
    "state": "succeeded",
    "outcome": "matched",
    "score": 1.0,
    "reason": "",
    "category": "",
    "explanation": "",
    "attempts": 1,
    "book": "0f0e9a52-6e0e-4f0b-9b55-0c2b7a7f2f10",
    "chosen": "",
    "sources": ["open_library"],
    "waiting_for": "",
    "next_at": "2026-11-22T12:00:01Z",
    "ended_at": "2026-11-22T12:00:04Z",
    "book_id": "18423",
    "success": True,
    "final_genres": ["Science Fiction", "Fiction"],
    "thumbnail_url": "https://covers.openlibrary.org/b/id/12345-M.jpg",
    "genre_enrichment_success": True,
    "error_message": None,
}


@extend_schema_serializer(examples=[OpenApiExample("A matched row", ROW_EXAMPLE, response_only=True)])
class RowSerializer(serializers.ModelSerializer[ImportRow]):
    """A row of an export and how its enrichment went."""

    book_id = ResultText(read_only=True)
    success = ResultFlag(read_only=True)
    final_genres = ResultList(child=serializers.CharField(), read_only=True)
    thumbnail_url = ResultText(read_only=True, allow_null=True)
    genre_enrichment_success = ResultFlag(read_only=True)
    error_message = ResultText(read_only=True, allow_null=True)
    book = serializers.UUIDField(source="book.public_id", read_only=True, allow_null=True, default=None)
    # Named here because the schema of a model's own field would not allow "", which is what rows have that were not looked for yet.
    outcome = serializers.ChoiceField(choices=ImportRow.Outcome.choices, allow_blank=True, read_only=True)
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
