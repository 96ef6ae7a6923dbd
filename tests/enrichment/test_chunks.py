"""Rows sent out a chunk at a time."""

import pytest

from bookops.clock import database_now
from bookops.dispatch import rung_here
from bookops.events import RunEvent
from bookops.runs import State
from enrichment import chunks
from enrichment.models import ImportChunk, ImportRow
from enrichment.reading import read_library
from tests.factories import import_library, make_facts, make_owner, upload, work

pytestmark = pytest.mark.django_db(transaction=True)

BOOKS = [{"Title": f"Book {number}"} for number in range(1, 11)]


def out() -> list[int]:
    return list(ImportChunk.objects.filter(state=State.RUNNING).order_by("number").values_list("number", flat=True))


def test_two_chunks_of_an_import_are_out_at_most(sources):
    with rung_here() as here:
        library_import = upload(make_owner(), *BOOKS, chunk_size=2)
        read_library(library_import.pk)
        most = 0

        def look():
            nonlocal most
            most = max(most, len(out()))

        while here.work(threads=1, between=look):
            pass
    assert most <= 2
    assert ImportChunk.objects.filter(state=State.SUCCEEDED).count() == 5


def test_a_chunk_is_rung_for_once_and_again_only_when_nobody_came(sources, settings):
    with rung_here():
        library_import = upload(make_owner(), *BOOKS, chunk_size=2)
        read_library(library_import.pk)
        assert chunks.advance(library_import.pk) == 0
        settings.RING_AGAIN_SECONDS = 0
        ImportChunk.objects.update(ring_at=None)
        assert chunks.advance(library_import.pk) == 2


def test_the_end_of_a_chunk_is_an_event_with_its_counts(sources):
    sources.open_library.know(*(make_facts(f"Book {number}") for number in range(1, 6)))
    library_import = import_library(make_owner(), *BOOKS, chunk_size=4)
    ends = list(RunEvent.objects.filter(kind="chunk_done").values_list("payload", flat=True))
    assert [(end["done"], end["of"], end["percent"]) for end in ends] == [(1, 3, 33.3), (2, 3, 66.7), (3, 3, 100.0)]
    assert sorted((end["number"], end["rows"], end["successful"], end["failed"]) for end in ends) == [
        (1, 4, 4, 0),
        (2, 4, 4, 0),
        (3, 2, 2, 0),
    ]
    assert library_import.statistics["chunks_processed"] == 3


def test_the_pause_between_chunks_is_kept(sources, settings, monkeypatch):
    settings.CHUNK_PAUSE = 7
    rung = []
    monkeypatch.setattr(chunks, "ring", lambda task, *args, countdown=None: rung.append(countdown))
    library_import = upload(make_owner(), *BOOKS, chunk_size=5)
    read_library(library_import.pk)
    assert rung == [None, 7]


def test_a_row_that_waits_for_its_next_attempt_does_not_hold_the_chunk_back(sources):
    with rung_here() as here:
        library_import = upload(make_owner(), *BOOKS, chunk_size=5)
        read_library(library_import.pk)
        first = ImportChunk.objects.get(number=1)
        ImportChunk.objects.filter(pk=first.pk).update(state=State.RUNNING, sent_out=True)
        rows = ImportRow.objects.filter(chunk=1)
        rows.update(state=State.SUCCEEDED, attempts=1)
        last = rows.last()
        ImportRow.objects.filter(pk=last.pk).update(state=State.PENDING, attempts=0)
        assert not chunks.end_chunk(library_import.pk, 1)
        ImportRow.objects.filter(pk=last.pk).update(attempts=1, ring_at=database_now())
        assert chunks.end_chunk(library_import.pk, 1)
        assert not chunks.end_chunk(library_import.pk, 1)
        work(here)
    assert not ImportRow.objects.filter(state=State.PENDING).exists()


def test_a_small_import_does_not_wait_behind_a_large_one(sources):
    with rung_here() as here:
        large = upload(make_owner(), *({"Title": f"Large {number}"} for number in range(60)), chunk_size=3)
        read_library(large.pk)
        small = upload(make_owner(), {"Title": "Small"}, chunk_size=3)
        done_before_small = 0

        def look():
            nonlocal done_before_small
            if not ImportRow.objects.filter(library_import=small, state=State.SUCCEEDED).exists():
                done_before_small = ImportRow.objects.filter(library_import=large, state=State.SUCCEEDED).count()

        here.work(threads=2, between=look)
    assert done_before_small < 30
