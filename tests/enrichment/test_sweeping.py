"""What the sweeper does for imports."""

from datetime import timedelta

import pytest

from bookops.clock import database_now
from bookops.dispatch import rung_here
from bookops.runs import State
from enrichment import sweeping
from enrichment.models import ImportChunk, ImportRow, LibraryImport, RowAttempt
from tests.concurrency import at_once
from tests.factories import make_facts, make_import, make_owner, make_row, upload, work

pytestmark = pytest.mark.django_db(transaction=True)


def silent_row(library_import=None) -> ImportRow:
    """Return a row whose worker has not been heard of."""
    [row] = ImportRow.objects.all().claim([make_row(library_import).pk], lease=timedelta(seconds=-1))
    return row


def test_a_row_whose_worker_fell_silent_goes_round_again(sources):
    sources.open_library.know(make_facts())
    row = silent_row()
    with rung_here() as here:
        work(here)
    row.refresh_from_db()
    assert (row.state, row.attempts, row.losses) == (State.SUCCEEDED, 2, 1)
    assert list(RowAttempt.objects.order_by("pk").values_list("number", "outcome")) == [(1, "lost"), (2, "succeeded")]


def test_two_sweepers_note_a_lost_row_once():
    silent_row()
    at_once(5, lambda: sweeping.free_rows(database_now()))
    assert RowAttempt.objects.filter(outcome="lost").count() == 1
    assert ImportRow.objects.get().losses == 1


def test_a_lost_lease_without_an_end_is_freed_too():
    row = silent_row()
    ImportRow.objects.filter(pk=row.pk).update(lease_until=None)
    assert sweeping.free_rows(database_now()) == 1


def test_a_row_is_not_rung_for_before_it_is_due_nor_in_every_round(settings):
    now = database_now()
    make_row(ring_at=now, next_at=now + timedelta(minutes=1))
    due = make_row(ring_at=now, next_at=now)
    assert sweeping.ring_rows(now) == 1
    assert sweeping.ring_rows(now) == 0
    due.refresh_from_db()
    assert due.ring_at == now + timedelta(seconds=settings.RING_AGAIN_SECONDS)


def test_a_chunk_whose_worker_fell_silent_is_sent_out_again(sources):
    library_import = make_import()
    row = make_row(library_import, chunk=1)
    ImportChunk.objects.create(library_import=library_import, number=1, rows_total=1)
    ImportChunk.objects.all().claim([ImportChunk.objects.get().pk], lease=timedelta(seconds=-1))
    with rung_here() as here:
        work(here)
    row.refresh_from_db()
    assert (row.state, ImportChunk.objects.get().state) == (State.SUCCEEDED, State.SUCCEEDED)


def test_an_upload_that_nobody_read_is_rung_for(sources):
    library_import = upload(make_owner(), {"Title": "Momo"})
    LibraryImport.objects.update(ring_at=database_now() - timedelta(seconds=1))
    with rung_here() as here:
        work(here)
    library_import.refresh_from_db()
    assert library_import.state == State.SUCCEEDED


def test_a_quiet_house_is_left_alone():
    make_import(state=State.SUCCEEDED, stage=LibraryImport.Stage.DONE)
    assert not any(sweeping.sweep_imports(database_now()).values())
