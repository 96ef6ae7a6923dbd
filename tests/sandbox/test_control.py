from __future__ import annotations

import threading
import time

import pytest
import requests

from sandbox.running import running
from tests.sandbox.conftest import Ask

GATSBY = "9780743273565"


def test_it_says_that_its_data_is_invented(sandbox) -> None:
    answer = requests.get(f"{sandbox.url}/_sandbox/", timeout=10)
    assert "invented data" in answer.json()["about"]
    assert {"googlebooks", "openlibrary"} <= set(answer.json()["sources"])
    assert answer.headers["X-Sandbox"] == "invented data"


def test_it_waits_as_long_as_it_is_told(sandbox, ask_open_library: Ask) -> None:
    sandbox.settings(latency=0.2)
    begun = time.monotonic()
    ask_open_library("/isbn/x.json")
    assert 0.2 <= time.monotonic() - begun < 1


def test_it_sets_one_source_and_leaves_the_others(sandbox) -> None:
    sources = sandbox.settings(sources={"googlebooks": {"latency": 0.5, "per_day": 5}})["sources"]
    assert (sources["googlebooks"]["latency"], sources["googlebooks"]["per_day"]) == (0.5, 5)
    assert sources["openlibrary"]["latency"] == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"latenzy": 1},
        {"latency": "long"},
        {"sources": {"amazon": {}}},
        {"sources": {"openlibrary": {"per_day": 1}}},
        {"clock": {"forward": 1}},
        {"clock": {"now": "noon"}},
    ],
)
def test_it_refuses_what_it_cannot_set(sandbox, changes: dict) -> None:
    before = sandbox.settings()["sources"]
    answer = requests.post(f"{sandbox.url}/_sandbox/settings", json=changes, timeout=10)
    assert answer.status_code == 400
    assert sandbox.settings()["sources"] == before


def test_it_logs_calls_by_source_and_path(sandbox, ask_open_library: Ask, ask_google_books: Ask) -> None:
    for isbn in ("9780743273565", "9780553380958"):
        ask_open_library(f"/isbn/{isbn}.json", allow_redirects=False)
    body = ask_google_books(q="dune").content
    log = sandbox.log()
    assert (log["calls"], log["in_flight"], log["peak_concurrency"]) == (3, 0, 1)
    assert log["sources"]["openlibrary"]["by_endpoint"] == {"/isbn/*.json": 2}
    assert log["sources"]["openlibrary"]["by_status"] == {"302": 2}
    assert log["sources"]["googlebooks"]["bytes_sent"] == len(body)
    assert log["first_at"] <= log["last_at"]
    sandbox.clear_log()
    assert sandbox.log()["calls"] == 0


def test_it_keeps_each_call_with_its_keys_only_when_asked_to(sandbox, ask_open_library: Ask) -> None:
    ask_open_library("/api/books.json", parameters={"bibkeys": "ISBN:a"})
    sandbox.settings(keep_calls=True)
    ask_open_library("/api/books.json", parameters={"bibkeys": "ISBN:b,ISBN:c"})
    kept = sandbox.log(calls=True)["each_call"]
    assert [(call["source"], call["endpoint"], call["keys"]) for call in kept] == [("openlibrary", "/api/books", ["ISBN:b", "ISBN:c"])]


def test_it_measures_how_many_were_in_flight_at_once(sandbox, ask_open_library: Ask) -> None:
    sandbox.settings(latency=0.5)
    callers = [threading.Thread(target=ask_open_library, args=("/isbn/x.json",)) for _ in range(20)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert sandbox.log()["peak_concurrency"] == 20


def test_it_moves_its_clock_and_lets_it_run_faster(sandbox) -> None:
    assert sandbox.settings(clock={"now": "2030-01-01T00:00:00+00:00"})["clock"]["now"].startswith("2030-01-01T00:00:0")
    assert sandbox.settings(clock={"advance": 86400})["clock"]["now"].startswith("2030-01-02T00:00:0")
    sandbox.settings(clock={"speed": 36000})
    time.sleep(0.2)
    assert sandbox.settings()["clock"]["now"] > "2030-01-02T01:59"


def test_it_comes_back_to_how_it_was_started() -> None:
    with running("--no-limits", "--latency", "0.01") as sandbox:
        at_start = sandbox.settings()
        sandbox.settings(latency=3, limits=True, faults=[{"kind": "cut"}], clock={"advance": 1000, "speed": 5}, keep_calls=True)
        sandbox.reset()
        now = sandbox.settings()
        assert (now["sources"], now["faults"], now["keep_calls"]) == (at_start["sources"], [], False)
        assert at_start["sources"]["openlibrary"]["limits"] is False
        assert now["clock"]["speed"] == 1


def test_it_tells_which_records_are_right(sandbox, ask_open_library: Ask, ask_google_books: Ask) -> None:
    truth = sandbox.knows(isbn=GATSBY)
    edition = ask_open_library(f"/isbn/{GATSBY}.json").json()
    assert truth["sources"]["openlibrary"]["exact"] == [edition["key"]]
    assert {edition["key"], edition["works"][0]["key"]} <= set(truth["sources"]["openlibrary"]["right"])
    hits = {item["id"] for item in ask_google_books(q=f"isbn:{GATSBY}").json()["items"]}
    assert set(truth["sources"]["googlebooks"]["exact"]) <= hits


def test_it_believes_title_and_author_before_a_wrong_isbn(sandbox) -> None:
    truth = sandbox.knows(isbn="9780399590504", title="The Bell Jar", author="Sylvia Plath")
    assert (truth["title"], truth["isbn13"]) == ("The Bell Jar", "9780060837020")


def test_it_tells_two_books_of_one_title_apart(sandbox) -> None:
    camus, coben, nobody = sandbox.knows_all(
        [{"title": "The Stranger", "author": author} for author in ("Albert Camus", "Harlan Coben", "Nobody")]
    )
    assert not set(camus["sources"]["openlibrary"]["right"]) & set(coben["sources"]["openlibrary"]["right"])
    assert nobody == {"known": False, "sources": {}}


def test_it_answers_404_to_an_address_of_nobody(sandbox) -> None:
    assert requests.get(f"{sandbox.url}/amazon/books", timeout=10).status_code == 404


def test_it_stops_with_a_word_on_a_catalogue_it_cannot_read(tmp_path, capfd) -> None:
    (tmp_path / "books.csv").write_text("a,b\n1,2\n")
    with pytest.raises(RuntimeError, match="exit code 2"), running("--catalogue", tmp_path / "books.csv"):
        pass
    assert "holds no books" in capfd.readouterr().err


def test_it_stops_with_a_word_on_a_busy_port(sandbox, capfd) -> None:
    with pytest.raises(RuntimeError, match="did not start"), running("--port", sandbox.url.rpartition(":")[2]):
        pass
    assert "cannot listen on 127.0.0.1" in capfd.readouterr().err


def test_it_listens_on_a_unix_socket(tmp_path) -> None:
    import socket
    import subprocess
    import sys

    from sandbox.running import PROJECT

    path = tmp_path / "s"
    with subprocess.Popen([sys.executable, "-m", "sandbox", "--uds", str(path)], cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert str(path) in process.stdout.readline()
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(str(path))
            caller.sendall(b"GET /_sandbox/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert caller.recv(100).startswith(b"HTTP/1.1 200")
        process.terminate()
