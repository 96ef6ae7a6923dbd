"""End an evaluation as its last step would, from rows alone."""

from __future__ import annotations

from django.db import transaction

from runbooks.advancing import end_succeeded
from runbooks.models import EvalRunbook, Execution
from tests.runbooks.evaluated import make_runbook


def save_runbook_of(execution: Execution, **changes: object) -> EvalRunbook:
    """Return the runbook that the execution is made to end with."""
    runbook = make_runbook(execution.owner, **changes)
    Execution.objects.filter(pk=execution.pk).update(listing=runbook.copy.listing)
    with transaction.atomic():
        end_succeeded(execution, partial=False, missing=[], runbook_id=runbook.pk, book_id=runbook.copy.book.public_id)
    execution.refresh_from_db()
    return runbook
