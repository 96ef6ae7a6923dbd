"""How the tests of the sandbox ask it, as the third parties would be asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from sandbox.running import RunningSandbox

AGENT = "sandbox-tests/1.0 (+https://example.org; tests@example.org)"

Ask = Callable[..., requests.Response]


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
