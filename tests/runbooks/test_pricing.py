"""A negotiated price: all that depends on it is scored again, and the history says what it did."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from runbooks.models import EvalRunbook, PriceChange
from runbooks.pricing import change_price, what_if
from tests.runbooks.evaluated import make_runbook, make_valued

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
