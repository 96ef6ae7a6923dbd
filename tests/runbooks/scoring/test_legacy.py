from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbooks.conditions import foxing_of
from runbooks.scoring import Recommendation
from runbooks.scoring.legacy import legacy_score, recommendation_of
from runbooks.scoring.offers import recommended_price
from tests.runbooks.scoring.copies import SPLENDID, evidence_of, price_of

#: No listed publisher, Victorian, complete, good, no binder and no leather: 60 points before the price.
PLAIN = {"publisher": "Tinsley Brothers", "year": 1868, "condition": "Good", "binding": "original cloth"}


@pytest.mark.parametrize(
    ("asking", "total", "recommendation"),
    [(275, 60, Recommendation.PASS), (160, 70, Recommendation.PASS), (140, 80, Recommendation.ACQUIRE)],
)
def test_a_plain_copy_scores_as_in_the_worked_check(asking, total, recommendation):
    # A value of 180 to 220, so 200 in the middle.
    score = legacy_score(evidence_of(**PLAIN), price_of(asking, 200))
    assert [line.points for line in score.criteria][:5] == [0, 30, 20, 10, 0]
    assert (score.total, recommendation_of(score)) == (total, recommendation)


def test_a_splendid_copy_has_all_120_points():
    assert legacy_score(evidence_of(**SPLENDID), price_of(70, 100)).total == 120


def test_a_copy_of_which_nothing_is_known_still_has_every_line():
    score = legacy_score(evidence_of(), price_of(None, None))
    assert [(line.key, line.points, line.is_known) for line in score.criteria] == [
        ("tier_1_publisher", 0, False),
        ("victorian_era", 0, False),
        ("complete_set", 20, True),
        ("condition", 8, False),
        ("premium_binding", 0, False),
        ("price_vs_fmv", 0, False),
    ]
    assert all(line.why for line in score.criteria)


@pytest.mark.parametrize(("publisher", "points"), [("Chapman and Hall, Ltd.", 20), ("Chatto & Windus", 0), ("Nobody & Co", 0), ("", 0)])
def test_only_a_publisher_of_the_first_tier_scores(publisher, points):
    assert legacy_score(evidence_of(publisher=publisher), price_of(None, None))["tier_1_publisher"].points == points


@pytest.mark.parametrize(("year", "points"), [(1836, 0), (1837, 30), (1901, 30), (1902, 0), (None, 0)])
def test_the_victorian_era_is_from_1837_to_1901(year, points):
    assert legacy_score(evidence_of(year=year), price_of(None, None))["victorian_era"].points == points


@pytest.mark.parametrize(
    ("facts", "points", "is_known"),
    [
        ({"volumes": 1}, 20, True),
        ({"volumes": 3, "is_complete": True}, 20, True),
        ({"volumes": 3, "is_complete": False}, 0, True),
        ({"volumes": 3}, 0, False),
        # One volume of a set is one volume, and no complete set.
        ({"title": "Bleak House, Vol. II"}, 0, True),
    ],
)
def test_a_single_volume_is_complete_and_a_set_is_when_somebody_says_so(facts, points, is_known):
    line = legacy_score(evidence_of(**facts), price_of(None, None))["complete_set"]
    assert (line.points, line.is_known) == (points, is_known)


@pytest.mark.parametrize(
    ("condition", "notes", "points"),
    [
        ("Fine", "", 15),
        ("mint", "", 15),
        ("Very Good", "", 12),
        ("VERY_GOOD", "", 12),
        ("VG+", "", 12),
        ("Good", "", 10),
        ("Fair", "", 5),
        ("Poor", "", 0),
        ("", "", 8),
        ("as found in the attic", "", 8),
        ("Very Good", "Some foxing to the endpapers.", 10),
        ("Very Good", "Heavy foxing throughout.", 7),
        ("Good", "significantly foxed", 5),
        ("", "foxed", 6),
        ("Poor", "heavily foxed", 0),
        ("Fine", "free of foxing", 15),
        ("Fine", "No foxing. Heavy foxing to the plates, however.", 10),
    ],
)
def test_condition_scores_by_its_grade_less_its_foxing(condition, notes, points):
    score = legacy_score(evidence_of(condition=condition, foxing=foxing_of(notes) or ""), price_of(None, None))
    assert score["condition"].points == points


@pytest.mark.parametrize(
    ("facts", "points"),
    [
        ({"binder": "Riviere & Son", "binder_authenticated": True}, 15),
        ({"binder": "Henry Sotheran", "binder_authenticated": True}, 10),
        ({"binder": "Riviere & Son"}, 5),
        ({"binder": "Henry Sotheran"}, 5),
        ({"binder": "John Smith", "binder_authenticated": True}, 5),
        ({"binding": "Half Morocco, marbled boards"}, 5),
        ({"binding": "brown leather"}, 5),
        ({"binding": "faux leather"}, 0),
        ({"binding": "leatherette"}, 0),
        ({"binding": "publisher's cloth"}, 0),
        ({}, 0),
    ],
)
def test_a_binder_scores_in_full_only_by_a_signature(facts, points):
    assert legacy_score(evidence_of(**facts), price_of(None, None))["premium_binding"].points == points


@pytest.mark.parametrize(
    ("asking", "points"), [("70", 20), ("70.01", 10), ("85", 10), ("85.01", 5), ("100", 5), ("100.01", 0), ("0", 20), (None, 0)]
)
def test_the_price_scores_by_how_far_below_the_value_it_is(asking, points):
    assert legacy_score(evidence_of(), price_of(asking, 100))["price_vs_fmv"].points == points


@pytest.mark.parametrize(
    ("facts", "before", "amount", "note"),
    [
        ({"condition": "Fine", "binding": "calf", "binder": "A. Nobody"}, 70, "170.00", ""),
        ({"condition": "Fine", "binder": "Zaehnsdorf", "binder_authenticated": True}, 80, None, "any"),
        ({"condition": "Good", "binder": "Zaehnsdorf", "binder_authenticated": True}, 75, "200", ""),
        ({"condition": "Good", "binding": "calf"}, 65, "140.00", ""),
        ({"condition": "Good"}, 60, "140.00", ""),
        ({"condition": "Good", "foxing": "some"}, 58, None, "unattainable"),
    ],
)
def test_the_recommended_price_is_the_highest_that_gives_the_missing_points(facts, before, amount, note):
    legacy = legacy_score(evidence_of(year=1868, **facts), price_of(None, 200))
    found = recommended_price(legacy, Decimal(200))
    assert legacy.total == before
    assert (found.amount, found.note) == (None if amount is None else Decimal(amount), note)


def test_a_price_that_would_do_is_not_known_without_a_value():
    found = recommended_price(legacy_score(evidence_of(**PLAIN), price_of(100, None)), None)
    assert (found.amount, found.note) == (None, "")
    assert "not known" in found.why


@given(st.decimals("0.01", "99999", places=2), st.sampled_from(["Good", "Fine", "VG", ""]), st.sampled_from(["", "calf"]))
@settings(deadline=None)
def test_at_the_recommended_price_it_is_worth_acquiring(mid, condition, binding):
    evidence = evidence_of(year=1868, condition=condition, binding=binding)
    found = recommended_price(legacy_score(evidence, price_of(None, mid)), mid)
    if found.amount is not None:
        assert recommendation_of(legacy_score(evidence, price_of(found.amount, mid))) is Recommendation.ACQUIRE
