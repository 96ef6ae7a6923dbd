"""What a row says about the book it means, and what a person said, in the form that matching wants."""

from __future__ import annotations

from enrichment.deciding import candidate_name
from enrichment.matching import Candidate, Wanted
from enrichment.models import ImportRow
from enrichment.sources.facts import EditionFacts


def wanted_of(row: ImportRow) -> Wanted:
    """Return what is wanted for a row."""
    return wanted_of_entry(row.entry)


def chosen_of(row: ImportRow) -> EditionFacts | None:
    """Return the record that a person has accepted for a row, None where nobody has."""
    if not row.chosen:
        return None
    records = (Candidate.from_json(data).facts for data in row.candidates)
    return next((facts for facts in records if candidate_name(facts) == row.chosen), None)


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
