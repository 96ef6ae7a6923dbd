"""The stack under attack: real servers, the sandbox, and parts that can be killed and born again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from io import StringIO
from pathlib import Path
from typing import Any

from bookops.stack.child import end_with_parent
from bookops.stack.sockets import private_folder
from sandbox.running import RunningSandbox, running
from tests.chaos import mutants
from tests.servers.postgres import PostgresServer
from tests.servers.product import PYTHON, ROOT, environment, manage, set_django_up
from tests.servers.valkey import ValkeyServer

LEASE_SECONDS = 20
SETTINGS = {
    "LEASE_SECONDS": LEASE_SECONDS,
    "SOURCE_DEADLINE_SECONDS": 8,
    "SOURCE_CONNECT_SECONDS": 2,
    "BOOK_DEADLINE": 15,
    "RING_AGAIN_SECONDS": 8,
    "SWEEP_SECONDS": 1,
    "CHUNK_SIZE": 25,
    "BOOK_CONCURRENCY": 32,
    "SOURCE_POLICY": "thorough",
    # Their pace is not what is tested here; asking Redis for each call is.
    "OPEN_LIBRARY_PER_SECOND": 1000,
    "GOOGLE_BOOKS_PER_DAY": 10_000_000,
    "GOOGLE_BOOKS_PER_100_SECONDS": 1_000_000,
    "ABEBOOKS_PER_SECOND": 1000,
    "EBAY_PER_DAY": 10_000_000,
    "SPEND_PER_DAY": 1_000_000,
    "POLL_SECONDS": 2,
    "TICK_SECONDS": 5,
    "DATABASE_POOL": 6,
    "LOG_FORMAT": "json",
}
#: What is in the database before anybody begins.
FIRST_DATA = ("load_models", "load_reference_data")
THREADS = "12"
WORKER = ("worker", "-P", "threads", "--without-gossip", "--without-mingle", "-c")
#: What runs, by name: the part of the nursery and its arguments.
PARTS: dict[str, tuple[str, ...]] = {
    "enrichment-1": ("celery", *WORKER, THREADS, "-Q", "enrichment", "-n", "enrichment-1@%h"),
    "enrichment-2": ("celery", *WORKER, THREADS, "-Q", "enrichment", "-n", "enrichment-2@%h"),
    "imports": ("celery", *WORKER, "4", "-Q", "imports,default,notices", "-n", "imports@%h"),
    "imports-2": ("celery", *WORKER, "4", "-Q", "imports,default,notices", "-n", "imports-2@%h"),
    "evaluations-1": ("celery", *WORKER, THREADS, "-Q", "runbooks,images", "-n", "evaluations-1@%h"),
    "evaluations-2": ("celery", *WORKER, THREADS, "-Q", "runbooks,images", "-n", "evaluations-2@%h"),
    "batches-1": ("celery", *WORKER, THREADS, "-Q", "llm,bulk", "-n", "batches-1@%h"),
    "batches-2": ("celery", *WORKER, THREADS, "-Q", "llm,bulk", "-n", "batches-2@%h"),
    "beat": ("celery", "beat"),
    "beat-2": ("celery", "beat"),
    "sweeper-1": ("sweeper",),
    "sweeper-2": ("sweeper",),
}


class Nursery:
    """Ask a `tests.chaos.nursery` process for parts."""

    def __init__(self, env: dict[str, str], folder: Path, *, mutant: str = "") -> None:
        self._lock = threading.Lock()
        self._log = (folder / "nursery.log").open("ab")
        self._process = subprocess.Popen(
            [PYTHON, "-m", "tests.chaos.nursery"],
            cwd=ROOT,
            env=env | {mutants.VARIABLE: mutant},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            preexec_fn=lambda: end_with_parent(signal.SIGKILL),
        )
        self.pid = int(self._answer()["pid"])

    def bear(self, part: tuple[str, ...], log: Path, **tampering: Any) -> int:
        """Return the pid of a new part; `tampering` as `tests.chaos.nursery.bear` takes it."""
        return int(self._ask({"part": part[0], "arguments": list(part[1:]), "log": str(log), **tampering})["pid"])

    def alive(self) -> set[int]:
        """Return the pids of the parts that have not ended."""
        return set(self._ask({})["alive"])

    def close(self) -> None:
        """End it and all its parts."""
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait(10)
        self._log.close()

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            assert self._process.stdin
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the nursery ended with {self._process.wait(5)}: {Path(self._log.name).read_text()[-2000:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer


class Ground:
    """Hold the servers that all scenarios of a run share, with their migrated database."""

    def __init__(self, folder: Path, sandbox: RunningSandbox, valkey: ValkeyServer, postgres: PostgresServer | None) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.valkey = valkey
        self.postgres = postgres
        self.database_url = postgres.url() if postgres else f"sqlite:///{folder / 'chaos.sqlite3'}"

    def env(self, **changes: Any) -> dict[str, str]:
        """Return the environment of the product's processes, with settings changed."""
        return environment(
            self.folder,
            database_url=self.database_url,
            redis_url=self.valkey.url,
            sandbox_url=self.sandbox.url,
            settings=SETTINGS | changes,
        )

    def wipe(self) -> None:
        """Forget what earlier scenarios left in the database: a planted fault leaves tables in which nothing holds."""
        from django.core.management import call_command

        call_command("flush", interactive=False, verbosity=0)
        for command in FIRST_DATA:
            call_command(command, verbosity=0, stdout=StringIO())

    def restart_valkey(self, *, away: float = 0.0) -> None:
        """End Valkey as kill -9 does and start it again, its file read."""
        self.valkey.kill()
        time.sleep(away)
        self.valkey.start()

    def flush_valkey(self) -> None:
        """Wipe Valkey."""
        import redis

        client = redis.Redis.from_url(self.valkey.url)
        client.flushall()
        client.close()

    def restart_postgres(self) -> None:
        """Stop PostgreSQL in immediate mode and start it again."""
        assert self.postgres
        self.postgres.crash()
        self.postgres.start(seconds=60)


class Stack:
    """Run the product's parts on a ground.

    tampering: what a part is born with, by its name; see `tests.chaos.nursery.bear`.
    """

    def __init__(
        self,
        ground: Ground,
        *,
        mutant: str = "",
        parts: Sequence[str],
        tampering: dict[str, dict[str, Any]] | None = None,
        **settings: Any,
    ) -> None:
        self.ground = ground
        self.env = ground.env(**settings)
        self._tampering = tampering or {}
        self._nursery = Nursery(self.env, ground.folder, mutant=mutant)
        self.pids: dict[str, int] = {}
        try:
            for name in parts:
                self.start(name)
        except BaseException:
            self.close()
            raise

    def start(self, name: str, part: tuple[str, ...] = ()) -> Path:
        """Bear a part anew and return its log; `part` says what it is where PARTS does not."""
        log = self.ground.folder / f"{name}.log"
        self.pids[name] = self._nursery.bear(part or PARTS[name], log, **self._tampering.get(name, {}))
        return log

    def kill(self, name: str) -> None:
        """End a part as kill -9 does."""
        self.signal(name, signal.SIGKILL)

    def replace(self, name: str) -> None:
        """End a part as kill -9 does and start it again at once."""
        self.kill(name)
        self.start(name)

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a part a signal; one that has ended by itself gets none."""
        with suppress(ProcessLookupError):
            os.kill(self.pids[name], number)

    def is_alive(self, name: str) -> bool:
        """Say whether a part has not ended."""
        return self.pids[name] in self._nursery.alive()

    def revive(self) -> list[str]:
        """Start again the parts that ended by themselves, as any supervisor would, and return their names."""
        alive = self._nursery.alive()
        gone = [name for name, pid in self.pids.items() if pid not in alive and name in PARTS]
        for name in gone:
            self.start(name)
        return gone

    def close(self) -> None:
        """End all parts."""
        self._nursery.close()


@contextmanager
def ground(database: str, folder: Path, catalogue: list[Path]) -> Iterator[Ground]:
    """Start the servers for the block and set Django up in this process against them."""
    known = [word for path in catalogue for word in ("--catalogue", str(path))]
    with running(*known, "--no-limits") as sandbox:
        socket_folder = private_folder("bookops-ck-", longest_name="valkey.sock")
        valkey = ValkeyServer(socket_folder, data=folder / "valkey")
        postgres = PostgresServer(durable=True) if database == "postgres" else None
        try:
            valkey.start()
            if postgres:
                postgres.start()
            made = Ground(folder, sandbox, valkey, postgres)
            manage(made.env(), ["migrate", "--verbosity", "0"])
            set_django_up(made.env())
            yield made
        finally:
            valkey.stop()
            shutil.rmtree(socket_folder, ignore_errors=True)
            if postgres:
                postgres.remove()
