from __future__ import annotations

import gzip
import io
import json
import socket
import subprocess
import sys
import threading
import time
import tracemalloc

import pytest

from bookops.outbound.breaker import Breaker
from bookops.outbound.errors import BadAnswer, NotFound, Refused, SourceError, TryAgain
from bookops.outbound.http import CallRecord, Door
from bookops.outbound.quota import Limits, Quota
from bookops.outbound.sdk import FLOW, DoorClient, anthropic_client, openai_client
from bookops.outbound.sdk_errors import anthropic_errors, openai_errors
from bookops.outbound.wire import Bounds
from tests.bookops.outbound.rude_server import FAULTS, RudeServer, answer, ok, redirect, running
from tests.bookops.outbound.test_streams import chunks

KEY = "sk-canary"
TOTAL = 0.6
SMALL = Bounds(connect=0.5, read=0.3, total=TOTAL, max_bytes=1_000_000)
LARGE = Bounds(connect=0.5, read=5.0, total=30.0, max_bytes=80_000_000)
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [{"type": "text", "text": "Yes."}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 7, "output_tokens": 2},
}
RESPONSE = {"id": "resp_1", "object": "response", "status": "queued", "output": [], "model": "gpt-x", "created_at": 1}
FILE = {"id": "file-1", "object": "file", "bytes": 1, "created_at": 1, "filename": "x", "purpose": "batch", "status": "processed"}


@pytest.fixture(scope="module", autouse=True)
def sdks() -> None:
    """Load the SDKs beforehand: that takes seconds on a busy machine, and no deadline counts them."""
    with running(RudeServer()) as rude:
        for ask, reply in ((ask_claude, MESSAGE), (ask_gpt, RESPONSE)):
            rude.default = ok(reply)
            ask(door_to(rude, bounds=Bounds()))


def door_to(server: RudeServer, path: str = "", **changes) -> Door:
    return Door("a_model", server.url + path, **{"user_agent": "bookops/1 (mail@example.org)", "bounds": SMALL} | changes)


def ask_claude(door: Door, **options):
    client = anthropic_client(door, KEY, large=LARGE)
    with anthropic_errors():
        return client.messages.create(model="claude-x", max_tokens=5, messages=[{"role": "user", "content": "?"}], **options)


def ask_gpt(door: Door, **options):
    with openai_errors():
        return openai_client(door, KEY, large=LARGE).responses.create(model="gpt-x", input="?", background=True, store=True, **options)


def test_the_anthropic_sdk_speaks_through_the_door(server):
    server.replies["/v1/messages"] = ok(MESSAGE)
    records: list[CallRecord] = []

    message = ask_claude(door_to(server, on_call=records.append))

    assert (message.content[0].text, message.usage.output_tokens) == ("Yes.", 2)
    asked = server.asked[0]
    assert asked.line == "POST /v1/messages HTTP/1.1"
    assert asked.headers["user-agent"] == "bookops/1 (mail@example.org)"
    assert (asked.headers["authorization"], asked.headers["accept-encoding"]) == (f"Bearer {KEY}", "gzip")
    assert json.loads(asked.body)["max_tokens"] == 5
    assert [(record.source, record.path, record.status, record.error) for record in records] == [("a_model", "/v1/messages", 200, "")]
    assert KEY not in repr(records)


def test_the_openai_sdk_speaks_through_the_door(server):
    server.replies["/v1/responses"] = ok(RESPONSE)
    assert ask_gpt(door_to(server, "/v1")).status == "queued"
    asked = server.asked[0]
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.headers["user-agent"] == "bookops/1 (mail@example.org)"


def test_the_connection_is_kept_open(server):
    server.default = ok(MESSAGE)
    door = door_to(server)
    for _ in range(4):
        ask_claude(door)
    assert server.connections == 1


def test_whose_pace_it_is_stays_in_the_house(server):
    server.default = ok(MESSAGE)
    flows = []

    class Paced(Quota):
        def take(self, flow: str = "") -> None:
            flows.append(flow)

    ask_claude(door_to(server, quota=Paced("a_model", None, Limits())), extra_headers={FLOW: "import 7"})
    assert flows == ["import 7"]
    assert FLOW.lower() not in server.asked[0].headers


@pytest.mark.parametrize("ask", [ask_claude, ask_gpt])
@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_one_of_the_four_errors_within_the_deadline_and_is_asked_once(server, ask, fault):
    server.default = FAULTS[fault]
    started = time.monotonic()
    with pytest.raises(SourceError) as caught:
        ask(door_to(server))
    assert time.monotonic() - started < TOTAL + 0.5
    assert type(caught.value) in (TryAgain, NotFound, Refused, BadAnswer)
    assert caught.value.source == "a_model"
    assert len(server.asked) == 1


@pytest.mark.parametrize(("timeout", "total"), [(0.3, 0.3), (1.0, 1.0), (60, 1.5), (None, 0.6)])
def test_a_timeout_of_the_call_takes_the_place_of_the_doors_deadline_within_that_of_what_is_large(server, timeout, total):
    server.default = FAULTS["hang before the status"]
    client = anthropic_client(door_to(server, bounds=Bounds(read=0.6, total=0.6)), KEY, large=Bounds(total=1.5))
    options = {} if timeout is None else {"timeout": timeout}
    started = time.monotonic()
    with pytest.raises(TryAgain) as caught, anthropic_errors():
        client.messages.create(model="claude-x", max_tokens=5, messages=[{"role": "user", "content": "?"}], **options)
    assert caught.value.reason == "timeout"
    assert total - 0.1 < time.monotonic() - started < total + 0.4


def test_a_key_without_money_shuts_the_door_for_all(server):
    server.default = answer(429, json.dumps({"error": {"code": "insufficient_quota", "message": "quota"}}).encode())
    door = door_to(server, breaker=Breaker("a_model", None))
    with pytest.raises(Refused) as caught:
        ask_gpt(door)
    assert caught.value.reason == "spend_limit"
    with pytest.raises(TryAgain) as caught:
        ask_gpt(door)
    assert (caught.value.reason, caught.value.asked) == ("breaker_open", False)
    assert len(server.asked) == 1


def test_a_rate_limit_holds_for_everybody(server, redis):
    server.default = answer(429, b'{"error": {"type": "rate_limit_error"}}', Retry_After="30")
    quota = Quota("a_model", redis, Limits())
    with pytest.raises(TryAgain) as caught:
        ask_claude(door_to(server, quota=quota))
    assert (caught.value.reason, caught.value.retry_after) == ("rate_limited", 30)
    assert 29 < quota.state().blocked_for <= 30
    with pytest.raises(TryAgain) as caught:
        ask_claude(door_to(server, quota=quota))
    assert caught.value.reason == "quota_blocked"
    assert len(server.asked) == 1


def test_environment_proxies_are_not_used(server, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server.default = ok(MESSAGE)
    assert ask_claude(door_to(server)).id == "msg_1"


def batch(results_url: str | None) -> dict[str, object]:
    counts = {"processing": 0, "succeeded": 1, "errored": 0, "canceled": 0, "expired": 0}
    times = dict.fromkeys(("archived_at", "cancel_initiated_at", "ended_at"))
    return {"id": "b1", "type": "message_batch", "processing_status": "ended", "request_counts": counts, "results_url": results_url} | times


def results(connection: socket.socket) -> None:
    """Answer with 50 MB of results, made while they are sent."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-jsonl\r\nTransfer-Encoding: chunked\r\n\r\n")
    message = MESSAGE | {"content": [{"type": "text", "text": "x" * 9_600}]}
    for number in range(5_000):
        line = json.dumps({"custom_id": f"item-{number}", "result": {"type": "succeeded", "message": message}}).encode() + b"\n"
        connection.sendall(b"%x\r\n" % len(line) + line + b"\r\n")
    connection.sendall(b"0\r\n\r\n")


def test_the_results_of_a_batch_stream_with_flat_memory(server):
    server.replies["/v1/messages/batches/b1"] = ok(batch(f"{server.url}/results"))
    server.replies["/results"] = results
    client = anthropic_client(door_to(server), KEY, large=LARGE)
    tracemalloc.start()
    with anthropic_errors():
        found = sum(result.custom_id == f"item-{number}" for number, result in enumerate(client.messages.batches.results("b1")))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == 5_000
    assert peak < 5_000_000


def test_results_that_lie_elsewhere_are_not_fetched_with_our_key(server):
    server.replies["/v1/messages/batches/b1"] = ok(batch("http://127.0.0.1:1/results"))
    client = anthropic_client(door_to(server), KEY)
    with pytest.raises(Refused) as caught, anthropic_errors():
        client.messages.batches.results("b1")
    assert caught.value.reason == "forbidden_host"


def test_results_that_break_off_in_the_middle_are_one_of_the_four_errors(server):
    server.replies["/v1/messages/batches/b1"] = ok(batch(f"{server.url}/results"))
    door = door_to(server)
    for fault, kind in (("cut the body", TryAgain), ("truncated JSON", BadAnswer), ("drip the body", TryAgain)):
        server.replies["/results"] = FAULTS[fault]
        bounds = Bounds(connect=0.5, read=0.3, total=TOTAL)
        with pytest.raises(kind), anthropic_errors():
            list(anthropic_client(door, KEY, large=bounds).messages.batches.results("b1"))


def test_the_content_of_a_file_streams_with_flat_memory(server):
    server.default = chunks(50_000_000)
    client = openai_client(door_to(server), KEY, large=LARGE)
    tracemalloc.start()
    with openai_errors(), client.files.with_streaming_response.content("file-1") as content:
        size = sum(len(piece) for piece in content.iter_bytes())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size == 50_000_000
    assert peak < 3_000_000


def test_a_stream_beyond_its_cap_is_cut(server):
    server.default = chunks(50_000_000)
    client = openai_client(door_to(server), KEY, large=Bounds(max_bytes=5_000_000))
    with pytest.raises(BadAnswer) as caught, openai_errors(), client.files.with_streaming_response.content("file-1") as content:
        for _ in content.iter_bytes():
            pass
    assert caught.value.reason == "too_large"


def test_a_body_beyond_the_doors_cap_is_refused(server):
    server.default = FAULTS["send too much"]
    with pytest.raises(BadAnswer) as caught:
        ask_claude(door_to(server))
    assert caught.value.reason == "too_large"


class Endless(io.RawIOBase):
    """A file of so many bytes that is nowhere."""

    def __init__(self, size: int) -> None:
        self.size, self.position = size, 0

    def read(self, size: int = -1) -> bytes:
        given = min(self.size - self.position, self.size if size < 0 else size)
        self.position += given
        return b"x" * given

    def seek(self, offset: int, whence: int = 0) -> int:
        self.position = offset + (self.size if whence == 2 else self.position if whence == 1 else 0)
        return self.position

    def tell(self) -> int:
        return self.position

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True


def test_a_file_is_uploaded_with_flat_memory():
    size, received = 50_000_000, []
    listener = socket.create_server(("127.0.0.1", 0))

    def take() -> None:
        connection, _ = listener.accept()
        head, _, rest = connection.recv(65536).partition(b"\r\n\r\n")
        announced = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        got = len(rest)
        while got < announced:
            got += len(connection.recv(1_000_000))
        received.append(got)
        ok(FILE)(connection)
        connection.close()

    threading.Thread(target=take, daemon=True).start()
    records: list[CallRecord] = []
    door = Door("a_model", f"http://127.0.0.1:{listener.getsockname()[1]}", user_agent="x", bounds=SMALL, on_call=records.append)
    tracemalloc.start()
    with openai_errors():
        made = openai_client(door, KEY, large=LARGE).files.create(file=("x.jsonl", Endless(size), "application/jsonl"), purpose="batch")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    listener.close()
    assert made.id == "file-1"
    assert size < received[0] < size + 1_000
    assert abs(records[0].bytes_out - received[0]) < 100
    assert peak < 5_000_000


def test_a_client_without_a_vendor_reads_errors_by_their_status(server):
    server.default = answer(404, b"{}")
    with pytest.raises(NotFound):
        DoorClient(door_to(server)).get(f"{server.url}/x")


def test_no_redirect_is_followed(server):
    server.replies["/a"] = redirect("/b")
    with pytest.raises(BadAnswer):
        DoorClient(door_to(server)).get(f"{server.url}/a", follow_redirects=False)
    assert len(server.asked) == 1


def test_an_answer_is_what_it_is_once_decompressed(server):
    server.default = answer(200, gzip.compress(b'{"a": 1}'), Content_Encoding="gzip")
    client = DoorClient(door_to(server))
    assert client.get(f"{server.url}/").json() == {"a": 1}
    with client.stream("GET", f"{server.url}/") as said:
        assert said.read() == b'{"a": 1}'


def test_the_door_does_not_load_the_sdks():
    code = "import sys, bookops.outbound.http, bookops.outbound.sdk; print(any(name in sys.modules for name in ('anthropic', 'openai')))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"
