"""Runbooks as a CSV file, written while it is read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from django.http import StreamingHttpResponse

from bookops.api.files import csv_text
from bookops.safe_csv import safe_cell
from runbooks.models import EvalRunbook

#: Column -> where a runbook has it.
TEXTS = {
    "title": "copy.book.title",
    "author": "copy.book.author",
    "publisher": "copy.book.publisher",
    "condition": "condition_grade",
    "status": "copy.status",
    "recommendation": "recommendation",
    "tier": "recommendation_tier",
    "price_position": "price_position",
    "reasoning": "recommendation_reasoning",
    "decision": "decision",
    "decision_reason": "decision_reason",
    "fmv_basis": "fmv_basis",
    "fmv_confidence": "fmv_confidence",
    "discount_code": "discount_code",
    "url": "copy.listing.url",
}
NUMBERS = {
    "year": "copy.book.year",
    "volumes": "copy.volumes",
    "total_score": "total_score",
    "combined_score": "combined_score",
    "quality_score": "quality_score",
    "strategic_fit_score": "strategic_fit_score",
    "asking_usd": "current_asking_price",
    "fmv_low_usd": "fmv_low",
    "fmv_mid_usd": "fmv_mid",
    "fmv_high_usd": "fmv_high",
    "comparables": "fmv_count",
    "suggested_offer_usd": "suggested_offer",
    "recommended_price_usd": "recommended_price",
    "purchase_price_usd": "copy.purchase_price",
    "version": "version",
}
#: What a file of several people's runbooks has besides.
WITH_OWNER = {"owner": "owner.username"}


def file_of(runbooks: Any, texts: Mapping[str, str] = TEXTS) -> StreamingHttpResponse:
    """Return a query of runbooks, in the order of their keys, as a file to save."""
    runbooks = runbooks.order_by("pk").defer("evidence", "provenance")
    headers = {"Content-Disposition": 'attachment; filename="runbooks.csv"', "Cache-Control": "private, no-store"}
    return StreamingHttpResponse(csv_lines(runbooks, texts), content_type="text/csv; charset=utf-8", headers=headers)


async def csv_lines(runbooks: Any, texts: Mapping[str, str] = TEXTS, at_once: int = 200) -> AsyncIterator[bytes]:
    """Yield a CSV of runbooks, at_once of them at a time; no connection is held while a slow reader reads."""
    yield csv_text([["id", *texts, *NUMBERS, "generated_at"]])
    last = 0
    while some := [runbook async for runbook in runbooks.filter(pk__gt=last)[:at_once]]:
        yield csv_text(cells_of(runbook, texts) for runbook in some)
        last = some[-1].pk


def cells_of(runbook: EvalRunbook, columns: Mapping[str, str] = TEXTS) -> list[Any]:
    """Return the cells of one runbook: numbers as they are, text made safe."""
    texts = [safe_cell(str(_at(runbook, where) or "")) for where in columns.values()]
    numbers = ["" if (value := _at(runbook, where)) is None else value for where in NUMBERS.values()]
    return [runbook.public_id, *texts, *numbers, runbook.generated_at.isoformat() if runbook.generated_at else ""]


def _at(row: Any, where: str) -> Any:
    for name in where.split("."):
        row = getattr(row, name, None)
    return row
