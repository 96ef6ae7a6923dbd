"""Write different values to many rows in one round trip."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from django.db import connection, models


def write_fields(rows: Sequence[models.Model], names: Sequence[str]) -> None:
    """Store the named fields of each row by its primary key.

    Django's bulk_update builds one CASE per field and row, which costs more than the rows are worth from a few dozen on; this is
    one prepared statement sent for all rows (pipelined by psycopg, looped in C by SQLite).
    """
    if not rows:
        return
    meta = type(rows[0])._meta
    fields = [cast("models.Field[Any, Any]", meta.get_field(name)) for name in names]
    quote: Callable[[Any], str] = connection.ops.quote_name
    columns = ", ".join(f"{quote(field.column)} = %s" for field in fields)
    sql = f"UPDATE {quote(meta.db_table)} SET {columns} WHERE {quote(meta.pk.column)} = %s"  # noqa: S608 - names of our own columns
    with connection.cursor() as cursor:
        cursor.executemany(
            sql, [[*(_value(field, row) for field in fields), meta.pk.get_db_prep_value(row.pk, connection)] for row in rows]
        )


def _value(field: models.Field[Any, Any], row: models.Model) -> Any:
    return field.get_db_prep_save(getattr(row, field.attname), connection)
