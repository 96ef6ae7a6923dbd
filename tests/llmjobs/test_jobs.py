"""What a person can do with a job."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bookops.dispatch import rung_here
from bookops.events import RunEvent
from bookops.language_models import LanguageModel
from bookops.runs import State
from llmjobs import jobs, plans
from llmjobs.jobs import (
    append,
    cancel,
    change_cap,
    clone,
    create_job,
    delete_job,
    mark_seen,
    pause,
    resume,
    retry_failed,
    retry_items,
    unseen_count,
)
from llmjobs.models import LLMJob, LLMJobItem, ProviderBatch
from llmjobs.plans import Plan, Scope
from llmjobs.working import work_on
from tests.factories import make_owner
from tests.llmjobs.factories import ANTHROPIC_BATCH, OPENAI_BATCH, RESPONSES, items_of, know_models, make_books, make_job, make_rendered_job

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nobody_is_rung():
    with rung_here():
        yield


def refusal(purpose: str = "flag", scope: Scope | None = None, **plan) -> dict[str, list[str]]:
    """Return what is said of a job that cannot be created."""
    know_models()
    owner = make_owner()
    make_books(1, owner)
    with pytest.raises(ValidationError) as refused:
        create_job(owner, purpose, scope or Scope(), Plan(**plan))
    assert not LLMJob.objects.exists()
    return refused.value.message_dict


def test_it_freezes_the_scope_at_creation():
    owner = make_owner()
    know_models()
    books = make_books(2, owner)
    make_books(1)  # of somebody else

    job = create_job(owner, "flag", Scope("all"))

    make_books(1, owner)
    assert job.scopes.get().ids == [book.pk for book in books]
    assert (job.status, job.total_items, job.asks[0]["model"]) == ("queued", 2, "gpt-6-luna")


def test_it_multiplies_targets_by_models():
    job = make_job(3, asks=(RESPONSES, ANTHROPIC_BATCH))

    assert job.total_items == 6
    assert [ask["tier"] for ask in job.asks] == ["standard", "batch"]


def test_it_chooses_by_filter():
    owner = make_owner()
    know_models()
    make_books(12, owner)

    job = create_job(owner, "flag", Scope("filters", filters={"title": "Book 1"}))

    assert job.total_items == 3  # 1, 10, 11


def test_many_ids_are_compared_here_and_only_the_owners_are_frozen(monkeypatch):
    monkeypatch.setattr(plans, "FEW_IDS", 2)
    owner = make_owner()
    know_models()
    first, second, _ = make_books(3, owner)
    strange = make_books(1)[0]

    job = create_job(owner, "flag", Scope("ids", (second.pk, strange.pk, first.pk, second.pk)))

    assert job.scopes.get().ids == [first.pk, second.pk]


def test_it_refuses_an_empty_scope():
    assert "Nothing matches" in refusal(scope=Scope("ids", (0,)))["scope"][0]


def test_it_names_the_variables_there_are():
    assert "There are: title" in refusal(template="What of {{shelf}}?")["template"][0]
    assert "There are: title" in refusal(template="no variable at all")["template"][0]


def test_it_names_the_successor_of_a_retired_model():
    said = refusal(asks=({"provider": "anthropic", "way": "batch", "model": "claude-sonnet-4-0"},))["asks"][0]

    assert "retired" in said
    assert "claude-sonnet-5-5" in said


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        ({"provider": "nobody"}, "Nobody answers as nobody"),
        ({"model": "gpt-2"}, "No model gpt-2"),
        ({"effort": "heroic"}, "knows no effort heroic"),
        ({"tier": "first class"}, "No tier first class"),
        ({"most_output_tokens": 10**7}, "answers with 1 to"),
    ],
)
def test_it_refuses_what_no_model_can_be_asked(ask, words):
    assert words in refusal(asks=(ask,))["asks"][0]


def test_it_refuses_to_send_what_has_expired_to_whom_nobody_could_ask():
    assert "claude-none" in refusal(expired_to={"provider": "anthropic", "model": "claude-none"})["expired_to"][0]


def test_it_refuses_a_second_asking_for_more_than_a_model_answers_with():
    know_models()
    LanguageModel.objects.filter(name="gpt-6-luna").update(most_output_tokens=9_000)

    assert "1 to 9000 tokens" in refusal(asks=(RESPONSES,), larger_output_tokens=9_001)["larger_output_tokens"][0]
    assert make_job(1, ask=RESPONSES, larger_output_tokens=9_000).larger_output_tokens == 9_000


@pytest.mark.parametrize("plan", [{"asks": (OPENAI_BATCH | {"most_output_tokens": 5_000},)}, {"larger_output_tokens": 5_000}])
def test_it_refuses_to_send_what_has_expired_to_a_model_that_answers_with_less(plan):
    know_models()
    LanguageModel.objects.filter(name="claude-haiku-5-5").update(most_output_tokens=4_000)

    assert "1 to 4000 tokens" in refusal(**{"asks": (OPENAI_BATCH,)} | plan, expired_to=ANTHROPIC_BATCH)["expired_to"][0]


def test_where_expired_items_go_is_kept_with_all_that_sending_them_takes():
    job = make_job(1, ask=OPENAI_BATCH, expired_to={"provider": "anthropic", "model": "claude-haiku-5-5"})

    assert job.expired_to == {"provider": "anthropic", "way": "batch", "model": "claude-haiku-5-5"}


def test_it_refuses_the_same_model_twice():
    assert "named twice" in refusal(asks=(RESPONSES, RESPONSES))["asks"][0]


def test_it_refuses_an_unknown_filter_and_an_unknown_purpose():
    assert "Unknown filter" in refusal(scope=Scope("filters", filters={"colour": "red"}))["scope"][0]
    assert "No purpose" in refusal("gossip")["purpose"][0]


def test_it_is_added_to_while_nothing_was_sent():
    job = make_rendered_job(2)
    more = make_books(2, job.owner)
    known = items_of(job)[0].target_id

    assert append(job, Scope("ids", (known, *(book.pk for book in more)))) == 2

    work_on(pause_again(job).pk)
    assert [item.number for item in items_of(job)] == [1, 2, 3, 4]
    assert len({item.target_id for item in items_of(job)}) == 4


def pause_again(job: LLMJob) -> LLMJob:
    """Keep a job from sending, so that a test sees its items as they were rendered."""
    pause(job)
    return job


def test_it_is_not_added_to_once_something_was_sent():
    job = make_rendered_job(1)
    LLMJob.objects.filter(pk=job.pk).update(submitted_at=job.created_at)

    with pytest.raises(ValidationError, match="Clone it"):
        append(job, Scope("ids", (make_books(1, job.owner)[0].pk,)))


def test_a_clone_asks_the_same_of_what_is_still_there():
    job = make_rendered_job(3, template="Is {{title}} rare?", priority=10, cap=500_000)
    job.owner.books.first().delete()

    again = clone(job)

    assert again.total_items == 2
    assert (again.template, again.priority, again.cap, again.uses_kept_answers) == (job.template, 10, 500_000, False)


def test_pausing_and_resuming_are_told_once():
    job = make_rendered_job(1)

    assert pause(job)
    assert not pause(job)
    assert LLMJob.objects.get().status == "paused"
    assert resume(job)
    assert not resume(job)
    assert list(RunEvent.objects.filter(run_id=job.pk).values_list("kind", flat=True)) == ["created", "rendered", "paused", "resumed"]


def test_a_job_may_start_paused():
    job = make_job(2, starts_paused=True)

    work_on(job.pk)

    assert {item.status for item in items_of(job)} == {"queued"}
    assert LLMJob.objects.get().status == "paused"


def end_items(job: LLMJob, *states: State) -> None:
    """Give a job's items these states, in their order, and end the job."""
    from llmjobs.ending import end_if_done

    for item, state in zip(items_of(job), states, strict=True):
        LLMJobItem.objects.filter(pk=item.pk).update(state=state, ended_at=job.created_at, submitted_at=job.created_at)
    assert end_if_done(job.pk)


def test_retrying_opens_an_ended_job_again():
    job = make_rendered_job(3)
    end_items(job, State.SUCCEEDED, State.FAILED, State.DEAD)

    assert retry_failed(job) == 2

    job.refresh_from_db()
    assert (job.state, job.status, job.totals, job.reopenings) == (State.RUNNING, "running", {}, 1)
    assert [item.status for item in items_of(job)] == ["succeeded", "queued", "queued"]
    assert items_of(job)[1].submitted_at is None


def test_only_the_chosen_ones_that_are_broken_are_retried():
    job = make_rendered_job(3)
    end_items(job, State.SUCCEEDED, State.FAILED, State.FAILED)
    succeeded, failed, _ = items_of(job)

    assert retry_items(job, [succeeded.pk, failed.pk]) == 1


def test_a_cancelled_job_is_not_retried():
    job = make_rendered_job(2)
    LLMJobItem.objects.filter(pk=items_of(job)[0].pk).update(state=State.FAILED, ended_at=job.created_at)
    cancel(job)

    assert retry_failed(job) == 0


def test_cancelling_and_retrying_write_each_item_once():
    """Of fifty thousand items the request waits for each statement."""
    job = make_rendered_job(2)
    with CaptureQueriesContext(connection) as cancelling:
        jobs.cancel(job)
    broken = make_rendered_job(2)
    LLMJobItem.objects.filter(job=broken).update(state=State.FAILED)
    with CaptureQueriesContext(connection) as retrying:
        assert jobs.retry_failed(broken) == 2

    def updates(captured: CaptureQueriesContext) -> int:
        return sum(one["sql"].startswith('UPDATE "llmjobs_llmjobitem"') for one in captured)

    # Those that were sent and those that were not have another detail.
    assert (updates(cancelling), updates(retrying)) == (2, 1)


def test_cancelling_skips_what_waits_and_ends_what_is_at_the_provider():
    job = make_rendered_job(3)
    sent = items_of(job)[0]
    LLMJobItem.objects.filter(pk=sent.pk).update(
        state=State.RUNNING, stage="processing", provider_task_id="resp_1", sending_at=job.created_at, submitted_at=job.created_at
    )

    assert cancel(job)

    assert [item.status for item in items_of(job)] == ["cancelled", "skipped", "skipped"]
    assert [item.detail for item in items_of(job)[:2]] == ["Cancelled while at the provider", "Job cancelled before submission"]
    job.refresh_from_db()
    assert (job.status, job.finishes, job.totals["cancelled"]) == ("cancelled", 1, 3)
    assert not cancel(job)


def test_a_deleted_job_is_stopped_and_gone_from_its_owners_list():
    job = make_rendered_job(1)
    ProviderBatch.objects.create(job=job, provider="openai", way="batch", model="gpt-6-luna", provider_id="batch_1", state=State.RUNNING)

    delete_job(job)

    assert not LLMJob.objects.owned_by(job.owner).exists()
    assert LLMJob.objects.get().status == "cancelled"
    # The poller still finds the provider's work, to cancel it there.
    assert ProviderBatch.objects.get().state == State.RUNNING


def test_an_end_is_unseen_until_it_is_seen():
    job = make_rendered_job(1)
    assert unseen_count(job.owner) == 0
    cancel(job)
    assert unseen_count(job.owner) == 1
    mark_seen(job)
    assert unseen_count(job.owner) == 0


def test_a_cap_is_raised_with_a_word_in_the_timeline():
    job = make_rendered_job(1, cap=1)
    change_cap(job, 2_000_000)
    assert LLMJob.objects.get().cap == 2_000_000
    assert RunEvent.objects.filter(run_id=job.pk).last().payload == {"cap": 2_000_000}
