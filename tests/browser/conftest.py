"""A desk to drive in a browser: a live server, a sandbox for the sources, and one worker in a thread that can be held back."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from bookops.dispatch import Here, rung_here
from bookops.sweep import sweep_once
from bookops.tally import note_call
from enrichment.asking import standing_in
from enrichment.deciding import GOOGLE_BOOKS, OPEN_LIBRARY
from enrichment.doors import open_google_books, open_open_library
from sandbox.running import RunningSandbox, running
from tests.factories import make_owner

PASSWORD = "a word for tests"


@pytest.fixture(scope="session", autouse=True)
def database_beside_the_browser() -> Iterator[None]:
    """Let tests use the database in a thread that also runs the event loop of the browser's driver."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[RunningSandbox]:
    with running("--no-limits") as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(sandbox_process: RunningSandbox, settings: Any) -> Iterator[RunningSandbox]:
    """Have the sources asked in a sandbox, without the pace that real ones want."""
    sandbox_process.reset()
    settings.OPEN_LIBRARY_URL, settings.GOOGLE_BOOKS_URL = sandbox_process.open_library_url, sandbox_process.google_books_url
    settings.SOURCE_QUOTAS = False
    with standing_in({OPEN_LIBRARY: open_open_library(note_call), GOOGLE_BOOKS: open_google_books(note_call)}):
        yield sandbox_process


class Worker:
    """Do what is rung, in a thread of this process, once it is let go."""

    def __init__(self, here: Here) -> None:
        self._here = here
        self._goes = threading.Event()
        self._stops = threading.Event()
        self._thread = threading.Thread(target=self._work, name="worker")
        self._thread.start()

    def go(self) -> None:
        self._goes.set()

    def stop(self) -> None:
        self._stops.set()
        self._goes.set()
        self._thread.join()

    def _work(self) -> None:
        self._goes.wait()
        while not self._stops.wait(0.05):
            self._here.work(threads=4)
            sweep_once()
        connection.close()


@pytest.fixture
def worker(live_server: Any, sandbox: RunningSandbox) -> Iterator[Worker]:
    with rung_here() as here:
        worker = Worker(here)
        yield worker
        worker.stop()


@pytest.fixture
def boss(live_server: Any) -> User:
    return make_owner("boss", is_staff=True, is_superuser=True, password=PASSWORD)


@pytest.fixture
def log_in(live_server: Any, boss: User) -> Callable[[Any], None]:
    """Return a function that logs the boss in on a page and ends at the home page."""

    def log_in(page: Any) -> None:
        # Not at the login page itself: without ?next= it would lead elsewhere.
        page.goto(f"{live_server.url}/admin/")
        page.fill("[name=username]", boss.username)
        page.fill("[name=password]", PASSWORD)
        page.click("[type=submit]")
        page.wait_for_url(f"{live_server.url}/admin/")

    return log_in
