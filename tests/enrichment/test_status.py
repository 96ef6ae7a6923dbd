"""How an import stands, in numbers."""

from datetime import timedelta

import pytest

from bookops.clock import database_now
from bookops.runs import State
from enrichment.models import ImportCost, LibraryImport
from enrichment.status import describe
from tests.factories import make_import, make_row

pytestmark = pytest.mark.django_db


def rows_in(library_import, **states: int) -> None:
    for state, count in states.items():
        for _ in range(count):
            make_row(library_import, state=state)


def test_counts_add_up_and_progress_follows_them():
    library_import = make_import()
    rows_in(library_import, pending=2, running=1, parked=1, succeeded=4, failed=1, dead=1)
    status = describe(library_import)
    assert (status.total, status.processed, status.percent) == (10, 7, 70.0)
    assert sum(status.counts.values()) == status.total
    assert (status.statistics["successful_books"], status.statistics["failed_books"], status.statistics["success_rate"]) == (4, 2, 40.0)
    assert status.seed_status == "processing"


def test_progress_is_not_complete_before_the_dashboard_is_there():
    library_import = make_import()
    rows_in(library_import, succeeded=3)
    assert describe(library_import).percent == 99.0
    library_import.state = State.SUCCEEDED
    assert (describe(library_import).percent, describe(library_import).seed_status) == (100.0, "complete")


@pytest.mark.parametrize(("state", "word"), [("pending", "processing"), ("failed", "error"), ("dead", "error"), ("cancelled", "error")])
def test_states_are_told_in_the_words_of_the_first_designs(state, word):
    assert describe(make_import(state=state)).seed_status == word


def looked_up(library_import, count: int, *, ago: float, **changes) -> None:
    """Give the import rows that ended so many seconds ago."""
    for _ in range(count):
        make_row(library_import, **{"state": State.SUCCEEDED, "chunk": 1, "ended_at": database_now() - timedelta(seconds=ago)} | changes)


def test_the_end_is_forecast_from_the_pace_of_the_rows_that_were_looked_up_lately():
    library_import = make_import(started_at=database_now() - timedelta(seconds=100))
    looked_up(library_import, 30, ago=95)  # at once, by a question about many
    looked_up(library_import, 10, ago=10)
    looked_up(library_import, 5, ago=10, chunk=None)  # remembered, or could not be read
    rows_in(library_import, pending=18, running=2)
    seconds = (describe(library_import).forecast_end - database_now()).total_seconds()
    assert 90 < seconds < 120


def test_rows_that_wait_for_a_source_do_not_put_off_the_end():
    library_import = make_import(started_at=database_now() - timedelta(seconds=100))
    looked_up(library_import, 10, ago=10)
    rows_in(library_import, pending=2, parked=50)
    seconds = (describe(library_import).forecast_end - database_now()).total_seconds()
    assert 8 < seconds < 12


@pytest.mark.parametrize("changes", [{"stage": LibraryImport.Stage.READING}, {"reopenings": 1}])
def test_nothing_is_forecast_while_rows_are_still_read_or_after_it_was_opened_again(changes):
    library_import = make_import(started_at=database_now() - timedelta(seconds=100), **changes)
    looked_up(library_import, 10, ago=10)
    rows_in(library_import, pending=3)
    assert describe(library_import).forecast_end is None


def test_nothing_is_forecast_without_a_pace():
    library_import = make_import()
    rows_in(library_import, pending=3)
    assert describe(library_import).forecast_end is None


def test_it_says_who_waits_for_whom_and_until_when():
    library_import = make_import(state=State.SUCCEEDED)
    until = database_now() + timedelta(hours=1)
    for _ in range(2):
        make_row(library_import, state=State.PARKED, waiting_for="google_books", next_at=until)
    assert describe(library_import).waiting == [{"source": "google_books", "name": "Google Books", "rows": 2, "until": until.isoformat()}]


def test_failures_are_counted_by_reason_and_by_category():
    library_import = make_import()
    for reason in ("timeout", "http_503", "worker_lost", "connect", "rate_limited", "bad_json"):
        make_row(library_import, state=State.FAILED, reason=reason)
    make_row(library_import, state=State.PENDING, reason="timeout")  # will be tried again
    assert describe(library_import).categories == {
        "api_timeout": 2,
        "worker_crash": 1,
        "network": 1,
        "rate_limited": 1,
        "bad_data": 1,
    }


def test_costs_are_summed_by_source():
    library_import = make_import(sandbox=True)
    for calls in (2, 3):
        ImportCost.objects.create(library_import=library_import, source="open_library", calls=calls, bytes_in=10)
    ImportCost.objects.create(library_import=library_import, cpu_seconds=0.5)
    status = describe(library_import)
    assert status.sources == {"open_library": {"calls": 5, "bytes": 20, "note": "sandbox: invented data"}}
    assert status.cpu_seconds == 0.5


def test_it_costs_the_same_few_queries_however_large_the_import_is(django_assert_max_num_queries):
    library_import = make_import(stage=LibraryImport.Stage.ENRICHING)
    rows_in(library_import, succeeded=30, parked=3)
    with django_assert_max_num_queries(9):
        describe(library_import)
