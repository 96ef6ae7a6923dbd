"""A serializer that reads nothing it does not know."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class StrictSerializer(serializers.Serializer[Any]):
    """Refuse names that nobody reads: a misspelt option would be passed over in silence, and paid for."""

    def to_internal_value(self, data: Any) -> Any:
        """Read the fields; anything else is an error at its name that says what is known there."""
        unknown = sorted(set(data) - set(self.fields)) if hasattr(data, "keys") else []
        if unknown:
            known = ", ".join(name for name, field in self.fields.items() if not field.read_only)
            raise serializers.ValidationError(dict.fromkeys(unknown, f"This is not known here. Known: {known}."), "unknown_field")
        return super().to_internal_value(data)
