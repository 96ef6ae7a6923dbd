"""TLS in front of a server that was built without it, as the embedded Valkey and PostgreSQL are."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

#: What a client of PostgreSQL sends, and hears, before its handshake.
SSL_REQUEST, YES = bytes.fromhex("0000000804d2162f"), b"S"


class TLSFront:
    """Take TLS connections at localhost and pass what they carry to and from a unix socket."""

    def __init__(self, certificate: Path, target: Path, *, asks_first: bool = False) -> None:
        """`asks_first` is for PostgreSQL, whose clients ask for TLS before they begin it."""
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._target = target
        self._asks_first = asks_first
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        #: Handshakes that clients went through with.
        self.greeted = 0

    def serve(self) -> None:
        """Take connections until stopped."""
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self._listener.accept()[0],), daemon=True).start()

    def stop(self) -> None:
        """Take no more; those that are open end with their clients."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self, plain: socket.socket) -> None:
        with contextlib.suppress(OSError), plain, socket.socket(socket.AF_UNIX) as server:
            if self._asks_first:
                if plain.recv(len(SSL_REQUEST)) != SSL_REQUEST:
                    return
                plain.sendall(YES)
            with self._context.wrap_socket(plain, server_side=True) as client:
                self.greeted += 1
                server.connect(str(self._target))
                back = threading.Thread(target=_pass_on, args=(server, client), daemon=True)
                back.start()
                _pass_on(client, server)
                back.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def tls_front(certificate: Path, target: Path, *, asks_first: bool = False) -> Iterator[TLSFront]:
    """Have a front stand before a server while the block runs."""
    front = TLSFront(certificate, target, asks_first=asks_first)
    threading.Thread(target=front.serve, daemon=True).start()
    try:
        yield front
    finally:
        front.stop()
