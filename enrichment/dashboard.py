"""The dashboard JSON of an import: built row by row, so that memory does not grow with the library, and kept in storage."""

from __future__ import annotations

import gzip
import hashlib
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import IO, Any

from django.core.files import File
from django.core.files.storage import default_storage
from django.utils import timezone

from bookops.books import Book
from bookops.clock import database_now
from bookops.runs import State
from enrichment.analytics import BookAnalytics, Enrichment
from enrichment.deciding import GOOGLE_BOOKS, OPEN_LIBRARY
from enrichment.formats import LibraryEntry
from enrichment.genres import genres_of
from enrichment.models import ImportRow, LibraryImport, RowAttempt, storage_keys
from enrichment.processing_log import lines_of
from enrichment.reasons import category_of
from enrichment.row_result import book_id_of, error_of, genres_of_row
from enrichment.summary import Summary

EXPORTER_VERSION = "2.0.0"
SCHEMA_VERSION = "2.0.0"
#: Rows loaded at once; also how many rows' worth of memory the building takes.
AT_ONCE = 1000
#: A builder says this often that it is at work; well within DASHBOARD_REBUILD_SECONDS, after which it is taken for dead.
STILL_BUILDING_SECONDS = 1.0
NOTES = (
    "Re-reads are one entry with the latest date; the book keeps every read.",
    "Genres are of one vocabulary, mapped from the subjects of Open Library and Google Books; raw subjects are kept with the book.",
    "A rating of 0 stars means unrated.",
)


@dataclass(frozen=True, slots=True)
class Document:
    """Hold a dashboard as it was built, in files of its own until it is kept."""

    key: str
    etag: str
    #: The import's `changes` that it shows.
    changes: int
    partial: bool
    plain: IO[bytes]
    packed: IO[bytes]

    def keep(self) -> None:
        """Put it into storage in the place of the one before; to be called in the transaction that points the import at it.

        That transaction's lock on the import is what lets no two write at once, nor one write what has just been deleted.
        """
        for key, content in ((f"{self.key}.gz", self.packed), (self.key, self.plain)):
            content.seek(0)
            saved = default_storage.save(key, File(content))
            if saved != key:
                raise OSError(f"{key} was stored as {saved}: the storage must overwrite.")


@contextmanager
def built(library_import: LibraryImport, *, partial: bool) -> Iterator[Document]:
    """Build the dashboard of an import as it stands, plain and gzipped. Four queries a thousand rows.

    It is to lie at data/{uuid}.json, its gzip beside it with .gz; a partial one has its own name, so that it can never replace the
    final one. As long as it takes, `dashboard_at` is kept young: nobody else begins meanwhile.
    """
    key = storage_keys(library_import.pk)[1]
    if partial:
        key = key.replace(".json", ".partial.json")
    digest = hashlib.sha256()
    told = time.monotonic()
    with tempfile.TemporaryFile() as plain, tempfile.TemporaryFile() as packed:
        with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=3, mtime=0) as pack:
            for text in document_parts(library_import, partial=partial):
                data = text.encode()
                digest.update(data)
                plain.write(data)
                pack.write(data)
                if time.monotonic() - told >= STILL_BUILDING_SECONDS:
                    told = time.monotonic()
                    LibraryImport.objects.filter(pk=library_import.pk).update(dashboard_at=database_now())
        yield Document(key, digest.hexdigest()[:32], library_import.changes, partial, plain, packed)


def columns(library_import: LibraryImport, document: Document) -> dict[str, Any]:
    """Return the columns of an import that point at a built dashboard."""
    return {
        "dashboard_key": document.key,
        "dashboard_etag": document.etag,
        "dashboard_changes": document.changes,
        "dashboard_version": library_import.dashboard_version + 1,
        "dashboard_at": database_now(),
        "dashboard_partial": document.partial,
    }


def document_parts(library_import: LibraryImport, *, partial: bool) -> Iterator[str]:
    """Yield the dashboard's text piece by piece."""
    summary = Summary()
    yield f'{{"export_id": {json.dumps(str(library_import.pk))},\n"books": ['
    separator = "\n"
    for row, attempts in _rows(library_import):
        if not row.entry:
            continue
        analytics = analytics_of(row, attempts)
        summary.add(analytics, row)
        yield separator + json.dumps(book_document(row, analytics), ensure_ascii=False)
        separator = ",\n"
    yield '\n],\n"unreadable_rows": ['
    yield ",\n".join(json.dumps(one, ensure_ascii=False) for one in _unreadable(library_import))
    yield f'],\n"summary": {json.dumps(summary.summary(), ensure_ascii=False)},\n'
    yield f'"metadata": {json.dumps(_metadata(library_import, summary, partial=partial), ensure_ascii=False)}}}\n'


def _rows(library_import: LibraryImport) -> Iterator[tuple[ImportRow, list[RowAttempt]]]:
    """Yield the rows in the order of the file, each with its book and its attempts."""
    # What the document does not show is not even decoded; candidates alone would be half of the work.
    unused = ("candidates", "raw", "book__description", "book__reads", "book__moods", "book__provenance")
    rows = library_import.rows.select_related("book").defer(*unused).order_by("number").iterator(chunk_size=AT_ONCE)
    while some := list(islice(rows, AT_ONCE)):
        attempts: dict[int, list[RowAttempt]] = defaultdict(list)
        for attempt in RowAttempt.objects.filter(row_id__in=[row.pk for row in some]).order_by("row_id", "id"):
            attempts[attempt.row_id].append(attempt)
        for row in some:
            yield row, attempts[row.pk]


def analytics_of(row: ImportRow, attempts: Iterable[RowAttempt]) -> BookAnalytics:
    """Return the 67 fields of a row: what the export said, what enrichment found, what a person settled."""
    entry = LibraryEntry.from_json(_with_edits(row.entry, row.book))
    return BookAnalytics.from_entry(entry, _enrichment(row, row.book, attempts))


def _with_edits(entry: dict[str, Any], book: Book | None) -> dict[str, Any]:
    """Return the entry with those facts that a person has settled on its book."""
    if book is None or not book.locked:
        return entry
    names = {"pages": "num_pages", "year": "year_published", "original_year": "original_publication_year"}
    plain = {"title", "author", "publisher", "isbn13", *names}
    return entry | {names.get(name, name): getattr(book, name) for name in book.locked if name in plain}


def _enrichment(row: ImportRow, book: Book | None, attempts: Iterable[RowAttempt]) -> Enrichment:
    logs = tuple(lines_of(attempts))
    if book is None:
        return Enrichment(logs=logs)
    # What was found once stays, also while the row goes round again or when that fails.
    matched = row.outcome == ImportRow.Outcome.MATCHED
    return Enrichment(
        final_genres=genres_of_row(row),
        google_genres=_genres_from(book, GOOGLE_BOOKS) if matched else (),
        openlibrary_genres=_genres_from(book, OPEN_LIBRARY) if matched else (),
        genre_sources=tuple(name for name in row.sources if name in book.subjects) if matched else (),
        logs=logs,
        thumbnail_url=book.cover_url,
        small_thumbnail_url=book.small_cover_url,
        google_volume_id=book.google_volume_id if matched else "",
        openlibrary_work_key=book.openlibrary_work_key if matched else "",
        openlibrary_edition_key=book.openlibrary_edition_key if matched else "",
        enriched_at=book.enriched_at if matched else None,
    )


def _genres_from(book: Book, source: str) -> tuple[str, ...]:
    names = {name: None for subject in book.subjects.get(source, ()) for name in genres_of(subject) or ()}
    return tuple(names)


def book_document(row: ImportRow, book: BookAnalytics) -> dict[str, Any]:
    """Return one book of the dashboard: the original's 28 keys, then what they left out."""
    worked = row.state in (State.SUCCEEDED, State.PARKED)
    return {
        "goodreads_id": book.goodreads_id or None,
        "title": book.title,
        "author": book.author,
        "isbn": book.isbn or None,
        "isbn13": book.isbn13 or None,
        "date_read": book.date_read.isoformat() if book.date_read else None,
        "reading_year": book.reading_year,
        "reading_month_year": book.reading_month_year,
        "my_rating": number(book.my_rating),
        "average_rating": number(book.average_rating),
        "is_rated": book.is_rated,
        "num_pages": book.num_pages,
        "publisher": book.publisher or None,
        "binding": book.binding or None,
        "publication_year": book.original_publication_year,
        "page_category": book.page_category,
        "reading_status": book.reading_status,
        "bookshelves": list(book.bookshelves),
        "genres": list(book.final_genres),
        "thumbnail_url": book.thumbnail_url or None,
        "small_thumbnail_url": book.small_thumbnail_url or None,
        "my_review": book.my_review or None,
        "private_notes": book.private_notes or None,
        "has_spoilers": book.has_spoilers,
        "has_review": book.has_review,
        "genre_enriched": bool(book.final_genres),
        "was_reread": book.was_reread,
        "original_read_count": book.read_count_original,
        # The record of the chunked design.
        "book_id": book_id_of(book.goodreads_id, book.title, book.author),
        "success": row.state == State.SUCCEEDED,
        "final_genres": list(book.final_genres),
        "genre_enrichment_success": bool(book.final_genres),
        "error_message": error_of(row),
        "processing_logs": list(book.enrichment_logs),
        # What both left out.
        "row": row.number,
        "state": row.state,
        "reason": row.reason or None,
        "error_category": category_of(row.reason) or None if not worked else None,
        "match": row.outcome or None,
        "match_score": round(row.score, 3) if row.score is not None else None,
        "sources": list(row.sources),
        "primary_genre": book.primary_genre or None,
        "google_genres": list(book.google_genres),
        "openlibrary_genres": list(book.openlibrary_genres),
        "genre_sources": list(book.genre_sources),
        "additional_authors": list(book.additional_authors),
        "contributors": [list(one) for one in book.contributors],
        "date_added": book.date_added.isoformat() if book.date_added else None,
        "date_read_precision": book.date_read_precision or None,
        "year_published": book.year_published,
        "series_name": book.series_name or None,
        "series_position": book.series_position or None,
        "binding_category": book.binding_category or None,
        "is_custom_shelf": book.is_custom_shelf,
        "goodreads_url": book.goodreads_url or None,
    }


def number(value: Decimal | None) -> int | float | None:
    """Return a decimal as JSON writes it: whole numbers stay whole."""
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def _unreadable(library_import: LibraryImport) -> Iterator[dict[str, Any]]:
    rows = library_import.rows.filter(entry={}).order_by("number")
    for row in rows.iterator(chunk_size=AT_ONCE):
        yield {"row": row.number, "line": row.line, "column": row.column or None, "reason": row.reason, "detail": row.detail}


def _metadata(library_import: LibraryImport, summary: Summary, *, partial: bool) -> dict[str, Any]:
    from enrichment.status import describe

    status = describe(library_import, ended=not partial)
    return {
        "export_id": str(library_import.pk),
        "export_timestamp": timezone.now().isoformat(),
        "exporter_version": EXPORTER_VERSION,
        "data_schema_version": SCHEMA_VERSION,
        "export_source": f"{library_import.source_format or 'library'}_csv_with_genre_enrichment",
        "processing_notes": list(NOTES),
        "partial": partial or library_import.state == State.CANCELLED,
        "version": library_import.dashboard_version + 1,
        "filename": library_import.filename,
        "rows": sum(status.counts.values()),
        "rows_by_state": status.counts,
        "waiting": status.waiting,
        "sources": status.sources,
        "cpu_seconds": status.cpu_seconds,
        "statistics": status.statistics,
        "validation": summary.validation(),
        "quality": summary.quality(status.reasons, status.categories),
    }
