"""The whole stack for a measurement: real servers, real workers, the sandbox, and what each of them used."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import psutil
from django.core.management import call_command

from bookops.stack.child import Child
from bookops.stack.sockets import free_port, private_folder
from bookops.stack.supervisor import Part
from sandbox.running import RunningSandbox, running
from tests.servers.postgres import PostgresServer
from tests.servers.product import ROOT, environment, manage, set_django_up
from tests.servers.valkey import ValkeyServer

SAMPLE_SECONDS = 0.5
#: The parts that an import of a library needs, and those of evaluations and of jobs; beat only where it is measured.
IMPORTS = ("imports", "enrichment-1", "enrichment-2", "sweeper", "web")
EVALUATIONS = ("evaluations-1", "evaluations-2", "imports", "sweeper", "web")
JOBS = ("batches", "sweeper", "web")
#: Dollars a day that no measurement spends.
UNBOUNDED = {"SPEND_PER_DAY": 1_000_000}
#: What `manage.py up` puts into an empty database.
FIRST_DATA = ("load_models", "load_reference_data")


class Stack:
    """Run the product's own processes for a measurement and tell what they used."""

    def __init__(self, folder: Path, database_url: str, redis_url: str, sandbox: RunningSandbox, settings: dict[str, str]) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = environment(folder, database_url=database_url, redis_url=redis_url, sandbox_url=sandbox.url, settings=settings)
        self.children: dict[str, Child] = {}
        self._commands: dict[str, tuple[str, ...]] = {}
        self.server_pids: dict[str, int] = {}
        #: The most memory each part was seen to hold, in bytes.
        self.peaks: dict[str, int] = {}
        self._stop_sampling = threading.Event()

    def manage(self, *arguments: str) -> str:
        """Run one of the product's commands and return what it printed."""
        return manage(self.env, arguments)

    def start(self, parts: Collection[str]) -> None:
        """Start these of the project's parts, as they are started for everybody, and wait until they work."""
        from bookops.stack.parts import project_parts

        chosen = [part for part in project_parts(host="127.0.0.1", port=self.port, flower_port=0) if part.name in parts]
        for part in chosen:
            self.spawn(part.name, *part.command, niceness=part.niceness)
        self._wait_until_up(chosen)
        threading.Thread(target=self._sample, name="memory", daemon=True).start()

    def threads(self, *workers: str) -> int:
        """Return how many things these workers do at once."""
        commands = [self._commands[worker] for worker in workers]
        return sum(int(command[command.index("-c") + 1]) for command in commands)

    def spawn(self, name: str, *command: str, niceness: int = 0) -> Child:
        """Start one part; its output goes to a log in the folder."""
        self._commands[name] = command
        self.children[name] = Child(command, log=self.folder / f"{name}.log", env=self.env, cwd=ROOT, niceness=niceness)
        return self.children[name]

    def _wait_until_up(self, parts: Sequence[Part], seconds: float = 90) -> None:
        from bookops.sweep import workers_seen

        workers = sum("worker" in part.command for part in parts)
        deadline = time.monotonic() + seconds
        while workers_seen() < workers or not all(part.answers() for part in parts if part.answers):
            for name, child in self.children.items():
                if child.exit_code is not None:
                    raise RuntimeError(f"{name} ended: {(self.folder / (name + '.log')).read_text()[-2000:]}")
            if time.monotonic() > deadline:
                raise RuntimeError("the parts did not come up")
            time.sleep(0.2)

    def _sample(self) -> None:
        while not self._stop_sampling.wait(SAMPLE_SECONDS):
            for name, used in self.memory().items():
                self.peaks[name] = max(self.peaks.get(name, 0), used)

    def memory(self) -> dict[str, int]:
        """Return the bytes that each part holds now, its children's included; what PostgreSQL's share is counted once."""
        held = {}
        for name, pid in self.pids().items():
            try:
                process = psutil.Process(pid)
                if name == "postgres":
                    held[name] = sum(one.memory_full_info().pss for one in (process, *process.children(recursive=True)))
                else:
                    held[name] = process.memory_info().rss
            except psutil.Error:
                continue
        return held

    def pids(self) -> dict[str, int]:
        """Return the parts' process ids by name, the sandbox's and the servers' too."""
        pids = {name: child.pid for name, child in self.children.items() if child.exit_code is None}
        return pids | {"sandbox": self.sandbox.pid} | self.server_pids

    def cpu_seconds(self) -> dict[str, float]:
        """Return the CPU seconds that each part has used so far, its children's included."""
        used = {}
        for name, pid in self.pids().items():
            try:
                process = psutil.Process(pid)
                family = [process, *process.children(recursive=True)]
                used[name] = sum(sum(one.cpu_times()[:4]) if one is process else sum(one.cpu_times()[:2]) for one in family)
            except psutil.Error:
                continue
        return used

    def stop(self) -> None:
        """Stop every part."""
        self._stop_sampling.set()
        for child in self.children.values():
            child.ask_to_stop()
        for child in self.children.values():
            child.stop(grace=3)


@contextmanager
def measured(
    database: str,
    *,
    settings: dict[str, Any],
    catalogue: Sequence[Path] = (),
    sandbox_arguments: tuple[str, ...] = (),
    parts: Collection[str] = IMPORTS,
) -> Iterator[Stack]:
    """Run a stack on "postgres" or "sqlite" for the block, with Django set up in this process against it."""
    known = [word for path in catalogue for word in ("--catalogue", str(path))]
    with tempfile.TemporaryDirectory(prefix="bookops-bench-") as name, running(*known, *sandbox_arguments) as sandbox:
        folder = Path(name)
        socket_folder = private_folder("bookops-vk-", longest_name="valkey.sock")
        valkey = ValkeyServer(socket_folder, data=folder / "valkey")
        valkey.start()
        postgres = PostgresServer(durable=True) if database == "postgres" else None
        if postgres:
            postgres.start()
        stack = Stack(
            folder,
            postgres.url() if postgres else f"sqlite:///{folder / 'bench.sqlite3'}",
            valkey.url,
            sandbox,
            {key: str(value) for key, value in settings.items()},
        )
        stack.server_pids = {"valkey": valkey.pid} | ({"postgres": postgres.pid} if postgres else {})
        try:
            stack.manage("migrate", "--verbosity", "0")
            # Many uploads at once are followed from threads of this process, each with a connection of its own.
            set_django_up({**stack.env, "DATABASE_POOL": "60"})
            for command in FIRST_DATA:
                call_command(command, verbosity=0, stdout=StringIO())
            stack.start(parts)
            yield stack
        finally:
            stack.stop()
            valkey.stop()
            shutil.rmtree(socket_folder, ignore_errors=True)
            if postgres:
                postgres.remove()
