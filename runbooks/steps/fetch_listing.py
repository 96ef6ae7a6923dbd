"""Fetch the listing: follow its link, ask eBay, keep what it says; or take what a person has pasted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from django.db import IntegrityError, transaction

from bookops.clock import database_now
from bookops.outbound.errors import NotFound, Refused
from runbooks.advancing import RUNS_ALREADY
from runbooks.doors import follow_link, open_ebay
from runbooks.executions import key_of
from runbooks.links import BadLink, ItemLink, ShortLink, read_link
from runbooks.listings import keep_listing
from runbooks.models import Execution, Listing
from runbooks.sources.records import ListingFacts
from runbooks.steps import Done, Work


def run(work: Work) -> Done:
    """Return the listing's facts, `gone` where eBay has it no more and an earlier reading stands in."""
    known = work.execution.listing
    if known is not None and known.record.is_pasted:
        return Done({"facts": known.facts}, store=_keeper(work.execution, known.key, known.record))
    link = _item_link(work.execution)
    key = key_of(link)
    _take(work.execution, key)
    try:
        facts = open_ebay(bulk=work.is_bulk).item(link.legacy_id, link.variation, marketplace=link.marketplace, flow=work.flow)
    except NotFound:
        if known is not None and known.facts:
            return Done({"facts": known.facts, "gone": True}, store=lambda: _note_gone(known))
        raise NotFound("eBay has no such listing: it has ended, was sold or never was.", reason="not_found", source="ebay") from None
    # A refresh goes by this address and has to come to the same key, whichever variation eBay has chosen to show.
    facts = replace(facts, url=link.url)
    return Done({"facts": facts.to_json()}, store=_keeper(work.execution, key, facts))


def _item_link(execution: Execution) -> ItemLink:
    try:
        link = read_link(execution.url)
        return follow_link(link) if isinstance(link, ShortLink) else link
    except BadLink as error:
        raise Refused(error.detail, reason=error.reason) from None


def _take(execution: Execution, key: str) -> None:
    """Make this the execution of a listing that its link has turned out to name; raises Refused where another one is."""
    if key == execution.listing_key:
        return
    try:
        with transaction.atomic():
            Execution.objects.filter(pk=execution.pk).update(listing_key=key)
    except IntegrityError:
        other = Execution.objects.active().of_listing(execution.owner_id, key, sandbox=execution.sandbox).exclude(pk=execution.pk).first()
        named = f" by execution {other.pk}" if other else ""
        raise Refused(f"This short link leads to a listing that is being evaluated{named}.", reason=RUNS_ALREADY) from None
    execution.listing_key = key


def _keeper(execution: Execution, key: str, facts: ListingFacts) -> Callable[[], None]:
    def keep() -> None:
        listing = keep_listing(execution.owner_id, key, facts, database_now(), sandbox=execution.sandbox)
        Execution.objects.filter(pk=execution.pk).update(listing=listing)

    return keep


def _note_gone(listing: Listing) -> None:
    Listing.objects.filter(pk=listing.pk, gone_at=None).update(gone_at=database_now())
