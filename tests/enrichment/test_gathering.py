"""Many books asked for in one request, memory for every answer, and quotas that are spent."""

from datetime import timedelta

import pytest
from django.db import connections

from bookops.clock import database_now
from bookops.dispatch import rung_here
from bookops.outbound.errors import TryAgain
from bookops.runs import State
from enrichment.chunks import send_out
from enrichment.models import EditionRecord, ImportChunk, ImportRow, RowAttempt
from enrichment.reading import read_library
from tests.factories import import_library, isbn, make_facts, make_owner, upload

pytestmark = pytest.mark.django_db(transaction=True)


def with_isbn(number: int) -> dict[str, str]:
    return {"Title": f"Book {number}", "ISBN13": f'="{isbn(number)}"'}


def facts_of(number: int):
    return make_facts(f"Book {number}", isbns=(isbn(number),))


def test_one_request_is_made_for_many_books(sources):
    sources.open_library.know(*(facts_of(number) for number in range(1, 151)))
    library_import = import_library(make_owner(), *(with_isbn(number) for number in range(1, 151)))
    assert sorted(len(question) - 1 for question in sources.open_library.asked) == [50, 100]
    assert sources.google_books.asked == []
    assert library_import.statistics["successful_books"] == 150
    assert sources.open_library.flows == {str(library_import.pk)}


def test_several_titles_are_joined_where_the_source_takes_it(sources):
    titles = [{"Title": f"Book {number}"} for number in range(1, 13)]
    sources.open_library.know(*(make_facts(f"Book {number}") for number in range(1, 13)))
    import_library(make_owner(), *titles)
    assert [question[0] for question in sources.open_library.asked] == ["titles", "titles"]


def test_titles_are_asked_one_by_one_where_it_does_not(sources):
    sources.open_library.supports_joined = False
    sources.open_library.know(*(make_facts(f"Book {number}") for number in range(1, 5)))
    import_library(make_owner(), *({"Title": f"Book {number}"} for number in range(1, 5)))
    assert sorted(sources.open_library.asked) == [("title", f"Book {number}", "Michael Ende") for number in range(1, 5)]


def test_nothing_is_asked_twice_for_another_owner(sources):
    sources.open_library.know(*(facts_of(number) for number in range(1, 4)))
    import_library(make_owner(), *map(with_isbn, range(1, 6)))
    calls = len(sources.asked)
    again = import_library(make_owner(), *map(with_isbn, range(1, 6)))
    assert len(sources.asked) == calls
    assert again.statistics["successful_books"] == 5
    assert ImportRow.objects.filter(library_import=again, outcome="matched").count() == 3


def test_negative_answers_are_remembered_for_a_shorter_time(sources, settings):
    sources.open_library.know(facts_of(1))
    import_library(make_owner(), with_isbn(1), with_isbn(2))
    missing = EditionRecord.objects.get(source="open_library", question=f"isbn:{isbn(2)}")
    known = EditionRecord.objects.get(source="open_library", question=f"isbn:{isbn(1)}")
    assert missing.answer == []
    assert missing.expires_at - missing.fetched_at == timedelta(days=settings.REMEMBER_MISSING_DAYS)
    assert known.expires_at - known.fetched_at == timedelta(days=settings.REMEMBER_DAYS)


def test_an_answer_that_has_expired_is_asked_for_again(sources):
    sources.open_library.know(facts_of(1))
    import_library(make_owner(), with_isbn(1))
    EditionRecord.objects.update(expires_at=database_now() - timedelta(seconds=1))
    calls = len(sources.asked)
    import_library(make_owner(), with_isbn(1))
    assert len(sources.asked) == calls + 1


def test_frugal_asks_the_second_source_for_the_gaps_only(sources):
    sources.open_library.know(facts_of(1))
    sources.google_books.know(facts_of(2))
    import_library(make_owner(), with_isbn(1), with_isbn(2))
    assert sources.google_books.asked == [("isbn", isbn(2))]


def test_thorough_asks_both_for_each_book(sources):
    sources.open_library.know(facts_of(1), facts_of(2))
    import_library(make_owner(), with_isbn(1), with_isbn(2), policy="thorough")
    assert {question[1] for question in sources.google_books.asked if question[0] == "isbn"} == {isbn(1), isbn(2)}


def test_a_shared_request_that_fails_is_left_to_the_rows(sources):
    sources.open_library.know(facts_of(1), facts_of(2))
    sources.open_library.fail(TryAgain("slow", reason="timeout"))
    library_import = import_library(make_owner(), with_isbn(1), with_isbn(2))
    assert library_import.statistics["successful_books"] == 2
    assert ImportRow.objects.filter(outcome="matched").count() == 2


def test_a_lone_question_that_fails_is_not_taken_for_not_found(sources):
    sources.open_library.know(facts_of(1))
    sources.open_library.fail(TryAgain("slow", reason="timeout"))
    import_library(make_owner(), with_isbn(1))
    row = ImportRow.objects.get()
    assert (row.state, row.outcome) == (State.SUCCEEDED, "matched")
    assert not EditionRecord.objects.filter(answer=[]).exists()


def test_the_log_tells_what_was_asked_for_the_row_alone_and_together(sources):
    sources.google_books.know(facts_of(2))
    sources.open_library.know(facts_of(1))
    import_library(make_owner(), with_isbn(1), with_isbn(2))
    told = [entry for attempt in RowAttempt.objects.filter(row__number=2) for entry in attempt.log]
    assert [(entry["source"], entry["found"]) for entry in told] == [("open_library", 0), ("open_library", 0), ("google_books", 1)]
    assert [entry["shared_by"] for attempt in RowAttempt.objects.filter(row__number=1) for entry in attempt.log] == [2]


def test_without_batching_every_book_is_asked_for_alone(sources, settings):
    settings.SOURCE_BATCHING = False
    sources.open_library.know(facts_of(1), facts_of(2))
    import_library(make_owner(), with_isbn(1), with_isbn(2))
    assert sorted(sources.open_library.asked) == [("isbn", isbn(1)), ("isbn", isbn(2))]


def test_a_fault_in_gathering_sends_the_rows_out_all_the_same(sources):
    def broken(isbns, *, flow=""):
        raise ZeroDivisionError

    sources.open_library.know(facts_of(1), facts_of(2))
    sources.open_library.by_isbns = broken
    assert import_library(make_owner(), with_isbn(1), with_isbn(2)).statistics["successful_books"] == 2


def test_no_connection_is_held_while_sources_are_waited_for(sources):
    ours, held = connections["default"], []
    by_isbns = sources.open_library.by_isbns

    def watched(isbns, *, flow=""):
        held.append(ours.connection is not None)
        return by_isbns(isbns, flow=flow)

    sources.open_library.by_isbns = watched
    with rung_here():
        read_library(upload(make_owner(), *map(with_isbn, range(1, 251))).pk)
        assert send_out(ImportChunk.objects.get().pk)
    assert held == [False] * 3
