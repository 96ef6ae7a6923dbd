"""From an uploaded file to rows and books, also when the reader dies on the way."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.db import connection

from bookops.books import Book
from bookops.clock import database_now
from bookops.events import RunEvent
from bookops.runs import State
from enrichment import reading
from enrichment.account import account_of
from enrichment.deciding import Question
from enrichment.imports import cancel_import
from enrichment.models import ImportChunk, ImportRow, LibraryImport, RowAttempt
from enrichment.remembering import remember
from enrichment.status import describe
from tests.factories import isbn, make_facts, make_owner, upload

pytestmark = pytest.mark.django_db

BOOKS = [{"Book Id": str(number), "Title": f"Book {number}"} for number in range(1, 11)]


class Crash(Exception):
    """The process is gone."""


def crash_after(batches: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the reader die when it has stored so many batches."""
    store_batch, left = reading.store_batch, iter(range(batches))

    def dying(*args):
        if next(left, None) is None:
            raise Crash
        store_batch(*args)

    monkeypatch.setattr(reading, "store_batch", dying)


def in_a_connection_of_its_own(work):
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '3s'")
        work()
    finally:
        connection.close()


def expire_and_free(library_import: LibraryImport) -> None:
    imports = LibraryImport.objects.filter(pk=library_import.pk)
    imports.update(lease_until=database_now() - timedelta(seconds=1))
    LibraryImport.objects.all().free([library_import.pk], database_now())


def test_rows_chunks_and_books_come_out_of_a_file():
    library_import = upload(make_owner(), *BOOKS, chunk_size=4)
    assert reading.read_library(library_import.pk)
    library_import.refresh_from_db()
    assert (library_import.stage, library_import.rows_read) == (LibraryImport.Stage.ENRICHING, 10)
    assert [chunk.rows_total for chunk in ImportChunk.objects.order_by("number")] == [4, 4, 2]
    assert list(ImportRow.objects.order_by("number").values_list("chunk", flat=True)) == [1] * 4 + [2] * 4 + [3] * 2
    assert Book.objects.count() == 10


def test_an_import_is_read_by_one_worker_only():
    library_import = upload(make_owner(), *BOOKS)
    LibraryImport.objects.all().claim([library_import.pk])
    assert not reading.read_library(library_import.pk)


@pytest.mark.parametrize("batches", range(5))
def test_reading_resumes_after_a_crash_without_loss_or_doubles(batches, monkeypatch):
    library_import = upload(make_owner(), *BOOKS, chunk_size=3)
    with monkeypatch.context() as patch:
        crash_after(batches, patch)
        if batches < 4:
            with pytest.raises(Crash):
                reading.read_library(library_import.pk)
        else:
            reading.read_library(library_import.pk)
    expire_and_free(library_import)
    reading.read_library(library_import.pk)
    numbers = list(ImportRow.objects.order_by("number").values_list("number", flat=True))
    assert numbers == list(range(1, 11))
    assert Book.objects.count() == 10
    library_import.refresh_from_db()
    assert library_import.stage == LibraryImport.Stage.ENRICHING
    assert list(RunEvent.objects.values_list("kind", flat=True)).count("read") == 1


def test_a_reader_that_lost_its_lease_stores_nothing_more(monkeypatch):
    library_import = upload(make_owner(), *BOOKS, chunk_size=3)
    store_batch = reading.store_batch

    def robbed(held, *rest):
        store_batch(held, *rest)
        LibraryImport.objects.filter(pk=held.pk).update(lease_owner="00000000-0000-4000-8000-000000000000")

    monkeypatch.setattr(reading, "store_batch", robbed)
    assert not reading.read_library(library_import.pk)
    assert ImportRow.objects.count() == 3


def test_cancelling_stops_the_reader(monkeypatch):
    library_import = upload(make_owner(), *BOOKS, chunk_size=3)
    store_batch = reading.store_batch

    def cancelled(held, *rest):
        store_batch(held, *rest)
        cancel_import(LibraryImport.objects.get(pk=held.pk))

    monkeypatch.setattr(reading, "store_batch", cancelled)
    assert not reading.read_library(library_import.pk)
    assert set(ImportRow.objects.values_list("state", flat=True)) == {State.CANCELLED}


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_an_upload_does_not_wait_for_a_batch_that_is_being_stored(monkeypatch):
    reader = make_owner()
    library_import = upload(reader, *BOOKS)
    shelf = reading.Shelf

    def upload_another(*args):
        with ThreadPoolExecutor(1) as pool:
            pool.submit(in_a_connection_of_its_own, lambda: upload(reader, *BOOKS[:3])).result()
        return shelf(*args)

    monkeypatch.setattr(reading, "Shelf", upload_another)
    assert reading.read_library(library_import.pk)
    assert LibraryImport.objects.count() == 2


def test_a_bad_row_is_one_failed_row_with_its_place_and_its_cells():
    library_import = upload(make_owner(), BOOKS[0], {"Title": ""}, BOOKS[1])
    reading.read_library(library_import.pk)
    bad = ImportRow.objects.get(state=State.FAILED)
    assert (bad.number, bad.line, bad.book, bad.entry) == (2, 3, None, {})
    assert bad.reason and bad.column == "Title"
    assert bad.raw["Author"] == "Michael Ende"
    assert ImportRow.objects.filter(state=State.PENDING).count() == 2


@pytest.mark.parametrize(
    "cells", [{"Number of Pages": "9" * 30}, {"Year Published": "-99999999999"}, {"Original Publication Year": "1e400"}]
)
def test_hostile_numbers_cost_at_most_their_row(cells):
    library_import = upload(make_owner(), BOOKS[0], BOOKS[1] | cells)
    assert reading.read_library(library_import.pk)
    assert ImportRow.objects.count() == 2


def test_a_file_that_turns_out_unreadable_ends_the_import_with_the_reason():
    library_import = upload(make_owner(), *BOOKS)
    default_storage.delete(library_import.upload_key)
    with default_storage.open(library_import.upload_key, "wb") as file:
        file.write(b"PK\x03\x04 is no text")
    assert not reading.read_library(library_import.pk)
    library_import.refresh_from_db()
    assert (library_import.state, library_import.finishes) == (State.FAILED, 1)
    assert library_import.detail
    assert RunEvent.objects.last().kind == "failed"


def test_what_was_answered_before_is_settled_while_reading():
    wanted = {"Title": "Momo", "ISBN13": f'="{isbn(1)}"'}
    facts = make_facts(isbns=(isbn(1),))
    remember({Question("open_library", "isbn", isbn13=isbn(1)): (facts,)}, database_now())
    library_import = upload(make_owner(), wanted, BOOKS[0])
    reading.read_library(library_import.pk)
    row = ImportRow.objects.get(number=1)
    assert (row.state, row.outcome, row.chunk) == (State.SUCCEEDED, "matched", None)
    assert [genre["name"] for genre in row.book.genres] == ["Fantasy", "Fiction"]
    assert RowAttempt.objects.get().row_id == row.pk
    assert ImportChunk.objects.get().rows_total == 1


SAVED_BY_A_SPREADSHEET = [
    {"Title": "Momo", "Author": "Michael Ende", "Date Read": "4/5/2021", "ISBN13": "9.78006E+12"},
    {"Title": "Emma", "Author": "Jane Austen", "Date Read": "2/3/2021", "Year Published": "20122"},
    {"Title": "Dracula", "Author": "Bram Stoker"},
]


@pytest.mark.parametrize("batches", range(3))
def test_cells_that_could_not_be_used_are_counted_once_and_told_of(batches, monkeypatch):
    library_import = upload(make_owner(), *SAVED_BY_A_SPREADSHEET, chunk_size=1)
    with monkeypatch.context() as patch:
        crash_after(batches, patch)
        with pytest.raises(Crash):
            reading.read_library(library_import.pk)
    expire_and_free(library_import)
    assert reading.read_library(library_import.pk)
    library_import.refresh_from_db()
    counted = {"Date Read": 2, "ISBN13": 1, "Year Published": 1}
    assert library_import.cells_left_out == counted
    assert describe(library_import).statistics["cells_left_out"] == 4
    assert account_of(library_import).cells_left_out == counted
    assert RunEvent.objects.get(kind="read").payload == {"rows": 3, "cells_left_out": counted}


def test_a_warning_names_line_column_cell_and_remedy():
    library_import = upload(make_owner(), *SAVED_BY_A_SPREADSHEET)
    reading.read_library(library_import.pk)
    warning = ImportRow.objects.get(number=2).entry["warnings"][0]
    assert warning == {
        "column": "Date Read",
        "cell": "2/3/2021",
        "reason": "date_swappable",
        "detail": "Line 3, Date Read: “2/3/2021” was left out: day and month could be swapped. "
        "A spreadsheet has rewritten it: export again and upload the file unchanged.",
    }
