from __future__ import annotations

import base64
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest

from bookops.outbound.errors import BadAnswer, Refused, SourceError, TryAgain
from bookops.outbound.http import CallRecord, Door
from runbooks.sources.ebay import Ebay
from runbooks.sources.ebay_tokens import SOLD_SCOPE, EbayTokens, ProcessShelf
from tests.bookops.outbound.rude_server import FAULTS, RudeServer, answer, ok, running
from tests.runbooks.sources.ebay_answers import client, error, item, recorded, token
from tests.runbooks.sources.fake_door import FakeDoor, Said

SECRET = "PRD-canary-secret"


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_it_asks_as_ebay_wants_it():
    door = FakeDoor(token())
    assert EbayTokens(door, "my-app", SECRET, ProcessShelf()).current() == "v^1.1#token1"
    (asked,) = door.asked
    assert (asked.method, asked.path) == ("POST", "/identity/v1/oauth2/token")
    assert asked.form == {"grant_type": "client_credentials", "scope": "https://api.ebay.com/oauth/api_scope"}
    assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert base64.b64decode(asked.headers["Authorization"].removeprefix("Basic ")) == f"my-app:{SECRET}".encode()


def test_sold_prices_have_a_token_of_their_own_scope():
    door = FakeDoor(token())
    EbayTokens(door, "my-app", SECRET, ProcessShelf(), scope=SOLD_SCOPE).current()
    assert door.asked[0].form["scope"] == "https://api.ebay.com/oauth/api_scope/buy.marketplace.insights"


@pytest.mark.parametrize(("lasts", "used_for"), [(7200, 6900), (400, 200)])
def test_a_token_is_used_until_shortly_before_its_end(lasts, used_for):
    clock = Clock()
    door = FakeDoor(lambda asked: token(len(door.asked), lasts))
    tokens = EbayTokens(door, "id", SECRET, ProcessShelf(clock=clock))
    tokens.current()
    clock.now = used_for - 1
    assert tokens.current() == "v^1.1#token1"
    clock.now = used_for + 1
    assert tokens.current() == "v^1.1#token2"


def test_of_many_who_need_a_token_at_once_one_asks():
    def slowly(asked: object) -> object:
        time.sleep(0.05)
        return token()

    door = FakeDoor(slowly)
    tokens = EbayTokens(door, "id", SECRET, ProcessShelf())
    together = threading.Barrier(20)

    def ask() -> str:
        together.wait()
        return tokens.current()

    with ThreadPoolExecutor(20) as pool:
        assert {future.result() for future in [pool.submit(ask) for _ in range(20)]} == {"v^1.1#token1"}
    assert len(door.asked) == 1


def test_a_token_that_took_the_place_of_a_dropped_one_stays():
    shelf = ProcessShelf()
    shelf.put("new", 60)
    shelf.drop("old")
    assert shelf.get() == "new"
    shelf.drop("new")
    assert shelf.get() == ""


@pytest.mark.parametrize("refusal", [error(1001, 401, "Invalid access token"), error(1002, 401), Said(401, b"<html>", "text/html")])
def test_a_token_that_is_not_taken_is_replaced_once(refusal):
    tokens = FakeDoor(lambda asked: token(len(tokens.asked)))
    answers = [refusal, item()]
    door = FakeDoor(lambda asked: answers.pop(0))
    assert Ebay(door, EbayTokens(tokens, "id", SECRET, ProcessShelf())).item("256712345678").legacy_id == "256712345678"
    assert [asked.headers["Authorization"] for asked in door.asked] == ["Bearer v^1.1#token1", "Bearer v^1.1#token2"]


def test_a_second_token_that_is_not_taken_is_a_refusal():
    source, door = client(error(1001, 401, "Invalid access token"))
    with pytest.raises(Refused) as caught:
        source.item("256712345678")
    assert (caught.value.reason, len(door.asked)) == ("bad_token", 2)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "status", "reason"), [("oauth_token_401_invalid_client", 401, "bad_key"), ("oauth_token_400_invalid_scope", 400, "bad_scope")]
)
def test_it_reads_recorded_refusals(name, status, reason):
    with pytest.raises(Refused) as caught:
        EbayTokens(FakeDoor(Said(status, recorded(f"constructed/{name}.json"))), "id", SECRET, ProcessShelf()).current()
    assert caught.value.reason == reason


@pytest.mark.shared
def test_it_reads_a_recorded_token():
    door = FakeDoor(recorded("constructed/oauth_token_200.json"))
    assert EbayTokens(door, "id", SECRET, ProcessShelf()).current() == "v^1.1#i^1#p^1#r^0#I^3#f^0#t^TESTTOKEN"


@pytest.mark.parametrize(
    "said",
    [
        [],
        {},
        {"access_token": "t"},
        {"access_token": "", "expires_in": 7200},
        {"access_token": 5, "expires_in": 7200},
        {"access_token": "a\r\nX-Evil: 1", "expires_in": 7200},
        {"access_token": "tökén", "expires_in": 7200},
        {"access_token": "t", "expires_in": "soon"},
        {"access_token": "t", "expires_in": True},
        {"access_token": "t", "expires_in": 0},
    ],
)
def test_a_token_that_cannot_be_read_is_a_bad_answer_and_not_kept(said):
    shelf = ProcessShelf()
    with pytest.raises(BadAnswer):
        EbayTokens(FakeDoor(said), "id", SECRET, shelf).current()
    assert shelf.get() == ""


def test_a_failed_asking_leaves_the_lock_open():
    answers = [TryAgain("down"), token()]
    tokens = EbayTokens(FakeDoor(lambda asked: answers.pop(0)), "id", SECRET, ProcessShelf())
    with pytest.raises(TryAgain):
        tokens.current()
    assert tokens.current() == "v^1.1#token1"


def test_secret_and_token_are_sent_and_appear_nowhere():
    records: list[CallRecord] = []
    with running(RudeServer()) as server:
        door = Door("ebay", server.url, user_agent="x", on_call=records.append)
        shelf = ProcessShelf()
        tokens = EbayTokens(door, "my-app", SECRET, shelf)
        source = Ebay(door, tokens)
        encoded = base64.b64encode(f"my-app:{SECRET}".encode()).decode()
        for fault in ("400", "500", "NaN", "hang up before the status", "no HTTP", "redirect to another host"):
            for token_answer in (FAULTS[fault], ok(token())):
                shelf.drop("v^1.1#token1")
                server.replies["/identity/v1/oauth2/token"], server.default = token_answer, FAULTS[fault]
                with pytest.raises(SourceError) as caught:
                    source.item("256712345678")
                shown = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
                assert not [word for word in (SECRET, encoded, "v^1.1#token1") if word in shown]
        server.default = answer(401, b'{"errors":[{"errorId":1001,"message":"Invalid access token"}]}')
        with pytest.raises(Refused):
            source.item("256712345678")
        assert any(asked.headers.get("authorization") == f"Basic {encoded}" for asked in server.asked)
        assert any(asked.headers.get("authorization") == "Bearer v^1.1#token1" for asked in server.asked)
    shown = repr(records) + repr(source) + repr(tokens) + repr(shelf) + repr(door)
    assert not [word for word in (SECRET, encoded, "v^1.1#token1") if word in shown]
