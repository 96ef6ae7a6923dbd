"""Watching a job: its counts as they change, resuming, and who may not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.routing import URLRouter
from django.test import AsyncClient

from bookops import watch
from bookops.dispatch import rung_here
from config.urls import websocket_urlpatterns
from llmjobs.applying import apply_results
from llmjobs.ending import end_if_done
from llmjobs.jobs import delete_job, pause, resume
from llmjobs.models import LLMJob
from tests.api.clients import make_user, token_of
from tests.llmjobs.factories import items_of
from tests.llmjobs.results import answer, make_sent_job
from tests.websocket import WebsocketClient

pytestmark = pytest.mark.django_db(transaction=True)
application = URLRouter(websocket_urlpatterns)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Look often, so that the tests are quick."""
    monkeypatch.setattr(watch, "LOOK_EVERY", 0.2)
    monkeypatch.setattr(watch, "LOOK_AT_MOST_EVERY", 0.02)
    with rung_here():
        yield


def make_watched(books: int = 2) -> tuple[LLMJob, str]:
    """Return a job at its provider and a token of its owner's."""
    job = make_sent_job(books, owner=make_user())
    return job, token_of(job.owner)


def answer_first(job: LLMJob, how_many: int) -> None:
    """Let so many answers arrive."""
    apply_results(job.pk, {item.pk: answer(item.provider_task_id) for item in items_of(job)[:how_many]})


def finish(job: LLMJob) -> None:
    """Let all that is left be answered."""
    answer_first(job, 1_000)
    assert end_if_done(job.pk)


def socket(job: LLMJob, token: str, query: str = "") -> WebsocketClient:
    """Return a client of the websocket."""
    headers = [(b"host", b"testserver"), (b"authorization", f"Token {token}".encode())]
    return WebsocketClient(application, f"ws/llm-jobs/{job.pk}{query}", headers=headers)


async def read_until(client: WebsocketClient, kind: str) -> list[dict[str, Any]]:
    """Return messages up to the first of a type."""
    messages: list[dict[str, Any]] = []
    while not messages or messages[-1]["type"] != kind:
        messages.append(json.loads(await client.receive_text(timeout=10)))
    return messages


async def test_it_sends_the_counts_first_and_whenever_they_change() -> None:
    job, token = await sync_to_async(make_watched)()
    client = socket(job, token)
    assert (await client.connect())[0]

    [snapshot] = await read_until(client, "snapshot")
    assert (snapshot["status"], snapshot["aggregates"]["submitted"], snapshot["aggregates"]["processed"]) == ("running", 2, 0)

    await sync_to_async(answer_first)(job, 1)
    changed = (await read_until(client, "progress"))[-1]
    assert (changed["aggregates"]["succeeded"], changed["aggregates"]["flagged"]) == (1, 1)
    assert changed["aggregates"]["cost_usd"] != "0.000000"

    await sync_to_async(finish)(job)
    rest = await read_until(client, "end")
    assert [message["kind"] for message in rest if message["type"] == "event"] == ["ended"]
    assert [message["status"] for message in rest if message["type"] == "progress"][-1] == "completed"


async def test_it_resumes_behind_the_number_one_knows() -> None:
    job, token = await sync_to_async(make_watched)()

    def happen() -> int:
        known = LLMJob.objects.get(pk=job.pk).last_seq
        pause(job)
        resume(job)
        finish(job)
        return known

    known = await sync_to_async(happen)()
    for after, kinds in ((known, ["paused", "resumed", "ended"]), (known + 2, ["ended"])):
        client = socket(job, token, f"?after={after}")
        assert (await client.connect())[0]
        messages = await read_until(client, "end")
        assert [message["kind"] for message in messages if message["type"] == "event"] == kinds


async def test_it_opens_for_nobody_else_and_not_for_a_deleted_job() -> None:
    job, token = await sync_to_async(make_watched)()
    other = await sync_to_async(token_of)(await sync_to_async(make_user)(is_superuser=True))
    anonymous = WebsocketClient(application, f"ws/llm-jobs/{job.pk}", headers=[(b"host", b"testserver")])
    for client in (socket(job, other), anonymous):
        assert not (await client.connect())[0]
    await sync_to_async(delete_job)(job)
    assert not (await socket(job, token).connect())[0]


async def test_the_stream_tells_the_same() -> None:
    job, token = await sync_to_async(make_watched)()
    await sync_to_async(finish)(job)
    headers = {"Authorization": f"Token {token}", "Accept": "text/event-stream", "Last-Event-ID": "1"}
    answered = await AsyncClient().get(f"/api/llm-jobs/{job.pk}/stream", headers=headers)
    assert (answered.status_code, answered["Content-Type"]) == (200, "text/event-stream")
    text = b"".join([piece async for piece in answered.streaming_content]).decode()
    blocks = [dict(line.split(": ", 1) for line in block.splitlines()) for block in text.strip().split("\n\n")]
    assert (blocks[0]["event"], blocks[-1]["event"]) == ("snapshot", "end")
    assert json.loads(blocks[0]["data"])["aggregates"]["processed"] == 2
    assert [block["id"] for block in blocks if "id" in block][-1] == str((await LLMJob.objects.aget(pk=job.pk)).last_seq)
