"""What an owner may see: every view of this API reads through these, so that what is someone else's is not found."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import Http404

from bookops.api.requests import OwnerRequest
from runbooks.models import BulkImport, Comparable, Copy, EvalRunbook, Execution, LedgerEntry, ListingImage


def execution_of(request: OwnerRequest, pk: uuid.UUID) -> Execution:
    """Return one of their executions with its runbook and book; raises Http404."""
    return one_of(Execution.objects.owned_by(request.user).select_related("listing", "runbook__copy__book").filter(pk=pk))


def runbooks_of(request: OwnerRequest) -> Any:
    """Return the runbooks of the one who asks, with what every view of one reads."""
    return EvalRunbook.objects.owned_by(request.user).select_related("copy__book", "copy__listing", "decided_by")


def runbook_of(request: OwnerRequest, runbook_id: uuid.UUID) -> EvalRunbook:
    """Return one of their runbooks; raises Http404."""
    return one_of(runbooks_of(request).filter(public_id=runbook_id))


def comparable_of(request: OwnerRequest, runbook_id: uuid.UUID, comparable_id: uuid.UUID) -> Comparable:
    """Return a comparable of one of their runbooks; raises Http404."""
    mine = Comparable.objects.filter(runbook__owner=request.user, runbook__public_id=runbook_id)
    return one_of(mine.select_related("runbook", "changed_by").filter(public_id=comparable_id))


def copies_of(request: OwnerRequest) -> Any:
    """Return the copies of the one who asks."""
    return Copy.objects.owned_by(request.user).select_related("book", "runbook")


def copy_of(request: OwnerRequest, copy_id: uuid.UUID) -> Copy:
    """Return one of their copies; raises Http404."""
    return one_of(copies_of(request).filter(public_id=copy_id))


def photo_of(request: OwnerRequest, photo_id: uuid.UUID) -> ListingImage:
    """Return a photo of one of their listings; raises Http404."""
    return one_of(ListingImage.objects.filter(listing__owner=request.user, public_id=photo_id))


def entry_of(request: OwnerRequest, entry_id: uuid.UUID) -> LedgerEntry:
    """Return an entry of their ledger; raises Http404."""
    return one_of(LedgerEntry.objects.owned_by(request.user).filter(public_id=entry_id))


def bulk_of(request: OwnerRequest, pk: uuid.UUID) -> BulkImport:
    """Return one of their bulk imports; raises Http404."""
    return one_of(BulkImport.objects.filter(owner=request.user, pk=pk))


def one_of(rows: Any) -> Any:
    """Return the first of these rows; raises Http404 where there is none."""
    found = rows.first()
    if found is None:
        raise Http404
    return found
