"""A row's log says what was stored of it, and nothing that did not happen."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bookops.clock import database_now
from bookops.outbound.errors import TryAgain
from bookops.runs import State
from enrichment import sweeping
from enrichment.enriching import enrich_row
from enrichment.models import ImportRow, RowAttempt
from enrichment.processing_log import lines_of
from tests.factories import make_import, make_row
from tests.fakes import FakeSources


def attempt(outcome: str, **changes: object) -> RowAttempt:
    return RowAttempt(number=1, outcome=outcome, **changes)


def test_an_attempt_is_told_from_its_start_to_its_end() -> None:
    log = [{"source": "open_library", "asked": "isbn", "ms": 90, "found": 1, "subjects": 4}]
    log += [{"source": "google_books", "asked": "isbn", "ms": 20_000, "error": "timeout"}]
    assert lines_of([attempt("pending", reason="timeout", log=log)]) == [
        "Attempt 1: starting enrichment",
        "Open Library: 4 subjects (by ISBN, 90 ms)",
        "Google Books: error timeout (by ISBN, 20000 ms)",
        "Attempt 1 ended pending: The source did not answer in time. Retry the row.",
    ]


def test_what_was_remembered_is_told_as_such() -> None:
    assert lines_of([attempt("succeeded")])[1:] == ["Answered from what the sources told before; no call was made"]


def test_nothing_is_said_to_have_started_where_a_person_decided() -> None:
    assert lines_of([attempt("chosen", detail="open_library:/works/OL1W chosen by ada")]) == [
        "A person decided: open_library:/works/OL1W chosen by ada"
    ]


@pytest.mark.django_db(transaction=True)
def test_a_row_that_the_deadline_has_overtaken_says_so(sources: FakeSources, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "MOST", 2)
    sources.open_library.down = TryAgain("HTTP 503", reason="http_503")
    library_import = make_import()
    tried, *others = [make_row(library_import) for _ in range(5)]
    ImportRow.objects.filter(pk=others[-1].pk).update(state=State.SUCCEEDED)
    enrich_row(tried.pk)
    type(library_import).objects.update(deadline_at=database_now() - timedelta(seconds=1))
    assert sweeping.end_overdue_imports(database_now()) == 4
    assert sweeping.end_overdue_imports(database_now()) == 0
    assert set(ImportRow.objects.exclude(state=State.SUCCEEDED).values_list("state", "reason")) == {("failed", "import_deadline")}
    assert lines_of(others[0].tries.all()) == ["The import's own deadline passed before this row was done."]
    assert lines_of(tried.tries.all())[0] == "Attempt 1: starting enrichment"
    assert lines_of(tried.tries.all())[-1] == "The import's own deadline passed before this row was done."
    assert lines_of(others[-1].tries.all()) == []
