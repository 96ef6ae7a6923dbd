"""Claude is shown stored photos and the words, as far as the operator lets it; what it puts aside a person can bring back."""

from __future__ import annotations

from typing import Any

import pytest

from bookops.dispatch import rung_here
from runbooks.executions import retry_step
from runbooks.models import Execution, ListingImage, StepRun
from runbooks.sources.claude_reading import PhotoReading
from sandbox.ebay_images import image_path
from sandbox.listings import by_case
from sandbox.running import RunningSandbox
from tests.factories import make_owner
from tests.runbooks.factories import evaluate, work_off
from tests.runbooks.fake_steps import FakeSteps
from tests.runbooks.sources.claude_answers import answered, claim

pytestmark = pytest.mark.once

Fate = ListingImage.Fate


@pytest.fixture(autouse=True)
def up_to_claude(steps: FakeSteps, sandbox: RunningSandbox) -> None:
    """Let the real steps work up to Claude; the searches ask nobody."""
    steps.let_work("fetch_listing", "download_images", "claude_analysis")


def step_of(execution: Execution) -> StepRun:
    return execution.steps.get(name="claude_analysis", is_current=True)


def reading_of(execution: Execution) -> PhotoReading:
    return PhotoReading.from_json(step_of(execution).output["reading"])


def again(execution: Execution, **variant: Any) -> Execution:
    with rung_here() as here:
        retry_step(execution, "claude_analysis", variant=variant)
        work_off(here)
    execution.refresh_from_db()
    return execution


def test_claims_rest_on_photos_by_their_stored_ids():
    execution = evaluate(make_owner(), "contradicted")
    ids = {str(image.public_id) for image in execution.listing.images.all()}
    reading = reading_of(execution)
    assert set(reading.image_ids) == ids
    assert reading.contradictions and set(reading.contradictions[0].image_ids) <= ids


def test_what_does_not_show_the_book_is_put_aside_and_not_deleted():
    execution = evaluate(make_owner(), "unrelated-photos")
    aside = execution.listing.images.filter(fate=Fate.QUARANTINED)
    assert list(aside.values_list("position", "said_by")) == [(2, "claude"), (6, "claude")]
    assert all(image.key and image.reason for image in aside)


def test_what_a_person_has_let_back_in_stays():
    execution = evaluate(make_owner(), "unrelated-photos")
    execution.listing.images.filter(position=2).update(fate=Fate.KEPT, said_by="collector", reason="")
    again(execution)
    assert execution.listing.images.get(position=2).fate == Fate.KEPT


def test_of_many_photos_fifteen_are_shown():
    execution = evaluate(make_owner(), "many-photos")
    rows = {str(image.public_id): image.position for image in execution.listing.images.all()}
    shown = [rows[one] for one in reading_of(execution).image_ids]
    assert shown == [*range(10), *range(19, 24)]


def test_a_number_of_the_models_means_the_photo_it_was_shown_though_one_failed_and_not_all_were_shown(sandbox: RunningSandbox):
    failing = {"kind": "truncated", "source": "ebayimg", "path": image_path(by_case("many-photos"), 3)}
    called = [{"photo": number, "reason": "a coin"} for number in (4, 11, 16)]
    answer = answered(unrelated_images=called, condition_negatives=[claim("foxing", 12)])
    sandbox.settings(faults=[failing], sources={"anthropic": {"hijack": "answer", "hijack_answer": answer}})
    execution = evaluate(make_owner(), "many-photos")
    images = execution.listing.images
    # Shown were 0 to 2 and 4 to 10, then the last five: the sixteenth is none.
    assert images.get(position=3).fate == Fate.REFUSED
    assert list(images.filter(fate=Fate.QUARANTINED).values_list("position", flat=True)) == [4, 19]
    (negative,) = reading_of(execution).condition_negatives
    assert negative.image_ids == (str(images.get(position=20).public_id),)
    assert reading_of(execution).warnings == ("a photo was named that was not shown",)


def test_twelve_photos_cost_three_cents_at_most():
    execution = evaluate(make_owner(), "strong-buy")
    run = step_of(execution)
    assert 0 < run.cost * 12 / 10 < 30_000
    assert run.price is not None and run.model == "claude-sonnet-5-5"


def test_photos_are_kept_from_the_model_when_the_operator_says_so(settings: Any):
    settings.PHOTOS_TO_MODEL = False
    execution = evaluate(make_owner(), "strong-buy")
    assert reading_of(execution).image_ids == ()
    assert reading_of(execution).is_binder_signed is False


def test_texts_are_kept_from_the_model_when_the_operator_says_so(settings: Any):
    settings.TEXT_TO_MODEL = False
    execution = evaluate(make_owner(), "strong-buy")
    reading = reading_of(execution)
    assert reading.image_ids
    assert not any(claim.in_text for claim in reading.item_identification.values())


def test_with_nothing_to_show_nobody_is_asked(sandbox: RunningSandbox, settings: Any):
    settings.TEXT_TO_MODEL = False
    execution = evaluate(make_owner(), "no-photos")
    assert (step_of(execution).reason, execution.missing) == ("nothing_to_show", ["claude_analysis"])
    assert "anthropic" not in sandbox.log()["sources"]


def test_another_model_is_a_variant():
    execution = again(evaluate(make_owner(), "strong-buy"), model="claude-opus-5-5")
    first, second = execution.steps.filter(name="claude_analysis").order_by("number")
    assert (first.model, second.model, second.variant) == ("claude-sonnet-5-5", "claude-opus-5-5", {"model": "claude-opus-5-5"})
    assert second.cost > first.cost


@pytest.mark.parametrize("model", ["claude-imagined-9", "claude-sonnet-4-0"])
def test_a_model_that_is_unknown_or_retired_is_not_asked(sandbox: RunningSandbox, settings: Any, model: str):
    settings.CLAUDE_MODEL = model
    execution = evaluate(make_owner(), "strong-buy")
    assert step_of(execution).reason == "unknown_model"
    assert "anthropic" not in sandbox.log()["sources"]


def test_without_a_key_it_says_so(settings: Any):
    settings.ANTHROPIC_KEY = ""
    assert step_of(evaluate(make_owner(), "no-photos")).reason == "not_configured"
