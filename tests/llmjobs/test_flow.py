"""A job from creation to its end: the real SDKs, the sandbox, ticks, a review and an undo."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bookops.books import Book
from bookops.dispatch import Here, rung_here
from bookops.runs import State
from bookops.spend import Account
from bookops.sweep import sweep_once
from llmjobs.jobs import cancel, create_job
from llmjobs.models import LLMJob, LLMJobItem, PollTick, Proposal, ProviderBatch
from llmjobs.plans import Plan, Scope
from llmjobs.polling import tick
from llmjobs.reviewing import accept
from llmjobs.undoing import undo_job
from llmjobs.working import work_on
from sandbox.running import RunningSandbox
from tests.factories import make_book, make_owner
from tests.llmjobs.factories import ANTHROPIC_BATCH, OPENAI_BATCH, RESPONSES, items_of, know_models

pytestmark = pytest.mark.django_db(transaction=True)

#: Longer than anything takes in the sandbox.
LONG_AFTER = 7200
TITLES = ("Momo", "Emma", "Summary of Momo: Key Takeaways", "Dubliners", "Dune Box Set (Books 1-6)", "Ulysses")


@pytest.fixture
def sandbox(sandbox_process: RunningSandbox, settings) -> RunningSandbox:
    sandbox_process.reset()
    settings.OPENAI_URL, settings.ANTHROPIC_URL = sandbox_process.openai_url, sandbox_process.anthropic_url
    settings.SOURCE_QUOTAS = False
    return sandbox_process


@pytest.fixture
def here() -> Iterator[Here]:
    with rung_here() as here:
        yield here


def make_flag_job(**plan) -> LLMJob:
    """Return a job over a few books, two of which are not what they seem."""
    know_models()
    owner = make_owner()
    for title in TITLES:
        make_book(owner, title=title, author="An Author")
    return create_job(owner, "flag", Scope(), Plan(label="Spring cleaning", **plan))


def until_ended(job: LLMJob, here: Here, sandbox: RunningSandbox, *, rounds: int = 12) -> LLMJob:
    """Work, let time pass at the provider, tick, sweep, until the job has ended."""
    for _ in range(rounds):
        here.work(threads=4)
        sandbox.settings(clock={"advance": LONG_AFTER})
        ProviderBatch.objects.update(next_at=job.created_at)
        tick()
        here.work(threads=4)
        sweep_once()
        job.refresh_from_db()
        if job.has_ended:
            return job
    raise AssertionError(f"{job.status}: {[(item.status, item.reason, item.detail) for item in items_of(job)]}")


@pytest.mark.parametrize("ask", [RESPONSES, OPENAI_BATCH, ANTHROPIC_BATCH], ids=["responses", "openai batch", "anthropic batch"])
def test_a_job_is_asked_polled_reviewed_and_undone(sandbox, here, ask):
    job = until_ended(make_flag_job(asks=(ask,)), here, sandbox)

    assert (job.status, job.reason) == ("completed", "")
    assert {item.status for item in items_of(job)} == {"succeeded"}
    assert job.totals["cost"] == sum(item.cost for item in items_of(job)) > 0
    assert {(one.held, one.spent) for one in Account.objects.all()} == {(0, job.totals["cost"])}
    waiting = list(Proposal.objects.filter(state=Proposal.State.WAITING).values_list("pk", flat=True))
    assert waiting

    accept(waiting, by=job.owner)
    flagged = Book.objects.filter(flagged=True)
    assert flagged.count() == len(waiting)
    assert all(book.flagged_reason.startswith("Spring cleaning: ") for book in flagged)

    undo_job(job, by=job.owner)
    here.work(threads=4)
    assert not Book.objects.filter(flagged=True).exists()
    ticks = PollTick.objects.all()
    assert sum(one.items_updated for one in ticks) == len(TITLES)
    assert [job_id for one in ticks for job_id in one.jobs_resolved] == [str(job.pk)]


def test_two_models_are_asked_and_what_they_agree_about_is_written(sandbox, here):
    other = {"provider": "anthropic", "way": "batch", "model": "claude-haiku-5-5"}
    job = until_ended(make_flag_job(asks=(RESPONSES, other)), here, sandbox)

    assert job.status == "completed"
    assert LLMJobItem.objects.filter(state=State.SUCCEEDED).count() == 2 * len(TITLES)
    assert Proposal.objects.count() == 2 * len(TITLES)
    assert Proposal.objects.filter(state=Proposal.State.APPLIED).exists()
    assert Book.objects.filter(flagged=True).exists()


def test_a_cancelled_job_is_stopped_at_its_provider(sandbox, here):
    job = make_flag_job(asks=(RESPONSES,))
    here.work(threads=4)
    assert {item.status for item in items_of(job)} == {"processing"}

    cancel(job)
    tick()

    assert {(item.status, item.stage, item.provider_status) for item in items_of(job)} == {("cancelled", "answered", "cancelled")}
    assert all(account.held == 0 for account in Account.objects.all())


@pytest.mark.parametrize(
    ("rate", "reason"),
    [("refusal_rate", "model_refused"), ("incomplete_rate", "max_output_tokens"), ("bad_json_rate", "not_json")],
)
def test_what_is_no_answer_fails_with_its_reason_and_ends_the_job(sandbox, here, rate, reason):
    sandbox.settings(sources={"openai": {rate: 1.0}})
    job = until_ended(make_flag_job(asks=(RESPONSES,)), here, sandbox)

    assert job.status == "failed"
    assert {(item.state, item.reason) for item in items_of(job)} == {("failed", reason)}
    assert not Book.objects.filter(flagged=True).exists()
    assert all(account.held == 0 for account in Account.objects.all())


@pytest.mark.parametrize(("kind", "ask"), [("500", OPENAI_BATCH), ("503", OPENAI_BATCH), ("503", ANTHROPIC_BATCH)])
def test_a_batch_that_was_taken_with_an_error_is_found_and_paid_once(kind, ask, here, sandbox):
    path = "/v1/batches" if ask["provider"] == "openai" else "/v1/messages/batches"
    sandbox.settings(faults=[{"kind": kind, "source": ask["provider"], "path": path, "times": 1}])
    job = make_flag_job(asks=(ask,))

    here.work(threads=4)
    assert ProviderBatch.objects.get().reason == "perhaps_sent"
    ProviderBatch.objects.update(next_at=job.created_at)
    work_on(job.pk)
    until_ended(job, here, sandbox)

    assert (job.status, job.aggregates()["succeeded"], ProviderBatch.objects.count()) == ("completed", len(TITLES), 1)


def test_a_question_that_was_taken_with_an_error_is_not_sent_again(here, sandbox):
    sandbox.settings(keep_calls=True, faults=[{"kind": "503", "source": "openai", "path": "/v1/responses", "times": 1}])
    job = make_flag_job(asks=(RESPONSES,))

    for _ in range(3):
        here.work(threads=4)
        LLMJobItem.objects.filter(state=State.PENDING).update(next_at=job.created_at)
        sweep_once()

    assert sorted(item.status for item in items_of(job)) == ["processing"] * (len(TITLES) - 1) + ["unknown"]
    sent = [call for call in sandbox.log(calls=True)["each_call"] if call["source"] == "openai"]
    assert len(sent) == len(TITLES)
