"""Make the rows of items that have most of their columns in common, for `copying` to insert."""

from __future__ import annotations

from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

from llmjobs.copying import inserted_fields
from llmjobs.models import LLMJobItem

_PLAIN = (int, str)


class ItemRows:
    """Make rows like one pattern, an instance that is never stored."""

    def __init__(self, pattern: LLMJobItem) -> None:
        fields = inserted_fields(LLMJobItem)
        self._fields = {field.attname: (place, field) for place, field in enumerate(fields)}
        # Each attribute of django.db.connection is looked up anew for its thread; of this one it is not.
        self._connection = connections[DEFAULT_DB_ALIAS]
        self._pattern = [field.get_db_prep_save(field.pre_save(pattern, True), self._connection) for field in fields]

    def row(self, **values: Any) -> list[Any]:
        """Return the pattern's columns with these in their place."""
        row = self._pattern.copy()
        for name, value in values.items():
            place, field = self._fields[name]
            # Text and numbers are what a database takes; an enumeration's member, say, is not.
            row[place] = value if type(value) in _PLAIN else field.get_db_prep_save(value, self._connection)
        return row
