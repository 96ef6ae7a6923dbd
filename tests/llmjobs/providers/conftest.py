"""A server that says whatever a test wants."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bookops.outbound.rude_server import RudeServer, running


@pytest.fixture
def server() -> Iterator[RudeServer]:
    with running(RudeServer()) as rude:
        yield rude
