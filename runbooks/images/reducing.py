"""What a photo costs a model in tokens, and the size at which it costs no more than it may."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction

#: Pixels of the squares that an image is counted in. https://docs.claude.com/en/docs/build-with-claude/vision
PATCH = 28
#: What one photo of a listing may cost: enough to see foxing and hinges.
PHOTO_TOKENS = 770


@dataclass(frozen=True, slots=True)
class Tier:
    """Say to what the models of one family shrink an image before they count it."""

    #: Pixels.
    long_edge: int
    tokens: int


STANDARD = Tier(long_edge=1568, tokens=1568)
HIGH_RESOLUTION = Tier(long_edge=2576, tokens=4784)
#: By the name that a language model's row has for it.
TIERS = {"standard": STANDARD, "high": HIGH_RESOLUTION}


def tokens_of(width: int, height: int, tier: Tier) -> int:
    """Return the tokens that an image of these pixels costs a model of the tier."""
    width, height = fitted(width, height, long_edge=tier.long_edge, tokens=tier.tokens)
    return -(-width // PATCH) * -(-height // PATCH)


def fitted(width: int, height: int, *, long_edge: int | None = None, tokens: int | None = None) -> tuple[int, int]:
    """Return the largest size of the same shape within the bounds, in pixels; never one larger than it is."""
    scale = Fraction(1)
    if long_edge is not None:
        scale = min(scale, Fraction(long_edge, max(width, height)))
    if tokens is not None:
        scale = min(scale, max(_scale_by_side(width, height, side, tokens) for side in (width, height)))
    return max(1, int(width * scale)), max(1, int(height * scale))


def _scale_by_side(width: int, height: int, side: int, tokens: int) -> Fraction:
    """Return the largest scale within the tokens at which this side ends on the edge of a patch: the count changes nowhere else."""

    def cost(patches: int) -> int:
        return -(-width * patches // side) * -(-height * patches // side)

    return Fraction(bisect_right(range(1, tokens + 1), tokens, key=cost) * PATCH, side)
