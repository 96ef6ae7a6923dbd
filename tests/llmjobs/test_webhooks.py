"""OpenAI's webhooks: believed only if signed, fresh and new; they ring earlier and decide nothing."""

from __future__ import annotations

import base64
import json
import time
from contextlib import suppress
from datetime import timedelta

import pytest

from bookops.clock import database_now
from bookops.dispatch import rung_here
from bookops.outbound.errors import TryAgain
from llmjobs import webhooks
from llmjobs.doors import standing_in
from llmjobs.models import LLMJobItem, ProviderMessage
from llmjobs.providers import Verdict
from llmjobs.sweeping import sweep_jobs
from llmjobs.webhooks import NotTheirs, Replayed, adopt, take_message
from sandbox.openai_webhooks import signature
from tests.llmjobs.factories import items_of
from tests.llmjobs.results import BatchAnswers, Responses, answer, make_sent_batch, make_sent_job, word

pytestmark = pytest.mark.django_db

SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two letters..").decode()


@pytest.fixture(autouse=True)
def here(settings):
    settings.OPENAI_WEBHOOK_SECRET = SECRET
    with rung_here() as here:
        yield here


@pytest.fixture
def openai():
    provider = Responses()
    with standing_in(provider):
        yield provider


def message(kind: str, about: str, *, number: int = 1, at: float | None = None, secret: str = SECRET) -> tuple[bytes, dict[str, str]]:
    """Return a message as OpenAI sends it."""
    body = json.dumps({"id": f"evt_{number}", "object": "event", "created_at": 1, "type": kind, "data": {"id": about}}).encode()
    sent_at = str(int(time.time() if at is None else at))
    name = f"wh_{number}"
    return body, {"Webhook-Id": name, "Webhook-Timestamp": sent_at, "Webhook-Signature": signature(secret, name, sent_at, body)}


@pytest.mark.django_db(transaction=True)
def test_a_message_about_an_item_has_it_looked_at_now(openai, here):
    job = make_sent_job(2, policy="apply")
    item, _ = items_of(job)
    openai.answer_all(job)

    assert take_message(*message("response.completed", item.provider_task_id)) == "response.completed"
    here.work()

    assert openai.looks == [item.provider_task_id]
    assert [one.status for one in items_of(job)] == ["succeeded", "processing"]


@pytest.mark.django_db(transaction=True)
def test_a_message_about_a_batch_has_its_results_applied_now(here):
    provider = BatchAnswers()
    with standing_in(provider):
        batch = make_sent_batch(2)
        provider.answer_all(batch)
        take_message(*message("batch.completed", batch.provider_id))
        here.work()

    assert {item.status for item in items_of(batch.job)} == {"succeeded"}


@pytest.mark.django_db(transaction=True)
def test_a_message_about_an_unknown_response_finds_the_item_that_was_perhaps_sent(openai, here):
    job = make_sent_job(1, policy="apply")
    intent = "0b5c1c9e-5f0e-4e0e-9b42-0c2f2f1f0d5a"
    LLMJobItem.objects.update(stage="unknown", provider_task_id="", intent=intent)
    [item] = items_of(job)
    metadata = {"job_id": str(job.pk), "job_item_id": str(item.pk), "intent": intent}
    openai.says["resp_lost"] = answer("resp_lost", raw={"metadata": metadata})

    take_message(*message("response.completed", "resp_lost"))
    here.work()

    [item] = items_of(job)
    assert (item.status, item.provider_task_id) == ("succeeded", "resp_lost")


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"job_item_id": "x"},
        {"job_item_id": "999999", "intent": "0b5c1c9e-5f0e-4e0e-9b42-0c2f2f1f0d5a"},
        {"job_item_id": "1", "intent": "y"},
    ],
)
def test_a_response_of_somebody_else_is_left_alone(openai, metadata):
    make_sent_job(1)
    openai.says["resp_other"] = word("resp_other", Verdict.OPEN, raw={"metadata": metadata})

    assert not adopt("resp_other")


@pytest.mark.django_db(transaction=True)
def test_a_response_whose_bell_was_lost_is_rung_for_again_until_it_is_known_whose_it_is(openai, here):
    make_sent_job(1)
    item = LLMJobItem.objects.get()
    LLMJobItem.objects.update(stage="unknown", provider_task_id="", intent="0b5c1c9e-5f0e-4e0e-9b42-0c2f2f1f0d5a")
    metadata = {"job_item_id": str(item.pk), "intent": "0b5c1c9e-5f0e-4e0e-9b42-0c2f2f1f0d5a"}
    with rung_here():
        take_message(*message("response.completed", "resp_lost"))
    later = database_now() + timedelta(minutes=1)

    openai.says["resp_lost"] = TryAgain("a bad moment")
    assert sweep_jobs(later)["responses_rung"] == 1
    here.work()
    openai.says["resp_lost"] = word("resp_lost", Verdict.OPEN, raw={"metadata": metadata})
    assert sweep_jobs(later)["responses_rung"] == 0
    assert sweep_jobs(later + timedelta(minutes=1))["responses_rung"] == 1
    here.work()

    assert LLMJobItem.objects.get().provider_task_id == "resp_lost"
    assert sweep_jobs(later + timedelta(hours=1))["responses_rung"] == 0


def test_an_intent_that_was_sent_again_since_is_not_adopted(openai):
    make_sent_job(1)
    LLMJobItem.objects.update(stage="unknown", provider_task_id="", intent="0b5c1c9e-5f0e-4e0e-9b42-0c2f2f1f0d5a")
    metadata = {"job_item_id": str(LLMJobItem.objects.get().pk), "intent": "11111111-5f0e-4e0e-9b42-0c2f2f1f0d5a"}
    openai.says["resp_old"] = answer("resp_old", raw={"metadata": metadata})

    assert not adopt("resp_old")
    assert LLMJobItem.objects.get().stage == "unknown"


def test_a_replayed_message_is_refused(openai):
    body, headers = message("response.completed", "resp_1")
    take_message(body, headers)

    with pytest.raises(Replayed):
        take_message(body, headers)
    assert ProviderMessage.objects.count() == 1


@pytest.mark.parametrize("seconds", [-600, 600])
def test_a_message_that_is_too_old_or_from_the_future_is_refused(seconds):
    with pytest.raises(NotTheirs):
        take_message(*message("response.completed", "resp_1", at=time.time() + seconds))


def test_a_message_signed_by_somebody_else_is_refused():
    other = "whsec_" + base64.b64encode(b"another secret of the same length").decode()

    with pytest.raises(NotTheirs):
        take_message(*message("response.completed", "resp_1", secret=other))


def test_a_message_that_was_changed_on_its_way_is_refused():
    body, headers = message("response.completed", "resp_1")

    with pytest.raises(NotTheirs):
        take_message(body.replace(b"resp_1", b"resp_2"), headers)
    assert not ProviderMessage.objects.exists()


@pytest.mark.parametrize("missing", ["Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"])
def test_a_message_without_one_of_its_headers_is_refused(missing):
    body, headers = message("response.completed", "resp_1")
    del headers[missing]

    with pytest.raises(NotTheirs):
        take_message(body, headers)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b'{"type": 5, "data": 7}', b"\xff\xfe", b"x" * 70_000])
def test_a_signed_message_that_says_nothing_does_nothing(body, here):
    sent_at = str(int(time.time()))
    headers = {"webhook-id": "wh_9", "webhook-timestamp": sent_at, "webhook-signature": signature(SECRET, "wh_9", sent_at, body)}

    with suppress(NotTheirs):
        take_message(body, headers)
    assert here.work() == 0


def test_nothing_is_believed_without_a_secret(settings):
    settings.OPENAI_WEBHOOK_SECRET = ""

    with pytest.raises(NotTheirs, match="OPENAI_WEBHOOK_SECRET"):
        take_message(*message("response.completed", "resp_1"))


def test_a_message_whose_taking_failed_may_be_sent_again(monkeypatch):
    body, headers = message("response.completed", "resp_1")
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(webhooks, "_ring_for", lambda *_: 1 / 0)
        take_message(body, headers)

    assert take_message(body, headers) == "response.completed"


def test_other_events_are_passed_over(here):
    assert take_message(*message("fine_tuning.job.succeeded", "ft_1")) == "fine_tuning.job.succeeded"
    assert here.work() == 0
