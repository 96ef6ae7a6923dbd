"""TLS to database, broker, cache and storage, by the settings alone: each client believes the authority that is named, and no other."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from celery import Celery
from channels.layers import ChannelLayerManager
from django.core.cache import CacheHandler
from django.core.files.storage.handler import StorageHandler
from django.db import connection
from django.db.utils import ConnectionHandler

from bookops.doors import shared_redis
from tests.bookops.outbound.rude_server import RudeServer, answer, running
from tests.servers.certificates import write_certificate
from tests.servers.tls_front import TLSFront, tls_front
from tests.servers.valkey import ValkeyServer
from tests.test_settings import load, logging_as_it_was  # noqa: F401 - a fixture: loading settings configures logging


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return write_certificate(tmp_path / "ours.pem", "localhost")


@pytest.fixture(params=["the authority that is named", "another authority"])
def authority(request: pytest.FixtureRequest, certificate: Path, tmp_path: Path) -> tuple[Path, bool]:
    """Return a file to name as the authority, and whether it is the server's."""
    is_theirs = request.param == "the authority that is named"
    return (certificate, True) if is_theirs else (write_certificate(tmp_path / "other.pem", "localhost"), False)


def is_believed(ask: Callable[[], Any]) -> bool:
    """Say whether a client asked and got its answer; False where the certificate did not convince it."""
    try:
        ask()
    except Exception as error:  # each client has its own
        reasons = str([error, error.__cause__, error.__context__])
        assert "certificate verify failed" in reasons.lower(), reasons
        return False
    return True


def ask_quotas(configured: dict[str, Any]) -> None:
    client = shared_redis.__wrapped__()
    assert client.ping()


def ask_cache(configured: dict[str, Any]) -> None:
    cache = CacheHandler(configured["CACHES"])["default"]
    cache.set("tls", 1)
    assert cache.get("tls") == 1


def ask_channel_layer(configured: dict[str, Any]) -> None:
    layer = ChannelLayerManager()["default"]

    async def send_and_receive() -> Any:
        await layer.send("tls", {"type": "said"})
        return await layer.receive("tls")

    assert async_to_sync(send_and_receive)() == {"type": "said"}


def ask_broker(configured: dict[str, Any]) -> None:
    app = Celery("tls", set_as_current=False)
    app.config_from_object(configured, namespace="CELERY")
    with app.connection_for_write() as broker:
        broker.ensure_connection(max_retries=0, timeout=2)
        broker.default_channel.client.ping()


def ask_results(configured: dict[str, Any]) -> None:
    app = Celery("tls", set_as_current=False)
    app.config_from_object(configured, namespace="CELERY")
    assert app.backend.client.ping()


@pytest.fixture
def front(valkey: ValkeyServer | None, certificate: Path) -> Iterator[TLSFront]:
    if valkey is None:
        pytest.skip("TEST_REDIS_URL names another server")
    with tls_front(certificate, valkey.server.socket) as front:
        yield front


@pytest.mark.parametrize("ask", [ask_quotas, ask_cache, ask_channel_layer, ask_broker, ask_results])
def test_redis_is_believed_by_its_authority_alone(
    ask: Callable[[dict[str, Any]], None], front: TLSFront, authority: tuple[Path, bool], settings: Any
) -> None:
    ca, is_theirs = authority
    configured = load(REDIS_URL=f"rediss://localhost:{front.port}/0", REDIS_CA=str(ca), REDIS_PREFIX="tls:")
    for name in ("QUOTA_REDIS_URL", "REDIS_TLS", "USES_REDIS_TLS", "CHANNEL_LAYERS"):
        setattr(settings, name, configured[name])
    assert is_believed(lambda: ask(configured)) == is_theirs
    assert bool(front.greeted) == is_theirs


@pytest.mark.postgres
@pytest.mark.django_db
def test_postgresql_is_believed_by_its_authority_alone(certificate: Path, authority: tuple[Path, bool]) -> None:
    ca, is_theirs = authority
    server = connection.get_connection_params()
    socket = Path(server["host"], ".s.PGSQL.5432")
    if not socket.exists():
        pytest.skip("TEST_DATABASE_URL names no unix socket")
    with tls_front(certificate, socket, asks_first=True) as front:
        url = f"postgresql://{server['user']}@localhost:{front.port}/{server['dbname']}"
        configured = load(DATABASE_URL=url, DATABASE_SSLMODE="verify-full", DATABASE_CA=str(ca))["DATABASES"]
        configured["default"]["OPTIONS"]["pool"] = False  # it would try again for 20 s
        client = ConnectionHandler(configured)["default"]
        assert is_believed(client.ensure_connection) == is_theirs
        client.close()
    assert bool(front.greeted) == is_theirs


def test_the_storage_is_believed_by_its_authority_alone(certificate: Path, authority: tuple[Path, bool]) -> None:
    ca, is_theirs = authority
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with running(RudeServer(default=answer(404, b""), tls=context)) as server:
        bucket = {"STORAGE_BUCKET": "books", "STORAGE_REGION": "us-east-1", "STORAGE_KEY": "key", "STORAGE_SECRET": "secret"}
        configured = load(STORAGE_URL=f"https://localhost:{server.port}", STORAGE_CA=str(ca), **bucket)
        store = StorageHandler(configured["STORAGES"])["default"]
        assert is_believed(lambda: store.exists("data/0f8b.json")) == is_theirs
    assert bool(server.asked) == is_theirs
