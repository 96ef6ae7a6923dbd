import json
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbooks.scoring import SCORING_VERSION, Evidence, Position, Price, Recommendation, Tier, rescore_price, score
from runbooks.sources.records import Money
from runbooks.subject import HeldCopy
from tests.runbooks.scoring.copies import SPLENDID, evidence_of, price_of

AMOUNTS = st.decimals("0.01", "50000", places=2)
#: Copies of every kind, by what is known of them.
COPIES = st.builds(
    evidence_of,
    author=st.sampled_from(["", "Charles Dickens", "Anthony Trollope", "Charles Darwin"]),
    publisher=st.sampled_from(["", "Chapman & Hall", "Routledge", "Tinsley"]),
    binder=st.sampled_from(["", "Zaehnsdorf", "Bumpus", "A. Nobody"]),
    binder_authenticated=st.booleans(),
    year=st.sampled_from([None, 1790, 1820, 1853, 1920]),
    volumes=st.sampled_from([1, 3, 8]),
    is_complete=st.sampled_from([None, True, False]),
    condition=st.sampled_from(["", "Fine", "VG", "Poor", "?"]),
    foxing=st.sampled_from(["", "some", "heavy"]),
    binding=st.sampled_from(["", "full calf", "cloth"]),
)


def test_a_wanted_copy_at_a_poor_price_is_offered_a_tenth_less_than_its_value():
    found = score(evidence_of(**SPLENDID), price_of(500, 400))
    assert (found.combined, found.position, found.tier) == (88, Position.POOR, Tier.CONDITIONAL)
    assert found.suggested_offer == 360
    assert "$360" in found.reasoning


def test_an_auction_has_no_asking_price():
    auction = Price(None, Decimal(400), why_none_asked="an auction has no asking price")
    found = score(evidence_of(**SPLENDID), auction)
    assert found.position is None
    assert (found.cell.column, found.cell.is_assumed, found.tier) == (Position.FAIR, True, Tier.BUY)
    line = found.legacy["price_vs_fmv"]
    assert (line.points, line.is_known, line.why) == (0, False, "an auction has no asking price")
    assert found.reasoning.startswith("Buy: 88 of 100 combined, an auction has no asking price, so the price is taken to be fair")
    assert found.columns()["last_scored_price"] is None


def test_a_good_copy_without_a_value_is_conditional_and_has_no_offer():
    found = score(evidence_of(**SPLENDID | {"author": "Anthony Trollope"}), price_of(100, None))
    assert (found.combined, found.position, found.tier) == (72, None, Tier.CONDITIONAL)
    assert found.suggested_offer is None
    assert "the fair market value is not known" in found.reasoning


def test_a_price_in_another_currency_is_refused():
    with pytest.raises(ValueError, match="GBP"):
        Price(Money(Decimal(100), "GBP"), Decimal(100))


def test_a_new_price_changes_all_that_depends_on_it():
    evidence = evidence_of(author="Charles Dickens", publisher="Chapman & Hall", year=1853, condition="Good", binding="cloth")
    rescored = rescore_price(evidence, price_of(500, 200), Money(Decimal(100), "USD"))
    before, after = rescored.before, rescored.after
    assert (before.recommendation, after.recommendation) == (Recommendation.ACQUIRE, Recommendation.ACQUIRE)
    assert (before.legacy.total, after.legacy.total) == (80, 100)
    assert (before.position, after.position) == (Position.POOR, Position.EXCELLENT)
    assert (before.tier, after.tier) == (Tier.PASS, Tier.STRONG_BUY)
    assert before.reasoning != after.reasoning
    assert (before.columns()["last_scored_price"], after.columns()["last_scored_price"]) == (500, 100)
    assert rescored.flips


def test_a_new_price_moves_both_recommendations_together():
    evidence = evidence_of(publisher="Tinsley Brothers", year=1868, condition="Good", binding="original cloth", author="A. Nobody")
    rescored = rescore_price(evidence, price_of(275, 200), Money(Decimal(130), "USD"))
    assert (rescored.before.recommendation, rescored.after.recommendation) == (Recommendation.PASS, Recommendation.ACQUIRE)
    assert (rescored.before.tier, rescored.after.tier) == (Tier.PASS, Tier.CONDITIONAL)


def test_a_price_that_is_below_what_it_is_worth_offering_says_so():
    # Bought too often: no fit at all, so that 40 per cent below the value is offered.
    owned = [HeldCopy(f"Novel {number}", "Anthony Trollope") for number in range(3)]
    found = score(evidence_of(*owned, **SPLENDID | {"author": "Anthony Trollope"}), price_of(50, 100))
    assert (found.tier, found.suggested_offer) == (Tier.CONDITIONAL, 60)
    assert found.reasoning.endswith("Strategic fit is below what a buy needs. It is worth an offer of up to $60, and no more is asked.")


def test_it_says_by_which_rules_it_came_about():
    assert score(evidence_of(), price_of(None, None)).version == SCORING_VERSION


def test_its_columns_are_the_stored_names():
    columns = score(evidence_of(**SPLENDID), price_of(300, 400)).columns()
    assert {name: columns[name] for name in ("total_score", "quality_score", "strategic_fit_score", "combined_score")} == {
        "total_score": 110,
        "quality_score": 100,
        "strategic_fit_score": 70,
        "combined_score": 88,
    }
    assert columns["score_breakdown"]["condition"] == {"label": "Condition", "points": 15, "most": 15, "notes": "fine", "known": True}
    assert len(columns["tiered_breakdown"]["quality"]) == 12
    assert len(columns["tiered_breakdown"]["strategic_fit"]) == 4


@given(COPIES, AMOUNTS, AMOUNTS)
@settings(deadline=None, max_examples=60)
def test_evidence_and_price_survive_their_way_through_json(evidence, asking, mid):
    price = price_of(asking, mid)
    kept = json.loads(json.dumps([evidence.to_json(), price.to_json()]))
    assert score(Evidence.from_json(kept[0]), Price.from_json(kept[1])) == score(evidence, price)


@given(COPIES, st.none() | AMOUNTS, st.none() | AMOUNTS)
@settings(deadline=None, max_examples=150)
def test_every_score_is_within_its_bounds_and_gives_its_reasons(evidence, asking, mid):
    found = score(evidence, price_of(asking, mid))
    assert 0 <= found.legacy.total <= 120
    assert all(0 <= number <= 100 for number in (found.quality.total, found.fit.total, found.combined))
    assert all(line.why for points in (found.legacy, found.quality, found.fit) for line in points.criteria)
    assert 0 < len(found.reasoning) <= 500
    assert (found.suggested_offer is not None) == (found.tier is Tier.CONDITIONAL and mid is not None)
    json.dumps(found.to_json())


@given(COPIES, AMOUNTS, AMOUNTS, AMOUNTS)
@settings(deadline=None, max_examples=150)
def test_nothing_is_better_at_a_higher_price(evidence, one, other, mid):
    cheap, dear = sorted((one, other))
    lower, higher = (score(evidence, price_of(asking, mid)) for asking in (cheap, dear))
    tiers = list(Tier)
    assert tiers.index(lower.tier) <= tiers.index(higher.tier)
    assert lower.legacy.total >= higher.legacy.total
    assert (lower.quality, lower.fit, lower.combined) == (higher.quality, higher.fit, higher.combined)


@given(st.text(max_size=700), AMOUNTS)
@settings(deadline=None, max_examples=60)
def test_what_a_listing_writes_never_makes_the_reasons_too_long(text, asking):
    evidence = evidence_of(title=text, author=text, publisher=text, binder=text, condition=text, binding=text)
    found = score(replace(evidence, duplicates=(text,)), price_of(asking, 100))
    assert len(found.reasoning) <= 500
