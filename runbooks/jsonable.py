"""Frozen records as JSON-ready values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any


def jsonable(value: Any) -> Any:
    """Return a JSON-ready form of a record: every field under its name, amounts as text so that no digit is lost."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: jsonable(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): jsonable(one) for key, one in value.items()}
    if isinstance(value, tuple | list | frozenset | set):
        items = sorted(value) if isinstance(value, frozenset | set) else value
        return [jsonable(one) for one in items]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    return value


def known_fields(cls: Any, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `data` says of the fields of a dataclass; keys of other versions are ignored, lists come back as tuples."""
    names = {one.name for one in fields(cls)}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in data.items() if name in names}
