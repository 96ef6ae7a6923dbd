"""Comparables as rows: those that searches find are found again by a refresh; all are judged anew, with what persons said of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache

from runbooks.fmv import Comparable as Priced
from runbooks.fmv import most_relevant
from runbooks.models import Comparable, EvalRunbook, Execution
from runbooks.rates import LookUp, convert, rate_for
from runbooks.relevance import Relevance, author_of, judge
from runbooks.sources.records import Money, Offer
from runbooks.subject import Subject

#: What the code says of a comparable, and persons otherwise.
_JUDGED = ("relevance", "relevance_why", "computed_relevance", "excluded", "excluded_why")


def keep_comparables(runbook: EvalRunbook, subject: Subject, offers: Sequence[Offer], origin: str, execution: Execution) -> None:
    """Keep the offers of one source that say most; in the caller's transaction.

    What it offers no more stays as history, out of the value. A person's word on relevance, exclusion and adjustments stays.
    """
    rows = {row.source_key: row for row in Comparable.objects.filter(runbook=runbook, origin=origin).exclude(source_key="")}
    judged = {_key(offer): (offer, judge(subject, offer)) for offer in offers if offer.price.amount > 0}
    best = {one.key for one in most_relevant(_priced(key, offer, said, origin) for key, (offer, said) in judged.items())}
    look_up = cache(rate_for)
    new = []
    for key, (offer, said) in judged.items():
        row = rows.get(key)
        if key in best or (row is not None and row.changed_by_id):
            row = rows.pop(key, None) or Comparable(runbook=runbook, origin=origin, source_key=key)
            _write(row, offer, said, look_up)
            row.seen_in, row.is_current = execution, True
            row.save() if row.pk else new.append(row)
    Comparable.objects.bulk_create(new)
    if gone := [row.pk for row in rows.values() if row.is_current]:
        Comparable.objects.filter(pk__in=gone).update(is_current=False)


def _key(offer: Offer) -> str:
    """Return a name by which a source's offer is found again; what was sold is no longer what was offered."""
    known = offer.item_id or hashlib.sha256(f"{offer.url}|{offer.title}|{offer.seller}".encode()).hexdigest()
    return f"{'sold:' if offer.basis == 'sold' else ''}{known}"[:120]


def _priced(key: str, offer: Offer, said: Relevance, origin: str) -> Priced:
    return Priced(key, offer.basis, origin, offer.title, offer.price, relevance=said.level, excluded=said.is_junk)  # type: ignore[arg-type]


def _write(row: Comparable, offer: Offer, said: Relevance, look_up: LookUp) -> None:
    row.basis, row.source, row.title, row.url = offer.basis, offer.seller[:100], offer.title[:500], offer.url[:1000]
    row.author = author_of(offer)[:300]
    row.amount, row.currency = offer.price.amount, offer.price.currency
    row.shipping = offer.shipping.amount if offer.shipping and offer.shipping.currency == offer.price.currency else None
    row.condition, row.binding, row.at = offer.condition[:200], offer.binding[:200], offer.at
    take_judgement(row, said)
    convert(row, look_up)


def judge_manual(runbook: EvalRunbook, subject: Subject) -> None:
    """Judge anew what persons entered, for more may be known of the copy by now; in the caller's transaction."""
    rows = Comparable.objects.filter(runbook=runbook, origin=Comparable.Origin.MANUAL)
    Comparable.objects.bulk_update([row for row in rows if take_judgement(row, judge(subject, entered_offer(row)))], _JUDGED)


def entered_offer(row: Comparable) -> Offer:
    """Return what a person entered as an offer to be judged."""
    return Offer(
        source="manual",
        basis=row.basis,  # type: ignore[arg-type]
        title=row.title,
        price=Money(row.amount, row.currency),
        url=row.url,
        condition=row.condition,
        binding=row.binding,
        at=row.at,
        aspects={"Author": row.author} if row.author else {},
    )


def take_judgement(row: Comparable, said: Relevance) -> bool:
    """Write what the code says of a comparable, and return whether that is news; a person's word on it stays. Changes the instance only."""
    before = [getattr(row, name) for name in _JUDGED]
    if row.computed_relevance:
        row.computed_relevance = said.level
    else:
        # Who excludes or includes gives a reason of their own.
        if row.excluded_why == (row.relevance_why if row.excluded else ""):
            row.excluded, row.excluded_why = said.is_junk, said.why if said.is_junk else ""
        row.relevance, row.relevance_why = said.level, said.why
    return before != [getattr(row, name) for name in _JUDGED]
