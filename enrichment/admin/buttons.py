"""What staff can press on the pages of imports, rows and books: each makes one call of enrichment/imports.py."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.http import HttpRequest

from bookops.books import FACTS, Book, unreferred
from bookops.buttons import Button, NothingMoved
from bookops.runs import BROKEN, ENDED, State
from enrichment import imports
from enrichment.asking import NAMES
from enrichment.models import ImportRow, LibraryImport

RUN_IMPORT = "enrichment.run_import"
DELETE_IMPORT = "enrichment.delete_libraryimport"
CHANGE_BOOK = "bookops.change_book"
DELETE_BOOK = "bookops.delete_book"


def rows_moved(count: int, what: str) -> str:
    """Return what to tell about rows that a button moved."""
    if not count:
        return NothingMoved(f"No row was {what}: there is none that could be.")
    return f"{count:,} {'row was' if count == 1 else 'rows were'} {what}."


def cancel(request: HttpRequest, library_import: LibraryImport, value: str) -> str:
    if not imports.cancel_import(library_import):
        return NothingMoved("The import had ended already.")
    return "The import was cancelled: no more of its rows are looked up, and what was done stays."


def retry_failed(request: HttpRequest, library_import: LibraryImport, value: str) -> str:
    return rows_moved(imports.retry_failed(library_import), "sent round again")


def redrive(request: HttpRequest, library_import: LibraryImport, value: str) -> str:
    return rows_moved(imports.redrive(library_import), "sent round again")


def re_enrich(request: HttpRequest, library_import: LibraryImport, value: str) -> str:
    return rows_moved(imports.re_enrich(library_import), "sent round again")


def ask_anew(request: HttpRequest, library_import: LibraryImport, value: str) -> str:
    return rows_moved(imports.re_enrich(library_import, forget=True), "sent round again, to ask the sources anew")


def give_up(request: HttpRequest, library_import: LibraryImport, value: str) -> str:
    if value not in NAMES:
        raise ValidationError("There is no such source.")
    return rows_moved(imports.give_up_source(library_import, value), f"sent on without {NAMES[value]}")


def delete(request: HttpRequest, library_import: LibraryImport, value: str) -> str:
    name = library_import.filename
    files = imports.delete_import(library_import)
    return f"{name} was deleted, with its rows, {len(files)} files and the books that nothing else refers to."


def retry_row(request: HttpRequest, row: ImportRow, value: str) -> str:
    return rows_moved(imports.retry_row(row), "sent round again")


def accept(request: HttpRequest, row: ImportRow, value: str) -> str:
    if not imports.choose_candidate(row, value, by=request.user):
        raise ValidationError("That is none of this row's candidates any more, or a worker has the row just now.")
    return "The candidate was accepted, and its facts are the book's."


def lock(request: HttpRequest, book: Book, value: str) -> str:
    if value not in FACTS:
        raise ValidationError("There is no such fact.")
    imports.lock_fact(book, value)
    return "The fact is locked: no source changes it."


def unlock(request: HttpRequest, book: Book, value: str) -> str:
    imports.unlock_fact(book, value)
    return "The fact is unlocked: sources may set it again."


def delete_book(request: HttpRequest, book: Book, value: str) -> str:
    if not imports.delete_book(book):
        return NothingMoved("The book stays: an import or an evaluation refers to it.")
    return f"{book} was deleted."


#: `shown` is asked about the import's ImportStatus.
IMPORT_BUTTONS = (
    Button(
        "cancel",
        "Cancel import",
        cancel,
        RUN_IMPORT,
        shown=lambda status: status.state not in ENDED,
        confirm="It stops for good, and nothing is deleted. Its books, the matches found so far and a dashboard of them, marked as partial, stay;"
        " rows that are left are not looked up. To have them looked up after all, upload the file again.",
    ),
    Button("retry_failed", "Retry failed rows", retry_failed, RUN_IMPORT, shown=lambda status: bool(status.retryable)),
    Button("redrive", "Retry given-up rows", redrive, RUN_IMPORT, shown=lambda status: bool(status.counts[State.DEAD])),
    Button(
        "re_enrich",
        "Re-enrich",
        re_enrich,
        RUN_IMPORT,
        shown=lambda status: status.state in ENDED,
        confirm="All rows are worked through again, with what the sources told before. Sources that were given up are asked, too.",
    ),
    Button(
        "ask_anew",
        "Ask the sources anew",
        ask_anew,
        RUN_IMPORT,
        shown=lambda status: status.state in ENDED,
        confirm="What the sources told about these books is forgotten, for all owners, and asked again. That costs calls.",
    ),
    Button("give_up", "Go on without it", give_up, RUN_IMPORT, shown=None),
    Button(
        "delete",
        "Delete import",
        delete,
        DELETE_IMPORT,
        confirm="The upload, the dashboard, the rows and the books that nothing else refers to are removed for good.",
    ),
)

ROW_BUTTONS = (
    Button("retry", "Retry this row", retry_row, RUN_IMPORT, shown=lambda row: row.state in BROKEN and bool(row.entry)),
    Button("accept", "Accept", accept, RUN_IMPORT, shown=None),
)

BOOK_BUTTONS = (
    Button("lock", "Lock", lock, CHANGE_BOOK, shown=None),
    Button("unlock", "Unlock", unlock, CHANGE_BOOK, shown=None),
    Button(
        "delete",
        "Delete book",
        delete_book,
        DELETE_BOOK,
        shown=lambda book: unreferred(Book.objects.filter(pk=book.pk)).exists(),
        confirm="The book is removed for good, with what was corrected and locked. No import and no evaluation refers to it.",
    ),
)
