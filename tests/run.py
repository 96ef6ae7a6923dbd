"""Run the tests on SQLite, and those that use a database on a real PostgreSQL: `python -m tests.run [options of pytest]`."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests import migrated
from tests.servers.postgres import PostgresServer
from tests.servers.product import environment, manage

#: It takes every process ten seconds only to collect it, so that it has one of its own.
FUZZING = "tests/api/test_fuzzing.py"
#: So many failures of a run are tried once more, each without others beside it; more than these are no accident.
TRIED_AGAIN = 5
#: Hundreds of processes start in a run: each would compile all modules anew.
COMPILED_ONCE = "PYTHONDONTWRITEBYTECODE"


@dataclass(frozen=True)
class Pass:
    """Describe one run of pytest: against a database, from a migrated one as tests/migrated.py names it."""

    name: str
    arguments: list[str]
    database_url: str
    template: str

    def run(self, *, aside: bool = False) -> int:
        """Run it, print how long it took and return its exit code; `aside` of others all that it says is printed at its end."""
        began = time.monotonic()
        title = f"\nTests on {self.name}\n"
        if not aside:
            print(title, end="", flush=True)
        with tempfile.NamedTemporaryFile("r", prefix="bookops-failed-") as failed:
            # As one argument: a file that stands alone would be taken for what is to be tested, and its folder for the project's.
            code, said = self._pytest([*self.arguments, f"--failed-to={failed.name}"], aside=aside)
            names = list(dict.fromkeys(failed.read().splitlines()))
        if code == pytest.ExitCode.TESTS_FAILED and len(names) <= TRIED_AGAIN:
            code, more = self._pytest(["-q", "-n", "0", *names], aside=aside)
            verdict = "again" if code else "no more: flaky, to be mended"
            said += more + "".join(f"{name} failed; alone in a process it failed {verdict}\n" for name in names)
            if not aside:
                print(said, end="")
        print(f"{title + said if aside else ''}{self.name}: exit code {code} after {time.monotonic() - began:.0f} s", flush=True)
        return code

    def _pytest(self, arguments: list[str], *, aside: bool) -> tuple[int, str]:
        env = os.environ | {"TEST_DATABASE_URL": self.database_url, migrated.VARIABLE: self.template}
        env.pop(COMPILED_ONCE, None)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *arguments],
            env=env,
            text=True,
            stdout=subprocess.PIPE if aside else None,
            stderr=subprocess.STDOUT if aside else None,
        )
        return done.returncode, done.stdout or ""


def migrate(database_url: str, folder: Path) -> None:
    """Make the tables of a database."""
    manage(environment(folder, database_url=database_url, redis_url="redis://127.0.0.1:1", sandbox_url="", settings={}), ["migrate", "-v0"])


@contextmanager
def postgres_with(database: str, folder: Path) -> Iterator[str]:
    """Run a PostgreSQL with a migrated database of this name and yield its address."""
    server = PostgresServer()
    try:
        server.start()
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {database}")
        migrate(server.url(database), folder)
        yield server.url()
    finally:
        server.remove()


def main(arguments: list[str]) -> int:
    """Return 0 only if all tests passed on both; what takes minutes is `make chaos`'s, by its mark.

    Those in a browser have processes of their own: its driver leaves a running event loop, which asynchronous tests cannot have. They
    mostly wait, so that both databases' run at once, and the fuzzing of the API beside them.
    """
    quick = ["-m", "not chaos and not browser", "--ignore", FUZZING, *arguments]
    browser = [*arguments, "-m", "browser", "-n", "0", "tests/browser"]
    with tempfile.TemporaryDirectory(prefix="bookops-tests-") as name:
        file = Path(name) / "migrated.sqlite3"
        with ThreadPoolExecutor() as pool:
            migrating = pool.submit(migrate, f"sqlite:///{file}", Path(name))
            with postgres_with("migrated", Path(name)) as url:
                migrating.result()
                codes = [
                    Pass("SQLite", quick, "", str(file)).run(),
                    Pass("PostgreSQL", ["--only-database", *quick], url, "migrated").run(),
                ]
                asides = [
                    Pass("SQLite, in a browser", browser, "", str(file)),
                    Pass("PostgreSQL, in a browser", ["--only-database", *browser], url, "migrated"),
                    Pass("SQLite, whatever is sent to the API", [*arguments, "-n", "0", FUZZING], "", str(file)),
                ]
                codes += pool.map(lambda each: each.run(aside=True), asides)
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
