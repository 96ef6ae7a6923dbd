"""One row, from its message to its result."""

import threading
import time

import pytest

from bookops.outbound.errors import TryAgain
from bookops.runs import State
from enrichment import enriching
from enrichment.enriching import enrich_row
from enrichment.models import ImportRow, RowAttempt
from tests.concurrency import at_once
from tests.factories import isbn, make_entry, make_facts, make_import, make_row

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_message_that_comes_twenty_times_is_one_attempt(sources):
    sources.open_library.know(make_facts())
    row = make_row()
    assert sum(at_once(20, lambda: enrich_row(row.pk))) == 1
    row.refresh_from_db()
    assert (row.state, row.attempts) == (State.SUCCEEDED, 1)
    assert RowAttempt.objects.count() == 1
    assert len(sources.open_library.asked) == 1


def test_no_more_books_are_asked_about_at_once_than_there_are_slots(sources, monkeypatch):
    now_asked, at_most = [], []

    def slow(title, author, *, flow=""):
        now_asked.append(title)
        at_most.append(len(now_asked))
        time.sleep(0.05)
        now_asked.remove(title)
        return ()

    sources.open_library.search = slow
    monkeypatch.setattr(enriching, "slots", threading.BoundedSemaphore(2))
    library_import = make_import()
    waiting = iter([make_row(library_import, entry=make_entry(number, title=f"Book {number}")).pk for number in range(6)])
    assert all(at_once(6, lambda: enrich_row(next(waiting))))
    assert len(at_most) == 6
    assert max(at_most) == 2


def test_a_message_for_a_row_that_has_ended_does_nothing(sources):
    row = make_row(state=State.SUCCEEDED)
    assert not enrich_row(row.pk)
    assert sources.asked == []


def test_a_fault_of_ours_is_told_on_the_row_and_tried_again(sources):
    def broken(title, author, *, flow=""):
        raise ZeroDivisionError

    sources.open_library.search = broken
    row = make_row()
    assert enrich_row(row.pk)
    row.refresh_from_db()
    assert (row.state, row.reason, row.category) == (State.PENDING, "crashed", "worker_crash")


def test_a_book_that_takes_too_long_is_tried_again(sources, settings):
    settings.BOOK_DEADLINE = -1
    row = make_row()
    enrich_row(row.pk)
    row.refresh_from_db()
    assert (row.reason, row.category) == ("deadline", "api_timeout")
    assert sources.asked == []


def test_a_row_whose_lease_is_gone_asks_no_further(sources, monkeypatch):
    monkeypatch.setattr(enriching.heartbeat, "has_lost", lambda run: True)
    enrich_row(make_row().pk)
    assert sources.asked == []


def test_a_spent_source_parks_the_row_and_shows_what_the_other_knew(sources):
    library_import = make_import(policy="thorough")
    sources.open_library.know(make_facts(isbns=(isbn(1),)))
    sources.google_books.down = TryAgain("spent", reason="quota_day", retry_after=3600.0, spent=True, source="google_books")
    row = make_row(library_import, entry=make_entry(isbn13=isbn(1)))
    enrich_row(row.pk)
    row.refresh_from_db()
    assert (row.state, row.waiting_for, row.attempts) == (State.PARKED, "google_books", 0)
    assert row.outcome == "matched"
    assert row.book.genres


def test_queries_do_not_grow_with_the_number_of_rows(sources, django_assert_max_num_queries):
    from enrichment.enriching import claim_rows

    library_import = make_import()
    ids = [make_row(library_import, entry=make_entry(number, title=f"Book {number}")).pk for number in range(1, 41)]
    with django_assert_max_num_queries(6):
        assert all(claim_rows(ids))
    assert ImportRow.objects.filter(state=State.RUNNING).count() == 40
