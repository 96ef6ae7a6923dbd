"""Storing what came of attempts: behind the fence, together, once."""

from datetime import timedelta

import pytest
from django.db import DataError

from bookops.books import Book
from bookops.clock import database_now
from bookops.outbound.errors import BadAnswer, Refused, TryAgain
from bookops.runs import State
from bookops.source_health import health
from bookops.tally import Tally
from enrichment.asking import Asked
from enrichment.deciding import Question, next_question
from enrichment.enriching import enrich_row, stores
from enrichment.matching import Wanted
from enrichment.models import EditionRecord, ImportCost, ImportRow, LibraryImport, RowAttempt
from enrichment.settling import Tried, store
from enrichment.unmapped import unmapped
from tests.factories import isbn, make_entry, make_facts, make_import, make_row

pytestmark = pytest.mark.django_db(transaction=True)

rows = ImportRow.objects.all()


def found(facts=None, title="Momo"):
    """Return the findings of a book that Open Library knows."""
    facts = facts or make_facts(isbns=(isbn(1),))
    question = Question("open_library", "isbn", isbn13=isbn(1))
    return next_question(Wanted(title, "Michael Ende", isbn13=isbn(1)), {("open_library", question.key): (facts,)}, policy="frugal")


def tried(row: ImportRow | None = None, **changes) -> Tried:
    [held] = rows.claim([(row or make_row()).pk])
    return Tried(held, database_now(), **changes)


def test_findings_reach_the_row_the_book_and_the_log():
    attempt = tried(findings=found())
    assert store([attempt]) == [True]
    row = rows.get()
    assert (row.state, row.outcome, row.sources, row.lease_owner) == (State.SUCCEEDED, "matched", ["open_library"], None)
    assert row.candidates[0]["facts"]["title"] == "Momo"
    assert row.book.provenance["publisher"]["source"] == "open_library"
    assert row.book.version == 2
    assert (RowAttempt.objects.get().number, RowAttempt.objects.get().outcome) == (1, "succeeded")


def test_a_result_that_comes_too_late_is_thrown_away():
    late = tried(findings=found())
    rows.filter(pk=late.row.pk).update(lease_until=database_now() - timedelta(seconds=1))
    rows.free([late.row.pk], database_now())
    assert store([late]) == [False]
    assert rows.get().state == State.PENDING
    assert not RowAttempt.objects.exists()
    assert Book.objects.get().genres == []


def test_a_result_is_stored_once_however_often_it_is_delivered():
    attempt = tried(findings=found())
    assert [store([attempt]), store([attempt])] == [[True], [False]]
    assert RowAttempt.objects.count() == 1


def test_one_result_that_cannot_be_stored_costs_the_others_nothing():
    poison = found(make_facts(isbns=(isbn(1),), description="\ud800"))
    attempts = [tried(findings=found()), tried(findings=poison), tried(findings=found())]
    futures = [stores.submit(attempt) for attempt in attempts]
    assert futures[0].result(10) and futures[2].result(10)
    assert isinstance(futures[1].exception(10), (ValueError, DataError))
    assert [row.state for row in rows.order_by("pk")] == [State.SUCCEEDED, State.RUNNING, State.SUCCEEDED]


def test_a_row_whose_answer_cannot_be_stored_says_so(sources):
    sources.open_library.know(make_facts(description="\ud800"))
    row = make_row()
    assert enrich_row(row.pk)
    row.refresh_from_db()
    assert (row.state, row.reason) == (State.PENDING, "unstorable")


@pytest.mark.parametrize(
    ("error", "state", "attempts"),
    [
        (TryAgain("slow", reason="timeout"), State.PENDING, 1),
        (TryAgain("later", reason="rate_limited", retry_after=30.0), State.PENDING, 1),
        (BadAnswer("half of it", reason="bad_json"), State.PENDING, 1),
        (Refused("bad key", reason="bad_key"), State.FAILED, 1),
        (TryAgain("spent", reason="quota_day", retry_after=3600.0, spent=True), State.PARKED, 0),
        (TryAgain("long", reason="rate_limited", retry_after=3600.0), State.PARKED, 0),
        (TryAgain("turn", reason="quota_pace", retry_after=4.0, asked=False), State.PENDING, 0),
        (TryAgain("window", reason="quota_pace", retry_after=60.0, asked=False), State.PARKED, 0),
        (TryAgain("open", reason="breaker_open", retry_after=15.0, asked=False), State.PENDING, 0),
        (TryAgain("open", reason="breaker_open", retry_after=300.0, asked=False), State.PARKED, 0),
    ],
)
def test_an_error_says_what_becomes_of_the_row(error, state, attempts):
    error.source = "open_library"
    store([tried(error=error)])
    row = rows.get()
    assert (row.state, row.attempts, row.reason) == (state, attempts, error.reason)
    assert row.waiting_for == ("open_library" if state == State.PARKED else "")
    if getattr(error, "retry_after", None):
        assert row.next_at >= database_now() + timedelta(seconds=error.retry_after - 2)


def test_a_parked_attempt_is_logged_under_its_number_and_a_mere_wait_not_at_all():
    store([tried(error=TryAgain("spent", reason="quota_day", retry_after=9.0, spent=True))])
    store([tried(error=TryAgain("turn", reason="quota_pace", retry_after=4.0, asked=False))])
    assert list(RowAttempt.objects.values_list("number", "outcome")) == [(1, "parked")]


def test_the_fifth_failure_is_the_last():
    row = make_row()
    for _ in range(5):
        rows.update(next_at=database_now())
        store([tried(row, error=TryAgain("slow", reason="timeout"))])
    row.refresh_from_db()
    assert (row.state, row.attempts) == (State.DEAD, 5)
    assert RowAttempt.objects.count() == 5


def test_answers_are_remembered_also_when_the_row_was_lost():
    asked = Asked(Question("open_library", "isbn", isbn13=isbn(1)), (make_facts(),))
    late = tried(findings=found(), asked=[asked])
    rows.cancel()
    store([late])
    assert EditionRecord.objects.get().question == f"isbn:{isbn(1)}"


def test_two_rows_of_one_book_in_one_batch_both_teach_it():
    library_import = make_import()
    one = make_row(library_import)
    other = make_row(library_import, book=one.book)
    google = make_facts(source="google_books", key="abc", isbns=(isbn(1),), description="A girl.")
    store([tried(one, findings=found()), tried(other, findings=found(google))])
    book = Book.objects.get()
    assert (book.publisher, book.description, book.google_volume_id) == ("Thienemann", "A girl.", "abc")
    assert set(book.subjects) == {"open_library", "google_books"}


def test_a_locked_fact_survives_enrichment():
    row = make_row()
    Book.objects.update(genres=[{"name": "Mine"}], locked=["genres"])
    store([tried(row, findings=found())])
    assert Book.objects.get().genres == [{"name": "Mine"}]


def test_the_cost_is_noted_by_source():
    tally = Tally(calls={"open_library": 2}, bytes_in={"open_library": 300})
    store([tried(findings=found(), tally=tally, cpu_seconds=0.5)])
    assert ImportCost.objects.get(source="open_library").calls == 2
    assert ImportCost.objects.get(source="").cpu_seconds >= 0.5


def test_a_deleted_import_does_not_cost_others_their_results():
    gone, kept = tried(findings=found()), tried(findings=found())
    ImportRow.objects.filter(pk=gone.row.pk).delete()
    LibraryImport.objects.filter(pk=gone.row.library_import_id).delete()
    assert store([gone, kept]) == [False, True]


def test_the_books_of_a_batch_take_few_queries(django_assert_max_num_queries):
    library_import = make_import()
    attempts = [tried(make_row(library_import, entry=make_entry(number)), findings=found()) for number in range(1, 31)]
    for notes in (health, unmapped):
        notes.flush(every=0)  # what other tests have left
    with django_assert_max_num_queries(25):
        store(attempts)
