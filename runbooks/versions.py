"""A runbook as one document: what the API, the admin, a printed page and every kept version show."""

from __future__ import annotations

from typing import Any

from runbooks.jsonable import jsonable
from runbooks.models import Comparable, EvalRunbook, Execution, Listing, ListingImage, RunbookVersion

#: Columns that are shown under their own names.
SHOWN = (
    *("version", "scoring_version", "score_source", "partial", "missing"),
    *("total_score", "score_breakdown", "recommendation"),
    *("quality_score", "strategic_fit_score", "combined_score", "tiered_breakdown", "recommendation_tier", "price_position"),
    *("suggested_offer", "recommendation_reasoning", "strategic_floor_applied", "quality_floor_applied"),
    *("recommended_price", "recommended_price_note", "last_scored_price"),
    *("original_asking_price", "current_asking_price", "asked", "negotiated", "discount_code", "price_notes"),
    *("fmv_basis", "fmv_low", "fmv_high", "fmv_mid", "fmv_median", "fmv_count", "fmv_confidence", "fmv_notes", "fmv_by_basis"),
    *("condition_grade", "condition_positives", "condition_negatives", "critical_issues", "contradictions", "missing_photos"),
    *("item_identification", "binding_analysis", "analysis_narrative", "evidence"),
    *("decision", "decision_reason", "decided_at"),
    *("napoleon_recommendation", "napoleon_reasoning", "napoleon_analyzed_at", "provenance"),
    *("generated_at", "created_at", "updated_at"),
)
_OF_BOOK = ("title", "author", "publisher", "year", "isbn13", "binding")
_OF_COPY = ("status", "volumes", "binder", "condition_grade", "purchase_price", "purchase_date")
_OF_COMPARABLE = (
    *("basis", "origin", "source", "title", "url", "amount", "currency", "usd", "rate", "rate_day", "rate_source", "shipping"),
    *("condition", "binding", "at", "relevance", "relevance_why", "computed_relevance", "excluded", "excluded_why", "adjustments"),
    *("is_current", "changed_at"),
)


def document_of(runbook: EvalRunbook) -> dict[str, Any]:
    """Return a runbook as JSON-ready data, amounts as text, each row under its public id. Four queries at most."""
    copy = runbook.copy
    return {
        "id": str(runbook.public_id),
        "book": _row(copy.book, _OF_BOOK),
        "copy": _row(copy, _OF_COPY),
        "listing": _listing(copy.listing) if copy.listing else None,
        **{name: jsonable(getattr(runbook, name)) for name in SHOWN},
        "decided_by": runbook.decided_by.get_username() if runbook.decided_by else "",
        "comparables": [_comparable(one) for one in runbook.comparables.select_related("changed_by").order_by("pk")],
    }


def keep_version(runbook: EvalRunbook, cause: str, *, by: Any = None, execution: Execution | None = None) -> RunbookVersion:
    """Keep a runbook as it stands under its number, which whoever changed it has raised; in the same transaction."""
    return RunbookVersion.objects.create(
        runbook=runbook, number=runbook.version, cause=cause, by=by, execution=execution, document=document_of(runbook)
    )


def _listing(listing: Listing) -> dict[str, Any]:
    return {
        **_row(listing, ("key", "url", "title", "seller", "fetched_at", "gone_at")),
        "images": [
            _row(image, ("position", "width", "height", "fate", "reason", "said_by"))
            for image in listing.images.filter(fate__in=(ListingImage.Fate.KEPT, ListingImage.Fate.QUARANTINED))
        ],
    }


def _comparable(row: Comparable) -> dict[str, Any]:
    # Versions that were kept before authors were read the same without one.
    author = {"author": row.author} if row.author else {}
    return {**_row(row, _OF_COMPARABLE), **author, "changed_by": row.changed_by.get_username() if row.changed_by else ""}


def _row(row: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {"id": str(row.public_id), **{name: jsonable(getattr(row, name)) for name in names}}
