"""One sandbox process for all tests of this folder, put back to its start before each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from sandbox.running import RunningSandbox, running

AGENT = "sandbox-tests/1.0 (+https://example.org; tests@example.org)"

Ask = Callable[..., requests.Response]


@pytest.fixture(scope="session")
def process() -> Iterator[RunningSandbox]:
    with running() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(process: RunningSandbox) -> RunningSandbox:
    process.reset()
    return process


@pytest.fixture
def ask_open_library(sandbox: RunningSandbox) -> Ask:
    """Return a function that asks Open Library for a path with parameters, identified unless another agent is named."""

    def ask(path: str, *, agent: str = AGENT, **options: Any) -> requests.Response:
        parameters = options.pop("parameters", None)
        address = sandbox.open_library_url + path
        return requests.get(address, params=parameters, headers={"User-Agent": agent}, timeout=options.pop("timeout", 10), **options)

    return ask


@pytest.fixture
def ask_google_books(sandbox: RunningSandbox) -> Ask:
    """Return a function that asks Google Books for a path with parameters and a key."""

    def ask(path: str = "/volumes", *, key: str = "a-key", **parameters: Any) -> requests.Response:
        return requests.get(sandbox.google_books_url + path, params={"key": key, **parameters}, timeout=10)

    return ask
