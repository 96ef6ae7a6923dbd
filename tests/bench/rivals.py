"""What others need for the same fan-out: a plain Celery chord, and an asyncio loop with 15 books at a time as seed 001 had it.

Neither stores a row, survives a crash or matches what comes back: they show what the calls alone cost.
"""

from __future__ import annotations

import asyncio
import csv
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests
from celery import Celery, chord

from bookops.stack.child import Child
from bookops.stack.sockets import private_folder
from config.redis_urls import celery_url
from sandbox.running import running
from tests.bench import libraries
from tests.bench.fan_out import CONCURRENCY, LATENCY, SIZES, bound
from tests.bench.figures import Report
from tests.servers.product import KEPT, ROOT
from tests.servers.valkey import ValkeyServer

LOOP_AT_ONCE = 15
#: The loop takes 15 rows at a time: 3,500 would be seven minutes that tell nothing more.
LOOP_SIZES = [150, 565, 1000]
URL, BROKER = "BENCH_SANDBOX_URL", "BENCH_BROKER_URL"
AGENT = "bookops-bench/0.1 (bench@sandbox.example)"

# Not the current app: a process that only imports this goes on with its own.
app = Celery("rivals", broker=os.environ.get(BROKER, "memory://"), backend=os.environ.get(BROKER, "cache+memory://"), set_as_current=False)
app.conf.worker_prefetch_multiplier = 1
_thread = threading.local()


def ask_both(isbn: str) -> dict[str, Any]:
    """Ask both sources for a book, one after the other, over this thread's connections."""
    session = getattr(_thread, "session", None)
    if session is None:
        session = _thread.session = requests.Session()
        session.trust_env = False
        session.headers["User-Agent"] = AGENT
    base = os.environ[URL]
    first = session.get(f"{base}/openlibrary/api/books.json", params={"bibkeys": f"ISBN:{isbn}", "jscmd": "data"}, timeout=30)
    second = session.get(
        f"{base}/googlebooks/books/v1/volumes", params={"q": f"isbn:{isbn}", "key": "bench", "country": "US", "maxResults": "5"}, timeout=30
    )
    return {"isbn": isbn, "open_library": first.json(), "google_books": second.json()}


@app.task
def enrich(isbn: str) -> dict[str, Any]:
    """Be one member of the chord."""
    return ask_both(isbn)


@app.task
def collect(answers: list[dict[str, Any]], path: str) -> int:
    """Be the chord's body: write what came back."""
    Path(path).write_text(json.dumps(answers))
    return len(answers)


def by_chord(isbns: list[str], path: Path) -> int:
    """Enrich by one chord and return how many books came back."""
    done: int = chord(enrich.s(isbn) for isbn in isbns)(collect.s(str(path))).get(timeout=600)
    return done


def by_loop(isbns: list[str], path: Path) -> int:
    """Enrich by an asyncio loop, 15 at a time, and return how many books came back."""
    answers = asyncio.run(_loop(isbns))
    path.write_text(json.dumps(answers))
    return len(answers)


async def _loop(isbns: list[str]) -> list[dict[str, Any]]:
    turn = asyncio.Semaphore(LOOP_AT_ONCE)
    with ThreadPoolExecutor(LOOP_AT_ONCE) as pool:

        async def one(isbn: str) -> dict[str, Any]:
            async with turn:
                return await asyncio.get_running_loop().run_in_executor(pool, ask_both, isbn)

        return list(await asyncio.gather(*map(one, isbns)))


def measure(*, short: bool) -> Report:
    """Let both rivals enrich the libraries of the fan-out."""
    sizes, loop_sizes, latency = ([40], [40], 0.1) if short else (SIZES, LOOP_SIZES, LATENCY)
    report = Report(f"Rivals: the same two {latency} s calls a book")
    report.notes.append(
        f"A plain Celery chord (two workers of {CONCURRENCY // 2} threads, Valkey as broker and result backend) and an asyncio loop with "
        f"{LOOP_AT_ONCE} books at a time (its calls made in threads: no asynchronous HTTP client is among our packages). From reading the "
        f"file to a JSON file of the raw answers. The remark holds them against ceil(N / {CONCURRENCY}) × {2 * latency:.1f} s."
    )
    with TemporaryDirectory() as name:
        folder = Path(name)
        everything = libraries.write(folder / "all.csv", libraries.books(max(sizes)))
        with running("--catalogue", everything, "--no-limits") as sandbox, _workers(folder, sandbox.url):
            sandbox.settings(latency=latency)
            for rival, run, rows_of in (("Celery chord", by_chord, sizes), ("asyncio loop", by_loop, loop_sizes)):
                run([libraries.isbn13(number) for number in range(40)], folder / "warm-up.json")
                for rows in rows_of:
                    path = libraries.write(folder / f"{rows}.csv", libraries.books(rows))
                    sandbox.clear_log()
                    seconds = _timed(run, path)
                    log = sandbox.log()
                    told = f"{seconds / bound(rows, latency):.2f} × the calls' own time; {log['calls']} calls, {log['peak_concurrency']} at once"
                    report.add(f"{rival}, {rows} rows", seconds, "s", remark=told)
    return report


def _timed(run: Callable[[list[str], Path], int], path: Path) -> float:
    start = time.monotonic()
    with path.open(encoding="utf-8", newline="") as file:
        isbns = [row["ISBN13"].strip('="') for row in csv.DictReader(file)]
    if run(isbns, path.with_suffix(".json")) != len(isbns):
        raise RuntimeError("not every book came back")
    return time.monotonic() - start


@contextmanager
def _workers(folder: Path, sandbox_url: str) -> Iterator[None]:
    """Run a Valkey and two workers of the plain chord, and make this process their client."""
    socket_folder = private_folder("bookops-vk-", longest_name="valkey.sock")
    valkey = ValkeyServer(socket_folder)
    valkey.start()
    os.environ |= {URL: sandbox_url, BROKER: celery_url(valkey.url, 0)}
    app.conf.update(broker_url=os.environ[BROKER], result_backend=os.environ[BROKER])
    env = {name: os.environ[name] for name in (*KEPT, URL, BROKER) if name in os.environ} | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "celery", "-A", "tests.bench.rivals", "worker", "-P", "threads", "-c", str(CONCURRENCY // 2)]
    workers = [
        Child(
            [*command, "-n", f"rival-{number}@%h", "--without-gossip", "--without-mingle"], log=folder / f"{number}.log", env=env, cwd=ROOT
        )
        for number in (1, 2)
    ]
    try:
        _wait_until_up(workers, folder)
        yield
    finally:
        for worker in workers:
            worker.stop(3)
        valkey.stop()
        shutil.rmtree(socket_folder, ignore_errors=True)


def _wait_until_up(workers: list[Child], folder: Path, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while len(app.control.ping(timeout=0.5) or ()) < len(workers):
        if time.monotonic() > deadline or any(worker.exit_code is not None for worker in workers):
            raise RuntimeError(f"the rivals' workers did not come up: {(folder / '1.log').read_text()[-1500:]}")
