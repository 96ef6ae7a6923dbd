"""A runbook as it stands after an evaluation, made from rows alone: what it is worked on with needs no source."""

from __future__ import annotations

import itertools
from datetime import date
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User

from bookops.books import Book
from bookops.clock import database_now
from bookops.doors import asks_sandbox
from runbooks.evaluating import holdings_of, reference_of, rescore
from runbooks.models import Comparable, Copy, EvalRunbook, ExchangeRate, Execution, Listing
from runbooks.rates import convert
from runbooks.reference_loading import load_reference_data
from runbooks.scoring.evidence import look_up
from runbooks.sources.records import ListingFacts, Money
from runbooks.subject import Subject
from tests.factories import make_owner

_numbers = itertools.count(256_712_345_601)

SUBJECT: dict[str, Any] = {
    "title": "The Moonstone",
    "author": "Wilkie Collins",
    "publisher": "Tinsley Brothers",
    "year": 1868,
    "volumes": 3,
    "is_complete": True,
    "condition": "Good",
    "binding": "half calf",
}


def make_listing(owner: User | None = None, **changes: Any) -> Listing:
    """Return a stored listing with what it said last."""
    number = str(next(_numbers))
    title = changes.get("title", "The Moonstone, 3 vols, Tinsley 1868, half calf")
    facts = ListingFacts(
        f"v1|{number}|0", number, f"https://www.ebay.com/itm/{number}", title, price=Money(Decimal(275), "USD"), seller="tomes"
    )
    values = {"key": f"ebay:{number}", "url": facts.url, "title": title, "seller": facts.seller, "facts": facts.to_json()}
    values |= {"owner": owner or make_owner(), "fetched_at": database_now(), "sandbox": asks_sandbox()}
    return Listing.objects.create(**values | changes)


def make_copy(owner: User | None = None, **changes: Any) -> Copy:
    """Return a stored copy of The Moonstone with its book, on no listing unless one is given."""
    owner = owner or make_owner()
    if "book" not in changes:
        changes["book"] = Book.objects.create(
            owner=owner, title=changes.pop("title", "The Moonstone"), author=changes.pop("author", "Wilkie Collins")
        )
    return Copy.objects.create(**{"owner": owner, "volumes": 3} | changes)


def make_runbook(owner: User | None = None, *, subject: dict[str, Any] | None = None, asking: Any = 275, **changes: Any) -> EvalRunbook:
    """Return a stored runbook of a copy on a listing, looked up and scored, with a first version and no comparables."""
    owner = owner or make_owner()
    load_reference_data()
    copy = changes.pop("copy", None) or make_copy(owner, listing=make_listing(owner))
    told = Subject(**SUBJECT | (subject or {}) | {"key": str(copy.public_id)})
    price = Decimal(asking) if asking is not None else None
    runbook = EvalRunbook.objects.create(
        **{
            "owner": owner,
            "copy": copy,
            "evidence": look_up(told, reference_of(owner.pk), holdings_of(owner.pk)).to_json(),
            "original_asking_price": price,
            "current_asking_price": price,
            "generated_at": database_now(),
        }
        | changes
    )
    rescore(runbook, cause="execution")
    return runbook


def make_comparable(runbook: EvalRunbook, amount: Any, **changes: Any) -> Comparable:
    """Return a stored comparable, of an eBay sale of high relevance unless told otherwise; the runbook is not scored again."""
    values = {
        "basis": "sold",
        "origin": "ebay",
        "source": "ebay",
        "title": "The Moonstone, 3 volumes",
        "currency": "USD",
        "relevance": "high",
    }
    one = Comparable(**{"runbook": runbook, "amount": Decimal(amount)} | values | changes)
    convert(one)
    one.save()
    return one


def make_valued(*amounts: Any, owner: User | None = None, **changes: Any) -> EvalRunbook:
    """Return a stored runbook whose value comes from sales at these amounts."""
    runbook = make_runbook(owner, **changes)
    for amount in amounts:
        make_comparable(runbook, amount)
    rescore(runbook, cause="execution")
    return runbook


def make_rate(currency: str, rate: Any, day: date | None = None, source: str = "frankfurter") -> ExchangeRate:
    """Return a stored rate, of today unless told otherwise."""
    return ExchangeRate.objects.create(currency=currency, rate=Decimal(rate), day=day or database_now().date(), source=source)


def make_execution(listing: Listing, **changes: Any) -> Execution:
    """Return a stored execution of a listing."""
    return Execution.objects.create(
        **{"owner": listing.owner, "listing": listing, "listing_key": listing.key, "url": listing.url, "sandbox": listing.sandbox} | changes
    )
