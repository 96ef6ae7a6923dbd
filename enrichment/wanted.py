"""What a row of an export says about the book it means, in the form that matching wants."""

from __future__ import annotations

from enrichment.matching import Wanted
from enrichment.models import ImportRow


def wanted_of(row: ImportRow) -> Wanted:
    """Return what is wanted for a row."""
    return wanted_of_entry(row.entry)


def wanted_of_entry(entry: dict[str, object]) -> Wanted:
    """Return what is wanted for an entry as LibraryEntry.to_json wrote it."""
    get = entry.get
    return Wanted(
        title=str(get("title", "")),
        author=str(get("author", "")),
        additional_authors=tuple(get("additional_authors", ())),  # type: ignore[arg-type]
        isbn13=str(get("isbn13", "")),
        isbn10=str(get("isbn10", "")),
        year=get("original_publication_year") or get("year_published"),  # type: ignore[arg-type]
        publisher=str(get("publisher", "")),
        pages=get("num_pages"),  # type: ignore[arg-type]
    )
