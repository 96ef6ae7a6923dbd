"""What the tests of the library pipeline share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes import FakeSources, fake_sources


@pytest.fixture
def sources() -> Iterator[FakeSources]:
    """Stand in for Open Library and Google Books."""
    with fake_sources() as fakes:
        yield fakes
