"""Write different values to many rows in one round trip."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from django.db import DEFAULT_DB_ALIAS, connections, models


def write_fields(rows: Sequence[models.Model], names: Sequence[str]) -> None:
    """Store the named fields of each row by its primary key.

    Django's bulk_update builds one CASE per field and row, which costs more than the rows are worth from a few dozen on; this is
    one prepared statement sent for all rows (pipelined by psycopg, looped in C by SQLite).
    """
    if not rows:
        return
    # Each attribute of django.db.connection is looked up anew for its thread; of this one it is not.
    connection = connections[DEFAULT_DB_ALIAS]
    meta = type(rows[0])._meta
    fields = [cast("models.Field[Any, Any]", meta.get_field(name)) for name in names]
    quote: Callable[[Any], str] = connection.ops.quote_name
    columns = ", ".join(f"{quote(field.column)} = %s" for field in fields)
    sql = f"UPDATE {quote(meta.db_table)} SET {columns} WHERE {quote(meta.pk.column)} = %s"  # noqa: S608 - names of our own columns
    with connection.cursor() as cursor:
        cursor.executemany(sql, list(zip(*(_column(field, rows, connection) for field in (*fields, meta.pk)), strict=True)))


def _column(field: models.Field[Any, Any], rows: Sequence[models.Model], connection: Any) -> list[Any]:
    """Return a field of all rows as the database takes it; what is one and the same for all is prepared once."""
    values = [getattr(row, field.attname) for row in rows]
    if all(value is values[0] for value in values):
        return [field.get_db_prep_save(values[0], connection)] * len(values)
    return [field.get_db_prep_save(value, connection) for value in values]
