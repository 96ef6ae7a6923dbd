"""One import over the API from its upload to its end, each step as a client would take it and the work really done between."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.files.storage import default_storage
from django.test import AsyncClient

from bookops.dispatch import rung_here
from bookops.outbound.errors import Refused
from tests.api.clients import make_user, token_of
from tests.enrichment.api.test_live import quick, read_until, socket, with_token
from tests.factories import library, make_facts, work
from tests.fakes import FakeSources

__all__ = ["quick"]

pytestmark = pytest.mark.django_db(transaction=True)


class Client:
    """Do what a script with a token would do with one import."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.seq = 0

    async def ask(self, method: str, path: str, data: Any = None, **headers: str) -> Any:
        """Send a request with the token."""
        headers["Authorization"] = f"Token {self.token}"
        return await getattr(AsyncClient(), method)(path, data, headers=headers)

    async def watch(self, import_id: str, *, until: str) -> list[str]:
        """Open the websocket behind the last event that is known, read up to a message of that type, hang up; return the kinds."""
        wire = socket(f"ws/imports/{import_id}?after={self.seq}", with_token(self.token))
        assert (await wire.connect())[0]
        events = [one for one in await read_until(wire, until) if one["type"] == "event"]
        await wire.disconnect()
        assert [event["seq"] for event in events] == list(range(self.seq + 1, self.seq + len(events) + 1))
        self.seq += len(events)
        return [event["kind"] for event in events]

    async def data(self, import_id: str, **headers: str) -> tuple[int, str, dict[str, Any]]:
        """Return the status, the ETag and the document."""
        answer = await self.ask("get", f"/api/data/{import_id}", **headers)
        body = b"".join([part async for part in answer.streaming_content]) if answer.streaming else answer.content
        return answer.status_code, answer.get("ETag", ""), json.loads(body or b"{}")


async def test_an_import_goes_its_whole_way_over_the_api(sources: FakeSources, settings: Any) -> None:
    settings.DASHBOARD_REBUILD_SECONDS = 0
    sources.open_library.know(make_facts("Momo"), make_facts("Jim Knopf"))
    sources.open_library.supports_joined = False
    search = sources.open_library.search

    def refusing(title: str, author: str, *, flow: str = "") -> Any:
        if title == "Jim Knopf":
            raise Refused("blocked", reason="forbidden_agent")
        return search(title, author, flow=flow)

    sources.open_library.search = refusing  # type: ignore[method-assign]
    client = Client(await sync_to_async(token_of)(await sync_to_async(make_user)()))

    with rung_here() as here:
        file = io.BytesIO(library({"Title": "Momo"}, {"Title": "Jim Knopf"}).encode())
        file.name = "library.csv"
        taken_in = await client.ask("post", "/api/upload", {"csv": file})
        assert taken_in.status_code == 202
        import_id, status_url = taken_in.json()["uuid"], taken_in.json()["status_url"]
        assert (await client.ask("get", status_url)).json()["status"] == "processing"
        assert (await client.data(import_id))[0] == 202
        assert await client.watch(import_id, until="event") == ["uploaded"]

        await sync_to_async(work)(here)  # while the wire is cut
        assert (await client.watch(import_id, until="end"))[-1] == "finished"
        status = (await client.ask("get", status_url)).json()
        assert (status["status"], status["statistics"]["successful_books"], status["error_categories"]) == ("complete", 1, {"bad_data": 1})
        code, etag, document = await client.data(import_id)
        assert (code, [book["success"] for book in document["books"]]) == (200, [True, False])
        assert (await client.data(import_id, **{"If-None-Match": etag}))[0] == 304

        sources.open_library.search = search  # type: ignore[method-assign]
        retried = await client.ask("post", f"/api/imports/{import_id}/rows/2/retry")
        assert retried.status_code == 200, retried.content
        await sync_to_async(work)(here)
        assert {"retried", "dashboard"} <= set(await client.watch(import_id, until="end"))
        code, newer, document = await client.data(import_id, **{"If-None-Match": etag})
        assert (code, [book["success"] for book in document["books"]], newer == etag) == (200, [True, True], False)
        assert (await client.ask("get", status_url)).json()["statistics"]["failed_books"] == 0

        deleted = await client.ask("delete", f"/api/data/{import_id}")
        assert sorted(deleted.json()["deleted_files"]) == [
            f"data/{import_id}.json",
            f"data/{import_id}.json.gz",
            f"uploads/{import_id}/raw.csv",
        ]
        await sync_to_async(work)(here)
    assert [(await client.ask("get", url)).status_code for url in (status_url, f"/api/data/{import_id}")] == [404, 404]
    assert not any(map(default_storage.exists, deleted.json()["deleted_files"]))
