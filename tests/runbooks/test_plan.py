"""What runs is what was designed: the plan against the state machine of the first design."""

import json
import re
from typing import Any

import pytest
from django.core.management import call_command

from runbooks.plan import BRANCHES, SHOWN, STAGES, STEPS, needed_by, state_machine
from tests.shared_data import shared_path


@pytest.fixture(scope="module")
def designed() -> dict[str, Any]:
    (seed,) = shared_path("seeds").glob("000_*")
    (machine,) = (found for found in re.findall(r"```json\n(.*?)```", seed.read_text(), re.S) if '"StartAt"' in found)
    return json.loads(machine)


def retries(state: dict[str, Any]) -> int:
    return sum(retry["MaxAttempts"] for retry in state.get("Retry", ()))


@pytest.mark.shared
def test_it_has_the_states_of_the_design_in_its_order(designed: dict[str, Any]):
    ours = state_machine()
    assert list(ours["States"]) == list(designed["States"])
    assert ours["StartAt"] == designed["StartAt"]
    for name, state in designed["States"].items():
        assert ours["States"][name]["Type"] == state["Type"]
        assert ours["States"][name].get("Next") == state.get("Next")
        assert ours["States"][name].get("End") == state.get("End")


@pytest.mark.shared
def test_it_runs_the_branches_of_the_design_side_by_side(designed: dict[str, Any]):
    ours, theirs = (machine["States"]["ParallelAnalysis"]["Branches"] for machine in (state_machine(), designed))
    assert [branch["StartAt"] for branch in ours] == [branch["StartAt"] for branch in theirs]
    for branch, designed_branch in zip(ours, theirs, strict=True):
        name = branch["StartAt"]
        assert branch["States"][name]["End"] is designed_branch["States"][name]["End"] is True
        assert retries(branch["States"][name]) == retries(designed_branch["States"][name])


@pytest.mark.shared
def test_it_tries_as_often_as_the_design_says_where_it_says_so(designed: dict[str, Any]):
    ours = state_machine()["States"]
    said = {name: retries(state) for name, state in designed["States"].items() if "Retry" in state}
    assert said == {"FetchListing": 2}
    assert {name: retries(ours[name]) for name in said} == said


@pytest.mark.shared
def test_the_listing_has_the_seconds_that_the_design_gives_it():
    (seed,) = shared_path("seeds").glob("000_*")
    (seconds,) = re.findall(r'module "lambda_fetch_listing" .*?timeout\s*=\s*(\d+)', seed.read_text(), re.S)
    assert float(seconds) == STEPS["fetch_listing"].deadline


def test_tries_are_the_first_one_and_the_retries():
    assert {name: step.tries for name, step in STEPS.items()} == {
        "fetch_listing": 3, "download_images": 3, "claude_analysis": 3, "ebay_fmv": 4, "abebooks_fmv": 4, "assemble": 3, "notify": 3,
    }  # fmt: skip


def test_a_step_reads_only_what_comes_before_it():
    seen: set[str] = set()
    for stage in STAGES:
        for step in stage:
            assert seen.issuperset(step.needs)
        seen.update(step.name for step in stage)


def test_a_search_outdates_only_what_is_put_together_from_it():
    assert needed_by("ebay_fmv") == ["assemble", "notify"]
    assert needed_by("download_images") == ["claude_analysis", "assemble", "notify"]
    assert needed_by("fetch_listing") == ["download_images", *BRANCHES, "assemble", "notify"]


def test_the_status_tells_of_six_steps():
    assert SHOWN == ("fetch_listing", "download_images", "claude_analysis", "ebay_fmv", "abebooks_fmv", "assemble")


def test_show_plan_prints_it(capsys: pytest.CaptureFixture[str]):
    call_command("show_plan")
    assert json.loads(capsys.readouterr().out) == state_machine()
