"""Watching an evaluation: the first design's messages with their numbers, resuming, and what is sent round again."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.routing import URLRouter
from django.test import AsyncClient

from bookops import watch
from bookops.runs import State
from config.urls import websocket_urlpatterns
from runbooks.api.live import EXECUTION, is_over, seed_status
from runbooks.models import Execution, StepRun
from tests.api.clients import make_user, token_of
from tests.runbooks.api.finishing import save_runbook_of
from tests.runbooks.factories import make_execution, make_step
from tests.websocket import WebsocketClient

pytestmark = pytest.mark.django_db(transaction=True)
application = URLRouter(websocket_urlpatterns)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often, so that the tests are quick."""
    monkeypatch.setattr(watch, "LOOK_EVERY", 0.2)
    monkeypatch.setattr(watch, "LOOK_AT_MOST_EVERY", 0.02)


def make_watched(**changes: Any) -> tuple[Execution, str]:
    """Return an execution and a token of its owner's."""
    execution = make_execution(make_user(), **changes)
    return execution, token_of(execution.owner)


def socket(execution: Execution, token: str, query: str = "") -> WebsocketClient:
    """Return a client of the websocket."""
    headers = [(b"host", b"testserver"), (b"authorization", f"Token {token}".encode())]
    return WebsocketClient(application, f"ws/import/{execution.pk}{query}", headers=headers)


async def read_to_the_end(client: WebsocketClient) -> list[dict[str, Any]]:
    """Open and return all messages until the server has no more."""
    assert (await client.connect())[0]
    messages: list[dict[str, Any]] = []
    while not messages or messages[-1]["type"] != "end":
        messages.append(json.loads(await client.receive_text(timeout=10)))
    return messages


def happen(execution: Execution) -> None:
    """Let an evaluation happen, as its steps record it."""
    execution.record("step", step="fetch_listing", status="completed")
    execution.record("step", step="claude_analysis", status="running", progress="3/19 images")
    save_runbook_of(execution)


async def test_it_sends_the_first_designs_messages_with_their_numbers() -> None:
    execution, token = await sync_to_async(make_watched)()
    await sync_to_async(happen)(execution)
    book = await sync_to_async(lambda: str(execution.owner.books.get().public_id))()
    messages = [message for message in await read_to_the_end(socket(execution, token)) if "step" in message]
    told = [{name: message[name] for name in ("step", "status", "progress", "book_id", "seq") if name in message} for message in messages]
    assert told == [
        {"step": "fetch_listing", "status": "completed", "seq": 1},
        {"step": "claude_analysis", "status": "running", "progress": "3/19 images", "seq": 2},
        {"step": "complete", "book_id": book, "seq": 3},
    ]


async def test_the_snapshot_is_the_status() -> None:
    execution, token = await sync_to_async(make_watched)()
    await sync_to_async(happen)(execution)
    snapshot = (await read_to_the_end(socket(execution, token)))[0]
    assert (snapshot["type"], snapshot["execution"]["status"]) == ("snapshot", "SUCCEEDED")
    assert list(snapshot["execution"]) == ["status", "progress", "book_id", "error"]


@pytest.mark.parametrize("after", [0, 1, 2, 3])
async def test_it_resumes_behind_the_number_one_knows(after: int) -> None:
    execution, token = await sync_to_async(make_watched)()
    await sync_to_async(happen)(execution)
    messages = await read_to_the_end(socket(execution, token, f"?after={after}"))
    assert [message["seq"] for message in messages if "step" in message] == list(range(after + 1, 4))


async def test_it_is_live_while_a_step_of_a_finished_evaluation_runs_again() -> None:
    execution, token = await sync_to_async(make_watched)()
    await sync_to_async(happen)(execution)
    step = await sync_to_async(make_step)(execution, "abebooks_fmv", state=State.RUNNING)
    client = socket(execution, token, "?after=3")
    assert (await client.connect())[0]
    assert json.loads(await client.receive_text())["type"] == "snapshot"
    await sync_to_async(execution.record)("step", step="abebooks_fmv", status="completed")
    assert json.loads(await client.receive_text())["step"] == "abebooks_fmv"
    course_hash = await sync_to_async(lambda: _input_hash(execution, "abebooks_fmv"))()
    await StepRun.objects.filter(pk=step.pk).aupdate(state=State.SUCCEEDED, input_hash=course_hash)
    kinds = [json.loads(await client.receive_text(timeout=5))["type"] for _ in range(2)]
    assert kinds == ["progress", "end"]


def _input_hash(execution: Execution, name: str) -> str:
    from runbooks.advancing import Course
    from runbooks.plan import STEPS

    return Course.of(execution).input_hash(STEPS[name], {})


def test_it_is_not_over_between_a_late_branch_and_the_assembling_that_takes_it_in() -> None:
    execution, _ = make_watched()
    happen(execution)
    make_step(execution, "assemble", state=State.SUCCEEDED, input_hash="of before the branch came")
    assert not is_over(execution, {"execution": seed_status(execution)})
    StepRun.objects.filter(name="assemble").update(input_hash=_input_hash(execution, "assemble"))
    assert is_over(execution, {"execution": seed_status(execution)})


async def test_it_opens_for_nobody_else() -> None:
    execution, _ = await sync_to_async(make_watched)()
    other = await sync_to_async(token_of)(await sync_to_async(make_user)(is_superuser=True))
    for client in (socket(execution, other), WebsocketClient(application, f"ws/import/{execution.pk}", headers=[(b"host", b"testserver")])):
        assert not (await client.connect())[0]


async def test_the_stream_tells_the_same() -> None:
    execution, token = await sync_to_async(make_watched)()
    await sync_to_async(happen)(execution)
    headers = {"Authorization": f"Token {token}", "Accept": "text/event-stream", "Last-Event-ID": "1"}
    answer = await AsyncClient().get(f"/api/books/import/{execution.pk}/stream", headers=headers)
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/event-stream")
    text = b"".join([piece async for piece in answer.streaming_content]).decode()
    blocks = [dict(line.split(": ", 1) for line in block.splitlines()) for block in text.strip().split("\n\n")]
    assert [block["event"] for block in blocks] == ["snapshot", "event", "event", "end"]
    assert [block["id"] for block in blocks if "id" in block] == ["2", "3"]
    assert json.loads(blocks[2]["data"])["step"] == "complete"


def test_a_look_that_sees_the_end_knows_of_its_event() -> None:
    execution, _ = make_watched(state=State.SUCCEEDED)

    def describe(seen: Execution) -> dict[str, Any]:
        # By another process, between the look at the run and that at its steps.
        Execution.objects.get(pk=seen.pk).record("step", step="notify", status="completed")
        return {}

    look = watch.take_look(replace(EXECUTION, describe=describe), execution.pk)
    assert look is not None
    assert (look.is_over, look.seq) == (True, 1)
