"""What must hold of imports, their chunks and rows at any moment."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.core.files.storage import default_storage
from django.db.models import Count, Exists, F, OuterRef, Q

from bookops.clock import database_now
from bookops.invariants import invariant
from bookops.runs import ENDED, OPEN, State
from enrichment.models import ImportChunk, ImportRow, LibraryImport, RowAttempt

#: An import may be between its last row and its end for so long.
GRACE = timedelta(minutes=5)


@invariant("an import has as many rows as it has read")
def lost_rows() -> Iterable[str]:
    for one in LibraryImport.objects.annotate(n=Count("rows")).exclude(n=F("rows_read")).exclude(rows_read=0):
        yield f"import {one.pk}: {one.n} rows, {one.rows_read} read"


@invariant("an import that has ended has no row that was never tried")
def forgotten_rows() -> Iterable[str]:
    # A row that waited for a source, or was sent round again, may be open after the end: it has tried before.
    tried = RowAttempt.objects.filter(row=OuterRef("pk"))
    for row in ImportRow.objects.filter(~Exists(tried), state__in=OPEN, library_import__state__in=ENDED):
        yield f"row {row.pk} of import {row.library_import_id} is {row.state}"


@invariant("an import without open rows comes to its end")
def endless_imports() -> Iterable[str]:
    open_rows = ImportRow.objects.filter(library_import=OuterRef("pk"), state__in=OPEN)
    lately = ImportRow.objects.filter(library_import=OuterRef("pk"), ended_at__gt=database_now() - GRACE)
    running = LibraryImport.objects.filter(state=State.RUNNING, started_at__lt=database_now() - GRACE).exclude(
        stage=LibraryImport.Stage.READING
    )
    for one in running.filter(~Exists(open_rows), ~Exists(lately)):
        yield f"import {one.pk} is {one.stage}"


@invariant("a row is not worked through twice unless somebody asked for it")
def doubled_rows() -> Iterable[str]:
    # Each retry gives a row a new budget on top of the attempts it has used.
    done = RowAttempt.objects.filter(outcome=State.SUCCEEDED).order_by()
    doubled = done.values("row_id", "row__library_import_id", "number").annotate(n=Count("*")).filter(n__gt=1)
    for one in doubled:
        yield f"row {one['row_id']} of import {one['row__library_import_id']}: attempt {one['number']} succeeded {one['n']} times"
    unasked = done.values("row_id", "row__attempts", "row__max_attempts").annotate(n=Count("*"))
    for again in unasked.filter(n__gt=1, row__max_attempts__lte=settings.MAX_ATTEMPTS):
        yield f"row {again['row_id']}: {again['n']} successes without a retry"


@invariant("every row that could be read has a book, and no other has one")
def bookless_rows() -> Iterable[str]:
    for row in ImportRow.objects.filter(Q(entry={}, book__isnull=False) | (~Q(entry={}) & Q(book=None))).only("pk", "library_import_id"):
        yield f"row {row.pk} of import {row.library_import_id}"


@invariant("a book belongs to the owner of the import that told of it")
def strangers_books() -> Iterable[str]:
    for row in ImportRow.objects.exclude(book=None).exclude(book__owner=F("library_import__owner")).only("pk", "book_id"):
        yield f"row {row.pk}: book {row.book_id}"


@invariant("a chunk has the rows it was made for")
def uneven_chunks() -> Iterable[str]:
    counted = {
        (import_id, chunk): n
        for import_id, chunk, n in ImportRow.objects.exclude(chunk=None)
        .order_by()
        .values_list("library_import_id", "chunk")
        .annotate(n=Count("*"))
    }
    for chunk in ImportChunk.objects.iterator():
        rows = counted.pop((chunk.library_import_id, chunk.number), 0)
        if rows != chunk.rows_total:
            yield f"chunk {chunk.number} of import {chunk.library_import_id}: {rows} rows, made for {chunk.rows_total}"
    yield from (f"import {import_id}: {n} rows of chunk {number}, which does not exist" for (import_id, number), n in counted.items())


@invariant("a complete dashboard shows each row that could be read, and tells of each that could not")
def short_dashboards() -> Iterable[str]:
    complete = LibraryImport.objects.exclude(dashboard_key="").filter(dashboard_partial=False, state__in=ENDED)
    for one in complete.annotate(readable=Count("rows", filter=~Q(rows__entry={})), n=Count("rows")):
        books, unreadable = _shown(one)
        if (books, unreadable) != (one.readable, one.n - one.readable):
            yield f"import {one.pk}: {books} books and {unreadable} unreadable rows, {one.readable} of {one.n} rows could be read"


def _shown(library_import: LibraryImport) -> tuple[int, int]:
    with default_storage.open(library_import.dashboard_key) as file:
        document = json.load(file)
    return len(document["books"]), len(document["unreadable_rows"])
