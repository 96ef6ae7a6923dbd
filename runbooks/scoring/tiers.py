"""The tier of a recommendation: from the combined score, the price, and two floors below which nothing is a buy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from runbooks.scoring.legacy import Recommendation
from runbooks.scoring.prices import Position


class Tier(StrEnum):
    """Name how warmly a copy is recommended; the warmest first."""

    STRONG_BUY = "STRONG_BUY"
    BUY = "BUY"
    CONDITIONAL = "CONDITIONAL"
    PASS = "PASS"  # noqa: S105  (a verdict, not a password)

    @property
    def as_legacy(self) -> Recommendation:
        """What the first score would call it."""
        return Recommendation.ACQUIRE if self in (Tier.STRONG_BUY, Tier.BUY) else Recommendation.PASS


#: Lowest combined score of a row, and its tiers by position from EXCELLENT to POOR.
MATRIX = (
    (80, (Tier.STRONG_BUY, Tier.STRONG_BUY, Tier.BUY, Tier.CONDITIONAL)),
    (60, (Tier.STRONG_BUY, Tier.BUY, Tier.CONDITIONAL, Tier.PASS)),
    (40, (Tier.BUY, Tier.CONDITIONAL, Tier.PASS, Tier.PASS)),
    (0, (Tier.CONDITIONAL, Tier.PASS, Tier.PASS, Tier.PASS)),
)
STRATEGIC_FLOOR = 30
QUALITY_FLOOR = 40


@dataclass(frozen=True, slots=True)
class Cell:
    """Hold a cell of the matrix."""

    #: The row's lowest combined score.
    row: int
    column: Position
    tier: Tier
    #: True when the position is not known, so that the price is taken to be fair.
    is_assumed: bool = False


@dataclass(frozen=True, slots=True)
class Floors:
    """Hold which floors a copy is below, whether or not that changed its tier."""

    strategic: bool
    quality: bool

    @classmethod
    def of(cls, quality: int, fit: int) -> Floors:
        """Return the floors that these scores are below."""
        return cls(strategic=fit < STRATEGIC_FLOOR, quality=quality < QUALITY_FLOOR)


def combined_score(quality: int, fit: int) -> int:
    """Return the two scores as one: 60 % quality, 40 % fit, rounded."""
    # In fifths, so that no half and no binary fraction comes up.
    return round((3 * quality + 2 * fit) / 5)


def cell_of(combined: int, position: Position | None) -> Cell:
    """Return the cell of the matrix; a position that is not known is taken to be fair."""
    column = position or Position.FAIR
    row, tiers = next((row, tiers) for row, tiers in MATRIX if combined >= row)
    return Cell(row, column, tiers[list(Position).index(column)], is_assumed=position is None)


def tier_of(cell: Cell, floors: Floors) -> Tier:
    """Return the tier: that of the cell, held at CONDITIONAL below a floor."""
    if (floors.strategic or floors.quality) and cell.tier in (Tier.STRONG_BUY, Tier.BUY):
        return Tier.CONDITIONAL
    return cell.tier
