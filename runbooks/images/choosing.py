"""Which photos of a listing show the book, and which of those a model is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runbooks.images.reducing import Tier, tokens_of
from runbooks.images.refusals import Refusal

#: Bytes as fetched; less shows nothing.
FEWEST_BYTES = 10_000
#: Sellers put their shop's banner at the end, and it is more than twice as wide as high.
BANNER_POSITIONS = 3
BANNER_SHAPE = 2.0
#: Pixels: the longest side of what eBay makes as a thumbnail (s-l225). Models ask for at least 200.
THUMBNAIL_EDGE = 225
#: How many photos a model is shown, and which part of them comes from the beginning of the listing.
SHOWN = 15
SHARE_OF_FIRST = 0.67


@dataclass(frozen=True, slots=True)
class Candidate:
    """Hold what the rules look at."""

    #: In the listing, from 0, counting also what could not be fetched.
    position: int
    width: int
    height: int
    digest: str


def left_out(candidates: Sequence[Candidate], *, listed: int) -> dict[int, Refusal]:
    """Return the positions that show no book, with why; `listed` is how many photos the listing names.

    What looks like a banner is kept where nothing else would be: a set of thirty volumes on a shelf is wide, too.
    """
    reasons: dict[int, Refusal] = {}
    seen: set[str] = set()
    for one in candidates:
        if one.digest in seen:
            reasons[one.position] = Refusal.DUPLICATE
        elif max(one.width, one.height) <= THUMBNAIL_EDGE:
            reasons[one.position] = Refusal.THUMBNAIL
        seen.add(one.digest)
    rest = [one for one in candidates if one.position not in reasons]
    banners = [one.position for one in rest if _is_banner(one, listed)]
    return reasons | dict.fromkeys(banners if len(banners) < len(rest) else (), Refusal.BANNER)


def _is_banner(one: Candidate, listed: int) -> bool:
    return listed > 1 and one.position >= listed - BANNER_POSITIONS and one.width / one.height > BANNER_SHAPE


@dataclass(frozen=True, slots=True)
class Photo:
    """Hold a stored photo by the id that everything refers to it by, with the pixels that a model would get."""

    id: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Sample:
    """Hold the photos that a model is shown, in the order in which it counts them."""

    photos: tuple[Photo, ...]
    #: Of these images alone.
    tokens: int


def sample(photos: Sequence[Photo], tier: Tier, *, most: int = SHOWN, tokens: int | None = None) -> Sample:
    """Return as many photos as may be shown, two thirds from the beginning of the listing and a third from its end.

    Books are shown at the beginning and their flaws at the end. `tokens` bounds what they cost together.
    """
    costs = {photo.id: tokens_of(photo.width, photo.height, tier) for photo in photos}
    for count in range(min(most, len(photos)), -1, -1):
        chosen = _first_and_last(photos, count)
        cost = sum(costs[photo.id] for photo in chosen)
        if tokens is None or cost <= tokens:
            break
    return Sample(tuple(chosen), cost)


def _first_and_last(photos: Sequence[Photo], count: int) -> list[Photo]:
    if count >= len(photos):
        return list(photos)
    first = round(count * SHARE_OF_FIRST)
    return [*photos[:first], *photos[len(photos) - (count - first) :]]
