"""Sending items many at once: cutting batches, and handing them over."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bookops.clock import database_now
from bookops.dispatch import rung_here
from bookops.invariants import broken_invariants
from bookops.language_models import ModelLimit
from bookops.outbound.errors import BadAnswer, NotFound, Refused, TryAgain
from llmjobs import batching, cutting
from llmjobs.doors import standing_in
from llmjobs.holding import release_holds
from llmjobs.jobs import cancel, change_cap, pause, resume
from llmjobs.models import LLMJobItem, ProviderBatch
from llmjobs.questions import item_id_of
from llmjobs.working import work_on
from tests.llmjobs.factories import ANTHROPIC_BATCH, OPENAI_BATCH, items_of, make_rendered_job
from tests.llmjobs.paper_providers import PaperBatches
from tests.llmjobs.test_submitting import price_of_one, statuses

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["openai", "anthropic"])
def provider(request, tmp_path):
    paper = PaperBatches(tmp_path, request.param)
    with standing_in(paper), rung_here():
        yield paper


@pytest.fixture
def openai(tmp_path):
    paper = PaperBatches(tmp_path)
    with standing_in(paper), rung_here():
        yield paper


def job_for(provider: PaperBatches, books: int = 3, **changes):
    return make_rendered_job(books, ask=OPENAI_BATCH if provider.provider == "openai" else ANTHROPIC_BATCH, **changes)


def limit(**limits) -> None:
    """Set what providers take from today on, for every model."""
    ModelLimit.objects.update(**limits)


def test_it_sends_all_items_of_a_model_in_one_batch(provider):
    job = job_for(provider)

    work_on(job.pk)
    work_on(job.pk)

    [taken] = provider.taken()
    batch = ProviderBatch.objects.get()
    assert [item_id_of(one, batch) for one in taken["custom_ids"]] == [item.pk for item in items_of(job)]
    assert (batch.provider_id, batch.requests, batch.lease_owner) == (taken["id"], 3, None)
    assert statuses(job) == ["processing"] * 3
    assert {item.tier for item in items_of(job)} == {"batch"}
    assert broken_invariants() == {}


def test_it_asks_one_model_a_batch(openai):
    other = OPENAI_BATCH | {"model": "gpt-6.1-terra"}
    job = make_rendered_job(2, asks=(OPENAI_BATCH, other))

    work_on(job.pk)

    assert sorted(ProviderBatch.objects.values_list("model", "requests")) == [("gpt-6-luna", 2), ("gpt-6.1-terra", 2)]


def test_it_cuts_to_the_requests_that_a_provider_takes(provider):
    job = job_for(provider, 5)
    limit(batch_requests=2)

    work_on(job.pk)

    assert [len(one["custom_ids"]) for one in provider.taken()] == [2, 2, 1]


def test_it_cuts_to_the_bytes_that_a_provider_takes(provider):
    job = job_for(provider, 4)
    batch = ProviderBatch(job=job, provider=provider.provider, model=items_of(job)[0].model)
    line = len(provider.line(batching.Asking.of(job).in_batch(items_of(job)[0], batch)))
    limit(batch_bytes=2 * line + 5)

    work_on(job.pk)

    assert [len(one["custom_ids"]) for one in provider.taken()] == [2, 2]


def test_an_item_that_no_batch_could_hold_fails_and_the_rest_is_sent(provider):
    job = job_for(provider, 3)
    LLMJobItem.objects.filter(number=2).update(prompt="x" * 5000)
    limit(batch_bytes=4000)

    work_on(job.pk)

    assert statuses(job) == ["processing", "failed", "processing"]


def test_no_more_tokens_wait_at_a_provider_than_its_queue_takes(openai):
    job = job_for(openai, 5)
    each = items_of(job)[0].estimated_tokens
    limit(enqueued_tokens=2 * each)

    work_on(job.pk)

    assert statuses(job) == ["processing"] * 2 + ["queued"] * 3
    # The first one ends, and the next has room.
    ProviderBatch.objects.update(state="succeeded", ended_at=database_now())
    LLMJobItem.objects.filter(stage="processing").update(state="succeeded", ended_at=database_now(), held=0, held_on=None)
    work_on(job.pk)
    assert statuses(job) == ["succeeded"] * 2 + ["processing"] * 2 + ["queued"]


def test_over_the_cap_the_rest_parks(provider):
    job = job_for(provider, 5)
    change_cap(job, 3 * price_of_one(job))

    work_on(job.pk)

    assert statuses(job) == ["processing"] * 3 + ["parked"] * 2
    assert broken_invariants() == {}


def test_a_refused_batch_fails_its_items_and_holds_nothing(provider):
    job = job_for(provider)
    provider.refuse(Refused("bad file", reason="invalid_request"))

    work_on(job.pk)

    assert statuses(job) == ["failed"] * 3
    assert {item.held for item in items_of(job)} == {0}
    assert [item.tries.get().reason for item in items_of(job)] == ["invalid_request"] * 3
    assert ProviderBatch.objects.get().state == "failed"
    assert broken_invariants() == {}


def test_a_file_whose_taking_was_told_in_no_known_words_is_sent_again(openai, monkeypatch):
    job = job_for(openai)
    answers = [BadAnswer("expected JSON, got text/plain", reason="not_json")]
    upload = openai.upload
    monkeypatch.setattr(openai, "upload", lambda path: upload(path) if not answers else _raise(answers.pop()))

    work_on(job.pk)
    assert (ProviderBatch.objects.get().state, statuses(job)) == ("pending", ["submitting"] * 3)
    ProviderBatch.objects.update(next_at=database_now())
    work_on(job.pk)

    assert len(openai.taken()) == 1
    assert statuses(job) == ["processing"] * 3
    assert broken_invariants() == {}


def test_a_file_that_is_never_taken_in_known_words_fails_its_items_in_the_end(openai, monkeypatch):
    job = job_for(openai)
    monkeypatch.setattr(openai, "upload", lambda path: _raise(BadAnswer("expected JSON, got text/plain", reason="not_json")))

    for _ in range(6):
        work_on(job.pk)
        ProviderBatch.objects.update(next_at=database_now())

    assert (ProviderBatch.objects.get().state, ProviderBatch.objects.get().attempts) == ("dead", 5)
    assert {(item.status, item.reason, item.held) for item in items_of(job)} == {("failed", "not_json", 0)}
    assert broken_invariants() == {}


def _raise(error: Exception):
    raise error


def test_an_account_that_is_spent_pauses_the_job_and_leaves_its_items_queued(provider):
    job = job_for(provider)
    provider.refuse(Refused("spent", reason="spend_limit", account_wide=True))

    work_on(job.pk)

    job.refresh_from_db()
    assert (job.status, statuses(job)) == ("paused", ["queued"] * 3)
    assert {item.held for item in items_of(job)} == {0}
    assert broken_invariants() == {}


def test_a_batch_that_certainly_was_not_taken_is_sent_later(provider):
    job = job_for(provider)
    provider.refuse(TryAgain("HTTP 429", reason="rate_limited", retry_after=60))

    work_on(job.pk)
    assert (provider.taken(), ProviderBatch.objects.get().state) == ([], "pending")

    ProviderBatch.objects.update(next_at=database_now())
    work_on(job.pk)
    assert (len(provider.taken()), statuses(job)) == (1, ["processing"] * 3)


@pytest.mark.parametrize(
    "error",
    [
        TryAgain("no answer in time", reason="timeout"),
        TryAgain("HTTP 500", reason="http_500"),
        TryAgain("HTTP 503", reason="overloaded"),
        TryAgain("HTTP 409", reason="conflict"),
        BadAnswer("broken JSON", reason="bad_json"),
    ],
    ids=lambda error: error.reason,
)
def test_a_batch_whose_answer_was_lost_is_found_and_not_created_again(provider, error):
    job = job_for(provider)
    provider.lose(error)

    work_on(job.pk)
    assert (statuses(job), ProviderBatch.objects.get().reason) == (["submitting"] * 3, "perhaps_sent")

    ProviderBatch.objects.update(next_at=database_now())
    work_on(job.pk)
    assert ProviderBatch.objects.get().provider_id == provider.taken()[0]["id"]
    assert (len(provider.taken()), statuses(job)) == (1, ["processing"] * 3)


@pytest.mark.parametrize(
    "error",
    [TryAgain("HTTP 429", reason="rate_limited"), Refused("HTTP 401", reason="unauthorized", account_wide=True), NotFound("gone")],
    ids=lambda error: error.reason,
)
def test_a_batch_that_could_not_be_looked_for_is_not_created_again(provider, error, monkeypatch):
    job = job_for(provider)
    provider.lose(TryAgain("no answer in time", reason="timeout"))
    work_on(job.pk)
    with monkeypatch.context() as patch:
        patch.setattr(provider, "find", lambda *_, **__: _raise(error))
        ProviderBatch.objects.update(next_at=database_now())
        work_on(job.pk)
    batch = ProviderBatch.objects.get()
    assert (batch.state, batch.reason, statuses(job)) == ("pending", "perhaps_sent", ["submitting"] * 3)
    assert batch.sending_at is not None

    ProviderBatch.objects.update(next_at=database_now())
    work_on(job.pk)
    assert (len(provider.taken()), statuses(job)) == (1, ["processing"] * 3)


def test_a_batch_is_still_looked_for_when_its_provider_has_a_key_again(tmp_path, settings):
    settings.OPENAI_KEY = ""
    openai = PaperBatches(tmp_path)
    with rung_here():
        with standing_in(openai):
            job = job_for(openai)
            openai.lose(TryAgain("no answer in time", reason="timeout"))
            work_on(job.pk)
        ProviderBatch.objects.update(next_at=database_now())
        work_on(job.pk)
        assert ProviderBatch.objects.get().reason == "perhaps_sent"
        with standing_in(openai):
            ProviderBatch.objects.update(next_at=database_now())
            work_on(job.pk)

    assert (len(openai.taken()), statuses(job)) == (1, ["processing"] * 3)


def test_a_batch_that_no_listing_shows_is_created_again_only_when_it_must_have_shown_it(provider):
    job = job_for(provider)
    provider.refuse(TryAgain("no answer in time", reason="timeout"))  # before it was taken, but who knows
    work_on(job.pk)

    ProviderBatch.objects.update(next_at=database_now())
    work_on(job.pk)
    assert provider.taken() == []

    ProviderBatch.objects.update(next_at=database_now(), sending_at=database_now() - timedelta(minutes=13))
    work_on(job.pk)
    assert (len(provider.taken()), statuses(job)) == (1, ["processing"] * 3)


def test_of_several_that_may_be_it_a_person_chooses(tmp_path):
    anthropic = PaperBatches(tmp_path, "anthropic")
    with standing_in(anthropic), rung_here():
        job = job_for(anthropic)
        anthropic.lose(TryAgain("no answer in time", reason="timeout"))
        work_on(job.pk)
        ours = anthropic.taken()[0]
        anthropic.show(**ours | {"id": "batch_of_somebody_else"})
        ProviderBatch.objects.update(next_at=database_now())

        work_on(job.pk)
        batch = ProviderBatch.objects.get()
        assert (batch.state, batch.reason) == ("parked", "perhaps_sent")
        assert "batch_of_somebody_else" in batch.detail

        assert batching.adopt_batch(batch, ours["id"])
        assert statuses(job) == ["processing"] * 3


def test_a_batch_of_a_cancelled_job_that_was_never_created_is_dropped_with_its_money(provider):
    job = job_for(provider)
    provider.refuse(TryAgain("HTTP 429", reason="rate_limited"))
    work_on(job.pk)
    cancel(job)

    ProviderBatch.objects.update(next_at=database_now())
    work_on(job.pk)
    release_holds(database_now())

    assert (ProviderBatch.objects.get().state, provider.taken()) == ("cancelled", [])
    assert {item.held for item in items_of(job)} == {0}
    assert broken_invariants() == {}


def test_a_batch_of_a_cancelled_job_that_was_created_is_found_so_that_it_can_be_cancelled_there(provider):
    job = job_for(provider)
    provider.lose(TryAgain("no answer in time", reason="timeout"))
    work_on(job.pk)
    cancel(job)

    ProviderBatch.objects.update(next_at=database_now())
    work_on(job.pk)

    batch = ProviderBatch.objects.get()
    assert (batch.state, batch.provider_id) == ("running", provider.taken()[0]["id"])
    assert statuses(job) == ["cancelled"] * 3


def test_a_batch_that_was_too_large_is_halved_and_the_second_half_waits(openai):
    job = job_for(openai, 4)
    work_on(job.pk)
    whole = ProviderBatch.objects.get()

    first, second = cutting.halve(whole)
    assert broken_invariants() == {}
    assert cutting.halve(whole) == []
    work_on(job.pk)

    assert [len(one["custom_ids"]) for one in openai.taken()] == [4, 2]
    assert (first.requests, second.requests) == (2, 2)
    assert statuses(job) == ["processing"] * 2 + ["submitting"] * 2
    held = sum(item.held for item in items_of(job))
    assert held == 4 * price_of_one(job)


def test_while_a_half_waits_no_other_job_fills_the_queue_before_it(openai):
    job, other = job_for(openai, 4), job_for(openai, 2)
    work_on(job.pk)
    cutting.halve(ProviderBatch.objects.get())
    work_on(job.pk)  # the first half is there, the second waits for it

    work_on(other.pk)
    assert statuses(other) == ["queued"] * 2

    pause(job)  # what is not going to be sent keeps nobody waiting
    work_on(other.pk)
    assert statuses(other) == ["processing"] * 2
    resume(job)

    ProviderBatch.objects.exclude(provider_id="").update(state="succeeded", ended_at=database_now())
    ProviderBatch.objects.update(next_at=database_now())
    work_on(job.pk)
    assert statuses(job) == ["processing"] * 4


def test_a_batch_of_one_that_is_too_large_fails_its_item(openai):
    job = job_for(openai, 1)
    work_on(job.pk)

    assert cutting.halve(ProviderBatch.objects.get()) == []

    [item] = items_of(job)
    assert (item.status, item.held) == ("failed", 0)
    assert [(one.outcome, one.reason) for one in item.tries.all()] == [("not_sent", "too_large")]


def test_its_file_is_gone_when_it_is_sent(openai, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    work_on(job_for(openai).pk)
    assert not list(tmp_path.glob("batch-*"))
