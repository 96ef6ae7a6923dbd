"""Servers for the tests of the outbound door: one that is rude, and a real Redis."""

from __future__ import annotations

import shutil
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from redis import Redis

from tests.bookops.outbound.rude_server import RudeServer, running
from tests.servers.certificates import write_certificate
from tests.servers.valkey import ValkeyServer


@pytest.fixture
def server() -> Iterator[RudeServer]:
    with running(RudeServer()) as rude:
        yield rude


@pytest.fixture
def redis(valkey: ValkeyServer | None) -> Iterator[Redis[Any]]:
    """The run's own server, with an empty database that nobody else uses."""
    client: Redis[Any] = Redis.from_url(settings.REDIS_URL, db=9, max_connections=500)
    client.flushdb()
    yield client
    client.close()


@pytest.fixture
def mortal_redis() -> Iterator[ValkeyServer]:
    """A server that the test may kill."""
    folder = Path(tempfile.mkdtemp(prefix="q"))  # short: a socket's path has 107 characters
    server = ValkeyServer(folder)
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def certificate() -> Iterator[Path]:
    """A self-signed certificate for localhost and a name that users could give, with its key in the same file."""
    folder = Path(tempfile.mkdtemp(prefix="c"))
    yield write_certificate(folder / "certificate.pem", "localhost", "hooks.example.com")
    shutil.rmtree(folder)


@pytest.fixture
def ca_file(certificate: Path) -> str:
    return str(certificate)


@pytest.fixture
def tls_server(certificate: Path) -> Iterator[RudeServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with running(RudeServer(tls=context)) as rude:
        yield rude
