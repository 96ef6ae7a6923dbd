"""The broker's transport: one client a channel, and still kombu's in all else."""

from __future__ import annotations

from kombu import Connection

from config import broker


def test_a_channel_keeps_its_client_until_its_pool_changes() -> None:
    broker.use()
    with Connection("redis://127.0.0.1:1/0") as connection:
        channel = broker.Channel.__new__(broker.Channel)
        channel.Client = lambda connection_pool: type("Client", (), {"connection_pool": connection_pool})()
        channel._pool = first = type("Pool", (), {"connection_kwargs": {}})()
        with channel.conn_or_acquire() as one, channel.conn_or_acquire() as other:
            assert one is other and one.connection_pool is first
        channel._pool = type("Pool", (), {"connection_kwargs": {}})()
        with channel.conn_or_acquire() as after:
            assert after is not one
        assert issubclass(connection.get_transport_cls(), broker.Transport)


def test_a_client_that_is_passed_is_used() -> None:
    channel = broker.Channel.__new__(broker.Channel)
    given = object()
    with channel.conn_or_acquire(given) as client:
        assert client is given
