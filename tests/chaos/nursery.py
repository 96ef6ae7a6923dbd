"""A process that has imported the product once and forks a ready worker, beat or sweeper from itself on demand.

Starting Python with all of the product costs more CPU than a short import. So that a kill costs the time of a fork instead, the
parts under test are children of this process, forked before any thread or connection exists, each with a session of its own. What
is killed is always such a child; the nursery itself is never the thing tested, and it does nothing but fork and reap.

It reads one JSON object a line from its standard input, the arguments of `bear`, and answers with a pid; at the end of its input it
kills what is left and ends.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from bookops.stack.child import end_with_parent
from tests.chaos import mutants
from tests.chaos.bells import tamper


def celery(*arguments: str) -> None:
    """Run a worker or beat as `celery -A config` does."""
    from config.celery import app

    sys.argv = ["celery", *arguments]
    app.start(argv=list(arguments))


def sweeper() -> None:
    """Run a sweeper as `manage.py sweep --loop` does."""
    from django.core.management import call_command

    call_command("sweep", loop=True)


def web(where: str) -> None:
    """Run the web server on a socket, or on a port of this machine."""
    import uvicorn

    listens: dict[str, Any] = {"port": int(where)} if where.isdigit() else {"uds": where}
    uvicorn.run("config.asgi:application", **listens, lifespan="off", access_log=False, log_level="warning")


def slow_upload(path: str, owner: str, seconds: str) -> None:
    """Upload a library from within a transaction that goes on for a while, and say its id."""
    import time
    from io import BytesIO
    from pathlib import Path

    from django.db import transaction

    from enrichment.imports import start_import
    from tests.chaos.people import owner_named

    with transaction.atomic():
        library_import = start_import(owner=owner_named(owner), file=BytesIO(Path(path).read_bytes()), filename="library.csv")
        time.sleep(float(seconds))
    print(library_import.pk, flush=True)


#: Seconds between two steps of a clock that runs too fast.
TICK = 0.1
PARTS: dict[str, Callable[..., None]] = {"celery": celery, "sweeper": sweeper, "web": web, "slow upload": slow_upload}


def poison(title: str) -> None:
    """From now on let an attempt at a row with this title kill its process."""
    from enrichment import enriching

    attempt = enriching.attempt

    def poisoned(held: Any) -> Any:
        if held.row.title == title:
            os.kill(os.getpid(), signal.SIGKILL)
        return attempt(held)

    enriching.attempt = poisoned


def poison_step(step: str, url: str) -> None:
    """From now on let an attempt at this step of this listing kill its process."""
    from runbooks import working

    attempt = working._attempt

    def poisoned(plan: Any, work: Any) -> Any:
        if plan.name == step and work.execution.url == url:
            os.kill(os.getpid(), signal.SIGKILL)
        return attempt(plan, work)

    working._attempt = poisoned


#: What a part imports as it starts, or with its first piece of work.
READY = (
    "celery.apps.beat",
    "celery.apps.worker",
    "celery.bin.celery",
    "celery.concurrency.thread",
    "celery.worker.consumer",
    "config.asgi",
    "django_celery_beat.schedulers",
    "enrichment.dashboard",
    "enrichment.doors",
    "enrichment.gathering",
    "kombu.transport.redis",
    "llmjobs.polling",
    "llmjobs.providers.anthropic_batch",
    "llmjobs.providers.openai_responses",
    "openai",
    "psycopg_pool",
    "runbooks.doors",
    "runbooks.images.decoding",
    "time_machine",
    "uvicorn",
)


def prepare() -> None:
    """Import whatever a part needs, so that its fork does not have to."""
    import django

    django.setup()
    for name in READY:
        importlib.import_module(name)

    from config.celery import app

    app.loader.import_default_modules()
    app.finalize()
    gc.collect()
    gc.freeze()  # so that collections in the children do not copy what all share


def set_clock(ahead: float = 0.0, speed: float = 1.0) -> None:
    """From now on let this process's wall clock be wrong by so many seconds, or run so many times too fast; waits stay right."""
    import threading
    import time
    from datetime import UTC, datetime, timedelta

    import time_machine

    clock = time_machine.travel(datetime.now(UTC) + timedelta(seconds=ahead), tick=True).start()

    def hurry() -> None:
        while True:
            time.sleep(TICK)
            clock.shift(TICK * (speed - 1))

    if speed != 1:
        threading.Thread(target=hurry, name="hurry", daemon=True).start()


TAMPERING: dict[str, Callable[..., None]] = {"bells": tamper, "poison": poison, "poisoned step": poison_step, "clock": set_clock}


def bear(part: str, arguments: list[str], log: str, **tampering: dict[str, Any]) -> int:
    """Fork a child that runs a part, and return its pid. `tampering`: functions of TAMPERING with their arguments."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        end_with_parent(signal.SIGKILL)
        os.setsid()
        _redirect(log)
        for name, how in tampering.items():
            TAMPERING[name](**how)
        PARTS[part](*arguments)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        # Threads that a part leaves behind do not hold its end up.
        sys.stderr.flush()
        os._exit(code)


def _redirect(log: str) -> None:
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, nothing), (1, output), (2, output)):
        os.dup2(source, target)


def reap(children: set[int]) -> None:
    """Forget the children that have ended."""
    while children:
        pid, _ = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        children.discard(pid)


def main() -> None:
    """Serve requests until the input ends."""
    mutants.plant(os.environ.pop(mutants.VARIABLE, ""))
    prepare()
    children: set[int] = set()
    _say(pid=os.getpid())
    for line in sys.stdin:
        reap(children)
        request = json.loads(line)
        if request:
            pid = bear(**request)
            children.add(pid)
            _say(pid=pid)
        else:
            _say(alive=sorted(children))
    for pid in children:
        os.kill(pid, signal.SIGKILL)


def _say(**answer: Any) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
