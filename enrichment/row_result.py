"""What came of a row, in the names of the chunked design: the REST rows and the dashboard's books both carry them."""

from __future__ import annotations

from typing import Any

from bookops.runs import State
from enrichment.models import ImportRow
from enrichment.reasons import explain


def genres_of_row(row: ImportRow) -> tuple[str, ...]:
    """Return the genres of the row's book, best first; none while its book is not known, unless a person has set them."""
    book = row.book
    if book is None or (row.outcome != ImportRow.Outcome.MATCHED and "genres" not in book.locked):
        return ()
    return tuple(genre["name"] for genre in book.genres)


def book_id_of(goodreads_id: str, title: str, author: str) -> str:
    """Return the name by which the seeds merged results."""
    return goodreads_id or f"{title}-{author}"


def error_of(row: ImportRow) -> str | None:
    """Return what is wrong with the row as a sentence, None when nothing is or it only waits."""
    worked = row.state in (State.SUCCEEDED, State.PARKED)
    return None if worked or not row.reason else explain(row.reason, row.detail)


def result_of(row: ImportRow) -> dict[str, Any]:
    """Return the row's result without its log."""
    genres = genres_of_row(row)
    return {
        "book_id": book_id_of(row.entry.get("goodreads_id", ""), row.title, row.author),
        "success": row.state == State.SUCCEEDED,
        "final_genres": list(genres),
        "thumbnail_url": (row.book.cover_url or None) if row.book else None,
        "genre_enrichment_success": bool(genres),
        "error_message": error_of(row),
    }
