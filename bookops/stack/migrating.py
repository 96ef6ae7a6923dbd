"""Migrations, only when there are some: the question costs a fraction of the command."""

from __future__ import annotations

from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.exceptions import InconsistentMigrationHistory
from django.db.migrations.executor import MigrationExecutor

from bookops.stack.errors import StackError


def migrate_if_needed() -> bool:
    """Apply what the database lacks and say whether there was anything. Raises StackError when it cannot be reached or brought up to date."""
    try:
        executor = MigrationExecutor(connection)
        missing = bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
        if missing:
            call_command("migrate", interactive=False, verbosity=0)
    except InconsistentMigrationHistory as error:
        raise StackError(
            f"The database was made by another version of the project ({error}). Move it away or name another: DATABASE_URL=…"
        ) from error
    except DatabaseError as error:
        raise StackError(f"The database cannot be used ({str(error).strip()}). Is DATABASE_URL right, and the disk not full?") from error
    return missing
