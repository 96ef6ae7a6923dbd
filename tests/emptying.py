"""Empty the tables after a test that commits: only those with rows, and not what the models alone have put there."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.db import connection, transaction

#: What `migrate` writes for each model; no test changes it.
KEPT = frozenset({"django_migrations", "django_content_type", "auth_permission"})


def empty_tables(test_case: Any = None) -> None:
    """Delete all rows but those of KEPT.

    Stands in for Django's own way between tests: a TRUNCATE of every table, which takes a file or more of PostgreSQL each, and the
    contents of KEPT anew.
    """
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {_quoted(table)})" for table in _tables()))  # noqa: S608 - our own tables
        filled = [table for (table,) in cursor.fetchall()]
    # Foreign keys are checked at the end of the transaction, so that the order is all the same.
    with transaction.atomic(), connection.cursor() as cursor:
        for table in filled:
            cursor.execute(f"DELETE FROM {_quoted(table)}")  # noqa: S608 - as above


def _quoted(table: str) -> str:
    return str(connection.ops.quote_name(table))


@cache
def _tables() -> list[str]:
    return sorted(set(connection.introspection.django_table_names(only_existing=True)) - KEPT)
