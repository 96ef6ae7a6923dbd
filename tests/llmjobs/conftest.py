"""What every test of jobs starts from."""

from __future__ import annotations

import pytest

from llmjobs.pace import pace_of


@pytest.fixture(autouse=True)
def fresh_paces() -> None:
    """Forget which providers had throttled this process."""
    pace_of.cache_clear()
