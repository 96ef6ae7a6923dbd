"""A server that answers byte for byte what a test says, and breaks every rule when told to."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

Reply = Callable[[socket.socket], None]


@dataclass
class Asked:
    """Hold one request as it came."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class RudeServer:
    """Answer each request with the reply of its path, else with `default`."""

    replies: dict[str, Reply] = field(default_factory=dict)
    default: Reply = field(default_factory=lambda: ok({}))
    tls: ssl.SSLContext | None = None
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0

    def start(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # a close alone leaves the thread in accept(), and the port open
        self._listener.close()
        for connection in self._open:
            connection.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            reader = connection.makefile("rb")
            while line := reader.readline():
                headers = {}
                while (header := reader.readline().strip()) != b"":
                    name, _, value = header.decode().partition(":")
                    headers[name.lower()] = value.strip()
                body = reader.read(int(headers.get("content-length", 0)))
                self.asked.append(Asked(line.decode().strip(), headers, body))
                path = line.split()[1].decode().partition("?")[0]
                self.replies.get(path, self.default)(connection)
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
            connection.close()


@contextlib.contextmanager
def running(server: RudeServer) -> Iterator[RudeServer]:
    server.start()
    try:
        yield server
    finally:
        server.stop()


def raw(data: bytes) -> Reply:
    return lambda connection: connection.sendall(data)


def answer(status: int, body: bytes, content_type: str = "application/json", **headers: str) -> Reply:
    lines = [f"HTTP/1.1 {status} Said", f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return raw("\r\n".join([*lines, "", ""]).encode() + body)


def ok(data: object) -> Reply:
    return answer(200, json.dumps(data).encode())


def redirect(location: str, status: int = 302) -> Reply:
    return answer(status, b"", Location=location)


def _hang(connection: socket.socket) -> None:
    time.sleep(30)


def hang_up(connection: socket.socket) -> None:
    raise OSError


def _drip(start: bytes, drop: bytes) -> Reply:
    def reply(connection: socket.socket) -> None:
        connection.sendall(start)
        for _ in range(300):
            connection.sendall(drop)
            time.sleep(0.1)

    return reply


def _cut(connection: socket.socket) -> None:
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"half":')
    hang_up(connection)


_JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

#: Every way to fail that a third party was seen, or can be thought, to have.
FAULTS: dict[str, Reply] = {
    "hang before the status": _hang,
    "hang up before the status": hang_up,
    "drip the status": _drip(b"HTTP/1.1 200", b" "),
    "drip headers for ever": _drip(b"HTTP/1.1 200 OK\r\n", b"X-More: 1\r\n"),
    "send 10,000 headers": raw(b"HTTP/1.1 200 OK\r\n" + b"X-More: 1\r\n" * 10_000 + b"\r\n"),
    "send one endless header": raw(b"HTTP/1.1 200 OK\r\nX-More: " + b"a" * 200_000),
    "say 100 Continue for ever": _drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 10),
    "drip the body": _drip(_JSON + b"Content-Length: 1000\r\n\r\n", b" "),
    "cut the body": _cut,
    "cut a chunk": lambda connection: (connection.sendall(_JSON + b"Transfer-Encoding: chunked\r\n\r\nff\r\nabc"), hang_up(connection)),  # type: ignore[func-returns-value]
    "chunk garbage": raw(_JSON + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n"),
    "endless trailers": _drip(_JSON + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", b"X-More: 1\r\n"),
    "no HTTP": raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    "a status that is none": raw(b"HTTP/1.1 banana OK\r\n\r\n"),
    "announce a terabyte": raw(_JSON + b"Content-Length: 1099511627776\r\n\r\n{"),
    "send too much": answer(200, b'"' + b"x" * 3_000_000 + b'"'),
    "send too much in chunks": raw(_JSON + b"Transfer-Encoding: chunked\r\n\r\n2dc6c0\r\n" + b"x" * 3_000_000 + b"\r\n0\r\n\r\n"),
    "gzip bomb": answer(200, gzip.compress(b"[" + b" " * 50_000_000 + b"]"), Content_Encoding="gzip"),
    "broken gzip": answer(200, b"\x1f\x8b\x08 not gzip", Content_Encoding="gzip"),
    "half of a gzip": answer(200, gzip.compress(b"[1, 2, 3]" * 100)[:-20], Content_Encoding="gzip"),
    "unknown encoding": answer(200, b"{}", Content_Encoding="br"),
    "200 with HTML": answer(200, b"<html>One moment</html>", "text/html"),
    "200 without a type": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
    "JSON called text": answer(200, b"{}", "text/plain"),
    "truncated JSON": answer(200, b'{"docs": [{"title"'),
    "empty body": answer(200, b""),
    "204": answer(204, b""),
    "NaN": answer(200, b'{"numFound": NaN}'),
    "Infinity by exponent": answer(200, b'{"numFound": 1e999}'),
    "100,000 deep": answer(200, b"[" * 100_000 + b"]" * 100_000),
    "an integer of 5,000 digits": answer(200, b"1" * 5_000),
    "bytes that are no text": answer(200, b'{"a": "\xff\xfe"}'),
    "redirect loop": redirect("/loop"),
    "redirect to nowhere": redirect("http://[::1"),
    "redirect without an address": answer(302, b""),
    "redirect to another host": redirect("http://169.254.169.254/latest/meta-data/"),
    "redirect to a file": redirect("file:///etc/passwd"),
    "304": answer(304, b""),
    "400": answer(400, b"{}"),
    "401": answer(401, b"{}"),
    "403 with HTML": answer(403, b"<html>403 Forbidden</html>", "text/html"),
    "429": answer(429, b"{}", Retry_After="1"),
    "429 with garbage": answer(429, b"garbage", "text/plain", Retry_After="soon"),
    "500": answer(500, b"Internal Server Error", "text/plain"),
    "503": answer(503, b"{}", Retry_After="Wed, 21 Oct 2099 07:28:00 GMT"),
}
