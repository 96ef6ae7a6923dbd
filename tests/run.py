"""Run the tests on SQLite and then on a real PostgreSQL: `python -m tests.run [options of pytest]`."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from tests.servers.postgres import PostgresServer


def run_pytest(name: str, arguments: list[str], database_url: str) -> int:
    """Run pytest against a database, print how long it took and return its exit code."""
    print(f"\nTests on {name}", flush=True)
    began = time.monotonic()
    env = os.environ | {"TEST_DATABASE_URL": database_url}
    code = subprocess.run([sys.executable, "-m", "pytest", *arguments], env=env).returncode
    print(f"{name}: exit code {code} after {time.monotonic() - began:.0f} s", flush=True)
    return code


def main(arguments: list[str]) -> int:
    """Return 0 only if all tests passed on both."""
    # What takes minutes is `make chaos`'s; a later -m of the caller's wins.
    arguments = ["-m", "not chaos", *arguments]
    sqlite = run_pytest("SQLite", arguments, "")
    server = PostgresServer()
    try:
        server.start()
        postgres = run_pytest("PostgreSQL", arguments, server.url())
    finally:
        server.remove()
    return sqlite or postgres


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
