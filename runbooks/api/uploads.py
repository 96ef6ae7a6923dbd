"""Small tables as they are uploaded, and how the lines that were not taken are told."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from bookops.api.strict import StrictSerializer
from runbooks.tables import MAX_BYTES


class FileSerializer(StrictSerializer):
    """A CSV file."""

    file = serializers.FileField(max_length=255)


class RefusedLineSerializer(serializers.Serializer[Any]):
    """A line that was not taken."""

    line = serializers.IntegerField()
    column = serializers.CharField(allow_blank=True)
    text = serializers.CharField(allow_blank=True)
    why = serializers.CharField()


def read_file(file: Any) -> bytes:
    """Return what was uploaded, one byte more than is allowed at most, so that its reader refuses it."""
    content: bytes = file.read(MAX_BYTES + 1)
    return content
