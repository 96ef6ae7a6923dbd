"""The account counts every row once and holds it against the dashboard as it is stored."""

import io
from dataclasses import replace

import pytest
from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from bookops.runs import State
from enrichment.account import Account, account_of, count_books
from enrichment.models import ImportRow, LibraryImport

ENTRY = {"title": "Emma", "author": "Jane Austen"}


def make_import(*rows: dict[str, object], books: int) -> LibraryImport:
    """Make an ended import with these rows and a stored dashboard of so many books."""
    owner = get_user_model().objects.create_user("reader")
    library_import = LibraryImport.objects.create(owner=owner, filename="library.csv", state=State.SUCCEEDED, stage="done")
    ImportRow.objects.bulk_create(
        ImportRow(library_import=library_import, number=number, **{"entry": ENTRY, **row}) for number, row in enumerate(rows, 1)
    )
    library_import.dashboard_key = default_storage.save(f"data/{library_import.pk}.json", ContentFile(dashboard_of(books)))
    library_import.save()
    return library_import


def dashboard_of(books: int) -> bytes:
    lines = ",\n".join('{"title": "Emma"}' for _ in range(books))
    return f'{{"export_id": "x",\n"books": [\n{lines}\n],\n"summary": {{}}}}\n'.encode()


ROWS = (
    {"state": State.SUCCEEDED, "outcome": "matched"},
    {"state": State.SUCCEEDED, "outcome": "matched"},
    {"state": State.SUCCEEDED, "outcome": "needs_review"},
    {"state": State.SUCCEEDED, "outcome": "not_found"},
    {"state": State.FAILED, "reason": "refused"},
    {"state": State.DEAD, "reason": "timeout"},
    {"state": State.PARKED, "waiting_for": "google_books"},
    {"state": State.FAILED, "reason": "title_missing", "entry": {}},
)


@pytest.mark.django_db
def test_every_row_is_counted_once() -> None:
    account = account_of(make_import(*ROWS, books=7))
    assert (account.rows, account.dashboard_books, account.unreadable) == (8, 7, 1)
    assert (account.matched, account.needs_review, account.not_found) == (2, 1, 1)
    assert (account.failed, account.dead, account.parked) == (1, 1, 1)
    assert account.adds_up
    assert account.succeeded
    assert account.waiting[0]["rows"] == 1


@pytest.mark.django_db
def test_a_book_that_is_missing_from_the_dashboard_is_noticed() -> None:
    account = account_of(make_import(*ROWS, books=6))
    assert not account.adds_up
    assert not account.succeeded


@pytest.mark.django_db
def test_a_row_that_succeeded_without_an_outcome_does_not_add_up() -> None:
    assert not account_of(make_import({"state": State.SUCCEEDED, "outcome": ""}, books=1)).adds_up


@pytest.mark.django_db
def test_an_import_without_a_dashboard_does_not_add_up() -> None:
    library_import = make_import(*ROWS, books=7)
    default_storage.delete(library_import.dashboard_key)
    assert not account_of(library_import).adds_up


@pytest.mark.django_db
def test_a_failed_import_has_not_succeeded_however_well_it_adds_up() -> None:
    account: Account = replace(account_of(make_import(*ROWS, books=7)), state=State.FAILED)
    assert account.adds_up
    assert not account.succeeded
    assert account.to_json()["adds_up"] is True


def test_books_are_counted_in_the_file() -> None:
    assert count_books(io.BytesIO(dashboard_of(0))) == 0
    assert count_books(io.BytesIO(dashboard_of(3))) == 3


@pytest.mark.parametrize("cut", [60, 75])
def test_a_dashboard_that_is_cut_off_is_no_dashboard(cut: int) -> None:
    with pytest.raises(ValueError, match=r"ends in the middle|delimiter|Expecting|Unterminated"):
        count_books(io.BytesIO(dashboard_of(3)[:cut]))
