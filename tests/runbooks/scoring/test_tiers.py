from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbooks.scoring import Floors, Position, Recommendation, Tier
from runbooks.scoring.offers import suggested_offer
from runbooks.scoring.tiers import cell_of, combined_score, tier_of
from tests.runbooks.scoring.copies import price_of

NONE, STRATEGIC, QUALITY = Floors(False, False), Floors(True, False), Floors(False, True)
HUNDREDS = st.integers(0, 100)


@pytest.mark.parametrize(("quality", "fit", "combined"), [(65, 10, 43), (100, 100, 100), (0, 0, 0), (75, 75, 75), (84, 73, 80), (1, 1, 1)])
def test_the_combined_score_is_60_and_40_per_cent(quality, fit, combined):
    assert combined_score(quality, fit) == combined


@given(HUNDREDS, HUNDREDS)
@settings(deadline=None)
def test_the_combined_score_lies_between_the_two(quality, fit):
    assert min(quality, fit) <= combined_score(quality, fit) <= max(quality, fit)


@pytest.mark.parametrize(
    ("asking", "position"),
    [
        ("69.99", Position.EXCELLENT),
        ("70", Position.GOOD),
        ("84.99", Position.GOOD),
        ("85", Position.FAIR),
        ("100", Position.FAIR),
        ("100.01", Position.POOR),
    ],
)
def test_a_price_stands_where_it_is_beside_the_value(asking, position):
    assert price_of(asking, 100).position is position


@pytest.mark.parametrize(("asking", "mid"), [(None, 100), (100, None), (100, 0), (None, None)])
def test_a_price_without_either_side_has_no_position(asking, mid):
    assert price_of(asking, mid).position is None
    assert price_of(asking, mid).why_unknown


@pytest.mark.parametrize(
    ("combined", "tiers"),
    [
        (100, "STRONG_BUY STRONG_BUY BUY CONDITIONAL"),
        (80, "STRONG_BUY STRONG_BUY BUY CONDITIONAL"),
        (79, "STRONG_BUY BUY CONDITIONAL PASS"),
        (60, "STRONG_BUY BUY CONDITIONAL PASS"),
        (59, "BUY CONDITIONAL PASS PASS"),
        (40, "BUY CONDITIONAL PASS PASS"),
        (39, "CONDITIONAL PASS PASS PASS"),
        (0, "CONDITIONAL PASS PASS PASS"),
    ],
)
def test_the_matrix_is_as_designed(combined, tiers):
    assert " ".join(cell_of(combined, position).tier for position in Position) == tiers


def test_a_price_that_is_not_known_is_taken_to_be_fair():
    cell = cell_of(75, None)
    assert (cell.tier, cell.column, cell.is_assumed) == (Tier.CONDITIONAL, Position.FAIR, True)


def test_a_floor_holds_a_buy_at_conditional():
    floors = Floors.of(quality=65, fit=10)
    cell = cell_of(combined_score(65, 10), Position.EXCELLENT)
    assert (cell.tier, floors, tier_of(cell, floors)) == (Tier.BUY, STRATEGIC, Tier.CONDITIONAL)


@pytest.mark.parametrize(("quality", "fit", "floors"), [(40, 30, NONE), (39, 30, QUALITY), (40, 29, STRATEGIC), (0, 0, Floors(True, True))])
def test_the_floors_are_30_of_fit_and_40_of_quality(quality, fit, floors):
    assert Floors.of(quality, fit) == floors


def test_a_floor_never_raises_a_tier():
    assert tier_of(cell_of(50, Position.POOR), QUALITY) is Tier.PASS


@given(HUNDREDS, HUNDREDS, st.sampled_from(Position))
@settings(deadline=None)
def test_below_a_floor_nothing_is_a_buy(quality, fit, position):
    floors = Floors.of(quality, fit)
    tier = tier_of(cell_of(combined_score(quality, fit), position), floors)
    assert not (floors.quality or floors.strategic) or tier in (Tier.CONDITIONAL, Tier.PASS)


@given(HUNDREDS, HUNDREDS, st.sampled_from(Position), st.sampled_from(Position), HUNDREDS)
@settings(deadline=None)
def test_no_tier_is_better_at_a_worse_price_or_a_worse_score(combined, lower, one, other, quality):
    ranks = list(Tier)
    better, worse = sorted((one, other), key=list(Position).index)
    floors = Floors.of(quality, 50)
    at_better, at_worse = (ranks.index(tier_of(cell_of(combined, position), floors)) for position in (better, worse))
    assert at_better <= at_worse
    at_lower = ranks.index(tier_of(cell_of(min(combined, lower), one), floors))
    assert at_lower >= ranks.index(tier_of(cell_of(combined, one), floors))


@pytest.mark.parametrize(
    ("combined", "floors", "offer"),
    [
        (75, NONE, 85),
        (65, NONE, 75),
        (55, NONE, 65),
        (45, NONE, 55),
        (30, NONE, 45),
        (75, STRATEGIC, 60),
        (75, QUALITY, 50),
        (75, Floors(True, True), 50),
        # Wanted and dear: once offered as little as the worst.
        (80, NONE, 90),
        (95, NONE, 90),
    ],
)
def test_the_offer_is_so_far_below_the_value(combined, floors, offer):
    assert suggested_offer(Tier.CONDITIONAL, combined, floors, Decimal(100)) == offer


@pytest.mark.parametrize("tier", [Tier.STRONG_BUY, Tier.BUY, Tier.PASS])
def test_an_offer_is_suggested_on_conditions_only(tier):
    assert suggested_offer(tier, 75, NONE, Decimal(100)) is None


def test_an_offer_needs_a_value_and_is_in_whole_dollars():
    assert suggested_offer(Tier.CONDITIONAL, 75, NONE, None) is None
    assert suggested_offer(Tier.CONDITIONAL, 75, NONE, Decimal("150.50")) == Decimal(128)


@given(HUNDREDS, HUNDREDS, st.decimals("1", "100000", places=2))
@settings(deadline=None)
def test_a_better_score_never_gets_a_lower_offer(one, other, mid):
    lower, higher = sorted((one, other))
    offers = [suggested_offer(Tier.CONDITIONAL, combined, NONE, mid) for combined in (lower, higher)]
    assert offers[0] <= offers[1] <= mid + 1


@pytest.mark.parametrize(
    ("tier", "legacy"),
    [
        (Tier.STRONG_BUY, Recommendation.ACQUIRE),
        (Tier.BUY, Recommendation.ACQUIRE),
        (Tier.CONDITIONAL, Recommendation.PASS),
        (Tier.PASS, Recommendation.PASS),
    ],
)
def test_a_tier_has_a_word_in_the_first_scores_language(tier, legacy):
    assert tier.as_legacy is legacy
