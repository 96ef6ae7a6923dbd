"""What a search for comparable copies came to, as a step keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from runbooks.links import BadLink, ItemLink, read_link
from runbooks.relevance import Level, judge
from runbooks.sources.records import Offer, Offers
from runbooks.subject import Subject

#: Offers kept of a run, the most relevant first; a value needs far fewer, a person may want to look further.
MOST_KEPT = 40

_RANKS: Mapping[Level, int] = {"high": 0, "medium": 1, "low": 2}


def found(subject: Subject, answers: Iterable[Offers], *, besides: str = "") -> dict[str, Any]:
    """Return a step's output: the offers that say most about a subject, and what was asked and said.

    What did not answer the question is left out. `besides` is the number of the listing itself, which is no comparable of its own.
    """
    answers = tuple(answers)
    offers = {(one.basis, one.item_id or one.url or one.title): one for answer in answers if answer.usable for one in answer.offers}
    others = (one for one in offers.values() if not besides or _legacy_id(one) != besides)
    return {
        "offers": [one.to_json() for one in sorted(others, key=lambda one: _rank(subject, one))[:MOST_KEPT]],
        "queries": [answer.query for answer in answers],
        "totals": [answer.total for answer in answers],
        "warnings": [warning for answer in answers for warning in answer.warnings],
    }


def offers_in(output: Mapping[str, Any]) -> Iterator[Offer]:
    """Yield the offers that `found` wrote."""
    return (Offer.from_json(one) for one in output.get("offers", ()))


def _rank(subject: Subject, offer: Offer) -> tuple[bool, int]:
    relevance = judge(subject, offer)
    return relevance.is_junk, _RANKS[relevance.level]


def _legacy_id(offer: Offer) -> str:
    try:
        link = read_link(offer.url)
    except BadLink:
        return ""
    return link.legacy_id if isinstance(link, ItemLink) else ""
