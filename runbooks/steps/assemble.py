"""Put together what was found: the book, the copy, its comparables, its value and its scores, in one transaction."""

from __future__ import annotations

from typing import Any

from runbooks.advancing import Course, end_succeeded
from runbooks.saving import save_runbook
from runbooks.steps import Done, Work


def run(work: Work) -> Done:
    """Return the runbook's ids; saving it ends the execution, a later run of this step adds what came late."""
    course = Course.of(work.execution)

    def save() -> dict[str, Any]:
        runbook = save_runbook(course)
        book_id = runbook.copy.book.public_id
        end_succeeded(work.execution, partial=runbook.partial, missing=runbook.missing, runbook_id=runbook.pk, book_id=book_id)
        return {"runbook": str(runbook.public_id), "book": str(book_id), "version": runbook.version}

    return Done(store=save)
