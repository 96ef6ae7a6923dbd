"""A serializer that reads nothing it does not know."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class StrictSerializer(serializers.Serializer[Any]):
    """Refuse names that nobody reads: a misspelt option would be passed over in silence, and paid for."""

    def to_internal_value(self, data: Any) -> Any:
        """Read the fields; anything else is an error at its name."""
        unknown = sorted(set(data) - set(self.fields)) if hasattr(data, "keys") else []
        if unknown:
            raise serializers.ValidationError(dict.fromkeys(unknown, "This is not known here."), "unknown_field")
        return super().to_internal_value(data)
