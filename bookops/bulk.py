"""Write different values to many rows in one round trip."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast

from django.db import DEFAULT_DB_ALIAS, connections, models

#: A length in a type's name: a cast to varchar(20) cuts silently, an assignment to such a column refuses.
_LENGTH = re.compile(r"\(.*?\)")


def write_fields(rows: Sequence[models.Model], names: Sequence[str]) -> None:
    """Store the named fields of each row, which the caller has locked, by its primary key.

    Django's bulk_update builds one CASE per field and row, which costs more than the rows are worth from a few dozen on. PostgreSQL
    takes one UPDATE of arrays; SQLite one prepared UPDATE, looped in C.
    """
    if not rows:
        return
    # Each attribute of django.db.connection is looked up anew for its thread; of this one it is not.
    connection = connections[DEFAULT_DB_ALIAS]
    meta = type(rows[0])._meta
    fields = [cast("models.Field[Any, Any]", meta.get_field(name)) for name in names]
    if connection.vendor == "postgresql":
        _write_arrays(connection, meta, fields, rows)
    else:
        _write_each(connection, meta, fields, rows)


def _write_each(connection: Any, meta: Any, fields: Sequence[models.Field[Any, Any]], rows: Sequence[models.Model]) -> None:
    quote = connection.ops.quote_name
    columns = ", ".join(f"{quote(field.column)} = %s" for field in fields)
    sql = f"UPDATE {quote(meta.db_table)} SET {columns} WHERE {quote(meta.pk.column)} = %s"  # noqa: S608 - names of our own columns
    values = [prepared(field, [getattr(row, field.attname) for row in rows], connection) for field in (*fields, meta.pk)]
    with connection.cursor() as cursor:
        cursor.executemany(sql, list(zip(*values, strict=True)))


def _write_arrays(connection: Any, meta: Any, fields: Sequence[models.Field[Any, Any]], rows: Sequence[models.Model]) -> None:
    quote = connection.ops.quote_name
    table, key = quote(meta.db_table), quote(meta.pk.column)
    sets, same = [], []
    columns, sources, many = [key], [_source_of(meta.pk, connection)], [[row.pk for row in rows]]
    for field in fields:
        column, values = quote(field.column), [getattr(row, field.attname) for row in rows]
        if _are_one(values):
            sets.append(f"{column} = %s")
            same.append(field.get_db_prep_save(values[0], connection))
            continue
        sets.append(f"{column} = given.{column}")
        columns.append(column)
        if isinstance(field, models.JSONField) and None not in values:
            # As one document: in an array each quotation mark of each would be escaped.
            sources.append("jsonb_array_elements(%s)")
            many.append(connection.ops.adapt_json_value(values, field.encoder))
        else:
            sources.append(_source_of(field, connection))
            many.append(prepared(field, values, connection))
    given = f"ROWS FROM ({', '.join(sources)}) AS given({', '.join(columns)})"
    sql = f"UPDATE {table} SET {', '.join(sets)} FROM {given} WHERE {table}.{key} = given.{key}"  # noqa: S608 - as above
    with connection.cursor() as cursor:
        cursor.execute(sql, [*same, *many])


def _source_of(field: models.Field[Any, Any], connection: Any) -> str:
    return f"unnest(%s::{_LENGTH.sub('', field.db_type(connection) or '')}[])"


def prepared(field: models.Field[Any, Any], values: Sequence[Any], connection: Any) -> list[Any]:
    """Return a field's values of many rows as the database takes them; what is one and the same for all is prepared once."""
    if _are_one(values):
        return [field.get_db_prep_save(values[0], connection)] * len(values)
    return [field.get_db_prep_save(value, connection) for value in values]


def _are_one(values: Sequence[Any]) -> bool:
    first = values[0]
    # Empty lists and texts are often equal without being one; of what is not empty a comparison would cost more than it saves.
    if all(value is first for value in values):
        return True
    return not first and not any(values) and all(type(value) is type(first) and value == first for value in values)
