"""The two searches for comparables: what they ask, how often, and what they keep."""

from __future__ import annotations

from typing import Any

import pytest

from runbooks.models import Execution, KeptPage, StepRun
from sandbox.listings import by_case
from sandbox.running import RunningSandbox
from tests.factories import make_owner
from tests.runbooks.factories import evaluate
from tests.runbooks.fake_steps import FakeSteps

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def only_searches(steps: FakeSteps, sandbox: RunningSandbox) -> None:
    """Let the real searches work; photos and Claude are left out."""
    steps.let_work("fetch_listing", "ebay_fmv", "abebooks_fmv")


def step_of(execution: Execution, name: str) -> StepRun:
    return execution.steps.get(name=name, is_current=True)


def test_a_full_question_with_answers_enough_is_the_only_one():
    run = step_of(evaluate(make_owner(), "contradicted"), "ebay_fmv")
    assert run.output["queries"] == ["descent man darwin 2 volumes first edition"]
    assert run.calls == {"ebay": 1}


def test_with_fewer_than_three_answers_a_simple_question_follows_and_never_a_third():
    run = step_of(evaluate(make_owner(), "no-comparables"), "ebay_fmv")
    assert run.output["queries"] == ["tracts drainage lower ouse crook calf", "tracts drainage lower ouse crook"]
    assert run.calls == {"ebay": 2}


def test_a_book_with_an_isbn_is_asked_for_by_it():
    execution = evaluate(make_owner(), "isbn-aspect")
    assert step_of(execution, "ebay_fmv").output["queries"] == ["9780441172719"]
    assert step_of(execution, "abebooks_fmv").output["queries"] == ["9780441172719"]


def test_a_persons_words_are_asked_instead():
    execution = evaluate(make_owner(), "isbn-aspect", options={"queries": {"ebay_fmv": "dune herbert ace", "abebooks_fmv": "dune"}})
    assert step_of(execution, "ebay_fmv").output["queries"][0] == "dune herbert ace"
    assert step_of(execution, "abebooks_fmv").output["queries"] == ["dune"]


def test_sales_come_before_offers_where_ebay_tells_them(sandbox: RunningSandbox, settings: Any):
    settings.EBAY_SOLD = True
    sandbox.settings(sources={"ebay": {"insights": True}})
    run = step_of(evaluate(make_owner(), "strong-buy"), "ebay_fmv")
    assert {"sold", "asking"} <= {offer["basis"] for offer in run.output["offers"]}
    assert run.calls["ebay"] == 2


def test_where_ebay_does_not_tell_sales_the_offers_are_still_there(sandbox: RunningSandbox, settings: Any):
    settings.EBAY_SOLD = True
    run = step_of(evaluate(make_owner(), "contradicted"), "ebay_fmv")
    assert run.status == "COMPLETED"
    assert run.output["offers"] and "sold" not in {offer["basis"] for offer in run.output["offers"]}
    assert any("bad_scope" in warning for warning in run.output["warnings"])


def test_the_listing_itself_is_not_among_them():
    run = step_of(evaluate(make_owner(), "strong-buy"), "ebay_fmv")
    item = by_case("strong-buy").item
    assert run.output["offers"] and not any(item in offer["item_id"] for offer in run.output["offers"])


@pytest.mark.parametrize("generation", ["2026-03", "2026-08", "2026-09"])
def test_each_form_that_abebooks_has_had_is_read(sandbox: RunningSandbox, generation: str):
    sandbox.settings(sources={"abebooks": {"markup": generation}})
    assert step_of(evaluate(make_owner(), "contradicted"), "abebooks_fmv").output["offers"]


def test_a_challenge_is_no_page_to_keep_and_not_asked_again(sandbox: RunningSandbox):
    sandbox.settings(sources={"abebooks": {"challenge": True}})
    run = step_of(evaluate(make_owner(), "contradicted"), "abebooks_fmv")
    assert (run.status, run.reason, run.attempts) == ("FAILED", "challenged", 1)
    assert not KeptPage.objects.exists()


def test_abebooks_that_was_switched_off_is_skipped_and_the_runbook_says_so(sandbox: RunningSandbox, settings: Any, steps: FakeSteps):
    settings.STEPS_OFF = ["abebooks_fmv"]
    steps.let_work("assemble")
    execution = evaluate(make_owner(), "contradicted", options={"without": ["claude_analysis"]})
    assert (execution.partial, execution.missing) == (False, [])
    assert execution.runbook.provenance["steps"]["abebooks_fmv"] == {"status": "SKIPPED", "run": 1, "why": "It is switched off."}
    assert "abebooks" not in sandbox.log()["sources"]
