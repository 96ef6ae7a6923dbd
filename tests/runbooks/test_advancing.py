"""Opening what is next: any number of callers, at any time, and what is outdated runs again."""

import pytest

from bookops.dispatch import Here, rung_here
from bookops.notices import Notice
from bookops.outbound.errors import NotFound, Refused, TryAgain
from bookops.runs import State
from runbooks.advancing import REMEDY, Course, advance, advance_if_idle
from runbooks.executions import progress, retry_step, start_import
from runbooks.models import Execution, StepRun
from runbooks.plan import STEPS
from runbooks.steps import Done
from tests.concurrency import at_once
from tests.factories import make_owner
from tests.runbooks.factories import make_execution, make_step, messages_of, work_off
from tests.runbooks.fake_steps import FakeSteps

LINK = "https://www.ebay.com/itm/256712345678"
LATER = 3600.0


def start(here: Here, **options: object) -> Execution:
    execution, _ = start_import(make_owner(), LINK, options=options)
    work_off(here)
    execution.refresh_from_db()
    return execution


def states(execution: Execution) -> dict[str, str]:
    return {run.name: run.status for run in execution.steps.filter(is_current=True)}


def numbers(execution: Execution) -> dict[str, int]:
    return {run.name: run.number for run in execution.steps.filter(is_current=True)}


def test_it_runs_stage_by_stage_to_the_notice(steps: FakeSteps):
    with rung_here() as here:
        execution = start(here)
    assert (execution.state, execution.status, execution.partial) == (State.SUCCEEDED, "SUCCEEDED", False)
    assert set(states(execution).values()) == {"COMPLETED"}
    assert [message["step"] for message in messages_of(execution) if message.get("status") == "completed"] == [
        "fetch_listing", "download_images", *sorted(("claude_analysis", "ebay_fmv", "abebooks_fmv"), key=lambda name: order(execution, name)),
        "assemble", "notify",
    ]  # fmt: skip
    assert Notice.objects.filter(run_id=execution.pk).count() == 1


@pytest.mark.parametrize(("state", "opened"), [(State.RUNNING, False), (State.PENDING, False), (State.SUCCEEDED, True)])
def test_the_body_of_a_chord_leaves_it_to_a_step_that_is_at_work(steps: FakeSteps, state: State, opened: bool):
    execution = make_execution()
    make_step(execution, state=state)
    with rung_here():
        assert advance_if_idle(execution.pk) == opened
    assert execution.steps.count() == 1 + opened


def order(execution: Execution, name: str) -> int:
    told = [(message.get("step"), message.get("status")) for message in messages_of(execution)]
    return told.index((name, "completed"))


def test_it_tells_of_each_step_in_the_words_of_the_first_design(steps: FakeSteps):
    with rung_here() as here:
        execution = start(here)
    told = messages_of(execution)
    assert {"step": "fetch_listing", "status": "running"} in told
    assert {"step": "fetch_listing", "status": "completed"} in told
    assert {"step": "complete", "book_id": "a-book", "partial": False, "missing": []} in told
    # The book is there once the assembling is.
    assert told.index({"step": "assemble", "status": "completed"}) < [message.get("step") for message in told].index("complete")


def test_asked_twenty_times_it_opens_each_step_once(steps: FakeSteps):
    with rung_here():
        execution, _ = start_import(make_owner(), LINK)
        opened = [advance(execution.pk) for _ in range(20)]
    assert opened == [True] + [False] * 19
    assert numbers(execution) == {"fetch_listing": 1}


def test_asked_by_many_at_once_it_opens_each_step_once(steps: FakeSteps):
    with rung_here():
        execution, _ = start_import(make_owner(), LINK)
        opened = at_once(8, lambda: advance(execution.pk))
    assert sum(opened) == 1
    assert execution.steps.count() == 1


def test_asked_again_after_the_end_it_does_nothing(steps: FakeSteps):
    with rung_here() as here:
        execution = start(here)
        assert [advance(execution.pk) for _ in range(20)] == [False] * 20
    assert set(numbers(execution).values()) == {1}


def test_a_listing_that_cannot_be_read_ends_it_with_the_reason_and_the_remedy(steps: FakeSteps):
    steps.put("fetch_listing", NotFound("It has ended.", reason="not_found"))
    with rung_here() as here:
        execution = start(here)
    assert (execution.state, execution.status, execution.reason) == (State.FAILED, "FAILED", "not_found")
    assert execution.detail == f"It has ended. {REMEDY}"
    assert messages_of(execution)[-1] == {"step": "failed", "reason": "not_found", "error": execution.detail}
    assert states(execution) == {"fetch_listing": "FAILED"}
    assert Notice.objects.get(run_id=execution.pk).outcome == State.FAILED


def test_photos_that_cannot_be_had_never_end_it(steps: FakeSteps):
    steps.put("download_images", RuntimeError("no decoder"))
    with rung_here() as here:
        execution = start(here)
    assert (execution.state, execution.partial) == (State.SUCCEEDED, False)
    assert states(execution)["download_images"] == "FAILED"
    assert execution.steps.get(name="download_images").attempts == 3


@pytest.mark.parametrize("branch", ["claude_analysis", "ebay_fmv", "abebooks_fmv"])
def test_without_a_branch_the_runbook_is_there_and_says_what_is_missing(steps: FakeSteps, branch: str):
    steps.put(branch, Refused("no key", reason="not_configured"))
    with rung_here() as here:
        execution = start(here)
    assert (execution.status, execution.partial, execution.missing) == ("SUCCEEDED", True, [branch])


def test_with_no_branch_at_all_the_runbook_is_still_there(steps: FakeSteps):
    for branch in ("claude_analysis", "ebay_fmv", "abebooks_fmv"):
        steps.put(branch, Refused("no"))
    with rung_here() as here:
        execution = start(here)
    assert (execution.status, execution.missing) == ("SUCCEEDED", ["claude_analysis", "ebay_fmv", "abebooks_fmv"])


def test_a_branch_that_is_switched_off_is_skipped_and_not_missing(steps: FakeSteps, settings):
    settings.STEPS_OFF = ["abebooks_fmv"]
    asked = steps.put("abebooks_fmv", Done())
    with rung_here() as here:
        execution = start(here, without=["ebay_fmv"])
    assert (execution.partial, execution.missing, asked.works) == (False, [], [])
    assert progress(execution) == {
        "fetch_listing": "COMPLETED", "download_images": "COMPLETED", "claude_analysis": "COMPLETED",
        "ebay_fmv": "SKIPPED", "abebooks_fmv": "SKIPPED", "assemble": "COMPLETED",
    }  # fmt: skip
    assert {"step": "ebay_fmv", "status": "skipped"} in messages_of(execution)


def test_a_parked_branch_is_not_waited_for_and_completes_the_runbook_when_it_comes(steps: FakeSteps):
    steps.put("ebay_fmv", TryAgain("spent", spent=True, retry_after=LATER, source="ebay"), Done({"found": "late"}))
    with rung_here() as here:
        execution = start(here)
        assert (execution.status, execution.partial, execution.missing) == ("SUCCEEDED", True, ["ebay_fmv"])
        assert progress(execution)["ebay_fmv"] == "PARKED"
        StepRun.objects.filter(state=State.PARKED).update(next_at=execution.created_at)
        work_off(here)
    execution.refresh_from_db()
    assert (execution.status, execution.partial, execution.missing) == ("SUCCEEDED", False, [])
    assert numbers(execution) == dict.fromkeys(STEPS, 1) | {"assemble": 2}
    assert execution.finishes == 1
    assert Notice.objects.filter(run_id=execution.pk).count() == 1, "it was told already that there is a runbook"


def test_a_parked_listing_is_waited_for(steps: FakeSteps):
    steps.put("fetch_listing", TryAgain("spent", spent=True, retry_after=LATER, source="ebay"), Done({"found": "listing"}))
    with rung_here() as here:
        execution = start(here)
        assert (execution.status, states(execution)) == ("RUNNING", {"fetch_listing": "PARKED"})
        StepRun.objects.filter(state=State.PARKED).update(next_at=execution.created_at)
        work_off(here)
    execution.refresh_from_db()
    assert execution.status == "SUCCEEDED"


def test_what_comes_out_the_same_runs_nothing_again(steps: FakeSteps):
    with rung_here() as here:
        execution = start(here)
        retry_step(execution, "fetch_listing")
        work_off(here)
    assert numbers(execution) == dict.fromkeys(STEPS, 1) | {"fetch_listing": 2}


def test_what_comes_out_differently_runs_again_what_depends_on_it_and_nothing_else(steps: FakeSteps):
    steps.put("download_images", Done({"images": []}), Done({"images": ["one"]}))
    with rung_here() as here:
        execution = start(here)
        retry_step(execution, "download_images")
        work_off(here)
    again = {"download_images": 2, "claude_analysis": 2, "assemble": 2}
    assert numbers(execution) == dict.fromkeys(STEPS, 1) | again


def test_a_failed_branch_runs_again_when_what_it_reads_has_changed(steps: FakeSteps):
    steps.put("download_images", Done({"images": ["hostile"]}), Done({"images": []}))
    steps.put("claude_analysis", Refused("declined", reason="model_refused"), Done({"reading": "fine"}))
    with rung_here() as here:
        execution = start(here)
        assert execution.missing == ["claude_analysis"]
        retry_step(execution, "download_images")
        work_off(here)
    execution.refresh_from_db()
    assert (execution.partial, numbers(execution)["claude_analysis"]) == (False, 2)


def test_a_step_is_told_what_the_steps_before_it_have_found(steps: FakeSteps):
    steps.put("fetch_listing", Done({"facts": {"title": "Momo"}}))
    claude = steps.put("claude_analysis", Done({"reading": 1}))
    ebay = steps.put("ebay_fmv", Done({"offers": []}))
    with rung_here() as here:
        execution = start(here)
    assert claude.works[0].inputs == {"fetch_listing": {"facts": {"title": "Momo"}}, "download_images": {"found": "download_images"}}
    assert ebay.works[0].inputs == {"fetch_listing": {"facts": {"title": "Momo"}}}
    assert execution.steps.get(name="claude_analysis").input == {"fetch_listing": 1, "download_images": 1}


@pytest.mark.django_db
def test_the_hash_of_an_input_changes_with_options_variant_and_findings_only():
    execution = make_execution()
    make_step(execution, state=State.SUCCEEDED, output={"facts": 1}, ended_at=execution.created_at)
    course, ebay = Course.of(execution), STEPS["ebay_fmv"]
    first = course.input_hash(ebay, {})
    assert first == Course.of(execution).input_hash(ebay, {})
    assert first != course.input_hash(ebay, {"query": "morocco"})
    execution.options = {"model": "another"}
    assert first != Course.of(execution).input_hash(ebay, {})
    execution.options = {}
    StepRun.objects.update(output={"facts": 2})
    assert first != Course.of(execution).input_hash(ebay, {})
