"""The scores of a copy: pure functions of what is known of it and of its price."""

from runbooks.scoring.criteria import Criterion, Points
from runbooks.scoring.evidence import Evidence, look_up
from runbooks.scoring.legacy import Recommendation
from runbooks.scoring.offers import RecommendedPrice
from runbooks.scoring.prices import Position, Price
from runbooks.scoring.scores import SCORING_VERSION, Rescored, Score, rescore_price, score
from runbooks.scoring.tiers import Cell, Floors, Tier

__all__ = [
    "SCORING_VERSION",
    "Cell",
    "Criterion",
    "Evidence",
    "Floors",
    "Points",
    "Position",
    "Price",
    "Recommendation",
    "RecommendedPrice",
    "Rescored",
    "Score",
    "Tier",
    "look_up",
    "rescore_price",
    "score",
]
