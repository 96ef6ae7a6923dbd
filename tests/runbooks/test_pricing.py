"""A negotiated price: all that depends on it is scored again, and the history says what it did."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction

from bookops.runs import State
from runbooks.advancing import Course
from runbooks.deciding import Purchase, acquire, decide
from runbooks.models import EvalRunbook, Execution, Listing, PriceChange, StepRun
from runbooks.pricing import change_price, what_if
from runbooks.saving import save_runbook
from runbooks.sources.records import Money
from tests.runbooks.evaluated import make_execution, make_listing, make_runbook, make_valued
from tests.runbooks.factories import make_listing_facts

pytestmark = pytest.mark.django_db

SIXTY = {"binding": "cloth"}


@pytest.mark.parametrize(
    ("price", "score", "recommendation"), [(160, 70, "PASS"), (140, 80, "ACQUIRE"), (201, 60, "PASS"), (200, 65, "PASS")]
)
def test_it_scores_the_price_against_the_value(price, score, recommendation):
    runbook = make_valued(180, 220, subject=SIXTY)
    change_price(runbook, Decimal(price), by=runbook.owner)
    assert (runbook.total_score, runbook.recommendation) == (score, recommendation)


def test_all_that_depends_on_the_price_changes_with_it():
    """The trap: only the legacy score and recommendation were updated, so that the two could disagree."""
    runbook = make_valued(180, 220, asking=275)
    before = (runbook.recommendation_tier, runbook.price_position, runbook.recommendation_reasoning)
    change_price(runbook, Decimal(100), by=runbook.owner)
    assert runbook.price_position == "EXCELLENT"
    assert runbook.last_scored_price == 100
    assert (runbook.recommendation_tier, runbook.price_position, runbook.recommendation_reasoning) != before
    assert all(
        new != old
        for new, old in zip((runbook.recommendation_tier, runbook.price_position, runbook.recommendation_reasoning), before, strict=True)
    )


def test_the_suggested_offer_goes_when_the_tier_no_longer_has_one():
    runbook = make_valued(180, 220, asking=150, subject={"publisher": "Bentley", "binder": "Rivière", "condition": "Fine"})
    tiers = {}
    for price in (500, 150, 100):
        change_price(runbook, Decimal(price), by=runbook.owner)
        tiers[runbook.recommendation_tier] = runbook.suggested_offer
    assert (tiers.get("CONDITIONAL") is not None) == ("CONDITIONAL" in tiers)
    assert all(offer is None for tier, offer in tiers.items() if tier != "CONDITIONAL")
    assert len(tiers) > 1


def test_the_history_is_appended_and_says_what_changed():
    runbook = make_valued(180, 220, subject=SIXTY)
    change_price(runbook, Decimal(160), by=runbook.owner, discount_code="SPRING", notes="asked nicely")
    change = change_price(runbook, Decimal(140), by=runbook.owner)
    first = PriceChange.objects.order_by("pk").first()
    assert (first.previous_price, first.new_price, first.score_before, first.score_after) == (275, 160, 60, 70)
    assert (first.discount_code, first.notes, first.changed_by) == ("SPRING", "asked nicely", runbook.owner)
    assert (change.previous_price, change.new_price) == (160, 140)
    assert (change.recommendation_before, change.recommendation_after) == ("PASS", "ACQUIRE")
    assert (runbook.original_asking_price, runbook.negotiated) == (275, True)
    assert runbook.versions.first().cause == "price"


def test_code_and_notes_stay_unless_told_otherwise():
    runbook = make_valued(180, 220)
    change_price(runbook, Decimal(160), by=None, discount_code="SPRING", notes="asked nicely")
    change_price(runbook, Decimal(150), by=None)
    assert (runbook.discount_code, runbook.price_notes) == ("SPRING", "asked nicely")
    change_price(runbook, Decimal(150), by=None, discount_code="")
    assert runbook.discount_code == ""


def test_looking_what_a_price_would_do_writes_nothing():
    runbook = make_valued(180, 220, subject=SIXTY)
    rescored = what_if(runbook, Decimal(140))
    assert (rescored.before.legacy.total, rescored.after.legacy.total, rescored.flips) == (60, 80, True)
    stored = EvalRunbook.objects.get(pk=runbook.pk)
    assert (stored.total_score, stored.version, stored.current_asking_price) == (60, runbook.version, 275)
    assert not PriceChange.objects.exists()


def test_what_was_shown_before_is_what_the_change_does():
    runbook = make_valued(180, 190, 205, 220, 260)
    shown = what_if(runbook, Decimal("149.99")).after
    change_price(runbook, Decimal("149.99"), by=None)
    assert {name: getattr(runbook, name) for name in shown.columns()} == shown.columns()


def test_no_price_leaves_the_position_open():
    runbook = make_valued(180, 220)
    change_price(runbook, None, by=None)
    assert (runbook.current_asking_price, runbook.price_position) == (None, "")


@pytest.mark.parametrize("price", ["-1", "NaN", "Infinity", "100000000"])
def test_it_refuses_what_is_no_price(price):
    runbook = make_runbook()
    with pytest.raises(ValidationError):
        change_price(runbook, Decimal(price), by=None)
    assert not PriceChange.objects.exists()


def saved(listing: Listing, **facts: object) -> EvalRunbook:
    """Return the runbook as an execution saves it that finds nothing but the listing."""
    execution = make_execution(listing, state=State.RUNNING)
    output = {"facts": make_listing_facts(**facts).to_json()}
    StepRun.objects.create(execution=execution, name="fetch_listing", state=State.SUCCEEDED, output=output)
    with transaction.atomic():
        runbook = save_runbook(Course.of(execution))
    Execution.objects.filter(pk=execution.pk).update(state=State.SUCCEEDED)
    return runbook


def test_a_refresh_keeps_the_price_that_was_negotiated_with_its_code_history_and_decision():
    """The trap: a refresh deleted the runbook and took the price paid for the price asked."""
    listing = make_listing()
    runbook = saved(listing, price=Money(Decimal(500), "USD"))
    change_price(runbook, Decimal(400), by=listing.owner, discount_code="SPRING", notes="asked nicely")
    decide(runbook, "BUY", "for the binding", by=listing.owner)
    acquire(runbook.copy, Purchase(Decimal(390), date(2024, 5, 31)), by=listing.owner)
    again = saved(listing, price=Money(Decimal(450), "USD"))
    assert again.pk == runbook.pk
    assert (again.original_asking_price, again.current_asking_price, again.last_scored_price) == (500, 400, 400)
    assert (again.discount_code, again.price_notes, again.decision) == ("SPRING", "asked nicely", "BUY")
    assert [change.new_price for change in again.price_changes.all()] == [400]
    assert [version.cause for version in again.versions.all()] == ["execution", "acquired", "decision", "price", "execution"]


def test_a_refresh_takes_another_asking_price_where_nobody_negotiated():
    listing = make_listing()
    saved(listing, price=Money(Decimal(500), "USD"))
    again = saved(listing, price=Money(Decimal(450), "USD"))
    assert (again.original_asking_price, again.current_asking_price) == (500, 450)
    assert [(change.previous_price, change.new_price) for change in again.price_changes.all()] == [(500, 450)]
