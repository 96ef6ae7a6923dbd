"""The parts of the stack: which processes make up the project on one machine, and how each is started.

They are named by their command lines, as an operator would: nothing of the other apps is imported here.
"""

from __future__ import annotations

import sys
from pathlib import Path

from django.conf import settings

from bookops.stack.sockets import answers
from bookops.stack.supervisor import Part
from bookops.stack.valkey import Valkey

PYTHON = sys.executable
#: What is not bulk: never waits behind a library of 100,000 rows.
SHORT_QUEUES = "imports,default,notices"
EVALUATION_QUEUES = "runbooks,images"
#: What nobody waits for at a screen.
BATCH_QUEUES = "llm,bulk"


def manage(*arguments: str) -> list[str]:
    """Return the command line of one of the project's own commands."""
    return [PYTHON, str(settings.BASE_DIR / "manage.py"), *arguments]


def valkey_part(server: Valkey) -> Part:
    """Return the embedded broker; a crash leaves its append-only file, so a restart loses at most a second."""
    return Part(
        "valkey",
        server.command(),
        remedy=f"If its append-only file is damaged, move {server.data} away and start again; rows are kept in the database.",
        answers=server.answers,
        needed_by_others=True,
    )


def sandbox_part(port: int, catalogues: list[Path]) -> Part:
    """Return the stand-in for all third parties, which also knows the books of `catalogues`."""
    known = [word for path in catalogues for word in ("--catalogue", str(path))]
    return Part(
        "sandbox",
        [PYTHON, "-m", "sandbox", "--port", str(port), *known],
        remedy="Is CATALOGUE an export (CSV) or a dashboard (JSON)?",
        answers=lambda: answers(port),
        needed_by_others=True,
    )


def worker_part(name: str, queues: str, concurrency: int) -> Part:
    """Return a Celery worker with threads: its work is waiting for others."""
    return Part(
        name,
        [
            *(PYTHON, "-m", "celery", "-A", "config", "worker"),
            *("-Q", queues, "-n", f"{name}@%h"),
            *("-P", "threads", "-c", str(concurrency)),
            # Without them a worker is ready a second earlier; nothing here uses either.
            *("--without-gossip", "--without-mingle"),
        ],
        remedy="Is the broker reachable (REDIS_URL)?",
        niceness=settings.WORKER_NICENESS,
    )


def web_part(host: str, port: int) -> Part:
    """Return the web server."""
    return Part(
        "web",
        [
            *(PYTHON, "-m", "uvicorn", "config.asgi:application"),
            *("--host", host, "--port", str(port)),
            *("--lifespan", "off", "--no-access-log", "--no-server-header", "--timeout-graceful-shutdown", "3"),
            # Which proxies to believe is TRUSTED_PROXIES, decided in one place.
            "--no-proxy-headers",
        ],
        remedy="Is the port free (PORT=8001)?",
        answers=lambda: answers(port, host),
    )


def beat_part() -> Part:
    """Return the clock that rings what is due every few seconds."""
    return Part("beat", [PYTHON, "-m", "celery", "-A", "config", "beat"], remedy="Is the broker reachable (REDIS_URL)?")


def sweeper_part() -> Part:
    """Return the sweeper that works without a broker, beside the one that beat rings."""
    return Part("sweeper", manage("sweep", "--loop"), remedy="Is the database reachable (DATABASE_URL)?")


def flower_part(port: int) -> Part:
    """Return Flower on loopback; who may look is in FLOWER_BASIC_AUTH, out of sight of `ps`."""
    return Part(
        "flower",
        [PYTHON, "-m", "celery", "-A", "config", "flower", "--address=127.0.0.1", f"--port={port}"],
        remedy="Is the broker reachable (REDIS_URL)?",
    )


def project_parts(*, host: str, port: int, flower_port: int) -> list[Part]:
    """Return all that needs the database and the broker, what the main job needs first."""
    return [
        worker_part("imports", SHORT_QUEUES, 8),
        worker_part("enrichment-1", "enrichment", settings.BOOK_THREADS),
        worker_part("enrichment-2", "enrichment", settings.BOOK_THREADS),
        # Two: what an evaluation takes of the processor is Python of ours, of which a process runs one thread at a time.
        worker_part("evaluations-1", EVALUATION_QUEUES, 16),
        worker_part("evaluations-2", EVALUATION_QUEUES, 16),
        worker_part("batches", BATCH_QUEUES, 16),
        web_part(host, port),
        sweeper_part(),
        beat_part(),
        flower_part(flower_port),
    ]


def main_jobs(library: Path | None, owner: str) -> list[list[str]]:
    """Return the commands that import a library; or, without one, that show each flow: the sample, and of the sandbox's inventions two more."""
    jobs = [manage("import_library", str(library or settings.SAMPLE_LIBRARY), "--owner", owner, "--wait")]
    if library is None and settings.SOURCES == "sandbox":
        jobs += [
            manage("fetch_rates"),
            manage("run_runbook", settings.SAMPLE_LISTING, "--owner", owner, "--wait"),
            manage("submit_llm_job", "flag", "--owner", owner, "--wait"),
        ]
    return jobs
