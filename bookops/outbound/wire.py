"""One HTTP exchange over one connection, under a deadline that no slow sender can stretch.

Built on `http.client`: of the layers above it only a pool and the decompression are needed here, and the layers double the price
(100 threads on loopback: 0.19 core-milliseconds a call for this, 0.29 for urllib3's connection, 0.39 for its pool).
"""

from __future__ import annotations

import http.client
import os
import select
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import certifi

from bookops.outbound.answers import Answer
from bookops.outbound.errors import BadAnswer, SourceError, TryAgain

#: What `socket.getaddrinfo` returns, cut to what a connection needs.
Address = tuple[socket.AddressFamily, tuple[Any, ...]]
#: Return the addresses of (host, port) before the deadline.
Resolve = Callable[[str, int, float], list[Address]]
#: Open a connected socket to (host, port) before the deadline.
Dial = Callable[[str, int, float], "PlainSocket"]
#: What is sent with a request: at once, or piece by piece; pieces without a Content-Length go out in chunks.
Body = bytes | Iterable[bytes] | None

#: Bytes asked of a streamed body at a time, as it comes and decompressed.
_PIECE = 64 * 1024
_PLAIN_PIECE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bound one exchange; times in seconds."""

    connect: float = 3.0
    #: The longest silence.
    read: float = 10.0
    #: The whole exchange, however steadily it drips.
    total: float = 20.0
    #: Of the body, before and after decompression.
    max_bytes: int = 5_000_000


def time_left(deadline: float) -> float:
    """Return the seconds until `deadline` (of `time.monotonic`); raises TimeoutError when there are none."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("deadline passed")
    return seconds


class _Deadlined:
    """Give every send and receive of a socket no more than what is left of the exchange.

    A plain socket time-out starts anew with each byte, so that one byte a second holds a thread for ever.
    """

    deadline: float
    longest_silence: float

    def start(self, deadline: float, longest_silence: float) -> None:
        self.deadline, self.longest_silence = deadline, longest_silence

    def _wait_at_most(self) -> None:
        self.settimeout(min(time_left(self.deadline), self.longest_silence))  # type: ignore[attr-defined]

    def recv_into(self, *args: Any, **options: Any) -> int:
        self._wait_at_most()
        return super().recv_into(*args, **options)  # type: ignore[misc]

    def send(self, *args: Any) -> int:
        self._wait_at_most()
        return super().send(*args)  # type: ignore[misc]

    def sendall(self, *args: Any) -> None:
        self._wait_at_most()
        super().sendall(*args)  # type: ignore[misc]


class PlainSocket(_Deadlined, socket.socket):
    """A TCP socket under a deadline."""


class TLSSocket(_Deadlined, ssl.SSLSocket):
    """The same under TLS."""


def tls_context(ca_file: str | None = None) -> ssl.SSLContext:
    """Return a context that verifies names and chains; `ca_file` replaces the usual authorities."""
    context = ssl.create_default_context(cafile=ca_file or certifi.where())
    context.sslsocket_class = TLSSocket
    return context


class Resolver:
    """Look names up in threads of its own, because `getaddrinfo` knows no deadline."""

    def __init__(self, threads: int = 4) -> None:
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None
        self._pid = 0

    def __call__(self, host: str, port: int, deadline: float) -> list[Address]:
        if self._pool is None or self._pid != os.getpid():  # a fork takes the pool along, but not its threads
            self._pool, self._pid = ThreadPoolExecutor(self._threads, thread_name_prefix="resolve"), os.getpid()
        found = self._pool.submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM).result(time_left(deadline))
        return [(family, address) for family, _, _, _, address in found]


def connect_any(addresses: list[Address], deadline: float, patience: float) -> PlainSocket:
    """Return a socket to the first address that accepts; raises the last OSError when none does."""
    failure: OSError = OSError("the name has no address")
    for family, address in addresses:
        connection = PlainSocket(family, socket.SOCK_STREAM)
        try:
            connection.settimeout(min(time_left(deadline), patience))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.connect(address)
            return connection
        except OSError as error:
            connection.close()
            failure = error
    raise failure


class Connection(http.client.HTTPConnection):
    """A keep-alive connection that is dialled by a function and wrapped in TLS when given a context."""

    sock: PlainSocket | TLSSocket | None

    def __init__(self, host: str, port: int, *, dial: Dial, tls: ssl.SSLContext | None) -> None:
        super().__init__(host, port)
        self._dial = dial
        self._tls = tls
        self.default_port = 443 if tls else 80  # decides whether Host names the port

    def open(self, deadline: float) -> None:
        plain = self._dial(self.host, self.port, deadline)
        if self._tls is None:
            self.sock = plain
            return
        try:
            plain.settimeout(time_left(deadline))  # bounds the handshake as a whole
            self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)  # type: ignore[assignment]
        except BaseException:
            plain.close()
            raise

    def connect(self) -> None:
        raise http.client.NotConnected  # only `open` connects: it knows the deadline

    @property
    def is_stale(self) -> bool:
        """Tell whether the other side has hung up, or said something nobody asked for, since the last answer."""
        if self.sock is None:
            return True
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        return bool(poll.poll(0))


def exchange(connection: Connection, method: str, target: str, *, headers: Mapping[str, str], body: Body, bounds: Bounds) -> Answer:
    """Send one request and read its answer to the end.

    Raises TryAgain or BadAnswer, and closes the connection then; after a return it may be used again unless it is closed.
    """
    started = time.monotonic()
    response = begin(connection, method, target, headers=headers, body=body, bounds=bounds)
    return finish(connection, response, bounds, started)


def begin(
    connection: Connection, method: str, target: str, *, headers: Mapping[str, str], body: Body, bounds: Bounds
) -> http.client.HTTPResponse:
    """Send one request and read the head of its answer; raises TryAgain or BadAnswer, and closes the connection then."""
    deadline = time.monotonic() + bounds.total
    try:
        with _translated("connect"):
            if connection.sock is None:
                connection.open(min(deadline, time.monotonic() + bounds.connect))
        with _translated("connection_lost"):
            connection.sock.start(deadline, bounds.read)  # type: ignore[union-attr]
            try:
                connection.request(method, target, body=body, headers=dict(headers))
            except (BrokenPipeError, ConnectionResetError):  # who refuses a long body hangs up before its end, but says why first
                response = connection.getresponse()
                response.will_close = True
                return response
            return connection.getresponse()
    except BaseException:
        connection.close()
        raise


def finish(connection: Connection, response: http.client.HTTPResponse, bounds: Bounds, started: float) -> Answer:
    """Read an answer to its end, within the time that `begin` gave it; raises like `exchange`."""
    try:
        with _translated("connection_lost"):
            received = _read(response, bounds.max_bytes)
            headers = header_names(response)
            decoded = _decompress(received, headers.get("content-encoding", ""), bounds.max_bytes)
    except BaseException:
        connection.close()
        raise
    if response.will_close:
        connection.close()
    return Answer(response.status, headers, decoded, time.monotonic() - started, len(received))


class Incoming:
    """An answer whose body comes piece by piece, within the bounds that its exchange began under.

    Iterate over it once, or `close` it. `on_end` is told once how it ended, None for well; an answer left half-way ended well. Raises
    TryAgain or BadAnswer.
    """

    def __init__(
        self,
        connection: Connection,
        response: http.client.HTTPResponse,
        bounds: Bounds,
        on_end: Callable[[Incoming, SourceError | None], None],
    ) -> None:
        self.status = response.status
        #: Names in lower case.
        self.headers = header_names(response)
        #: Bytes of the body so far, as they came.
        self.received = 0
        self._connection = connection
        self._response = response
        self._max_bytes = bounds.max_bytes
        self._on_end = on_end
        self._is_over = False

    def __iter__(self) -> Iterator[bytes]:
        try:
            with _translated("connection_lost"):
                yield from _decompressed(self._pieces(), self.headers.get("content-encoding", ""), self._max_bytes)
        except SourceError as error:
            self._end(error)
            raise
        except BaseException:  # whoever iterates had enough
            self.close()
            raise
        self._response.close()
        if self._response.will_close:
            self._connection.close()
        self._end(None, is_kept=True)

    def close(self) -> None:
        """Leave the rest unread."""
        self._end(None)

    def _pieces(self) -> Iterator[bytes]:
        while piece := self._response.read1(_PIECE):
            self.received += len(piece)
            if self.received > self._max_bytes:
                raise BadAnswer(f"more than {self._max_bytes} bytes", reason="too_large")
            yield piece
        if self._response.length:  # read1() keeps quiet about an early end
            raise http.client.IncompleteRead(b"", self._response.length)

    def _end(self, failure: SourceError | None, *, is_kept: bool = False) -> None:
        if self._is_over:
            return
        self._is_over = True
        if not is_kept:
            self._connection.close()
        self._on_end(self, failure)


def header_names(response: http.client.HTTPResponse) -> dict[str, str]:
    """Return the headers by their names in lower case; of repeated ones the last."""
    return {name.lower(): value for name, value in response.getheaders()}


@contextmanager
def _translated(broken: str) -> Iterator[None]:
    """Turn whatever sockets and `http.client` raise into one of the four errors; `broken` is the reason of a plain OSError."""
    try:
        yield
    except SourceError:
        raise
    except TimeoutError as error:
        raise TryAgain("no answer in time", reason="timeout") from error
    except ssl.SSLError as error:
        raise TryAgain(f"TLS: {error.reason or 'failed'}", reason="tls") from error
    except socket.gaierror as error:
        raise TryAgain("the host name cannot be resolved", reason="dns") from error
    except OSError as error:  # http.client.RemoteDisconnected is one
        raise TryAgain(type(error).__name__, reason=broken) from error
    except http.client.IncompleteRead as error:
        raise TryAgain("the answer ended half-way", reason="cut_off") from error
    except (http.client.HTTPException, ValueError) as error:
        # Not chained: some of these quote the request target, and with it a key.
        raise BadAnswer(f"not HTTP: {type(error).__name__}", reason="bad_http") from None


def _read(response: http.client.HTTPResponse, max_bytes: int) -> bytes:
    if (response.length or 0) > max_bytes:
        raise BadAnswer(f"{response.length} bytes announced", reason="too_large")
    body = response.read(max_bytes + 1)
    if len(body) > max_bytes:
        raise BadAnswer(f"more than {max_bytes} bytes", reason="too_large")
    if response.length:  # with an amount given, read() keeps quiet about an early end
        raise http.client.IncompleteRead(body, response.length)
    return body


def _decompress(body: bytes, encoding: str, max_bytes: int) -> bytes:
    if encoding in ("", "identity"):
        return body
    return b"".join(_decompressed([body], encoding, max_bytes))


def _decompressed(pieces: Iterable[bytes], encoding: str, max_bytes: int) -> Iterator[bytes]:
    """Yield a body's plain pieces, none longer than _PLAIN_PIECE unless it came so."""
    if encoding in ("", "identity"):
        yield from pieces
        return
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise BadAnswer(f"content encoding {encoding[:40]}", reason="bad_encoding")
    stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # 32: gzip or zlib, by the header
    size = 0
    for piece in pieces:
        rest, is_full = piece, True
        while rest or is_full:  # a full piece may leave more inside, with nothing left to put in
            try:
                plain = stream.decompress(rest, _PLAIN_PIECE)
            except zlib.error as error:
                raise BadAnswer("broken compression", reason="bad_encoding") from error
            size += len(plain)
            if size > max_bytes:
                raise BadAnswer(f"more than {max_bytes} bytes once decompressed", reason="too_large")
            yield plain
            rest, is_full = stream.unconsumed_tail, len(plain) == _PLAIN_PIECE
    if not stream.eof:
        raise TryAgain("the answer ended half-way", reason="cut_off")
