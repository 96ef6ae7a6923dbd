"""Insert items that have most of their columns in common, at a third of what instances and bulk_create cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from django.db import DEFAULT_DB_ALIAS, connection, connections, models

from llmjobs.models import LLMJobItem

_PLAIN = (int, str)


class ItemRows:
    """Make rows like one pattern, an instance that is never stored."""

    def __init__(self, pattern: LLMJobItem) -> None:
        fields = cast("list[models.Field[Any, Any]]", [field for field in LLMJobItem._meta.concrete_fields if not field.primary_key])
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


def insert_items(rows: Sequence[list[Any]]) -> None:
    """Store rows of any patterns, in one statement."""
    if not rows:
        return
    table = connection.ops.quote_name(LLMJobItem._meta.db_table)
    fields = [field for field in LLMJobItem._meta.concrete_fields if not field.primary_key]
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            values = ", ".join(["%s"] * len(rows[0]))
            cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({values})", rows)  # noqa: S608 - our own names
