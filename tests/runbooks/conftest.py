"""What the tests of evaluations share: one sandbox, and settings that lead to it."""

from __future__ import annotations

from typing import Any

import pytest

from bookops.doors import shared_redis
from bookops.language_models import load_models
from runbooks.reference_loading import load_reference_data
from sandbox.running import RunningSandbox
from tests.runbooks.fake_steps import FakeSteps, saves_nothing


@pytest.fixture
def sandbox(sandbox_process: RunningSandbox, settings: Any, transactional_db: None) -> RunningSandbox:
    """Have the sandbox answer for every third party, without limits that are left over; language models have their prices."""
    sandbox_process.reset()
    shared_redis().flushdb()
    url = sandbox_process.url
    settings.EBAY_URL, settings.ABEBOOKS_URL, settings.ANTHROPIC_URL = f"{url}/ebay", f"{url}/abebooks", f"{url}/anthropic"
    settings.ABEBOOKS_PER_SECOND = 1000
    settings.RETRY_BASE_SECONDS = 0
    load_models()
    load_reference_data()
    return sandbox_process


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch, transactional_db: None, settings: Any) -> FakeSteps:
    """Put steps that ask nobody in the place of the real ones."""
    settings.RETRY_BASE_SECONDS = 0
    fakes = FakeSteps(monkeypatch)
    fakes.put("assemble", saves_nothing)
    return fakes
