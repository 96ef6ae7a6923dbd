"""Fields of JSON whose names are data: counts by name, and any object."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

COUNTS = {"type": "object", "additionalProperties": {"type": "integer"}}


@extend_schema_field(COUNTS)
class CountsField(serializers.JSONField):
    """{name: number}."""


@extend_schema_field({"type": "object", "additionalProperties": {}})
class ObjectField(serializers.JSONField):
    """Any JSON object."""
