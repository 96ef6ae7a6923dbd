from __future__ import annotations

import gzip
import json
import socket
import threading
import time
import tracemalloc

import pytest

from bookops.outbound.breaker import Breaker
from bookops.outbound.errors import BadAnswer, Refused, SourceError, TryAgain
from bookops.outbound.http import CallRecord, Door
from bookops.outbound.wire import Bounds
from tests.bookops.outbound.rude_server import FAULTS, RudeServer, answer, hang_up, ok, raw, redirect

TOTAL = 0.6
SMALL = Bounds(connect=0.5, read=0.3, total=TOTAL, max_bytes=1_000_000)
ACCEPT = {"Accept": "*/*"}


def door_to(server: RudeServer, **changes) -> Door:
    return Door("a_source", server.url, **{"user_agent": "bookops/1", "bounds": SMALL} | changes)


def chunks(total: int, size: int = 100_000):
    """Answer with a body of so many bytes in chunks, made while it is sent."""

    def reply(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-jsonl\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(total // size):
            connection.sendall(b"%x\r\n" % size + b"x" * size + b"\r\n")
        connection.sendall(b"0\r\n\r\n")

    return reply


def test_a_large_body_streams_with_flat_memory(server):
    server.default = chunks(50_000_000)
    records: list[CallRecord] = []
    door = door_to(server, on_call=records.append)
    bounds = Bounds(read=5, total=30, max_bytes=60_000_000)
    tracemalloc.start()

    size = sum(len(piece) for piece in door.stream("GET", f"{server.url}/results", ACCEPT, bounds=bounds))

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size == 50_000_000
    assert peak < 2_000_000
    assert [(record.status, record.bytes_in, record.error) for record in records] == [(200, 50_000_000, "")]


def test_a_stream_read_to_its_end_leaves_the_connection_open(server):
    server.default = answer(200, b"one\ntwo\n", "application/x-jsonl")
    door = door_to(server)
    for _ in range(3):
        assert b"".join(door.stream("GET", f"{server.url}/results", ACCEPT)) == b"one\ntwo\n"
    assert server.connections == 1


def test_a_stream_left_half_way_closes_its_connection_and_is_recorded_once(server):
    server.default = chunks(10_000_000)
    records: list[CallRecord] = []
    door = door_to(server, on_call=records.append)

    incoming = door.stream("GET", f"{server.url}/results", ACCEPT, bounds=Bounds(max_bytes=20_000_000))
    next(iter(incoming))
    incoming.close()
    incoming.close()

    assert [(record.status, record.error) for record in records] == [(200, "")]
    server.default = ok({})
    assert door.get("/").data == {}
    assert server.connections == 2


def test_a_compressed_stream_is_decompressed_piece_by_piece(server):
    lines = b"".join(b'{"custom_id": "%d"}\n' % number for number in range(200_000))
    server.default = answer(200, gzip.compress(lines), "application/x-jsonl", Content_Encoding="gzip")
    pieces = list(door_to(server).stream("GET", f"{server.url}/r", ACCEPT, bounds=Bounds(max_bytes=10_000_000)))
    assert b"".join(pieces) == lines
    assert max(len(piece) for piece in pieces) <= 256 * 1024


@pytest.mark.parametrize("size", [255, 256, 257, 262_143, 262_144, 262_145, 1_000_000])
def test_decompression_loses_nothing_at_the_edge_of_a_piece(server, size):
    server.default = answer(200, gzip.compress(b"x" * size), Content_Encoding="gzip")
    assert len(b"".join(door_to(server).stream("GET", f"{server.url}/r", ACCEPT))) == size


def test_a_stream_is_a_bomb_when_it_is_one_decompressed(server):
    server.default = FAULTS["gzip bomb"]
    tracemalloc.start()
    with pytest.raises(BadAnswer) as caught:
        list(door_to(server).stream("GET", f"{server.url}/", ACCEPT))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert caught.value.reason == "too_large"
    assert peak < 5_000_000


@pytest.mark.parametrize(
    ("fault", "kind", "reason"),
    [
        ("hang before the status", TryAgain, "timeout"),
        ("drip headers for ever", TryAgain, "timeout"),
        ("drip the body", TryAgain, "timeout"),
        ("cut the body", TryAgain, "cut_off"),
        ("cut a chunk", TryAgain, "cut_off"),
        ("chunk garbage", TryAgain, "cut_off"),
        ("half of a gzip", TryAgain, "cut_off"),
        ("broken gzip", BadAnswer, "bad_encoding"),
        ("unknown encoding", BadAnswer, "bad_encoding"),
        ("send too much", BadAnswer, "too_large"),
        ("send too much in chunks", BadAnswer, "too_large"),
        ("no HTTP", BadAnswer, "bad_http"),
        ("redirect to another host", BadAnswer, "http_302"),
        ("400", Refused, "http_400"),
        ("429", TryAgain, "rate_limited"),
        ("500", TryAgain, "http_500"),
    ],
)
def test_every_fault_of_a_stream_is_one_of_the_four_errors_on_the_record(server, fault, kind, reason):
    server.default = FAULTS[fault]
    records: list[CallRecord] = []
    door = door_to(server, on_call=records.append)
    started = time.monotonic()

    with pytest.raises(kind) as caught:
        list(door.stream("GET", f"{server.url}/", ACCEPT))

    assert time.monotonic() - started < TOTAL + 0.3
    assert (caught.value.reason, caught.value.source) == (reason, "a_source")
    assert [record.error for record in records] == [reason]


def test_streams_that_break_open_the_breaker(server):
    server.default = FAULTS["cut the body"]
    door = door_to(server, breaker=Breaker("a_source", None, threshold=2))
    reasons = []
    for _ in range(3):
        with pytest.raises(SourceError) as caught:
            list(door.stream("GET", f"{server.url}/", ACCEPT))
        reasons.append(caught.value.reason)
    assert reasons == ["cut_off", "cut_off", "breaker_open"]


def test_one_refusal_of_the_whole_account_opens_the_breaker(server):
    breaker = Breaker("a_source", None, threshold=10)
    server.default = answer(402, b"{}")
    door = door_to(server, breaker=breaker)
    with pytest.raises(Refused):
        door.exchange("GET", f"{server.url}/", ACCEPT, explain=lambda _: Refused("unpaid", account_wide=True))
    assert breaker.state().name == "open"


@pytest.mark.parametrize("reason", ["conflict", "not_yet"])
def test_what_only_one_question_has_to_wait_for_does_not_count_against_the_source(server, reason):
    breaker = Breaker("a_source", None, threshold=1)
    server.default = answer(409, b"{}")
    with pytest.raises(TryAgain):
        door_to(server, breaker=breaker).exchange("GET", f"{server.url}/", ACCEPT, explain=lambda _: TryAgain(reason=reason))
    assert breaker.state().name == "closed"


def test_it_sends_a_body_piece_by_piece(server):
    size = 20_000_000
    received = []

    def take(connection: socket.socket) -> None:
        received.append(len(server.asked[-1].body))
        ok({"id": "file-1"})(connection)

    server.default = take
    bounds = Bounds(read=5, total=30)
    headers = {"Accept": "application/json", "Content-Length": str(size)}
    records: list[CallRecord] = []
    pieces = (b"x" * 100_000 for _ in range(size // 100_000))
    door = door_to(server, on_call=records.append)
    assert door.exchange("POST", f"{server.url}/files", headers, pieces, bounds=bounds).data == {"id": "file-1"}
    assert received == [size]
    assert records[0].bytes_out == size + len("/files")


@pytest.mark.parametrize("is_polite", [True, False])
def test_it_hears_why_a_body_is_refused_before_its_end(is_polite):
    listener = socket.create_server(("127.0.0.1", 0))

    def refuse() -> None:
        connection, _ = listener.accept()
        connection.recv(1000)
        answer(413, json.dumps({"error": {"message": "too large"}}).encode())(connection)
        while is_polite and connection.recv(65536):
            pass
        connection.close()

    threading.Thread(target=refuse, daemon=True).start()
    door = Door("a_source", f"http://127.0.0.1:{listener.getsockname()[1]}", user_agent="x", bounds=Bounds(read=2, total=5))

    def pieces():
        for _ in range(50):
            time.sleep(0.01)
            yield b"x" * 100_000

    with pytest.raises(Refused) as caught:
        door.exchange("POST", f"{door.base_url}/files", ACCEPT | {"Content-Length": "5000000"}, pieces())
    assert caught.value.reason == "http_413"
    listener.close()


@pytest.mark.parametrize("ask", ["exchange", "stream"])
def test_a_whole_address_elsewhere_is_refused_before_anything_is_sent(server, ask):
    with pytest.raises(Refused) as caught:
        getattr(door_to(server), ask)("GET", "http://127.0.0.1:1/results", ACCEPT)
    assert caught.value.reason == "forbidden_host"


def test_an_exchange_follows_no_redirect(server):
    server.replies["/a"] = redirect("/b")
    with pytest.raises(BadAnswer) as caught:
        door_to(server).exchange("GET", f"{server.url}/a", ACCEPT)
    assert caught.value.reason == "bad_redirect"
    assert len(server.asked) == 1


def test_what_comes_with_a_shorter_deadline_ends_at_it(server):
    server.default = FAULTS["drip the body"]
    door = door_to(server, bounds=Bounds(read=5, total=5))
    started = time.monotonic()
    with pytest.raises(TryAgain):
        door.exchange("GET", f"{server.url}/", ACCEPT, bounds=Bounds(read=5, total=0.3))
    assert time.monotonic() - started < 0.6


def test_a_stream_ends_without_a_length_when_the_server_hangs_up(server):
    server.default = lambda connection: (raw(b"HTTP/1.1 200 OK\r\n\r\nline\n")(connection), hang_up(connection))
    assert b"".join(door_to(server).stream("GET", f"{server.url}/", ACCEPT)) == b"line\n"
