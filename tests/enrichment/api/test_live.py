"""Watching an import: the websocket, who is let in, resuming, and server-sent events."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.routing import URLRouter
from django.test import AsyncClient, Client
from django.utils import timezone
from knox.models import AuthToken

from bookops import watch
from bookops.credentials import Credential, WatchTicket, issue_ticket
from bookops.runs import State
from config.urls import websocket_urlpatterns
from enrichment.models import ImportRow, LibraryImport
from tests.api.clients import make_user, token_of
from tests.enrichment.api.factories import make_import, make_row
from tests.websocket import WebsocketClient

pytestmark = pytest.mark.django_db(transaction=True)
application = URLRouter(websocket_urlpatterns)
HOST = (b"host", b"testserver")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often, so that the tests are quick."""
    monkeypatch.setattr(watch, "LOOK_EVERY", 0.3)
    monkeypatch.setattr(watch, "LOOK_AT_MOST_EVERY", 0.05)


def socket(path: str, *headers: tuple[bytes, bytes], subprotocols: list[str] | None = None) -> WebsocketClient:
    """Return a client of the websocket."""
    return WebsocketClient(application, path, headers=[HOST, *headers], subprotocols=subprotocols)


def with_token(token: str) -> tuple[bytes, bytes]:
    """Return the header that carries a token."""
    return (b"authorization", f"Token {token}".encode())


async def connects(client: WebsocketClient) -> bool:
    """Try to connect, hang up, and say whether it opened."""
    opened, _ = await client.connect(timeout=5)
    await client.disconnect()
    return opened


async def read_until(client: WebsocketClient, kind: str) -> list[dict[str, Any]]:
    """Read messages up to the first of a kind."""
    messages = []
    while not messages or messages[-1]["type"] != kind:
        messages.append(json.loads(await client.receive_text(timeout=10)))
    return messages


def finish(library_import: LibraryImport) -> None:
    """End an import as a worker would."""
    LibraryImport.objects.filter(pk=library_import.pk).update(state=State.SUCCEEDED, stage="done", ended_at=timezone.now(), finishes=1)
    library_import.refresh_from_db()
    library_import.record("finished", state=State.SUCCEEDED)


async def test_it_shows_where_an_import_stands_and_what_happens_then() -> None:
    owner = await sync_to_async(make_user)()
    library_import = await sync_to_async(make_import)(owner)
    await sync_to_async(library_import.record)("uploaded")
    row = await sync_to_async(make_row)(library_import, state=State.PENDING, reason="")
    client = socket(f"ws/imports/{library_import.pk}", with_token(await sync_to_async(token_of)(owner)))
    assert (await client.connect())[0]
    [snapshot] = await read_until(client, "snapshot")
    assert (snapshot["seq"], snapshot["processed"], snapshot["total"]) == (1, 0, 1)
    await sync_to_async(ImportRow.objects.filter(pk=row.pk).update)(state=State.SUCCEEDED)
    progress = (await read_until(client, "progress"))[-1]
    assert (progress["processed"], progress["counts"]["succeeded"]) == (1, 1)
    await sync_to_async(finish)(library_import)
    messages = await read_until(client, "end")
    assert [message["kind"] for message in messages if message["type"] == "event"] == ["finished"]
    assert messages[-1] == {"type": "end", "seq": 2, "state": "succeeded"}
    assert await client.receive_output() == {"type": "websocket.close", "code": 1000}


@pytest.mark.parametrize("resumes_by", ["query", "message"])
async def test_it_resumes_behind_the_last_event_one_knows(resumes_by: str) -> None:
    owner = await sync_to_async(make_user)()
    library_import = await sync_to_async(make_import)(owner)
    for number in range(5):
        await sync_to_async(library_import.record)("chunk_done", number=number)
    path = f"ws/imports/{library_import.pk}" + ("?after=2" if resumes_by == "query" else "")
    client = socket(path, with_token(await sync_to_async(token_of)(owner)))
    assert (await client.connect())[0]
    await read_until(client, "snapshot")
    if resumes_by == "message":
        await client.send_text(json.dumps({"after": 2}))
        await read_until(client, "snapshot")
    events = [(await read_until(client, "event"))[-1] for _ in range(3)]
    assert [event["seq"] for event in events] == [3, 4, 5]
    await client.disconnect()


async def test_a_group_message_is_not_needed(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {}
    owner = await sync_to_async(make_user)()
    library_import = await sync_to_async(make_import)(owner)
    client = socket(f"ws/imports/{library_import.pk}", with_token(await sync_to_async(token_of)(owner)))
    assert (await client.connect())[0]
    await read_until(client, "snapshot")
    await sync_to_async(finish)(library_import)
    assert (await read_until(client, "end"))[-1]["state"] == "succeeded"


async def test_many_watchers_share_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LOOK_AT_MOST_EVERY", 1.0)
    looks = []

    def take_look(kind: watch.Kind, run_id: Any) -> watch.Look | None:
        looks.append(run_id)
        return original(kind, run_id)

    original = watch.take_look
    monkeypatch.setattr(watch, "take_look", take_look)
    owner = await sync_to_async(make_user)()
    library_import = await sync_to_async(make_import)(owner)
    token = await sync_to_async(token_of)(owner)
    clients = [socket(f"ws/imports/{library_import.pk}", with_token(token)) for _ in range(10)]
    for client in clients:
        assert (await client.connect())[0]
        await read_until(client, "snapshot")
    assert len(looks) <= 3
    for client in clients:
        await client.disconnect()


async def test_it_lets_in_by_subprotocol_ticket_and_session() -> None:
    owner = await sync_to_async(make_user)()
    library_import = await sync_to_async(make_import)(owner)
    path = f"ws/imports/{library_import.pk}"
    token = await sync_to_async(token_of)(owner)
    client = socket(path, subprotocols=["bookops", f"token.{token}"])
    assert await client.connect() == (True, "bookops")
    await client.disconnect()
    ticket = await sync_to_async(issue_ticket)(Credential(owner.pk, token_digest=(await AuthToken.objects.aget()).digest))
    assert await connects(socket(f"{path}?ticket={ticket}"))
    browser = Client()
    await sync_to_async(browser.force_login)(owner)
    cookie = (b"cookie", f"sessionid={browser.cookies['sessionid'].value}".encode())
    assert await connects(socket(path, cookie, (b"origin", b"http://testserver")))


async def test_it_refuses_everyone_else(settings: Any) -> None:
    owner, other = await sync_to_async(make_user)(), await sync_to_async(make_user)()
    staff = await sync_to_async(make_user)(is_staff=True)
    library_import = await sync_to_async(make_import)(owner)
    path = f"ws/imports/{library_import.pk}"
    token = await sync_to_async(token_of)(owner)
    digest = (await AuthToken.objects.aget(user=owner)).digest
    used = await sync_to_async(issue_ticket)(Credential(owner.pk, token_digest=digest))
    assert await connects(socket(f"{path}?ticket={used}"))
    late = await sync_to_async(issue_ticket)(Credential(owner.pk, token_digest=digest))
    await WatchTicket.objects.aupdate(expires_at=timezone.now())
    revoked = await sync_to_async(token_of)(owner)
    await AuthToken.objects.filter(token_key=revoked[:15]).adelete()
    expired = await sync_to_async(token_of)(owner)
    await AuthToken.objects.filter(token_key=expired[:15]).aupdate(expiry=timezone.now())
    strangers = {
        "anonymous": socket(path),
        "other owner": socket(path, with_token(await sync_to_async(token_of)(other))),
        "staff": socket(path, with_token(await sync_to_async(token_of)(staff))),
        "revoked token": socket(path, with_token(revoked)),
        "expired token": socket(path, with_token(expired)),
        "made-up token": socket(path, with_token("f" * 64)),
        "broken token": socket(path, (b"authorization", b"Token \xff\xfe")),
        "used ticket": socket(f"{path}?ticket={used}"),
        "expired ticket": socket(f"{path}?ticket={late}"),
        "made-up ticket": socket(f"{path}?ticket=%00%ff"),
        "made-up session": socket(path, (b"cookie", b"sessionid=abc")),
        "cross-origin": socket(path, with_token(token), (b"origin", b"https://evil.example")),
        "null origin": socket(path, with_token(token), (b"origin", b"null")),
        "no such import": socket("ws/imports/00000000-0000-4000-8000-000000000000", with_token(token)),
    }
    for name, client in strangers.items():
        assert not await connects(client), name


async def test_a_foreign_host_is_not_the_same_site(settings: Any) -> None:
    owner = await sync_to_async(make_user)()
    library_import = await sync_to_async(make_import)(owner)
    headers = [(b"host", b"evil.example"), (b"origin", b"http://evil.example"), with_token(await sync_to_async(token_of)(owner))]
    assert not await connects(WebsocketClient(application, f"ws/imports/{library_import.pk}", headers=headers))


async def test_a_named_origin_is_let_in(settings: Any) -> None:
    settings.CORS_ORIGINS = ["https://books.example"]
    owner = await sync_to_async(make_user)()
    library_import = await sync_to_async(make_import)(owner)
    token = with_token(await sync_to_async(token_of)(owner))
    assert await connects(socket(f"ws/imports/{library_import.pk}", token, (b"origin", b"https://books.example")))


async def test_a_ticket_opens_one_of_many_connections_at_once() -> None:
    owner = await sync_to_async(make_user)()
    library_import = await sync_to_async(make_import)(owner)
    await sync_to_async(token_of)(owner)
    digest = (await AuthToken.objects.aget()).digest
    ticket = await sync_to_async(issue_ticket)(Credential(owner.pk, token_digest=digest))
    tries = await asyncio.gather(*(connects(socket(f"ws/imports/{library_import.pk}?ticket={ticket}")) for _ in range(10)))
    assert sum(tries) == 1


async def test_a_revoked_token_ends_what_it_opened() -> None:
    owner = await sync_to_async(make_user)()
    library_import = await sync_to_async(make_import)(owner)
    client = socket(f"ws/imports/{library_import.pk}", with_token(await sync_to_async(token_of)(owner)))
    assert (await client.connect())[0]
    await read_until(client, "snapshot")
    await AuthToken.objects.all().adelete()
    await read_until(client, "revoked")
    assert (await client.receive_output(timeout=5))["code"] == 4401


@pytest.mark.parametrize(("sent", "code"), [(["x" * 2000], 1009), (["no json"], 1008), (["{}"] * 40, 1008)])
async def test_who_sends_too_much_is_shown_out(sent: list[str], code: int) -> None:
    owner = await sync_to_async(make_user)()
    library_import = await sync_to_async(make_import)(owner)
    client = socket(f"ws/imports/{library_import.pk}", with_token(await sync_to_async(token_of)(owner)))
    assert (await client.connect())[0]
    await read_until(client, "snapshot")
    for text in sent:
        await client.send_text(text)
    output = await client.receive_output(timeout=5)
    assert (output["type"], output["code"]) == ("websocket.close", code)


async def test_after_a_hundred_cuts_a_client_knows_what_the_database_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    """R16: events arrive once, in order and without a gap, however often the line is cut."""
    monkeypatch.setattr(watch, "LOOK_AT_MOST_EVERY", 0.01)
    chance = random.Random(16)
    owner = await sync_to_async(make_user)()
    library_import = await sync_to_async(make_import)(owner)
    token = await sync_to_async(token_of)(owner)
    cuts = 0
    known: list[int] = []
    last: dict[str, Any] = {}

    async def work() -> None:
        for number in range(1, 151):
            await sync_to_async(make_row)(library_import, number, state=State.SUCCEEDED, reason="")
            await sync_to_async(library_import.record)("row_done", number=number)
        while cuts < 100:
            await asyncio.sleep(0.01)
        await sync_to_async(finish)(library_import)

    worker = asyncio.create_task(work())
    while last.get("type") != "end":
        client = socket(f"ws/imports/{library_import.pk}?after={known[-1] if known else 0}", with_token(token))
        assert (await client.connect(timeout=10))[0]
        messages = chance.randint(1, 4) if cuts < 100 else 10_000
        for _ in range(messages):
            last = json.loads(await client.receive_text(timeout=10))
            if last["type"] == "event":
                known.append(last["seq"])
            if last["type"] == "end":
                break
            if cuts < 100 and chance.random() < 0.3:
                break
        cuts += 1
        await client.disconnect()
    await worker
    assert cuts > 100
    assert known == list(range(1, 152))
    assert (last["state"], last["seq"]) == ("succeeded", 151)


async def test_the_stream_tells_the_same_and_resumes() -> None:
    owner = await sync_to_async(make_user)()
    library_import = await sync_to_async(make_import)(owner)
    for number in range(4):
        await sync_to_async(library_import.record)("chunk_done", number=number)
    await sync_to_async(finish)(library_import)
    headers = {"Authorization": f"Token {await sync_to_async(token_of)(owner)}", "Accept": "text/event-stream", "Last-Event-ID": "2"}
    answer = await AsyncClient().get(f"/api/imports/{library_import.pk}/stream", headers=headers)
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/event-stream")
    text = b"".join([piece async for piece in answer.streaming_content]).decode()
    blocks = [dict(line.split(": ", 1) for line in block.splitlines()) for block in text.strip().split("\n\n")]
    assert [block["event"] for block in blocks] == ["snapshot", "event", "event", "event", "end"]
    assert [block["id"] for block in blocks if "id" in block] == ["3", "4", "5"]
    assert json.loads(blocks[-1]["data"])["state"] == "succeeded"


async def test_the_stream_of_someone_else_is_not_found() -> None:
    owner, other = await sync_to_async(make_user)(), await sync_to_async(make_user)()
    library_import = await sync_to_async(make_import)(owner)
    headers = {"Authorization": f"Token {await sync_to_async(token_of)(other)}", "Accept": "text/event-stream"}
    answer = await AsyncClient().get(f"/api/imports/{library_import.pk}/stream", headers=headers)
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
