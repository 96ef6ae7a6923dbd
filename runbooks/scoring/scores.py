"""The whole evaluation of a copy at a price, and again at another price."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from runbooks.jsonable import jsonable
from runbooks.scoring.criteria import Points
from runbooks.scoring.evidence import Evidence
from runbooks.scoring.fit import fit_score
from runbooks.scoring.legacy import Recommendation, legacy_score, recommendation_of
from runbooks.scoring.offers import RecommendedPrice, recommended_price, suggested_offer
from runbooks.scoring.prices import Position, Price
from runbooks.scoring.quality import quality_score
from runbooks.scoring.reasoning import reasoning
from runbooks.scoring.tiers import Cell, Floors, Tier, cell_of, combined_score, tier_of
from runbooks.sources.records import Money

#: Changes with every rule above, so that a kept score says by which rules it came about.
SCORING_VERSION = "2026-11"


@dataclass(frozen=True, slots=True)
class Score:
    """Hold everything that an evaluation says of a copy at a price."""

    price: Price
    #: At most 120.
    legacy: Points
    recommendation: Recommendation
    quality: Points
    fit: Points
    combined: int
    #: None when the asking price or the value is not known.
    position: Position | None
    cell: Cell
    floors: Floors
    tier: Tier
    #: In whole US dollars, for CONDITIONAL only.
    suggested_offer: Decimal | None
    recommended_price: RecommendedPrice
    reasoning: str
    version: str = SCORING_VERSION

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict with every field."""
        return jsonable(self)

    def columns(self) -> dict[str, Any]:
        """Return the score under the names that a stored runbook has for it."""
        return {
            "total_score": self.legacy.total,
            "score_breakdown": self.legacy.by_key(),
            "tiered_breakdown": {"quality": self.quality.by_key(), "strategic_fit": self.fit.by_key()},
            "recommendation": self.recommendation.value,
            "recommended_price": self.recommended_price.amount,
            "recommended_price_note": self.recommended_price.note,
            "recommendation_tier": self.tier.value,
            "quality_score": self.quality.total,
            "strategic_fit_score": self.fit.total,
            "combined_score": self.combined,
            "price_position": self.position.value if self.position else "",
            "suggested_offer": self.suggested_offer,
            "recommendation_reasoning": self.reasoning,
            "strategic_floor_applied": self.floors.strategic,
            "quality_floor_applied": self.floors.quality,
            "scoring_version": self.version,
            "last_scored_price": self.price.asking.amount if self.price.asking else None,
        }


def score(evidence: Evidence, price: Price) -> Score:
    """Return the evaluation of a copy at a price."""
    legacy, quality, fit = legacy_score(evidence, price), quality_score(evidence), fit_score(evidence)
    combined = combined_score(quality.total, fit.total)
    cell = cell_of(combined, price.position)
    floors = Floors.of(quality.total, fit.total)
    tier = tier_of(cell, floors)
    offer = suggested_offer(tier, combined, floors, price.mid)
    return Score(
        price=price,
        legacy=legacy,
        recommendation=recommendation_of(legacy),
        quality=quality,
        fit=fit,
        combined=combined,
        position=price.position,
        cell=cell,
        floors=floors,
        tier=tier,
        suggested_offer=offer,
        recommended_price=recommended_price(legacy, price.mid),
        reasoning=reasoning(tier, price=price, quality=quality, combined=combined, floors=floors, offer=offer),
    )


@dataclass(frozen=True, slots=True)
class Rescored:
    """Hold an evaluation before and after a change."""

    before: Score
    after: Score

    @property
    def flips(self) -> bool:
        """Whether either recommendation is another one now."""
        return (self.before.recommendation, self.before.tier) != (self.after.recommendation, self.after.tier)


def rescore_price(evidence: Evidence, price: Price, asking: Money | None, *, why_none_asked: str = "") -> Rescored:
    """Return the evaluation at the old and at a new asking price; all that depends on the price is computed again."""
    new = replace(price, asking=asking, why_none_asked=why_none_asked)
    return Rescored(score(evidence, price), score(evidence, new))
