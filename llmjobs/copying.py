"""Insert many rows at once: by COPY where the database has it, at a third of what bulk_create costs; or out of other rows, within it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connection, connections, models

from bookops.bulk import prepared

Row = Sequence[Any]


def inserted_fields(model: type[models.Model]) -> list[models.Field[Any, Any]]:
    """Return the fields of a row as `insert_rows` takes it, in their order: all but the key, which the database gives."""
    return cast("list[models.Field[Any, Any]]", [field for field in model._meta.concrete_fields if not field.primary_key])


def insert_rows(model: type[models.Model], rows: Sequence[Row]) -> None:
    """Store rows of values that are prepared for the database, in one statement."""
    fields = inserted_fields(model)
    table = connection.ops.quote_name(model._meta.db_table)
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            values = ", ".join(["%s"] * len(fields))
            cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({values})", rows)  # noqa: S608 - our own names


def insert_instances(instances: Sequence[models.Model]) -> None:
    """Store instances of one model; they do not learn their keys."""
    if instances:
        model = type(instances[0])
        insert_rows(model, list(zip(*(_column(field, instances) for field in inserted_fields(model)), strict=True)))


def insert_selected(model: type[models.Model], rows: models.QuerySet[Any], values: Mapping[str, Any]) -> None:
    """Store a row for each of a query, in one statement; `values` are expressions of those by column's attribute, the rest have defaults."""
    fields = inserted_fields(model)
    # With a prefix, because an annotation may not be called as a field of the rows is.
    made = {f"new_{field.attname}": values.get(field.attname, models.Value(field.get_default())) for field in fields}
    try:
        select, params = rows.order_by().annotate(**made).values_list(*made).query.sql_with_params()
    except EmptyResultSet:  # a filter that nothing can match, such as one by no key
        return
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {connection.ops.quote_name(model._meta.db_table)} ({columns}) {select}", params)


def _column(field: models.Field[Any, Any], instances: Sequence[models.Model]) -> list[Any]:
    """Return a field of all instances as the database takes it."""
    # Each attribute of django.db.connection is looked up anew for its thread; of this one it is not.
    db = connections[DEFAULT_DB_ALIAS]
    return prepared(field, [field.pre_save(one, True) for one in instances], db)
