"""The numbered list of what happened to a run."""

import pytest

from bookops.events import RunEvent
from enrichment.models import LibraryImport
from tests.concurrency import at_once
from tests.factories import make_import

pytestmark = pytest.mark.django_db(transaction=True)


def test_numbers_have_neither_gaps_nor_doubles_under_concurrent_writers():
    pk = make_import().pk
    at_once(10, lambda: LibraryImport.objects.get(pk=pk).record("chunk_done", number=1))
    assert list(RunEvent.objects.filter(run_id=pk).values_list("seq", flat=True)) == list(range(1, 11))


def test_an_event_of_a_transaction_that_fails_leaves_no_gap():
    library_import = make_import()
    library_import.record("uploaded")
    with pytest.raises(TypeError):
        library_import.record("broken", what=object())
    assert library_import.record("reading").seq == 2


def test_an_instance_that_others_have_outrun_takes_the_next_number():
    ours = make_import()
    theirs = LibraryImport.objects.get(pk=ours.pk)
    theirs.record("reading")
    theirs.record("read")
    assert [ours.record("chunk_done").seq, ours.record("finished").seq] == [3, 4]


def test_watchers_are_woken_by_every_event_but_the_first_before_which_nobody_knows_of_the_run(monkeypatch):
    woken = []
    monkeypatch.setattr("bookops.progress.wake", woken.append)
    library_import = make_import()
    library_import.record("uploaded")
    assert woken == []
    library_import.record("reading")
    assert woken == [library_import.pk]
