"""Why a copy is recommended or not, in a sentence or two."""

from __future__ import annotations

from decimal import Decimal

from runbooks.scoring.criteria import Points
from runbooks.scoring.prices import Price, dollars
from runbooks.scoring.tiers import Floors, Tier
from runbooks.scoring.wording import distance_said

LONGEST = 500

_VERDICTS = {Tier.STRONG_BUY: "Strong buy", Tier.BUY: "Buy", Tier.CONDITIONAL: "Only on conditions", Tier.PASS: "Pass"}


def reasoning(tier: Tier, *, price: Price, quality: Points, combined: int, floors: Floors, offer: Decimal | None) -> str:
    """Return the reasons for a tier, at most 500 characters."""
    sentences = [f"{_VERDICTS[tier]}: {combined} of 100 combined, {_price_said(price)}; {_driver(quality)}."]
    if floors.quality or floors.strategic:
        sentences.append(_floors_said(floors))
    if offer is not None:
        sentences.append(_offer_said(offer, price))
    text = " ".join(sentences)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _price_said(price: Price) -> str:
    said = distance_said(price)
    return f"{said}, so the price is taken to be fair" if price.position is None else f"asked {said}"


def _driver(quality: Points) -> str:
    strongest = max(quality.criteria, key=lambda line: abs(line.points))
    if not strongest.points:
        return "no point speaks for its quality"
    # Names come from listings, and what is long would push the offer out.
    return f"{'weakest' if strongest.points < 0 else 'strongest'} point: {strongest.label.lower()} ({strongest.why[:120]})"


def _floors_said(floors: Floors) -> str:
    if floors.quality and floors.strategic:
        return "Quality and strategic fit are below what a buy needs."
    return f"{'Quality' if floors.quality else 'Strategic fit'} is below what a buy needs."


def _offer_said(offer: Decimal, price: Price) -> str:
    if price.asking is not None and price.asking.amount <= offer:
        return f"It is worth an offer of up to {dollars(offer)}, and no more is asked."
    return f"Offer {dollars(offer)}."
