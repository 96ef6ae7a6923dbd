"""Fields of JSON that jobs need: money, ids of targets, and values of a kind that only the purpose knows."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from bookops.api.money import usd
from bookops.language_models import MILLION
from llmjobs.plans import MOST_TARGETS

#: Characters of a filter's value, and of a text that a person puts in the place of an answer.
LONGEST_TEXT = 50_000
LARGEST_NUMBER = 10**12
#: What a column of ids can hold.
LARGEST_ID = 2**63 - 1


@extend_schema_field({"type": "string", "format": "decimal", "description": "US dollars, to the millionth."})
class UsdField(serializers.Field[int, Any, str, Any]):
    """Microdollars, told as dollars."""

    def to_representation(self, value: float) -> str:
        """Return dollars with six digits behind the point."""
        return usd(value)


class CapField(serializers.DecimalField):
    """Dollars that may be spent, read as microdollars."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=12, decimal_places=6, min_value=Decimal(0), **options)

    def to_internal_value(self, data: Any) -> Any:
        """Return microdollars."""
        return super().to_internal_value(data) * MILLION

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """Return a whole number of them, None for no cap."""
        value = super().run_validation(data)
        return None if value is None else int(value)


@extend_schema_field({"type": "array", "items": {"type": "string", "format": "uuid"}, "minItems": 1, "maxItems": MOST_TARGETS})
class PublicIdsField(serializers.Field[Any, Any, Any, Any]):
    """Ids of books or runbooks; tens of thousands are read in the time that a field for each would take to be made."""

    def to_internal_value(self, data: Any) -> list[uuid.UUID]:
        """Return them in their order, each once."""
        if not isinstance(data, list) or not data:
            raise serializers.ValidationError("Name at least one id, in a list.", "not_a_list")
        if len(data) > MOST_TARGETS:
            raise serializers.ValidationError(f"A job has {MOST_TARGETS:,} targets at most.", "too_many")
        return list(dict.fromkeys(_as_id(one, place) for place, one in enumerate(data)))


def _as_id(value: Any, place: int) -> uuid.UUID:
    try:
        return uuid.UUID(value)
    except (ValueError, TypeError, AttributeError):
        raise serializers.ValidationError(f"Number {place} of the list is no id.", "not_an_id") from None


PLAIN = [{"type": "string"}, {"type": "number"}, {"type": "boolean"}]


@extend_schema_field({"oneOf": PLAIN})
class PlainField(serializers.Field[Any, Any, Any, Any]):
    """Text, a number, true or false; what it means is for its reader to say."""

    _text = serializers.CharField(max_length=LONGEST_TEXT, allow_blank=True, trim_whitespace=False)

    def to_internal_value(self, data: Any) -> Any:
        """Return it as it came; text that a database cannot hold is refused."""
        if isinstance(data, str):
            return self._text.run_validation(data)
        if isinstance(data, bool) or (isinstance(data, int | float) and abs(data) <= LARGEST_NUMBER):
            return data
        raise serializers.ValidationError("It is text, a number, true or false.", "not_plain")


@extend_schema_field({"oneOf": [*PLAIN, {"type": "array", "items": {"type": "string"}}]})
class FactField(PlainField):
    """What a field of a book or a runbook may be: a plain value, or a list of names."""

    def to_internal_value(self, data: Any) -> Any:
        """Return it as it came."""
        return [self._text.run_validation(one) for one in data] if isinstance(data, list) else super().to_internal_value(data)
