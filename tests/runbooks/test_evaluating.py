"""Value and scores computed from rows: what they come to, what is kept of it, and what counts."""

from __future__ import annotations

from decimal import Decimal

import pytest

from runbooks.evaluating import holdings_of, keep_if_changed, reference_of, rescore
from runbooks.models import AuthorTier, Copy, EvalRunbook, GoalRow
from runbooks.reference_loading import load_reference_data
from runbooks.scoring.evidence import Evidence, look_up
from tests.concurrency import at_once
from tests.factories import make_owner
from tests.runbooks.evaluated import make_comparable, make_copy, make_rate, make_runbook, make_valued

pytestmark = pytest.mark.django_db

#: 0 publisher + 30 era + 20 complete + 10 good + 0 binding: sixty points without the price.
SIXTY = {"binding": "cloth"}


def test_it_scores_sixty_at_275_against_180_to_220():
    runbook = make_valued(180, 220, subject=SIXTY)
    assert (runbook.fmv_low, runbook.fmv_high, runbook.fmv_mid) == (180, 220, 200)
    assert (runbook.total_score, runbook.recommendation) == (60, "PASS")
    assert runbook.price_position == "POOR"


def test_without_comparables_it_says_so_and_still_scores():
    runbook = make_runbook(subject=SIXTY)
    assert (runbook.fmv_mid, runbook.fmv_basis, runbook.fmv_confidence) == (None, "", "low")
    assert "Insufficient" in runbook.fmv_notes
    assert (runbook.total_score, runbook.price_position) == (60, "")


def test_the_copy_has_the_value_too():
    runbook = make_valued(180, 220)
    copy = Copy.objects.get(pk=runbook.copy_id)
    assert (copy.value_low, copy.value_mid, copy.value_high) == (180, 200, 220)


def test_a_search_that_failed_is_said_and_leaves_the_copy_what_it_was_worth():
    runbook = make_valued(180, 220)
    EvalRunbook.objects.update(missing=["claude_analysis", "ebay_fmv"], partial=True)
    runbook.comparables.update(is_current=False)
    rescore(runbook, cause="execution")
    assert runbook.fmv_notes.endswith(". Without eBay, whose search has failed or waits and can be retried")
    assert (runbook.fmv_mid, Copy.objects.get(pk=runbook.copy_id).value_mid) == (None, 200)
    EvalRunbook.objects.update(missing=[], partial=False)
    rescore(runbook, cause="execution")
    assert "retried" not in runbook.fmv_notes
    assert Copy.objects.get(pk=runbook.copy_id).value_mid is None, "nobody offers one"


def test_an_owners_tier_of_an_author_goes_before_the_shared_one_and_is_nobody_elses():
    load_reference_data()
    owner = make_owner()
    AuthorTier.objects.create(owner=owner, author="Dickens", tier=1)
    assert (reference_of(owner.pk).author("Charles Dickens").tier, reference_of(make_owner().pk).author("Charles Dickens").tier) == (1, 2)


def test_an_auction_has_no_asking_price_and_no_position():
    runbook = make_valued(180, 220, asking=None, asked={"why_none": "an auction has no asking price"})
    assert (runbook.price_position, runbook.last_scored_price) == ("", None)
    assert "an auction has no asking price" in runbook.score_breakdown["price_vs_fmv"]["notes"]


def test_asking_prices_are_not_mixed_with_sales():
    runbook = make_runbook()
    for amount in (180, 200, 220):
        make_comparable(runbook, amount)
    make_comparable(runbook, 5_000, basis="asking")
    rescore(runbook, cause="comparables")
    assert (runbook.fmv_basis, runbook.fmv_count, runbook.fmv_high) == ("sold", 3, 220)


def test_what_a_refresh_found_no_more_is_history():
    runbook = make_valued(180, 220)
    make_comparable(runbook, 9_000, is_current=False)
    rescore(runbook, cause="execution")
    assert runbook.fmv_high == 220


def test_a_price_beyond_all_bounds_is_left_out_and_told():
    make_rate("KWD", "0.3")
    runbook = make_valued(180, 220)
    make_comparable(runbook, "99999999.99", currency="KWD")
    rescore(runbook, cause="comparables")
    assert runbook.fmv_high == 220
    assert "US dollars" in runbook.fmv_by_basis["left_out"][0]["why"]


def test_a_version_is_kept_of_each_change_and_of_nothing_else():
    runbook = make_valued(180, 220)
    versions = runbook.versions.count()
    rescore(runbook, cause="rescore")
    assert (runbook.versions.count(), runbook.version) == (versions, versions)
    make_comparable(runbook, 300)
    rescore(runbook, cause="comparables", by=runbook.owner)
    last = runbook.versions.first()
    assert (last.number, runbook.version, last.cause, last.by) == (versions + 1, versions + 1, "comparables", runbook.owner)
    assert last.document["fmv_high"] == "300.00"


def test_a_change_that_moves_no_score_is_a_version_too():
    runbook = make_valued(180, 220)
    EvalRunbook.objects.filter(pk=runbook.pk).update(decision_reason="wait")
    assert keep_if_changed(runbook, "decision")
    assert not keep_if_changed(runbook, "decision")


def test_only_owned_copies_count_as_held():
    owner = make_owner()
    make_copy(owner, status=Copy.Status.EVALUATING)
    make_copy(owner, status=Copy.Status.REMOVED)
    make_copy(owner, status=Copy.Status.ON_HAND, purchase_price=Decimal(10))
    make_copy(status=Copy.Status.ON_HAND, purchase_price=Decimal(10))
    assert len(holdings_of(owner.pk).copies) == 1


def test_the_reference_has_the_owners_wishes_and_no_others():
    runbook = make_runbook()
    GoalRow.objects.create(owner=runbook.owner, label="Sensation novels", author="Wilkie Collins")
    GoalRow.objects.create(owner=make_owner(), label="Another's", author="Wilkie Collins")
    reference = reference_of(runbook.owner_id)
    assert [goal.label for goal in reference.wishes.goals] == ["Sensation novels"]
    assert reference.publisher("Bentley & Son").tier == 1
    assert reference.era(1868).name == "Victorian"
    assert look_up(Evidence.from_json(runbook.evidence).subject, reference, holdings_of(runbook.owner_id)).goals == ("Sensation novels",)


@pytest.mark.django_db(transaction=True)
def test_two_changes_at_one_moment_are_both_in_what_comes_out():
    runbook = make_runbook()
    amounts = iter([180, 200, 220, 240])

    def add() -> None:
        make_comparable(runbook, next(amounts))
        rescore(EvalRunbook.objects.get(pk=runbook.pk), cause="comparables")

    at_once(4, add)
    runbook.refresh_from_db()
    assert runbook.fmv_count == 4
    assert sorted(runbook.versions.values_list("number", flat=True)) == list(range(1, runbook.version + 1))
