"""The whole stack for a measurement: real servers, real workers, the sandbox, and what each of them used."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from bookops.stack.child import Child
from bookops.stack.sockets import free_port, private_folder
from sandbox.running import RunningSandbox, running
from tests.servers.postgres import PostgresServer
from tests.servers.product import PYTHON, ROOT, environment, manage, set_django_up
from tests.servers.valkey import ValkeyServer

SAMPLE_SECONDS = 0.5


class Stack:
    """Run the product's own processes for a measurement and tell what they used."""

    def __init__(self, folder: Path, database_url: str, redis_url: str, sandbox: RunningSandbox, settings: dict[str, str]) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = environment(folder, database_url=database_url, redis_url=redis_url, sandbox_url=sandbox.url, settings=settings)
        self.children: dict[str, Child] = {}
        self.server_pids: dict[str, int] = {}
        #: The most memory each part was seen to hold, in bytes.
        self.peaks: dict[str, int] = {}
        self._stop_sampling = threading.Event()

    def manage(self, *arguments: str) -> str:
        """Run one of the product's commands and return what it printed."""
        return manage(self.env, arguments)

    def start(self, *, web: bool = True, sweeper: bool = True) -> None:
        """Start the parts and wait until they work."""
        from django.conf import settings

        self._worker("enrichment-1", "enrichment", settings.BOOK_THREADS)
        self._worker("enrichment-2", "enrichment", settings.BOOK_THREADS)
        self._worker("imports", "imports,default,notices", 4)
        if sweeper:
            self.spawn("sweeper", PYTHON, str(ROOT / "manage.py"), "sweep", "--loop")
        if web:
            self.spawn(
                "web",
                *(PYTHON, "-m", "uvicorn", "config.asgi:application", "--port", str(self.port)),
                "--no-access-log",
                "--lifespan",
                "off",
            )
        self._wait_for_workers(3)
        threading.Thread(target=self._sample, name="memory", daemon=True).start()

    def spawn(self, name: str, *command: str) -> Child:
        """Start one part; its output goes to a log in the folder."""
        self.children[name] = Child(command, log=self.folder / f"{name}.log", env=self.env, cwd=ROOT)
        return self.children[name]

    def _worker(self, name: str, queues: str, threads: int) -> None:
        celery = (PYTHON, "-m", "celery", "-A", "config", "worker", "-Q", queues, "-n", f"{name}@%h", "-P", "threads", "-c", str(threads))
        self.spawn(name, *celery, "--without-gossip", "--without-mingle")

    def _wait_for_workers(self, count: int, seconds: float = 90) -> None:
        from bookops.sweep import workers_seen

        deadline = time.monotonic() + seconds
        while workers_seen() < count:
            for name, child in self.children.items():
                if child.exit_code is not None:
                    raise RuntimeError(f"{name} ended: {(self.folder / (name + '.log')).read_text()[-2000:]}")
            if time.monotonic() > deadline:
                raise RuntimeError("the workers did not come up")
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
    database: str, *, catalogue: list[Path], settings: dict[str, Any], sandbox_arguments: tuple[str, ...] = (), **start: Any
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
            stack.start(**start)
            yield stack
        finally:
            stack.stop()
            valkey.stop()
            shutil.rmtree(socket_folder, ignore_errors=True)
            if postgres:
                postgres.remove()
