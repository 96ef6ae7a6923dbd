"""OpenAI's own messages from the sandbox to our address, and no tick: whatever a response or a batch comes to is stored at once."""

from __future__ import annotations

import time

import pytest
from django.urls import reverse

from llmjobs.doors import open_background, open_batches
from llmjobs.jobs import create_job
from llmjobs.models import ItemAttempt, PollTick, ProviderBatch, ProviderMessage
from llmjobs.plans import Plan, Scope
from sandbox.openai_options import OpenAIOptions
from tests.factories import make_book, make_owner
from tests.llmjobs.factories import OPENAI_BATCH, RESPONSES, items_of, know_models
from tests.llmjobs.test_flow import here, sandbox

__all__ = ["here", "sandbox"]

pytestmark = pytest.mark.django_db(transaction=True)

#: By the sandbox's clock longer than a batch may take.
LONG_AFTER = 90_000
MOST_SECONDS = 15.0


@pytest.fixture
def told(sandbox, here, settings, live_server):
    """Return what does all work until something has come of the first sending."""
    secret = settings.OPENAI_WEBHOOK_SECRET = OpenAIOptions().webhook_secret
    address = live_server.url + reverse("openai-webhook")
    sandbox.settings(sources={"openai": {"webhook_url": address, "webhook_secret": secret}})

    def work() -> ItemAttempt | None:
        sandbox.settings(clock={"advance": LONG_AFTER})
        until = time.monotonic() + MOST_SECONDS
        while not ItemAttempt.objects.exists() and time.monotonic() < until:
            here.work(threads=2)
            time.sleep(0.05)
        return ItemAttempt.objects.first()

    return work


@pytest.mark.parametrize(
    ("kind", "ask", "options", "outcome"),
    [
        ("response.completed", RESPONSES, {}, "answered"),
        ("response.failed", RESPONSES, {"failure_rate": 1.0, "failure_code": "invalid_prompt"}, "failed"),
        ("response.incomplete", RESPONSES, {"incomplete_rate": 1.0}, "cut_short"),
        ("response.cancelled", RESPONSES, {}, "cancelled"),
        ("batch.completed", OPENAI_BATCH, {}, "answered"),
        ("batch.failed", OPENAI_BATCH, {"enqueued_tokens": 1}, "not_sent"),
        ("batch.expired", OPENAI_BATCH, {"expire_rate": 1.0}, "expired"),
        ("batch.cancelled", OPENAI_BATCH, {}, "cancelled"),
    ],
)
def test_each_end_is_stored_as_soon_as_it_is_told(kind, ask, options, outcome, sandbox, here, told):
    sandbox.settings(sources={"openai": options})
    know_models()
    owner = make_owner()
    make_book(owner, title="Momo", author="An Author")
    job = create_job(owner, "flag", Scope(), Plan(asks=(ask,)))
    here.work(threads=2)
    if kind == "response.cancelled":
        open_background("openai").cancel(items_of(job)[0].provider_task_id)
    elif kind == "batch.cancelled":
        open_batches("openai").cancel(ProviderBatch.objects.get().provider_id)

    ended = told()

    assert ended is not None, ProviderMessage.objects.count()
    assert ended.outcome == outcome
    assert not PollTick.objects.exists()
