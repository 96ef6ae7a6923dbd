"""The first score: six criteria, at most 120 points, worth acquiring from 80."""

from __future__ import annotations

from enum import StrEnum

from runbooks.bindings import is_leather
from runbooks.conditions import Grade
from runbooks.scoring.criteria import Criterion, Points
from runbooks.scoring.evidence import Evidence
from runbooks.scoring.prices import Price
from runbooks.scoring.wording import completeness_said, condition_said, distance_said, publisher_said

MOST = 120
#: From here on a copy is worth acquiring.
ENOUGH = 80

VICTORIAN_FIRST, VICTORIAN_LAST = 1837, 1901

_CONDITION_POINTS = {Grade.FINE: 15, Grade.NEAR_FINE: 12, Grade.VERY_GOOD: 12, Grade.GOOD: 10, Grade.FAIR: 5, Grade.POOR: 0}
_UNKNOWN_CONDITION = 8
_FOXING_PENALTY = {"some": 2, "heavy": 5}
#: Points by how many per cent below the fair market value is asked; the most first.
PRICE_POINTS = ((30, 20), (15, 10), (0, 5))
PRICE = "price_vs_fmv"


class Recommendation(StrEnum):
    """Name what the first score recommends."""

    ACQUIRE = "ACQUIRE"
    PASS = "PASS"  # noqa: S105  (a verdict, not a password)


def legacy_score(evidence: Evidence, price: Price) -> Points:
    """Return the first score of a copy at a price; only its last criterion depends on the price."""
    return Points.of(
        (
            _publisher(evidence),
            _era(evidence),
            _complete_set(evidence),
            _condition(evidence),
            _binding(evidence),
            _price(price),
        ),
        most=MOST,
    )


def recommendation_of(score: Points) -> Recommendation:
    """Return what a first score recommends."""
    return Recommendation.ACQUIRE if score.total >= ENOUGH else Recommendation.PASS


def _publisher(evidence: Evidence) -> Criterion:
    points = 20 if evidence.publisher and evidence.publisher.tier == 1 else 0
    return Criterion(
        "tier_1_publisher", "Tier 1 publisher", points, 20, publisher_said(evidence), is_known=bool(evidence.subject.publisher)
    )


def _era(evidence: Evidence) -> Criterion:
    year = evidence.subject.year
    if year is None:
        return Criterion("victorian_era", "Victorian era", 0, 30, "the year is not known", is_known=False)
    is_victorian = VICTORIAN_FIRST <= year <= VICTORIAN_LAST
    return Criterion("victorian_era", "Victorian era", 30 if is_victorian else 0, 30, f"printed in {year}")


def _complete_set(evidence: Evidence) -> Criterion:
    return Criterion(
        "complete_set",
        "Complete set",
        20 if evidence.is_complete else 0,
        20,
        completeness_said(evidence),
        is_known=evidence.is_complete is not None,
    )


def _condition(evidence: Evidence) -> Criterion:
    grade = evidence.grade
    points = _CONDITION_POINTS[grade] if grade else _UNKNOWN_CONDITION
    why = condition_said(evidence)
    if foxing := evidence.subject.foxing:
        points = max(0, points - _FOXING_PENALTY[foxing])
        why += f", {foxing} foxing"
    return Criterion("condition", "Condition", points, 15, why, is_known=grade is not None)


def _binding(evidence: Evidence) -> Criterion:
    subject, binder = evidence.subject, evidence.binder
    key, label = "premium_binding", "Premium binding"
    if binder and binder.tier in (1, 2) and subject.binder_authenticated:
        return Criterion(key, label, {1: 15, 2: 10}[binder.tier], 15, f"signed by {binder.name}, tier {binder.tier}")
    if binder and binder.tier in (1, 2):
        return Criterion(key, label, 5, 15, f"said to be by {binder.name}, tier {binder.tier}; no signature is seen")
    if subject.binder:
        return Criterion(key, label, 5, 15, f"by {subject.binder}, a binder without a tier")
    if is_leather(subject.binding):
        return Criterion(key, label, 5, 15, f"leather without a named binder: {subject.binding}")
    if subject.binding:
        return Criterion(key, label, 0, 15, f"no binder, no leather: {subject.binding}")
    return Criterion(key, label, 0, 15, "nothing is said about the binding", is_known=False)


def _price(price: Price) -> Criterion:
    label = "Price against fair market value"
    if price.asking is None or not price.mid or price.percent_below is None:
        return Criterion(PRICE, label, 0, 20, price.why_unknown, is_known=False)
    asked = price.asking.amount * 100
    points = next((points for per_cent, points in PRICE_POINTS if asked <= (100 - per_cent) * price.mid), 0)
    return Criterion(PRICE, label, points, 20, distance_said(price))
