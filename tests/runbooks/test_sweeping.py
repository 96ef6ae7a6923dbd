"""What the sweeper mends: workers that died, messages that were lost, and bodies that never ran."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bookops.clock import database_now
from bookops.dispatch import rung_here
from bookops.events import RunEvent
from bookops.outbound.errors import Refused
from bookops.runs import State
from runbooks.advancing import Course
from runbooks.executions import cancel_execution, start_import
from runbooks.models import Execution, StepRun
from runbooks.plan import STEPS
from runbooks.steps import Done
from runbooks.sweeping import MOST, free_steps, sweep_executions
from runbooks.tasks import advance_execution, work_on_step
from runbooks.working import work_on
from tests.factories import make_owner
from tests.fakes import LossyBell
from tests.runbooks.factories import make_execution, make_step, work_off
from tests.runbooks.fake_steps import FakeSteps, saves_nothing

LINK = "https://www.ebay.com/itm/256712345678"


def later(seconds: float = 3600.0) -> Any:
    return database_now() + timedelta(seconds=seconds)


def dead_worker(run: StepRun) -> None:
    """Leave a step as a worker does that was killed in the middle of it."""
    StepRun.objects.all().claim([run.pk])
    StepRun.objects.filter(pk=run.pk).update(lease_until=database_now() - timedelta(seconds=1))


@pytest.mark.django_db
def test_a_step_whose_worker_was_killed_is_given_back_and_that_was_no_attempt():
    run = make_step()
    dead_worker(run)
    assert free_steps(database_now()) == 1
    run.refresh_from_db()
    assert (run.state, run.attempts, run.losses, run.reason) == (State.PENDING, 0, 1, "worker_lost")
    assert [(tried.number, tried.outcome) for tried in run.tries.all()] == [(1, "lost")]


@pytest.mark.django_db
def test_the_events_say_that_a_worker_was_lost(settings: Any):
    settings.MAX_LOSSES = 2
    run = make_step()
    for _ in range(settings.MAX_LOSSES):
        dead_worker(run)
        free_steps(database_now())
    told = [event.payload for event in RunEvent.objects.filter(run_id=run.execution_id).order_by("seq")]
    assert [(one["step"], one["status"], one["reason"]) for one in told] == [
        (run.name, "pending", "worker_lost"),
        (run.name, "failed", "worker_lost"),
    ]
    assert [one["detail"].partition(". ")[2] for one in told] == ["It is tried again.", "It is not tried again by itself."]


@pytest.mark.django_db
def test_killed_and_failed_tries_are_counted_apart():
    run = make_step(attempts=2, max_attempts=3)
    dead_worker(run)
    free_steps(database_now())
    run.refresh_from_db()
    assert (run.state, run.attempts, run.losses) == (State.PENDING, 2, 1)


@pytest.mark.django_db
def test_a_step_that_kills_every_worker_is_dead_after_five(settings: Any):
    run = make_step()
    for _ in range(settings.MAX_LOSSES):
        dead_worker(run)
        free_steps(database_now())
    run.refresh_from_db()
    assert (run.state, run.losses, run.attempts, run.reason) == (State.DEAD, 5, 0, "worker_lost")
    assert run.tries.count() == 5


@pytest.mark.django_db
def test_a_step_at_work_is_left_alone():
    run = make_step()
    StepRun.objects.all().claim([run.pk])
    assert free_steps(database_now()) == 0


def test_a_branch_that_is_dead_by_losses_does_not_hold_up_the_runbook(steps: FakeSteps):
    """Nobody is there to go on after it: its worker is dead, and a parked branch beside it is not waited for."""
    execution = branches_done(ebay_fmv=State.PARKED, claude_analysis=State.DEAD)
    with rung_here() as here:
        work_off(here)
    execution.refresh_from_db()
    assert (execution.status, execution.missing) == ("SUCCEEDED", ["claude_analysis", "ebay_fmv"])


def branches_done(**states: State) -> Execution:
    """Return an execution whose branches have ended in these states, the others with success, and that nobody has moved on."""
    execution, now = make_execution(), database_now()
    for name in ("fetch_listing", "download_images", "claude_analysis", "ebay_fmv", "abebooks_fmv"):
        state = states.get(name, State.SUCCEEDED)
        changes: dict[str, Any] = {"next_at": later()} if state == State.PARKED else {"ended_at": now}
        changes["input_hash"] = Course.of(execution).input_hash(STEPS[name], {})
        make_step(execution, name, state=state, output={"found": name} if state == State.SUCCEEDED else {}, **changes)
    return execution


def test_what_nobody_moved_on_is_moved_on(steps: FakeSteps):
    execution = branches_done()
    with rung_here() as here:
        work_off(here)
    execution.refresh_from_db()
    assert execution.status == "SUCCEEDED"


def test_a_lost_message_is_rung_again(steps: FakeSteps, settings: Any):
    settings.RING_AGAIN_SECONDS = 0
    with rung_here(LossyBell([work_on_step, advance_execution], times=2)) as bell:
        execution, _ = start_import(make_owner(), LINK)
        work_off(bell)
        work_off(bell)
        work_off(bell)
    execution.refresh_from_db()
    assert execution.status == "SUCCEEDED"


def test_what_was_found_after_saving_is_put_in_though_its_worker_died_at_once(steps: FakeSteps):
    steps.put("ebay_fmv", Refused("no"), Done({"found": "late"}))
    with rung_here() as here:
        execution, _ = start_import(make_owner(), LINK)
        work_off(here)
        late = make_step(
            execution, "ebay_fmv", number=2, is_current=False, state=State.SUCCEEDED, ended_at=database_now(), output={"found": "late"}
        )
        StepRun.objects.filter(name="ebay_fmv", number=1).update(is_current=False)
        StepRun.objects.filter(pk=late.pk).update(is_current=True)
        work_off(here)
    execution.refresh_from_db()
    assert (execution.partial, execution.missing) == (False, [])


def test_a_notice_that_was_never_written_is_written(steps: FakeSteps):
    with rung_here() as here:
        execution, _ = start_import(make_owner(), LINK)
        work_off(here)
        execution.steps.filter(name="notify").delete()
        work_off(here)
    assert execution.steps.get(name="notify").state == State.SUCCEEDED


def test_a_parked_step_is_resumed_when_its_time_has_come(steps: FakeSteps):
    run = make_step(state=State.PARKED, next_at=later(-1))
    waits = make_step(make_execution(listing_key="ebay:2"), state=State.PARKED, next_at=later())
    with rung_here():
        moved = sweep_executions(database_now())
    run.refresh_from_db()
    waits.refresh_from_db()
    assert (moved["steps_resumed"], run.state, waits.state) == (1, State.PENDING, State.PARKED)


def test_a_cancelled_execution_is_never_rung_for(steps: FakeSteps):
    asked = steps.put("fetch_listing", Done())
    run = make_step()
    cancel_execution(run.execution)
    with rung_here() as here:
        work_off(here)
    assert (asked.works, work_on(run.pk)) == ([], False)


@pytest.mark.django_db
def test_a_round_with_nothing_to_do_moves_nothing():
    assert set(sweep_executions(database_now()).values()) == {0}
    assert MOST == 500


def test_a_flood_of_rounds_changes_nothing_that_has_ended(steps: FakeSteps):
    steps.put("assemble", saves_nothing)
    with rung_here() as here:
        execution, _ = start_import(make_owner(), LINK)
        work_off(here)
        rows = list(execution.steps.order_by("pk").values())
        for _ in range(10):
            assert set(sweep_executions(database_now()).values()) == {0}
    assert list(execution.steps.order_by("pk").values()) == rows
