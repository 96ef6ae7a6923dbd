from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

import pytest
import requests

from sandbox.faults import Rule
from tests.sandbox.conftest import Ask

READ = {"bibkeys": "ISBN:9780743273565", "jscmd": "data"}


def outcome(ask: Ask) -> str:
    try:
        return str(ask("/api/books.json", parameters=READ).status_code)
    except requests.exceptions.ChunkedEncodingError:
        return "cut"


def test_it_cuts_every_fifth_call_half_way(sandbox, ask_open_library: Ask) -> None:
    sandbox.settings(faults=[{"kind": "cut", "every": 5}])
    assert [outcome(ask_open_library) for _ in range(10)] == ["200", "200", "200", "200", "cut"] * 2
    assert sandbox.log()["faults"] == {"cut": 2}


def test_it_hangs_until_the_caller_gives_up(sandbox, ask_open_library: Ask) -> None:
    sandbox.settings(faults=[{"kind": "hang"}])
    with pytest.raises(requests.exceptions.ReadTimeout):
        ask_open_library("/api/books.json", parameters=READ, timeout=0.2)


def test_it_answers_after_a_hang_that_has_an_end(sandbox, ask_open_library: Ask) -> None:
    sandbox.settings(faults=[{"kind": "hang", "seconds": 0.2}])
    begun = time.monotonic()
    assert ask_open_library("/api/books.json", parameters=READ).json()
    assert time.monotonic() - begun >= 0.2


def test_it_drips_a_byte_at_a_time(sandbox, ask_open_library: Ask) -> None:
    sandbox.settings(faults=[{"kind": "drip", "seconds": 0.05}])
    begun = time.monotonic()
    assert ask_open_library("/isbn/x.json").json() == {"error": "notfound", "key": "/isbn/x"}
    assert time.monotonic() - begun >= 0.05 * 30


def test_it_stops_dripping_when_the_caller_has_gone(sandbox, ask_open_library: Ask) -> None:
    sandbox.settings(faults=[{"kind": "drip", "seconds": 0.05}])
    ask_open_library("/api/books.json", parameters=READ, stream=True).close()
    until = time.monotonic() + 5
    while sandbox.log()["in_flight"] and time.monotonic() < until:
        time.sleep(0.05)
    assert sandbox.log()["in_flight"] == 0


@pytest.mark.parametrize("kind", ["500", "503", "429"])
def test_it_answers_an_error_status(sandbox, ask_open_library: Ask, kind: str) -> None:
    sandbox.settings(faults=[{"kind": kind}])
    assert ask_open_library("/api/books.json", parameters=READ).status_code == int(kind)


@pytest.mark.parametrize("said", [30, "soon", "1e9", 1_000_000_000])
def test_it_says_anything_in_retry_after(sandbox, ask_open_library: Ask, said: object) -> None:
    sandbox.settings(faults=[{"kind": "429", "retry_after": said}])
    assert ask_open_library("/api/books.json").headers["Retry-After"] == str(said)


def test_it_says_a_date_in_retry_after(sandbox, ask_open_library: Ask) -> None:
    sandbox.settings(faults=[{"kind": "503", "retry_after": {"date": 60}}])
    until = parsedate_to_datetime(ask_open_library("/api/books.json").headers["Retry-After"]).timestamp()
    assert until - time.time() == pytest.approx(60, abs=3)


def test_it_answers_html_with_200(sandbox, ask_open_library: Ask) -> None:
    sandbox.settings(faults=[{"kind": "html"}])
    answer = ask_open_library("/api/books.json", parameters=READ)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html")


@pytest.mark.parametrize("kind", ["truncated", "empty", "bad_bytes"])
def test_it_answers_what_is_not_json(sandbox, ask_open_library: Ask, kind: str) -> None:
    sandbox.settings(faults=[{"kind": kind}])
    answer = ask_open_library("/api/books.json", parameters=READ)
    assert answer.status_code == 200
    with pytest.raises(ValueError):
        answer.json()


def test_it_nests_too_deep_to_read(sandbox, ask_open_library: Ask) -> None:
    sandbox.settings(faults=[{"kind": "deep"}])
    with pytest.raises(RecursionError):
        ask_open_library("/api/books.json", parameters=READ).json()


def test_it_answers_numbers_that_are_none(sandbox, ask_open_library: Ask) -> None:
    sandbox.settings(faults=[{"kind": "nan"}])
    assert b"NaN" in ask_open_library("/api/books.json", parameters=READ).content


def test_it_names_another_content_type(sandbox, ask_open_library: Ask) -> None:
    sandbox.settings(faults=[{"kind": "wrong_type"}])
    assert ask_open_library("/api/books.json", parameters=READ).headers["Content-Type"] == "text/plain"


def test_it_sends_little_that_becomes_much(sandbox, ask_open_library: Ask) -> None:
    sandbox.settings(faults=[{"kind": "gzip_bomb", "size": 5_000_000}])
    answer = ask_open_library("/api/books.json", parameters=READ)
    assert int(answer.headers["Content-Length"]) < 50_000
    assert len(answer.content) > 5_000_000


def test_it_sends_a_huge_body(sandbox, ask_open_library: Ask) -> None:
    sandbox.settings(faults=[{"kind": "huge", "size": 2_000_000}])
    assert len(ask_open_library("/api/books.json", parameters=READ).content) > 2_000_000


def test_it_redirects_for_ever(sandbox, ask_open_library: Ask) -> None:
    sandbox.settings(faults=[{"kind": "redirect"}])
    with pytest.raises(requests.exceptions.TooManyRedirects):
        ask_open_library("/api/books.json", parameters=READ)


def test_it_redirects_to_where_it_is_told(sandbox, ask_open_library: Ask) -> None:
    sandbox.settings(faults=[{"kind": "redirect", "location": "http://169.254.169.254/latest"}])
    answer = ask_open_library("/api/books.json", allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (302, "http://169.254.169.254/latest")


def test_it_answers_204_without_a_body(sandbox, ask_open_library: Ask) -> None:
    sandbox.settings(faults=[{"kind": "no_content"}])
    answer = ask_open_library("/api/books.json", parameters=READ)
    assert (answer.status_code, answer.content) == (204, b"")


def test_it_swallows_an_error_as_nothing_found(sandbox, ask_open_library: Ask) -> None:
    assert ask_open_library("/api/books.json", parameters=READ).json() != {}
    sandbox.settings(faults=[{"kind": "swallowed"}])
    assert ask_open_library("/api/books.json", parameters=READ).json() == {}


def test_it_spoils_one_source_and_path_only(sandbox, ask_open_library: Ask, ask_google_books: Ask) -> None:
    sandbox.settings(faults=[{"kind": "500", "source": "openlibrary", "path": "/api"}])
    assert ask_open_library("/api/books.json").status_code == 500
    assert ask_open_library("/search.json", parameters={"q": "dune"}).status_code == 200
    assert ask_google_books(q="dune").status_code == 200


def test_a_rule_strikes_in_bursts_and_so_often() -> None:
    rule = Rule("503", every=4, burst=3, times=5)
    assert [rule.befalls("openlibrary", "/") for _ in range(12)] == [False] * 3 + [True] * 3 + [False, True, True] + [False] * 3


def test_a_rule_strikes_a_share_of_the_calls_and_the_same_ones_each_time() -> None:
    once, again, otherwise = (
        [rule.befalls("openlibrary", "/") for _ in range(2000)]
        for rule in (Rule("500", share=0.05), Rule("500", share=0.05), Rule("500", share=0.05, seed=2))
    )
    assert once == again != otherwise
    assert sum(once) == pytest.approx(100, abs=35)


@pytest.mark.parametrize(
    "faults",
    [
        [{"kind": "tired"}],
        [{"kind": "cut", "every": 5, "share": 0.1}],
        [{"kind": "cut", "evry": 5}],
        [{}],
        "cut",
        [{"kind": "cut", "share": 2}],
    ],
)
def test_it_refuses_a_rule_it_cannot_read_and_keeps_the_old_ones(sandbox, faults: object) -> None:
    sandbox.settings(faults=[{"kind": "cut", "every": 5}])
    answer = requests.post(f"{sandbox.url}/_sandbox/settings", json={"faults": faults, "latency": 9}, timeout=10)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert [rule["kind"] for rule in sandbox.settings()["faults"]] == ["cut"]
    assert sandbox.settings()["sources"]["openlibrary"]["latency"] == 0
