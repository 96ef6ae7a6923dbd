"""Fetching a listing: what it says is kept as evidence, under the key that it turns out to have."""

from __future__ import annotations

from typing import Any

import pytest

from bookops.dispatch import rung_here
from runbooks.executions import refresh, start_import
from runbooks.models import EvalRunbook, Execution, Listing, ListingSnapshot
from sandbox.running import RunningSandbox
from tests.factories import make_owner
from tests.runbooks.factories import evaluate, link, make_copy, make_listing, work_off
from tests.runbooks.fake_steps import FakeSteps

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def only_the_listing(steps: FakeSteps, sandbox: RunningSandbox) -> None:
    """Let the real step work; what follows asks nobody."""
    steps.let_work("fetch_listing")


def test_what_it_says_is_kept_with_its_seller_and_a_snapshot():
    execution = evaluate(make_owner(), "strong-buy")
    listing = Listing.objects.get()
    assert execution.listing == listing
    assert (listing.key, listing.seller, listing.url) == ("ebay:256800100001", "invented_books", "https://www.ebay.com/itm/256800100001")
    assert listing.record.price is not None and listing.record.aspects["Author"] == "Charles Dickens"
    assert ListingSnapshot.objects.get().facts == listing.facts


def test_the_same_words_are_no_new_evidence():
    owner = make_owner()
    evaluate(owner, "strong-buy")
    evaluate(owner, "strong-buy")
    assert Execution.objects.count() == 2
    assert ListingSnapshot.objects.count() == 1


def test_of_a_group_the_variation_that_was_linked_is_read():
    with rung_here() as here:
        execution, _ = start_import(make_owner(), f"{link('group')}?var=653800100003")
        work_off(here)
    execution.refresh_from_db()
    facts = execution.listing.record
    assert str(facts.price) == "52.00 USD" and facts.item_id.endswith("|653800100003")
    assert execution.listing.key == "ebay:385800100031|653800100003"


def test_a_refresh_of_what_is_gone_reads_what_was_kept():
    owner = make_owner()
    copy = make_copy(owner, listing=make_listing(owner, key="ebay:256800100032", url=link("ended")))
    runbook = EvalRunbook.objects.create(owner=owner, copy=copy)
    with rung_here() as here:
        execution, _ = refresh(runbook, owner)
        work_off(here)
    execution.refresh_from_db()
    copy.listing.refresh_from_db()
    assert execution.status == "SUCCEEDED"
    assert execution.steps.get(name="fetch_listing").output == {"facts": copy.listing.facts, "gone": True}
    assert copy.listing.gone_at is not None


def test_without_keys_it_says_what_to_do(settings: Any):
    settings.EBAY_CLIENT_ID = ""
    execution = evaluate(make_owner(), "strong-buy")
    assert (execution.status, execution.reason) == ("FAILED", "not_configured")
    assert "EBAY_CLIENT_ID" in execution.detail and "by hand" in execution.detail


def test_a_short_link_that_has_expired_is_refused_for_good():
    with rung_here() as here:
        execution, _ = start_import(make_owner(), "https://ebay.us/gone")
        work_off(here)
    execution.refresh_from_db()
    assert (execution.status, execution.reason) == ("FAILED", "expired")
    assert execution.steps.get().attempts == 1


def test_a_source_that_is_down_is_asked_three_times(sandbox: RunningSandbox):
    sandbox.settings(faults=[{"kind": "500", "source": "ebay", "path": "/buy"}])
    execution = evaluate(make_owner(), "strong-buy")
    run = execution.steps.get()
    assert (execution.status, run.status) == ("FAILED", "FAILED")
    assert run.attempts == 3
