"""The comparables that searches find, kept as rows: found again by a refresh, judged anew, with what persons said of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache

from runbooks.fmv import Comparable as Priced
from runbooks.fmv import most_relevant
from runbooks.models import Comparable, EvalRunbook, Execution
from runbooks.rates import LookUp, convert, rate_for
from runbooks.relevance import Relevance, judge
from runbooks.sources.records import Offer
from runbooks.subject import Subject


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
    row.amount, row.currency = offer.price.amount, offer.price.currency
    row.shipping = offer.shipping.amount if offer.shipping and offer.shipping.currency == offer.price.currency else None
    row.condition, row.binding, row.at = offer.condition[:200], offer.binding[:200], offer.at
    if row.changed_by_id:
        row.computed_relevance = said.level
    else:
        row.relevance, row.relevance_why = said.level, said.why
        row.excluded, row.excluded_why = said.is_junk, said.why if said.is_junk else ""
    convert(row, look_up)
