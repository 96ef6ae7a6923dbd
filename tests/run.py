"""Run the tests on SQLite, and those that use a database on a real PostgreSQL: `python -m tests.run [options of pytest]`."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg

from tests import migrated
from tests.servers.postgres import PostgresServer
from tests.servers.product import environment, manage

#: What takes minutes is `make chaos`'s, by its mark; this file takes every process ten seconds to collect only.
NOT_HERE = ["--ignore", "tests/api/test_fuzzing.py"]
#: Hundreds of processes start in a run: each would compile all modules anew.
COMPILED_ONCE = "PYTHONDONTWRITEBYTECODE"


def run_pytest(name: str, arguments: list[str], env: dict[str, str]) -> int:
    """Run pytest in an environment, print how long it took and return its exit code."""
    print(f"\nTests on {name}", flush=True)
    began = time.monotonic()
    code = subprocess.run([sys.executable, "-m", "pytest", *NOT_HERE, *arguments], env=env).returncode
    print(f"{name}: exit code {code} after {time.monotonic() - began:.0f} s", flush=True)
    return code


def run_both_kinds(name: str, arguments: list[str], database_url: str, template: str) -> int:
    """Run the browser's tests in a process of their own: its driver leaves a running event loop, which asynchronous tests cannot have.

    template: a migrated database, as tests/migrated.py names it.
    """
    env = os.environ | {"TEST_DATABASE_URL": database_url, migrated.VARIABLE: template}
    env.pop(COMPILED_ONCE, None)
    quick = run_pytest(name, ["-m", "not chaos and not browser", *arguments], env)
    return run_pytest(f"{name}, in a browser", [*arguments, "-m", "browser", "-n", "0", "tests/browser"], env) or quick


def migrate(database_url: str, folder: Path) -> None:
    """Make the tables of a database."""
    manage(environment(folder, database_url=database_url, redis_url="redis://127.0.0.1:1", sandbox_url="", settings={}), ["migrate", "-v0"])


def run_on_sqlite(arguments: list[str], folder: Path) -> int:
    """Return the exit code of all tests on SQLite."""
    template = folder / "migrated.sqlite3"
    migrate(f"sqlite:///{template}", folder)
    return run_both_kinds("SQLite", arguments, "", str(template))


def run_on_postgres(arguments: list[str], folder: Path) -> int:
    """Return the exit code of the tests that use a database on PostgreSQL."""
    server = PostgresServer()
    try:
        server.start()
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE migrated")
        migrate(server.url("migrated"), folder)
        return run_both_kinds("PostgreSQL", ["--only-database", *arguments], server.url(), "migrated")
    finally:
        server.remove()


def main(arguments: list[str]) -> int:
    """Return 0 only if all tests passed on both."""
    with tempfile.TemporaryDirectory(prefix="bookops-tests-") as name:
        sqlite = run_on_sqlite(arguments, Path(name))
        postgres = run_on_postgres(arguments, Path(name))
    return sqlite or postgres


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
