"""No secret reaches a log line."""

from __future__ import annotations

import io
import json
import logging
import logging.config
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from django.conf import settings as site

from bookops.logs import HIDDEN, Redactor, logging_config

CANARIES = [f"canary-{number:02d}-s3cr3t" for number in range(20)]


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What is logged as JSON, with the canaries known as secrets."""
    config = logging_config("DEBUG", "json", CANARIES)
    output = io.StringIO()
    config["handlers"]["console"]["stream"] = output
    logging.config.dictConfig(config)
    yield output
    logging.config.dictConfig(site.LOGGING)
    logging_config(site.LOG_LEVEL, site.LOG_FORMAT, site.SECRETS)


def test_known_secrets_are_taken_out_wherever_they_stand(lines: io.StringIO) -> None:
    log = structlog.get_logger("test")
    stdlib = logging.getLogger("test.stdlib")
    for canary in CANARIES:
        log.info(f"said {canary}", where={"deep": [{"deeper": canary}]}, pair=(canary, 1))
        stdlib.info("formatted %s", canary)
        stdlib.warning("extra", extra={"url": f"https://api.example/?x={canary}"})
        try:
            raise ValueError(f"could not reach https://api.example/?key={canary}")
        except ValueError:
            log.exception("failed")
            stdlib.exception("failed too")
    text = lines.getvalue()
    assert len(text.splitlines()) == 5 * len(CANARIES)
    assert not [canary for canary in CANARIES if canary in text]


@pytest.mark.parametrize(
    "text",
    [
        "GET /volumes?q=x&key=AIzaSyUNKNOWN-canary&country=US",
        "Authorization: Token 0123456789abcdefcanary0123456789",
        "authorization=Bearer abc.def-canary",
        'headers {"Authorization": "Token canary0123456789abcdef0123"}',
        "redis://:canary@127.0.0.1:6379/0",
        "postgres://bookops:canary@db/bookops",
        "WebSocket /ws/imports/1?ticket=canary_x-y",
        "retrying with Token canary0123456789abcdef0123456789",
        "https://s3.example/data?X-Amz-Signature=canary",
        "Cookie: sessionid=canary",
    ],
)
def test_what_looks_like_a_credential_is_taken_out(text: str) -> None:
    cleaned = Redactor().clean_text(text)
    assert "canary" not in cleaned
    assert HIDDEN in cleaned


@pytest.mark.parametrize(
    "name", ["password", "db_password", "Authorization", "api_key", "api-key", "secret", "client_secret", "token", "ticket"]
)
def test_what_is_called_a_secret_is_one(name: str) -> None:
    event = Redactor()(None, "info", {"event": "x", name: "canary", "deep": {name: ["canary"]}})
    assert "canary" not in json.dumps(event)


@pytest.mark.parametrize(
    "text", ["A Token of Affection, by Jane Doe", "The Key to Rebecca", "row 5: title=The Secret History", "book 9780441478125 was found"]
)
def test_titles_of_books_are_left_alone(text: str) -> None:
    assert Redactor(["s3cr3t-value"]).clean_text(text) == text


def test_a_line_carries_the_ids_that_are_bound(lines: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r-1", run_id="i-1", row_id=7):
        logging.getLogger("other.library").info("hello")
    line = json.loads(lines.getvalue())
    assert (line["request_id"], line["run_id"], line["row_id"], line["event"]) == ("r-1", "i-1", 7, "hello")


def test_a_task_logs_the_ids_it_was_called_with() -> None:
    from config.celery import name_the_task_in_logs
    from enrichment.tasks import finish_chunk

    name_the_task_in_logs(task_id="t-1", task=finish_chunk, args=["i-1", 3])
    bound: dict[str, Any] = structlog.contextvars.get_contextvars()
    structlog.contextvars.clear_contextvars()
    assert bound == {"task": "enrichment.tasks.finish_chunk", "task_id": "t-1", "run_id": "i-1", "number": 3}


class Terminal(io.StringIO):
    """A text stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stream", "coloured"), [(Terminal(), True), (io.StringIO(), False)], ids=["terminal", "file"])
def test_only_a_terminal_is_written_in_colours(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, coloured: bool) -> None:
    monkeypatch.setattr("sys.stderr", stream)
    logging.config.dictConfig(logging_config("DEBUG", "console"))
    try:
        structlog.get_logger("test").warning("something happened", where="here")
    finally:
        logging.config.dictConfig(site.LOGGING)
        logging_config(site.LOG_LEVEL, site.LOG_FORMAT, site.SECRETS)
    assert "something happened" in stream.getvalue()
    assert ("\x1b[" in stream.getvalue()) == coloured
