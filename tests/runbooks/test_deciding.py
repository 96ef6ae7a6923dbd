"""A person's decision beside the computed one, and the way of a copy from evaluated to bought, here and gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from bookops.runs import State
from runbooks.deciding import CopyIsOwned, Purchase, WrongStatus, acquire, decide, delete_runbook, receive, remove
from runbooks.evaluating import rescore
from runbooks.models import Comparable, Copy, EvalRunbook, Execution, LedgerEntry, ListingImage
from runbooks.scoring.evidence import Evidence
from tests.factories import make_owner
from tests.runbooks.evaluated import make_copy, make_execution, make_listing, make_runbook, make_valued

pytestmark = pytest.mark.django_db

BOUGHT = Purchase(Decimal("150"), date(2024, 5, 31), order_number="12-345", place="eBay", tracking="RM1")


def test_a_decision_stands_beside_the_computed_recommendation():
    runbook = make_valued(180, 220)
    computed = (runbook.recommendation, runbook.recommendation_tier)
    decide(runbook, "STRONG_BUY", "I have looked for it for years", by=runbook.owner)
    assert (runbook.decision, runbook.decision_reason, runbook.decided_by) == (
        "STRONG_BUY",
        "I have looked for it for years",
        runbook.owner,
    )
    assert (runbook.recommendation, runbook.recommendation_tier) == computed
    assert (runbook.versions.first().cause, runbook.versions.first().document["decision"]) == ("decision", "STRONG_BUY")
    rescore(runbook, cause="rescore")
    assert runbook.decision == "STRONG_BUY"


@pytest.mark.parametrize("day", [date(2999, 1, 1), date(1949, 12, 31)])
def test_nothing_was_bought_on_a_day_to_come_or_before_prices_say_anything(day):
    copy = make_copy()
    with pytest.raises(ValidationError) as refused:
        acquire(copy, replace(BOUGHT, at=day), by=None)
    assert list(refused.value.message_dict) == ["purchase_date"]
    assert not LedgerEntry.objects.exists()


def test_a_decision_can_be_taken_back():
    runbook = make_valued(180, 220)
    decide(runbook, "PASS", "too dear", by=runbook.owner)
    decide(runbook, "", "", by=runbook.owner)
    assert (runbook.decision, runbook.versions.filter(cause="decision").count()) == ("", 2)


@pytest.mark.parametrize(("decision", "reason"), [("MAYBE", "why not"), ("PASS", " "), ("PASS", "x" * 5_001)])
def test_a_decision_is_a_known_word_with_a_reason(decision, reason):
    with pytest.raises(ValidationError):
        decide(make_runbook(), decision, reason, by=None)


def test_acquiring_keeps_what_was_known_that_day():
    runbook = make_valued(180, 220)
    make_copy(runbook.owner, status=Copy.Status.ON_HAND, purchase_price=Decimal(10), title="Bleak House", volumes=2)
    copy = acquire(runbook.copy, BOUGHT, by=runbook.owner)
    assert (copy.status, copy.purchase_price, copy.order_number, copy.tracking) == ("IN_TRANSIT", 150, "12-345", "RM1")
    captured = copy.scoring_snapshot.pop("captured_at")
    assert captured.startswith("20")
    assert copy.scoring_snapshot == {
        "purchase_price": "150.00",
        "fmv_at_purchase": {"low": "180.00", "mid": "200.00", "high": "220.00"},
        "discount_pct": "25.00",
        "collection_position": {"items_before": 1, "volumes_before": 2},
    }
    assert (copy.discount_pct, copy.roi_pct) == (25, Decimal("33.33"))
    assert EvalRunbook.objects.get().versions.first().cause == "acquired"


def test_acquiring_writes_the_price_into_the_ledger():
    runbook = make_valued(180, 220)
    acquire(runbook.copy, BOUGHT, by=runbook.owner)
    entry = LedgerEntry.objects.get()
    assert (entry.kind, entry.amount, entry.at, entry.copy, entry.title) == ("paid", 150, BOUGHT.at, runbook.copy, "The Moonstone")
    rescore(runbook, cause="rescore")
    assert (runbook.fmv_mid, Comparable.objects.filter(origin="ledger").count()) == (200, 0)


def test_a_copy_without_a_value_can_be_acquired_and_a_gift_costs_nothing():
    copy = acquire(make_copy(), Purchase(Decimal(0), date(2024, 5, 31)), by=None)
    assert copy.scoring_snapshot["discount_pct"] is None
    assert copy.scoring_snapshot["fmv_at_purchase"] == {"low": None, "mid": None, "high": None}
    assert not LedgerEntry.objects.exists()


@pytest.mark.parametrize("status", ["IN_TRANSIT", "ON_HAND", "REMOVED"])
def test_only_a_copy_that_is_evaluated_can_be_acquired(status):
    copy = make_copy(status=status, purchase_price=Decimal(10))
    with pytest.raises(WrongStatus):
        acquire(copy, BOUGHT, by=None)
    assert not LedgerEntry.objects.exists()


@pytest.mark.parametrize("price", ["-1", "NaN", "100000000"])
def test_a_purchase_has_a_price(price):
    copy = make_copy()
    with pytest.raises(ValidationError):
        acquire(copy, Purchase(Decimal(price), date(2024, 5, 31)), by=None)
    assert Copy.objects.get().status == "EVALUATING"


def test_a_bought_copy_is_no_duplicate_of_itself():
    runbook = make_valued(180, 220)
    acquire(runbook.copy, BOUGHT, by=None)
    assert Evidence.from_json(EvalRunbook.objects.get().evidence).duplicates == ()


def test_it_arrives_once():
    copy = make_copy(status=Copy.Status.IN_TRANSIT, purchase_price=Decimal(10))
    assert receive(copy, by=None).status == "ON_HAND"
    with pytest.raises(WrongStatus):
        receive(copy, by=None)


def test_removing_takes_runbook_comparables_photos_and_words_and_leaves_what_it_cost():
    runbook = make_valued(180, 220)
    copy = acquire(runbook.copy, BOUGHT, by=None)
    ListingImage.objects.create(listing=copy.listing, position=0)
    removed = remove(copy, by=runbook.owner)
    assert (removed.status, removed.purchase_price) == ("REMOVED", 150)
    assert not EvalRunbook.objects.exists()
    assert not Comparable.objects.exists()
    copy.listing.refresh_from_db()
    assert (copy.listing.facts, copy.listing.images.count()) == ({}, 0)
    assert LedgerEntry.objects.get().amount == 150
    with pytest.raises(WrongStatus):
        remove(copy, by=None)


def test_a_runbook_is_deleted_with_the_copy_that_was_never_bought():
    runbook = make_valued(180, 220)
    ListingImage.objects.create(listing=runbook.copy.listing, position=0)
    delete_runbook(runbook, by=runbook.owner)
    assert Copy.objects.get().status == "REMOVED"
    assert not EvalRunbook.objects.exists() and not ListingImage.objects.exists()


def test_a_runbook_of_what_is_owned_is_not_deleted():
    runbook = make_valued(180, 220)
    acquire(runbook.copy, BOUGHT, by=None)
    with pytest.raises(CopyIsOwned, match="in transit"):
        delete_runbook(EvalRunbook.objects.get(), by=runbook.owner)
    assert EvalRunbook.objects.exists()


def test_removing_stops_what_evaluates_it():
    runbook = make_runbook()
    execution = make_execution(runbook.copy.listing, state=State.RUNNING)
    remove(runbook.copy, by=None)
    execution.refresh_from_db()
    assert execution.state == State.CANCELLED


def test_a_listing_that_another_copy_came_from_keeps_its_photos():
    listing = make_listing()
    bought = make_copy(listing.owner, listing=listing, status=Copy.Status.ON_HAND, purchase_price=Decimal(10))
    again = make_copy(listing.owner, listing=listing)
    remove(again, by=None)
    listing.refresh_from_db()
    assert listing.purged_at is None
    remove(bought, by=None)
    listing.refresh_from_db()
    assert listing.purged_at is not None


def test_a_copy_on_no_listing_can_be_removed_without_touching_executions_of_others():
    owner = make_owner()
    other = make_execution(make_listing(owner), state=State.RUNNING)
    Execution.objects.update(listing=None)
    remove(make_copy(owner), by=None)
    other.refresh_from_db()
    assert other.state == State.RUNNING
