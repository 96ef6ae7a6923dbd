from __future__ import annotations

import gzip
import socket
import threading
import time
import traceback
from email.utils import formatdate

import pytest

from bookops.outbound.breaker import Breaker
from bookops.outbound.errors import BadAnswer, NotFound, Refused, SourceError, TryAgain
from bookops.outbound.http import CallRecord, Door
from bookops.outbound.quota import Limits, Quota
from bookops.outbound.wire import Address, Bounds
from tests.bookops.outbound.rude_server import FAULTS, RudeServer, answer, hang_up, ok, raw, redirect, running

TOTAL = 0.6
SECRET = "AIza-canary"


def door_to(server: RudeServer, **changes) -> Door:
    bounds = Bounds(connect=0.5, read=0.3, total=TOTAL, max_bytes=1_000_000)
    return Door("a_source", server.url, **{"user_agent": "bookops/1 (mail@example.org)", "bounds": bounds} | changes)


def test_it_sends_path_parameters_and_who_we_are(server):
    server.replies["/base/search.json"] = ok({"docs": []})
    door = Door("a_source", f"{server.url}/base/", user_agent="bookops/1 (mail@example.org)")

    answered = door.get("/search.json", {"q": "isbn:(1 OR 2)&x", "title": "Ünder"})

    assert answered.data == {"docs": []}
    asked = server.asked[0]
    assert asked.line == "GET /base/search.json?q=isbn:%281+OR+2%29%26x&title=%C3%9Cnder HTTP/1.1"
    assert asked.headers["user-agent"] == "bookops/1 (mail@example.org)"
    assert asked.headers["host"] == f"127.0.0.1:{server.port}"


def test_it_posts_a_body(server):
    door_to(server).post("/jobs", b'{"a": 1}', headers={"Authorization": "Bearer secret"})

    asked = server.asked[0]
    assert (asked.line, asked.body) == ("POST /jobs HTTP/1.1", b'{"a": 1}')
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["authorization"] == "Bearer secret"


def test_a_receiver_that_does_not_read_holds_nobody_beyond_the_deadline():
    listener = socket.create_server(("127.0.0.1", 0))
    door = Door("a_source", f"http://127.0.0.1:{listener.getsockname()[1]}", user_agent="x", bounds=Bounds(read=5, total=TOTAL))
    started = time.monotonic()
    with pytest.raises(TryAgain):
        door.post("/", b"x" * 20_000_000)
    assert time.monotonic() - started < TOTAL + 0.3
    listener.close()


def test_it_keeps_a_connection_open(server):
    door = door_to(server)
    for _ in range(5):
        door.get("/")
    assert server.connections == 1


def test_it_opens_a_new_connection_when_the_server_hung_up_on_the_old_one(server):
    door = door_to(server)
    server.replies["/last"] = lambda connection: (ok({})(connection), hang_up(connection))
    door.get("/last")
    time.sleep(0.1)
    assert door.get("/").data == {}
    assert server.connections == 2


def test_it_keeps_no_more_idle_connections_than_its_pool_holds(server):
    door = door_to(server, pool_size=3)
    threads = [threading.Thread(target=door.get, args=("/",)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(door._idle) <= 3
    door.close()
    assert len(door._idle) == 0


def test_it_reads_gzip(server):
    server.default = answer(200, gzip.compress(b'{"title": "Sabriel"}'), Content_Encoding="gzip")
    assert door_to(server).get("/").data == {"title": "Sabriel"}


def test_it_reads_chunks(server):
    server.default = raw(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[1\r\n3\r\n, 2\r\n1\r\n]\r\n0\r\n\r\n"
    )
    door = door_to(server)
    assert [door.get("/").data for _ in range(3)] == [[1, 2]] * 3
    assert server.connections == 1


def test_it_takes_another_type_when_asked_to(server):
    server.default = answer(200, b"<html/>", "text/html; charset=utf-8")
    assert door_to(server).get("/", accept="text/html").body == b"<html/>"
    with pytest.raises(BadAnswer):
        door_to(server).get("/", accept="text/xml")


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_one_of_the_four_errors_within_the_deadline(server, fault):
    server.default = FAULTS[fault]
    door = door_to(server)
    started = time.monotonic()

    with pytest.raises(SourceError) as caught:
        door.get("/", {"key": SECRET})

    assert time.monotonic() - started < TOTAL + 0.3
    assert type(caught.value) in (TryAgain, NotFound, Refused, BadAnswer)
    assert caught.value.source == "a_source"
    assert caught.value.reason not in ("", "source_error", "unavailable", "refused", "bad_answer")
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("fault", "kind", "reason"),
    [
        ("hang before the status", TryAgain, "timeout"),
        ("drip headers for ever", TryAgain, "timeout"),
        ("drip the body", TryAgain, "timeout"),
        ("hang up before the status", TryAgain, "connection_lost"),
        ("cut the body", TryAgain, "cut_off"),
        ("cut a chunk", TryAgain, "cut_off"),
        ("gzip bomb", BadAnswer, "too_large"),
        ("announce a terabyte", BadAnswer, "too_large"),
        ("send too much in chunks", BadAnswer, "too_large"),
        ("200 with HTML", BadAnswer, "not_json"),
        ("100,000 deep", BadAnswer, "too_deep"),
        ("NaN", BadAnswer, "bad_json"),
        ("redirect loop", BadAnswer, "redirect_loop"),
        ("redirect to another host", Refused, "forbidden_host"),
        ("no HTTP", BadAnswer, "bad_http"),
        ("401", Refused, "unauthorized"),
        ("400", Refused, "http_400"),
        ("429", TryAgain, "rate_limited"),
        ("500", TryAgain, "http_500"),
    ],
)
def test_it_names_the_reason(server, fault, kind, reason):
    server.default = FAULTS[fault]
    with pytest.raises(kind) as caught:
        door_to(server).get("/")
    assert caught.value.reason == reason


def test_a_gzip_bomb_costs_no_memory(server):
    import tracemalloc

    server.default = FAULTS["gzip bomb"]
    tracemalloc.start()
    with pytest.raises(BadAnswer):
        door_to(server).get("/")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000


def test_a_refused_connection_may_be_tried_again():
    with running(RudeServer()) as server:
        door = door_to(server)
    with pytest.raises(TryAgain) as caught:
        door.get("/")
    assert caught.value.reason == "connect"


def test_a_name_that_does_not_exist_may_be_tried_again():
    def resolve(host: str, port: int, deadline: float) -> list[Address]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(TryAgain) as caught:
        Door("a_source", "http://no-such-host.invalid", user_agent="x", resolve=resolve).get("/")
    assert caught.value.reason == "dns"


def test_a_server_without_a_trusted_certificate_is_not_spoken_to(tls_server):
    door = Door("a_source", f"https://127.0.0.1:{tls_server.port}", user_agent="x")
    with pytest.raises(TryAgain) as caught:
        door.get("/")
    assert caught.value.reason == "tls"
    assert tls_server.asked == []


def test_it_speaks_tls_under_a_named_authority(tls_server, ca_file):
    door = Door("a_source", f"https://localhost:{tls_server.port}", user_agent="x", ca_file=ca_file)
    assert [door.get("/").data, door.get("/").data] == [{}, {}]
    assert tls_server.connections == 1


def test_a_drip_under_tls_ends_at_the_deadline_too(tls_server, ca_file):
    tls_server.default = FAULTS["drip the body"]
    door = Door("a_source", f"https://localhost:{tls_server.port}", user_agent="x", ca_file=ca_file, bounds=Bounds(read=0.5, total=TOTAL))
    started = time.monotonic()
    with pytest.raises(TryAgain):
        door.get("/")
    assert time.monotonic() - started < TOTAL + 0.3


def test_a_handshake_that_never_comes_ends_at_the_connect_deadline(server):
    door = Door("a_source", f"https://127.0.0.1:{server.port}", user_agent="x", bounds=Bounds(connect=0.3, total=TOTAL))
    server.default = FAULTS["hang before the status"]
    started = time.monotonic()
    with pytest.raises(TryAgain):
        door.get("/")
    assert time.monotonic() - started < 0.6


def test_environment_proxies_are_not_used(server, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert door_to(server).get("/").data == {}


def test_it_follows_a_redirect_at_home(server):
    server.replies["/isbn/1.json"] = redirect("/books/OL1M.json")
    server.replies["/books/OL1M.json"] = ok({"title": "T"})
    assert door_to(server).get("/isbn/1.json").data == {"title": "T"}


def test_it_follows_a_redirect_to_a_host_on_the_list_only(server):
    server.replies["/a"] = redirect("http://other.example/b")
    with pytest.raises(Refused):
        door_to(server).get("/a")

    def resolve(host: str, port: int, deadline: float) -> list[Address]:
        return [(socket.AF_INET, ("127.0.0.1", server.port))]

    server.replies["/b"] = ok({"title": "T"})
    assert door_to(server, allowed_hosts=["other.example"], resolve=resolve).get("/a").data == {"title": "T"}
    assert server.asked[-1].headers["host"] == "other.example"


def test_a_post_is_not_turned_into_a_get(server):
    server.replies["/a"] = redirect("/b")
    with pytest.raises(BadAnswer):
        door_to(server).post("/a", b"{}")
    assert [asked.line for asked in server.asked] == ["POST /a HTTP/1.1"]


@pytest.mark.parametrize(
    ("said", "low", "high"),
    [
        ("7", 7, 7),
        ("0", 0, 0),
        ("1000000000", 3600, 3600),
        ("9" * 400, 3600, 3600),
    ],
)
def test_it_reads_retry_after(server, said, low, high):
    server.default = answer(503, b"", Retry_After=said)
    with pytest.raises(TryAgain) as caught:
        door_to(server).get("/")
    assert low <= caught.value.retry_after <= high


@pytest.mark.parametrize(("ahead", "low", "high"), [(1000, 990, 1001), (-1000, 0, 0)])
def test_it_reads_retry_after_as_a_date(server, ahead, low, high):
    server.default = answer(503, b"", Retry_After=formatdate(time.time() + ahead, usegmt=True))
    with pytest.raises(TryAgain) as caught:
        door_to(server).get("/")
    assert low <= caught.value.retry_after <= high


@pytest.mark.parametrize("said", ["soon", "1e9", "-5", "٣", "Wed, 99 Foo 2026", ""])
def test_a_retry_after_that_cannot_be_read_counts_as_none(server, said):
    server.default = answer(503, b"", Retry_After=said)
    with pytest.raises(TryAgain) as caught:
        door_to(server).get("/")
    assert caught.value.retry_after is None


def test_it_records_what_each_request_cost(server):
    records: list[CallRecord] = []
    server.replies["/moved"] = redirect("/found")
    server.replies["/found"] = ok({"title": "T"})
    server.replies["/gone"] = answer(404, b"{}")
    door = door_to(server, on_call=records.append)

    door.get("/moved", {"key": SECRET})
    with pytest.raises(NotFound):
        door.get("/gone")

    assert [(record.path, record.status, record.error) for record in records] == [
        ("/moved", 302, ""),
        ("/found", 200, ""),
        ("/gone", 404, "not_found"),
    ]
    assert records[1].bytes_in == 14
    assert all(0 < record.seconds < TOTAL and record.bytes_out > 0 for record in records)
    assert SECRET not in repr(records) + repr(door)


def test_a_listener_that_fails_fails_no_call(server):
    def fail(record: CallRecord) -> None:
        raise RuntimeError

    assert door_to(server, on_call=fail).get("/").data == {}


def test_what_the_server_says_about_waiting_holds_for_everybody(server, redis):
    quota, elsewhere = (Quota("a_source", redis, Limits()) for _ in range(2))
    server.default = answer(429, b"{}", Retry_After="30")
    with pytest.raises(TryAgain):
        door_to(server, quota=quota).get("/")
    assert 29 < elsewhere.state().blocked_for <= 30
    with pytest.raises(TryAgain) as caught:
        door_to(server, quota=elsewhere).get("/")
    assert (caught.value.reason, caught.value.asked) == ("quota_blocked", False)
    assert len(server.asked) == 1


def test_a_429_that_does_not_say_how_long_pauses_for_a_minute(server, redis):
    quota = Quota("a_source", redis, Limits())
    server.default = answer(429, b"{}")
    with pytest.raises(TryAgain) as caught:
        door_to(server, quota=quota).get("/")
    assert caught.value.retry_after == 60
    assert 59 < quota.state().blocked_for <= 60


def test_failures_open_the_breaker_and_answers_do_not(server):
    breaker = Breaker("a_source", None, threshold=3)
    door = door_to(server, breaker=breaker)
    for status in (404, 403, 429, 404):
        server.default = answer(status, b"{}")
        with pytest.raises(SourceError):
            door.get("/")
    assert breaker.state().name == "closed"

    server.default = FAULTS["200 with HTML"]
    for _ in range(3):
        with pytest.raises(BadAnswer):
            door.get("/")
    with pytest.raises(TryAgain) as caught:
        door.get("/")
    assert (caught.value.reason, caught.value.asked) == ("breaker_open", False)
    assert len(server.asked) == 7


def test_350_threads_ask_at_once(server):
    door = door_to(server, pool_size=350, bounds=Bounds(connect=5, read=10, total=20))
    failures = []

    def ask() -> None:
        try:
            for _ in range(3):
                door.get("/")
        except SourceError as error:
            failures.append(error.reason)

    threads = [threading.Thread(target=ask) for _ in range(350)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(server.asked) == 1050
