"""The network, closed: a test reaches this machine and nothing else, and nobody outside from within a transaction."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from bookops.outbound.wire import Connection

LOCAL_NAMES = {"localhost", "testserver", ""}


def is_this_machine(host: object) -> bool:
    """Say whether a host name or address is loopback."""
    name = host.decode() if isinstance(host, bytes) else str(host or "")
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return name.lower() in LOCAL_NAMES


def refuse(host: object) -> None:
    """Fail the test that asked for another machine, in a way that no `except Exception` of the product hides."""
    pytest.fail(f"a test reached for {host!r}: the network is closed; use the sandbox or a fake", pytrace=True)


def refuse_transaction() -> None:
    """Fail the test whose thread would wait for somebody outside with a transaction open; a test's own does not count."""
    if any(not block._from_testcase for block in connection.atomic_blocks):
        pytest.fail("a third party was asked in a transaction: no connection may be held meanwhile", pytrace=True)


@contextmanager
def closed() -> Iterator[None]:
    """Let sockets connect to loopback and unix sockets only, resolve no other names, and let no request out of a transaction."""
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo
    request = Connection.request

    def guarded_connect(self: socket.socket, address: Any) -> None:
        check(self, address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        check(self, address)
        return connect_ex(self, address)

    def check(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not is_this_machine(address[0]):
            refuse(address[0])

    def guarded_getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            ipaddress.ip_address(host)  # a literal is looked up without asking anyone
        except ValueError:
            if host is not None and not is_this_machine(host):
                refuse(host)
        return getaddrinfo(host, *args, **kwargs)

    def guarded_request(self: Connection, *args: Any, **options: Any) -> None:
        refuse_transaction()
        request(self, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "request", guarded_request)
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
        yield
