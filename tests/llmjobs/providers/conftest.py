"""One sandbox for all tests of this folder, put back to its start before each, and a server that says whatever a test wants."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.running import RunningSandbox
from sandbox.running import running as running_sandbox
from tests.bookops.outbound.rude_server import RudeServer, running


@pytest.fixture(scope="package")
def process() -> Iterator[RunningSandbox]:
    with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(process: RunningSandbox) -> RunningSandbox:
    process.reset()
    return process


@pytest.fixture
def server() -> Iterator[RudeServer]:
    with running(RudeServer()) as rude:
        yield rude
