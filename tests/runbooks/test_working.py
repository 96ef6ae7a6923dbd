"""One try at a step: its result is stored once, behind its lease, and each way to fail has its own end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings

from bookops.clock import database_now
from bookops.dispatch import rung_here
from bookops.language_models import load_models, model_on, price_on
from bookops.outbound.errors import BadAnswer, NotFound, Refused, TryAgain
from bookops.outbound.sdk_usage import Usage
from bookops.runs import State
from bookops.spend import Account, OverBudget, owner_purse
from runbooks.executions import cancel_execution
from runbooks.holding import hold_for
from runbooks.models import StepAttempt, StepRun
from runbooks.steps import Bill, Done, LeaseLost, Work
from runbooks.working import work_on
from tests.runbooks.factories import make_execution, make_step, messages_of
from tests.runbooks.fake_steps import FakeSteps

USAGE = Usage(10_000, 1_000)
#: Of USAGE by the price of claude-sonnet-5-5, in microdollars.
COST = 30_000


@pytest.fixture(autouse=True)
def here(steps: FakeSteps):
    with rung_here() as bell:
        yield bell


def worked(run: StepRun) -> StepRun:
    work_on(run.pk)
    return StepRun.objects.get(pk=run.pk)


def paying(outcome: Done | Exception) -> Any:
    """Return a step that holds money, asks a model, and then comes to `outcome`."""
    load_models()
    model = model_on(database_now().date(), "anthropic", "claude-sonnet-5-5")
    price = price_on(database_now().date(), model)

    def step(work: Work) -> Done:
        hold_for(work, model, 100_000)
        work.bill = Bill(USAGE, price)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return step


def account_of(run: StepRun) -> tuple[int, int]:
    account = Account.objects.get(scope=owner_purse(run.execution.owner_id, database_now().date()).scope)
    return account.held, account.spent


def test_it_stores_what_was_found_with_its_attempt(steps: FakeSteps):
    steps.put("ebay_fmv", Done({"offers": [1]}, store=lambda: {"kept": 1}))
    run = worked(make_step(name="ebay_fmv"))
    assert (run.state, run.output, run.reason) == (State.SUCCEEDED, {"offers": [1], "kept": 1}, "")
    assert len(run.input_hash) == 64
    assert run.seconds >= 0 and run.started_at and run.ended_at
    tried = StepAttempt.objects.get(step=run)
    assert (tried.number, tried.outcome, tried.reason) == (1, "succeeded", "")


def test_a_second_message_finds_nothing_to_do(steps: FakeSteps):
    asked = steps.put("ebay_fmv", Done())
    run = make_step(name="ebay_fmv")
    assert [work_on(run.pk) for _ in range(3)] == [True, False, False]
    assert len(asked.works) == 1


@pytest.mark.parametrize(
    ("error", "state", "attempts"),
    [
        (TryAgain("slow", reason="timeout"), State.PENDING, 1),
        (TryAgain("its turn", asked=False, retry_after=2.0), State.PENDING, 0),
        (TryAgain("wait", retry_after=61.0, source="ebay"), State.PARKED, 0),
        (TryAgain("spent", spent=True, retry_after=30.0, source="ebay"), State.PARKED, 0),
        (BadAnswer("half of it", reason="bad_json"), State.PENDING, 1),
        (BadAnswer("another form", reason="unknown_markup"), State.FAILED, 1),
        (BadAnswer("cut off", reason="truncated"), State.FAILED, 1),
        (NotFound("gone"), State.FAILED, 1),
        (Refused("no key", reason="not_configured"), State.FAILED, 1),
        (RuntimeError("a fault of ours"), State.PENDING, 1),
    ],
)
def test_each_way_to_fail_has_its_own_end(steps: FakeSteps, error: Exception, state: State, attempts: int):
    steps.put("ebay_fmv", error)
    run = worked(make_step(name="ebay_fmv", max_attempts=4))
    assert (run.state, run.attempts) == (state, attempts)
    assert run.reason == getattr(error, "reason", "crashed")
    assert run.waiting_for == ("ebay" if state == State.PARKED else "")


def test_a_step_is_dead_after_its_last_try(steps: FakeSteps):
    asked = steps.put("ebay_fmv", TryAgain("down", reason="unavailable"))
    run = make_step(name="ebay_fmv", max_attempts=4)
    for _ in range(6):
        run = worked(run)
    assert (run.state, run.attempts, len(asked.works)) == (State.DEAD, 4, 4)
    assert list(run.tries.values_list("number", "outcome")) == [(1, "pending"), (2, "pending"), (3, "pending"), (4, "dead")]


def test_a_fault_while_storing_is_tried_again_and_leaves_nothing_half_done(steps: FakeSteps):
    def store() -> None:
        StepAttempt.objects.create(step=run, number=99, outcome="half", ended_at=database_now())
        raise RuntimeError("in the middle")

    steps.put("ebay_fmv", Done({"offers": []}, store=store))
    run = make_step(name="ebay_fmv")
    run = worked(run)
    assert (run.state, run.reason, run.output) == (State.PENDING, "crashed", {})
    assert list(run.tries.values_list("number", flat=True)) == [1]


def test_the_result_of_a_lost_lease_is_thrown_away(steps: FakeSteps):
    discarded: list[str] = []

    def somebody_else(work: Work) -> Done:
        StepRun.objects.filter(pk=work.step.pk).update(lease_owner="00000000-0000-4000-8000-000000000001")
        return Done({"offers": ["ours"]}, store=lambda: discarded.append("stored"), discard=lambda: discarded.append("discarded"))

    steps.put("ebay_fmv", somebody_else)
    run = worked(make_step(name="ebay_fmv"))
    assert (run.state, run.output, discarded) == (State.RUNNING, {}, ["discarded"])
    assert not run.tries.exists()


def test_the_result_of_a_cancelled_execution_is_thrown_away(steps: FakeSteps):
    def cancelled(work: Work) -> Done:
        cancel_execution(work.execution)
        return Done({"offers": []})

    steps.put("ebay_fmv", cancelled)
    run = worked(make_step(name="ebay_fmv"))
    assert (run.state, run.output) == (State.CANCELLED, {})
    assert messages_of(run.execution)[-1] == {"step": "cancelled"}


def test_a_step_that_tells_how_far_it_is_learns_that_it_is_no_longer_wanted(steps: FakeSteps):
    heard: list[str] = []

    def slow(work: Work) -> Done:
        work.tell("1/2 images")
        cancel_execution(work.execution)
        try:
            work.tell("2/2 images")
        except LeaseLost:
            heard.append("lost")
            raise
        return Done()

    steps.put("download_images", slow)
    run = worked(make_step(name="download_images"))
    assert (heard, run.state) == (["lost"], State.CANCELLED)
    assert {"step": "download_images", "status": "running", "progress": "1/2 images"} in messages_of(run.execution)


def test_progress_is_told_now_and_then_and_at_the_end(steps: FakeSteps):
    def quick(work: Work) -> Done:
        for done in range(1, 20):
            work.tell(f"{done}/19 images")
        return Done()

    steps.put("download_images", quick)
    run = worked(make_step(name="download_images"))
    told = [message["progress"] for message in messages_of(run.execution) if message.get("status") == "running" and "progress" in message]
    assert told[0] == "1/19 images" and told[-1] == "19/19 images"
    assert len(told) < 19
    assert messages_of(run.execution)[-1] == {"step": "download_images", "status": "completed", "progress": "19/19 images"}


def test_what_a_model_used_is_written_down_and_settled(steps: FakeSteps):
    steps.put("claude_analysis", paying(Done({"reading": {}})))
    run = worked(make_step(name="claude_analysis"))
    assert (run.cost, run.input_tokens, run.output_tokens, run.model) == (COST, 10_000, 1_000, "claude-sonnet-5-5")
    assert (run.held, run.held_on) == (0, None)
    assert account_of(run) == (0, COST)
    assert run.tries.get().cost == COST


def test_a_paid_answer_that_is_of_no_use_costs_all_the_same(steps: FakeSteps):
    steps.put("claude_analysis", paying(Refused("declined", reason="model_refused")))
    run = worked(make_step(name="claude_analysis"))
    assert (run.state, run.cost, account_of(run)) == (State.FAILED, COST, (0, COST))


def test_the_costs_of_all_tries_add_up(steps: FakeSteps):
    steps.put("claude_analysis", paying(BadAnswer("broken", reason="bad_json")), paying(Done({"reading": {}})))
    run = worked(worked(make_step(name="claude_analysis")))
    assert (run.state, run.cost, run.input_tokens, account_of(run)) == (State.SUCCEEDED, 2 * COST, 20_000, (0, 2 * COST))


def test_what_was_paid_under_a_lost_lease_is_written_down_too(steps: FakeSteps):
    paid = paying(Done())

    def lost(work: Work) -> Done:
        done = paid(work)
        cancel_execution(work.execution)
        return done

    steps.put("claude_analysis", lost)
    run = worked(make_step(name="claude_analysis"))
    # What it still holds is given back by the sweeper.
    assert (run.state, run.cost, account_of(run)) == (State.CANCELLED, COST, (100_000, COST))


def test_over_budget_it_parks_until_the_next_day_without_asking(steps: FakeSteps, settings: Any):
    settings.SPEND_PER_DAY = 0.05
    steps.put("claude_analysis", paying(Done()))
    run = worked(make_step(name="claude_analysis"))
    assert (run.state, run.reason, run.waiting_for, run.attempts) == (State.PARKED, "over_budget", "budget", 0)
    assert run.next_at.date() == database_now().date() + timedelta(days=1)
    assert not Account.objects.exists(), "nothing was held"
    assert OverBudget.__name__ not in run.detail and "cap" in run.detail
    message = messages_of(run.execution)[-1]
    assert (message["status"], message["reason"], message["until"]) == ("parked", "over_budget", run.next_at.isoformat())


def test_a_step_reads_what_is_newest_when_it_begins(steps: FakeSteps):
    """It may have been opened, or parked, before what it reads was found again."""
    execution = make_execution()
    make_step(execution, state=State.SUCCEEDED, output={"facts": "old"}, is_current=False, ended_at=database_now())
    run = make_step(execution, name="ebay_fmv", input_hash="of what was known then")
    make_step(execution, number=2, state=State.SUCCEEDED, output={"facts": "new"}, ended_at=database_now())
    asked = steps.put("ebay_fmv", Done())
    run = worked(run)
    assert asked.works[0].inputs == {"fetch_listing": {"facts": "new"}}
    assert run.input == {"fetch_listing": 2}
    assert run.input_hash != "of what was known then"


def test_the_deadline_is_that_of_the_plan(steps: FakeSteps):
    left: list[float] = []

    def look(work: Work) -> Done:
        left.append(work.left)
        return Done()

    steps.put("ebay_fmv", look)
    worked(make_step(name="ebay_fmv"))
    assert 29 < left[0] <= 30
    assert django_settings.LEASE_SECONDS < 120, "a short lease, kept alive until the deadline"
