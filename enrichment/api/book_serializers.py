"""What books look like in JSON, and what may be changed about them by hand."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from bookops.api.json_fields import ObjectField
from bookops.books import FACTS, Book


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


class FactSerializer(serializers.Serializer[Any]):
    """Which fact of a book is meant."""

    fact = serializers.ChoiceField(choices=sorted(FACTS))
