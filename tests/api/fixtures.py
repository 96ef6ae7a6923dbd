"""An owner with a client, and throttles that begin anew in each test; a folder's conftest.py imports what it wants."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from bookops.api.throttles import local_counts
from bookops.redis_link import RedisAway, redis_link
from tests.api.clients import client_of, make_user


@pytest.fixture(autouse=True)
def fresh_throttles() -> None:
    """Forget who asked how often."""
    redis_link.forget()
    local_counts._windows.clear()
    try:
        redis_link.run(lambda client: client.flushdb())
    except RedisAway:
        redis_link.forget()


@pytest.fixture
def owner(db: Any) -> Any:
    """A user."""
    return make_user()


@pytest.fixture
def api(owner: Any) -> Client:
    """A client of the owner's."""
    return client_of(owner)
