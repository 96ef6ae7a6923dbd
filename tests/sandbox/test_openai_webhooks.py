from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import openai
import pytest
import requests

from tests.sandbox.asking_openai import body, client_of, lines, passed, submitted, with_options

SECRET = "whsec_dGhlIHRlc3RzJyBvd24gc2VjcmV0"


class Receiver:
    """Take what is posted, answer with the next of `statuses` (200 when none is left) and keep it."""

    def __init__(self) -> None:
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["content-length"]))
                receiver.taken.append(({name.lower(): value for name, value in self.headers.items()}, content))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def wait_for(self, count: int) -> None:
        until(lambda: len(self.taken) >= count)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def until(holds: Callable[[], object]) -> None:
    give_up = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def events(sandbox) -> list[dict]:
    return requests.get(f"{sandbox.url}/openai/_webhooks", timeout=10).json()["events"]


def kinds_of(client: openai.OpenAI, receiver: Receiver) -> list[str]:
    return [client.webhooks.unwrap(content, headers, secret=SECRET).type for headers, content in receiver.taken]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


def listening(sandbox, receiver: Receiver, **options) -> openai.OpenAI:
    return with_options(sandbox, webhook_url=receiver.url, webhook_secret=SECRET, **options)


def test_its_signature_is_what_the_sdk_expects(sandbox, receiver: Receiver) -> None:
    client = listening(sandbox, receiver)
    response = client.responses.create(**body(), background=True)
    passed(sandbox, 60)
    receiver.wait_for(1)
    [(headers, content)] = receiver.taken
    event = client.webhooks.unwrap(content, headers, secret=SECRET)
    assert (event.type, event.data.id, event.object) == ("response.completed", response.id, "event")  # type: ignore[union-attr]
    assert headers["webhook-id"].startswith("wh_")
    with pytest.raises(openai.InvalidWebhookSignatureError):
        client.webhooks.unwrap(content, headers, secret="whsec_b3RoZXI=")
    with pytest.raises(openai.InvalidWebhookSignatureError):
        client.webhooks.unwrap(content.replace(b"completed", b"cancelled"), headers, secret=SECRET)


@pytest.mark.parametrize(
    ("options", "kind"),
    [({}, "response.completed"), ({"failure_rate": 1.0}, "response.failed"), ({"incomplete_rate": 1.0}, "response.incomplete")],
)
def test_it_tells_how_a_response_ended_though_nobody_polls(sandbox, receiver: Receiver, options: dict, kind: str) -> None:
    client = listening(sandbox, receiver, **options)
    client.responses.create(**body(), background=True)
    passed(sandbox, 60)
    receiver.wait_for(1)
    assert kinds_of(client, receiver) == [kind]


def test_it_tells_of_a_cancelled_response_once(sandbox, receiver: Receiver) -> None:
    client = listening(sandbox, receiver)
    response = client.responses.create(**body(), background=True)
    for _ in range(2):
        client.responses.cancel(response.id)
    receiver.wait_for(1)
    passed(sandbox, 60)
    assert kinds_of(client, receiver) == ["response.cancelled"]


def test_it_tells_how_a_batch_ended(sandbox, receiver: Receiver) -> None:
    client = listening(sandbox, receiver)
    done = submitted(client, lines(["a", "b"]))
    failed = submitted(client, b"{\n")
    cancelled = client.batches.cancel(submitted(client, lines(["c"])).id)
    sandbox.settings(sources={"openai": {"expire_rate": 1.0}})
    expired = submitted(client, lines(["d"]))
    passed(sandbox, 90_000)
    receiver.wait_for(4)
    told = {
        (event.type, event.data.id)
        for event in (client.webhooks.unwrap(content, headers, secret=SECRET) for headers, content in receiver.taken)
    }  # type: ignore[union-attr]
    assert told == {
        ("batch.completed", done.id),
        ("batch.failed", failed.id),
        ("batch.cancelled", cancelled.id),
        ("batch.expired", expired.id),
    }


def test_it_says_nothing_of_the_foreground(sandbox, receiver: Receiver) -> None:
    client = listening(sandbox, receiver)
    client.responses.create(**body())
    passed(sandbox, 60)
    assert events(sandbox) == []


def test_it_tries_again_what_was_not_taken(sandbox, receiver: Receiver) -> None:
    receiver.statuses = [500, 503]
    client = listening(sandbox, receiver)
    client.responses.create(**body(), background=True)
    passed(sandbox, 60)
    receiver.wait_for(1)
    until(lambda: events(sandbox)[0]["answers"] == [500])
    passed(sandbox, 6)
    receiver.wait_for(2)
    until(lambda: events(sandbox)[0]["answers"] == [500, 503])
    passed(sandbox, 61)
    receiver.wait_for(3)
    assert len({headers["webhook-id"] for headers, _ in receiver.taken}) == 1
    until(lambda: events(sandbox)[0]["answers"] == [500, 503, 200])


def test_it_replays_letter_by_letter(sandbox, receiver: Receiver) -> None:
    client = listening(sandbox, receiver)
    response = client.responses.create(**body(), background=True)
    passed(sandbox, 60)
    receiver.wait_for(1)
    answer = requests.post(f"{sandbox.url}/openai/_webhooks/replay", params={"id": response.id}, timeout=10)
    assert answer.json() == {"replayed": 1}
    receiver.wait_for(2)
    (first, content), (second, again) = receiver.taken
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    assert [first[name] for name in names] == [second[name] for name in names]
    assert content == again
    nothing = requests.post(f"{sandbox.url}/openai/_webhooks/replay", params={"id": "resp_other"}, timeout=10)
    assert nothing.status_code == 404


def test_it_delays(sandbox, receiver: Receiver) -> None:
    client = listening(sandbox, receiver, webhook_delay=3600)
    client.responses.create(**body(), background=True)
    passed(sandbox, 600)
    until(lambda: events(sandbox))
    assert receiver.taken == []
    passed(sandbox, 3600)
    receiver.wait_for(1)


def test_it_drops(sandbox, receiver: Receiver) -> None:
    client = listening(sandbox, receiver, webhook_drop_rate=1.0)
    client.responses.create(**body(), background=True)
    passed(sandbox, 60)
    until(lambda: events(sandbox))
    assert (events(sandbox)[0]["dropped"], receiver.taken) == (True, [])


def test_it_delivers_copies(sandbox, receiver: Receiver) -> None:
    client = listening(sandbox, receiver, webhook_copies=3)
    client.responses.create(**body(), background=True)
    passed(sandbox, 60)
    receiver.wait_for(3)
    assert len({headers["webhook-id"] for headers, _ in receiver.taken}) == 1


def test_nobody_has_to_listen(sandbox) -> None:
    client = with_options(sandbox, webhook_url="http://127.0.0.1:9/nobody")
    response = client.responses.create(**body(), background=True)
    passed(sandbox, 60)
    until(lambda: events(sandbox)[0]["answers"][:1] == [0])
    assert client_of(sandbox).responses.retrieve(response.id).status == "completed"
