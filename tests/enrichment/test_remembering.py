"""What sources answered before: who it answers again."""

from datetime import timedelta

import pytest

from bookops.clock import database_now
from bookops.dispatch import rung_here
from bookops.outbound.errors import TryAgain
from bookops.runs import State
from enrichment.imports import re_enrich
from enrichment.models import EditionRecord, ImportRow
from enrichment.status import describe
from tests.factories import import_library, isbn, make_facts, make_owner, work

pytestmark = pytest.mark.django_db(transaction=True)

BOOK = {"Title": "Momo", "ISBN13": f'="{isbn(1)}"'}


@pytest.mark.parametrize(("first", "then"), [("sandbox", "live"), ("live", "sandbox")])
def test_what_the_sandbox_made_up_answers_in_the_sandbox_only(first, then, sources, settings):
    sources.open_library.know(make_facts(isbns=(isbn(1),)))
    settings.SOURCES = first
    assert import_library(make_owner(), BOOK).sandbox == (first == "sandbox")
    calls = len(sources.asked)
    settings.SOURCES = then
    assert import_library(make_owner(), BOOK).sandbox == (then == "sandbox")
    assert len(sources.asked) == 2 * calls
    import_library(make_owner(), BOOK)
    settings.SOURCES = first
    import_library(make_owner(), BOOK)
    assert len(sources.asked) == 2 * calls


def test_asking_anew_in_the_sandbox_forgets_nothing_of_the_real_sources(sources, settings):
    sources.open_library.know(make_facts(isbns=(isbn(1),)))
    settings.SOURCES = "live"
    import_library(make_owner(), BOOK)
    real = EditionRecord.objects.count()
    settings.SOURCES = "sandbox"
    re_enrich(import_library(make_owner(), BOOK), forget=True)
    assert set(EditionRecord.objects.values_list("sandbox", flat=True)) == {False}
    assert EditionRecord.objects.count() == real


def test_an_import_that_the_sandbox_has_worked_on_says_so_for_ever(sources, settings):
    settings.SOURCES = "live"
    sources.open_library.down = TryAgain("spent", reason="quota_day", retry_after=3600.0, spent=True, source="open_library")
    library_import = import_library(make_owner(), BOOK)
    assert not library_import.sandbox
    settings.SOURCES = "sandbox"
    sources.open_library.down = None
    ImportRow.objects.filter(state=State.PARKED).update(next_at=database_now() - timedelta(seconds=1))
    with rung_here() as here:
        work(here)
    library_import.refresh_from_db()
    assert library_import.sandbox
    assert describe(library_import).sources["open_library"]["note"] == "sandbox: invented data"
