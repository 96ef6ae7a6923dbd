"""Ticks, ringing for one, and OpenAI's webhooks, over HTTP."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.test import Client

from bookops.clock import database_now
from bookops.dispatch import Here, rung_here
from llmjobs import tasks
from llmjobs.models import PollTick, ProviderMessage
from llmjobs.webhooks import MOST_BYTES
from tests.api.clients import json_body
from tests.llmjobs.factories import make_job
from tests.llmjobs.test_webhooks import SECRET, message

pytestmark = pytest.mark.django_db
WEBHOOK = "/api/llm-jobs/openai-webhook"


@pytest.fixture(autouse=True)
def here() -> Any:
    """Where what is rung is heard."""
    with rung_here() as here:
        yield here


def heard(here: Here) -> list[tuple[Any, Any]]:
    """Return what was rung."""
    return [here._rung.get_nowait() for _ in range(here._rung.qsize())]


def tell(body: bytes, headers: dict[str, str]) -> Any:
    """Send a message as OpenAI does: no token, no session, CSRF checked where it is."""
    return Client(enforce_csrf_checks=True).post(WEBHOOK, data=body, content_type="application/json", headers=headers)


def test_ticks_are_listed_with_the_first_designs_statistics(api: Client, owner: Any) -> None:
    mine, theirs = make_job(owner=owner), make_job()
    PollTick.objects.create(
        started_at=database_now(),
        jobs_polled=3,
        items_polled=45,
        items_updated=42,
        jobs_resolved=[str(mine.pk), str(theirs.pk), str(uuid.uuid4())],
        errors=1,
        unmapped={"on_holiday": 2},
    )

    [tick] = api.get("/api/llm-jobs/ticks").json()["results"]

    assert [tick[name] for name in ("jobs_polled", "items_polled", "items_updated", "errors")] == [3, 45, 42, 1]
    assert tick["jobs_resolved"] == [str(mine.pk)]
    assert tick["unmapped"] == {"on_holiday": 2}


def test_polling_now_rings_for_a_tick(api: Client, here: Here, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        response = api.post("/api/llm-jobs/poll-now", **json_body())
    assert (response.status_code, response.json()) == (202, {"rung": True})
    assert heard(here) == [(tasks.poll, ())]


def test_polling_now_is_throttled_and_uploads_are_not_by_it(api: Client, settings: Any) -> None:
    settings.THROTTLE_RATES = settings.THROTTLE_RATES | {"upload": "2/min"}
    answers = [api.post("/api/llm-jobs/poll-now", **json_body()).status_code for _ in range(3)]
    assert answers == [202, 202, 429]
    assert api.post("/api/upload").status_code == 400


def test_a_signed_message_is_taken_without_a_login_and_once(settings: Any, here: Here, django_capture_on_commit_callbacks: Any) -> None:
    settings.OPENAI_WEBHOOK_SECRET = SECRET
    sent = message("response.completed", "resp_unknown")
    with django_capture_on_commit_callbacks(execute=True):
        assert tell(*sent).status_code == 204
    again = tell(*sent)
    assert (again.status_code, again.json()["code"]) == (409, "taken_before")
    assert heard(here) == [(tasks.adopt, ("resp_unknown",))]


@pytest.mark.parametrize("secret", [SECRET, ""])
def test_a_message_that_is_not_signed_is_refused(settings: Any, here: Here, secret: str) -> None:
    settings.OPENAI_WEBHOOK_SECRET = secret
    body, headers = message("response.completed", "resp_unknown")
    for refused in (tell(body + b" ", headers), tell(body, {}), tell(b"", headers)):
        assert (refused.status_code, refused.json()["code"]) == (400, "not_signed")
    assert not ProviderMessage.objects.exists()
    assert heard(here) == []


def test_a_large_message_is_refused_unread(settings: Any) -> None:
    settings.OPENAI_WEBHOOK_SECRET = SECRET
    refused = tell(b"x" * (MOST_BYTES + 1), {})
    assert (refused.status_code, refused.json()["code"]) == (413, "message_too_large")


def test_thousands_of_messages_are_not_throttled(settings: Any) -> None:
    settings.OPENAI_WEBHOOK_SECRET = SECRET
    settings.THROTTLE_RATES = dict.fromkeys(settings.THROTTLE_RATES, "1/min")
    assert [tell(*message("response.completed", "resp_x", number=number)).status_code for number in range(3)] == [204, 204, 204]
