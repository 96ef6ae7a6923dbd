"""Run the tests on SQLite, and those that use a database on a real PostgreSQL: `python -m tests.run [options of pytest]`."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from tests.servers.postgres import PostgresServer

#: What takes minutes is `make chaos`'s, by its mark; this file takes every process ten seconds to collect only.
NOT_HERE = ["--ignore", "tests/api/test_fuzzing.py"]
#: Hundreds of processes start in a run: each would compile all modules anew.
COMPILED_ONCE = "PYTHONDONTWRITEBYTECODE"


def run_pytest(name: str, arguments: list[str], database_url: str) -> int:
    """Run pytest against a database, print how long it took and return its exit code."""
    print(f"\nTests on {name}", flush=True)
    began = time.monotonic()
    env = os.environ | {"TEST_DATABASE_URL": database_url}
    env.pop(COMPILED_ONCE, None)
    code = subprocess.run([sys.executable, "-m", "pytest", *NOT_HERE, *arguments], env=env).returncode
    print(f"{name}: exit code {code} after {time.monotonic() - began:.0f} s", flush=True)
    return code


def run_both_kinds(name: str, arguments: list[str], database_url: str) -> int:
    """Run the browser's tests in a process of their own: its driver leaves a running event loop, which asynchronous tests cannot have."""
    quick = run_pytest(name, ["-m", "not chaos and not browser", *arguments], database_url)
    return run_pytest(f"{name}, in a browser", [*arguments, "-m", "browser", "-n", "0", "tests/browser"], database_url) or quick


def main(arguments: list[str]) -> int:
    """Return 0 only if all tests passed on both."""
    sqlite = run_both_kinds("SQLite", arguments, "")
    server = PostgresServer()
    try:
        server.start()
        postgres = run_both_kinds("PostgreSQL", ["--only-database", *arguments], server.url())
    finally:
        server.remove()
    return sqlite or postgres


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
