"""The answers that the first designs named: upload, status, statistics, deletion."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from bookops.api.json_fields import CountsField
from enrichment.models import LibraryImport

SEED_STATUS = ["processing", "complete", "error"]


class StatisticsSerializer(serializers.Serializer[Any]):
    """The first designs' result of an import."""

    job_id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=SEED_STATUS)
    total_books = serializers.IntegerField()
    successful_books = serializers.IntegerField()
    failed_books = serializers.IntegerField()
    success_rate = serializers.FloatField()
    chunks_processed = serializers.IntegerField()
    cells_left_out = serializers.IntegerField(default=0)
    processing_time_seconds = serializers.FloatField()


class UploadSerializer(serializers.Serializer[Any]):
    """A library export to import: one of `csv` and `file`."""

    # An empty file is refused by the reader of exports, with a remedy.
    csv = serializers.FileField(required=False, allow_empty_file=True)
    file = serializers.FileField(required=False, allow_empty_file=True)
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
    same_file_as = serializers.UUIDField(
        allow_null=True, help_text="Your latest earlier import of the very same file. It is taken all the same: its books are found again."
    )


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

    # A serializer keeps its fields apart from its own attributes, one of which is called source too.
    source = serializers.CharField()  # type: ignore[assignment]
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
    estimated_completion = serializers.DateTimeField(allow_null=True, help_text="null until enough has been looked up to tell a pace.")
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
