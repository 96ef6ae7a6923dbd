"""What a person decides: a word beside the computed one, and the way of a copy from evaluated to bought, here and gone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import structlog
from django.core.exceptions import ValidationError
from django.db import transaction

from bookops.clock import database_now
from runbooks import ledger
from runbooks.entered import refused_day
from runbooks.evaluating import holdings_of, keep_if_changed
from runbooks.executions import cancel_execution
from runbooks.models import Copy, EvalRunbook, Execution, LedgerEntry
from runbooks.retention import purge_listing
from runbooks.returns import discount_percent
from runbooks.scoring.legacy import Recommendation
from runbooks.scoring.tiers import Tier
from runbooks.sources.price_text import HIGHEST
from runbooks.sources.records import Money

log = structlog.get_logger(__name__)

Status = Copy.Status
#: The words of both recommendations.
DECISIONS = tuple(dict.fromkeys([*(tier.value for tier in Tier), *(word.value for word in Recommendation)]))
LONGEST_REASON = 5_000


class WrongStatus(Exception):
    """The copy's status does not allow it; the text says which does."""


class CopyIsOwned(WrongStatus):
    """The copy was bought, and its runbook stays with it."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """Hold what is known of a purchase."""

    #: US dollars, as paid, without shipping.
    price: Decimal
    at: date
    order_number: str = ""
    place: str = ""
    estimated_delivery: date | None = None
    tracking: str = ""


def decide(runbook: EvalRunbook, decision: str, reason: str, *, by: Any) -> None:
    """Put a person's decision beside the computed recommendation; "" takes it back. Raises ValidationError without a reason."""
    if decision and decision not in DECISIONS:
        raise ValidationError({"decision": f"A decision is {', '.join(DECISIONS)}, or empty to take it back."})
    if decision and not reason.strip():
        raise ValidationError({"reason": "Say why."})
    if len(reason) > LONGEST_REASON:
        raise ValidationError({"reason": f"A reason has at most {LONGEST_REASON:,} characters."})
    with transaction.atomic():
        EvalRunbook.objects.select_for_update().get(pk=runbook.pk)
        EvalRunbook.objects.filter(pk=runbook.pk).update(
            decision=decision, decision_reason=reason.strip(), decided_by=by, decided_at=database_now()
        )
        keep_if_changed(runbook, "decision", by=by)


def acquire(copy: Copy, purchase: Purchase, *, by: Any) -> Copy:
    """Note that a copy was bought: it is in transit, keeps what was known of its value that day, and its price is in the ledger.

    Raises WrongStatus for one that is not being evaluated, ValidationError, by field, for what no purchase has.
    """
    if not purchase.price.is_finite() or not 0 <= purchase.price <= HIGHEST:
        raise ValidationError({"purchase_price": f"A price is a number of US dollars between 0 and {HIGHEST:,}."})
    if why := refused_day(purchase.at, database_now().date()):
        raise ValidationError({"purchase_date": why})
    price = purchase.price.quantize(Decimal("0.01"))
    with transaction.atomic():
        runbook, copy = _locked(copy)
        if copy.status != Status.EVALUATING:
            raise WrongStatus(f"Only a copy that is evaluated can be acquired; this one is {copy.get_status_display()}.")
        copy.scoring_snapshot = _snapshot(copy, price)
        copy.status = Status.IN_TRANSIT
        copy.purchase_price, copy.purchase_date = price, purchase.at
        copy.order_number, copy.place_of_purchase = purchase.order_number, purchase.place
        copy.estimated_delivery, copy.tracking = purchase.estimated_delivery, purchase.tracking
        copy.full_clean(exclude=["owner", "book", "listing"], validate_constraints=False)
        copy.save()
        if price > 0:
            _note(copy, price, purchase)
        if runbook:
            keep_if_changed(runbook, "acquired", by=by)
    return copy


def _snapshot(copy: Copy, price: Decimal) -> dict[str, Any]:
    """Return what was known at the purchase, for looking back; before the copy counts as owned."""
    held = holdings_of(copy.owner_id).copies
    discount = discount_percent(copy.value_mid, price)
    return {
        "captured_at": database_now().isoformat(),
        "purchase_price": str(price),
        "fmv_at_purchase": {name: _text(getattr(copy, f"value_{name}")) for name in ("low", "mid", "high")},
        "discount_pct": _text(discount),
        "collection_position": {"items_before": len(held), "volumes_before": sum(one.volumes for one in held)},
    }


def _text(amount: Decimal | None) -> str | None:
    return str(amount) if amount is not None else None


def _note(copy: Copy, price: Decimal, purchase: Purchase) -> None:
    book = copy.book
    ledger.note(
        copy.owner,
        kind=LedgerEntry.Kind.PAID,
        title=book.title[:500],
        author=book.author[:300],
        volumes=copy.volumes,
        binding=book.binding,
        condition=copy.condition_grade,
        price=Money(price, "USD"),
        at=purchase.at,
        where=purchase.place,
        copy=copy,
    )


def receive(copy: Copy, *, by: Any) -> Copy:
    """Note that a copy in transit has arrived. Raises WrongStatus for any other."""
    with transaction.atomic():
        runbook, copy = _locked(copy)
        if copy.status != Status.IN_TRANSIT:
            raise WrongStatus(f"Only a copy in transit can arrive; this one is {copy.get_status_display()}.")
        copy.status = Status.ON_HAND
        copy.save(update_fields=["status"])
        if runbook:
            keep_if_changed(runbook, "received", by=by)
    return copy


def remove(copy: Copy, *, by: Any) -> Copy:
    """Take a copy out: its runbook, comparables, history, photos and listing's words go; what it cost stays, here and in the ledger.

    Raises WrongStatus for one that is removed already. What is evaluating it is cancelled first.
    """
    if Copy.objects.get(pk=copy.pk).status == Status.REMOVED:
        raise WrongStatus("This copy is removed already.")
    for execution in Execution.objects.active().filter(owner_id=copy.owner_id, listing_id=copy.listing_id, listing__isnull=False):
        cancel_execution(execution)
    with transaction.atomic():
        runbook, copy = _locked(copy)
        if runbook:
            runbook.delete()
        copy.status = Status.REMOVED
        copy.save(update_fields=["status"])
    if copy.listing and not copy.listing.copies.exclude(status=Status.REMOVED).exists():
        purge_listing(copy.listing)
    log.info("copy_removed", copy=str(copy.public_id), by=str(by))
    return copy


def delete_runbook(runbook: EvalRunbook, *, by: Any) -> None:
    """Delete the runbook of a copy that was never bought, and with it all that `remove` takes out. Raises CopyIsOwned for one that was."""
    if runbook.copy.status in Copy.OWNED:
        raise CopyIsOwned(f"Its copy is {runbook.copy.get_status_display()}; the runbook goes when the copy is removed.")
    remove(runbook.copy, by=by)


def _locked(copy: Copy) -> tuple[EvalRunbook | None, Copy]:
    """Lock a copy, its runbook first, as whoever scores does; the instances are fresh."""
    runbook = EvalRunbook.objects.select_for_update().filter(copy_id=copy.pk).first()
    return runbook, Copy.objects.select_for_update().select_related("book", "owner").get(pk=copy.pk)
