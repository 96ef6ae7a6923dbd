"""The one end of an import, and what arrives after it."""

import hashlib
import json
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from bookops.books import Book
from bookops.clock import database_now
from bookops.dispatch import rung_here
from bookops.events import RunEvent
from bookops.outbound.errors import Refused, TryAgain
from bookops.runs import State
from enrichment import finishing, sweeping, tasks
from enrichment.imports import cancel_import, delete_import, edit_book
from enrichment.models import ImportRow, LibraryImport
from tests.concurrency import at_once
from tests.factories import import_library, make_facts, make_import, make_owner, make_row, upload, work
from tests.fakes import LossyBell

pytestmark = pytest.mark.django_db(transaction=True)

BOOKS = [{"Title": f"Book {number}"} for number in range(1, 6)]
SPENT = TryAgain("spent", reason="quota_day", retry_after=3600.0, spent=True, source="open_library")


def dashboard(library_import: LibraryImport) -> dict:
    with default_storage.open(library_import.dashboard_key) as file:
        return json.load(file)


def meanwhile(monkeypatch, happening: Callable[[], object], *, times: int = 1) -> None:
    """Have something happen while the next dashboard is built, so many times from its first book on, then never again."""
    build, left = finishing.dashboard.document_parts, iter(range(times))

    def interrupted(*args, **options):
        for number, text in enumerate(build(*args, **options)):
            if number and next(left, None) is not None:
                happening()
            yield text

    monkeypatch.setattr(finishing.dashboard, "document_parts", interrupted)


def files_of(library_import: LibraryImport) -> list[str]:
    """Return the names of the files in storage that have the import's id in them."""
    folders = (Path(default_storage.path(folder)) for folder in ("data", "uploads"))
    return [path.name for folder in folders for path in folder.rglob(f"*{library_import.pk}*")]


def ends(library_import: LibraryImport) -> int:
    return RunEvent.objects.filter(run_id=library_import.pk, kind="finished").count()


def test_of_twenty_finishers_one_ends_the_import(sources):
    library_import = make_import()
    make_row(library_import, state=State.SUCCEEDED)
    assert sum(at_once(20, lambda: finishing.finish_import(library_import.pk))) == 1
    library_import.refresh_from_db()
    assert (library_import.state, library_import.finishes, library_import.dashboard_version) == (State.SUCCEEDED, 1, 1)
    assert ends(library_import) == 1


def test_it_does_not_end_while_a_row_is_open():
    library_import = make_import()
    make_row(library_import)
    assert not finishing.finish_import(library_import.pk)
    library_import.refresh_from_db()
    assert library_import.state == State.RUNNING


DOORBELLS = {
    "read_library": [tasks.read_library],
    "send_out_chunk": [tasks.send_out_chunk],
    "enrich_book": [tasks.enrich_book],
    "finish_chunk": [tasks.finish_chunk],
    "finish_import": [tasks.finish_import],
    "all": [tasks.read_library, tasks.send_out_chunk, tasks.enrich_book, tasks.finish_chunk, tasks.finish_import],
}


@pytest.mark.parametrize("name", DOORBELLS)
def test_the_sweeper_rings_for_every_message_that_is_lost(name, sources, settings):
    settings.RING_AGAIN_SECONDS = 0.01
    with rung_here(LossyBell(DOORBELLS[name], times=3)) as here:
        library_import = upload(make_owner(), *BOOKS, chunk_size=2)
        for _ in range(40):
            work(here)
            library_import.refresh_from_db()
            if library_import.state == State.SUCCEEDED:
                break
    assert (library_import.state, library_import.finishes) == (State.SUCCEEDED, 1)
    assert set(ImportRow.objects.values_list("state", "attempts")) == {(State.SUCCEEDED, 1)}


@pytest.mark.parametrize("bell", ["the last row", "the chord's body", "the sweeper"])
def test_each_of_the_three_bells_is_enough(bell, sources):
    library_import = make_import()
    make_row(library_import, state=State.SUCCEEDED)
    with rung_here() as here:
        if bell == "the sweeper":
            sweeping.move_imports()
        elif bell == "the last row":
            from enrichment.enriching import enrich_row

            last = make_row(library_import)
            enrich_row(last.pk)
        else:
            tasks.finish_import.run(str(library_import.pk))
        here.work()
    library_import.refresh_from_db()
    assert library_import.state == State.SUCCEEDED


def test_a_failed_book_keeps_its_place_and_its_reason(sources):
    sources.open_library.know(make_facts("Book 1"))
    sources.open_library.supports_joined = False
    sources.open_library.down = Refused("blocked", reason="forbidden_agent")
    library_import = import_library(make_owner(), *BOOKS)
    document = dashboard(library_import)
    assert library_import.state == State.SUCCEEDED
    assert [book["title"] for book in document["books"]] == [book["Title"] for book in BOOKS]
    assert {(book["success"], book["reason"], tuple(book["genres"])) for book in document["books"]} == {(False, "forbidden_agent", ())}
    assert document["books"][0]["error_category"] == "bad_data"
    assert library_import.statistics["failed_books"] == 5


@pytest.mark.parametrize(("tolerated", "state"), [(None, State.SUCCEEDED), (1.0, State.SUCCEEDED), (0.5, State.FAILED)])
def test_it_fails_only_past_the_share_its_caller_tolerates(tolerated, state, sources):
    sources.open_library.down = Refused("blocked", reason="forbidden_agent")
    library_import = import_library(make_owner(), *BOOKS, tolerated_failures=tolerated)
    assert library_import.state == state
    word = "complete" if state == State.SUCCEEDED else "error"
    assert library_import.statistics["status"] == dashboard(library_import)["metadata"]["statistics"]["status"] == word
    assert RunEvent.objects.get(kind="finished").payload["status"] == word


def test_parked_rows_do_not_hold_the_end_back(sources):
    sources.open_library.down = SPENT
    library_import = import_library(make_owner(), *BOOKS)
    document = dashboard(library_import)
    assert library_import.state == State.SUCCEEDED
    [waiting] = document["metadata"]["waiting"]
    assert (waiting["source"], waiting["rows"]) == ("open_library", 5)
    assert waiting["until"] > database_now().isoformat()
    assert len(document["books"]) == 5


def test_what_arrives_later_makes_a_new_version_and_no_second_end(sources, settings):
    settings.DASHBOARD_REBUILD_SECONDS = 0
    sources.open_library.down = SPENT
    library_import = import_library(make_owner(), *BOOKS)
    etag = library_import.dashboard_etag
    sources.open_library.down = None
    sources.open_library.know(*(make_facts(book["Title"]) for book in BOOKS))
    ImportRow.objects.update(next_at=database_now() - timedelta(seconds=1))
    with rung_here() as here:
        work(here)
    library_import.refresh_from_db()
    assert library_import.dashboard_version > 1
    assert library_import.dashboard_etag != etag
    assert (library_import.finishes, ends(library_import)) == (1, 1)
    document = dashboard(library_import)
    assert document["metadata"]["waiting"] == []
    assert document["summary"]["genre_enriched_books"] == 5
    assert library_import.statistics["successful_books"] == 5


def test_the_dashboard_is_rebuilt_at_most_every_few_seconds(sources, settings):
    settings.DASHBOARD_REBUILD_SECONDS = 3600
    library_import = import_library(make_owner(), *BOOKS)
    LibraryImport.objects.update(changes=99)
    assert not finishing.rebuild(library_import.pk)
    settings.DASHBOARD_REBUILD_SECONDS = 0
    assert finishing.rebuild(library_import.pk)


def test_of_many_rebuilders_one_builds(sources, settings):
    library_import = import_library(make_owner(), *BOOKS)
    LibraryImport.objects.update(changes=99, dashboard_at=database_now() - timedelta(hours=1))
    assert sum(at_once(8, lambda: finishing.rebuild(library_import.pk))) == 1


def test_what_changes_while_it_is_built_is_shown_once_afterwards(sources, settings, monkeypatch):
    settings.DASHBOARD_REBUILD_SECONDS = 0
    library_import = import_library(make_owner(), *BOOKS)
    library_import.touch()
    meanwhile(monkeypatch, lambda: edit_book(Book.objects.get(title="Book 1"), {"pages": 7}, by="ada"))
    assert finishing.rebuild(library_import.pk)
    library_import.refresh_from_db()
    version = library_import.dashboard_version
    assert dashboard(library_import)["books"][0]["num_pages"] != 7
    with rung_here() as here:
        work(here)
    library_import.refresh_from_db()
    assert dashboard(library_import)["books"][0]["num_pages"] == 7
    assert library_import.dashboard_version == version + 1


def test_while_it_is_built_nobody_else_begins_however_long_that_takes(sources, settings, monkeypatch):
    library_import = import_library(make_owner(), *BOOKS)
    LibraryImport.objects.update(changes=99, dashboard_at=None)
    monkeypatch.setattr(finishing.dashboard, "STILL_BUILDING_SECONDS", 0)
    tries = []

    def time_passes_for_all_but_the_builder():
        tries.append(finishing.rebuild(library_import.pk))
        LibraryImport.objects.update(dashboard_at=database_now() - timedelta(hours=1))

    meanwhile(monkeypatch, time_passes_for_all_but_the_builder, times=3)
    assert finishing.rebuild(library_import.pk)
    assert tries == [False, False, False]


def test_one_whose_builder_died_is_built_by_the_next(sources, settings, monkeypatch):
    library_import = import_library(make_owner(), *BOOKS)
    LibraryImport.objects.update(changes=99, dashboard_at=database_now())
    assert not finishing.rebuild(library_import.pk)
    settings.DASHBOARD_REBUILD_SECONDS = 0.01
    time.sleep(0.02)
    assert finishing.rebuild(library_import.pk)


def test_of_two_builders_the_slower_leaves_the_dashboard_as_the_other_wrote_it(sources, settings, monkeypatch):
    settings.DASHBOARD_REBUILD_SECONDS = 0
    library_import = import_library(make_owner(), *BOOKS)
    library_import.touch()

    def overtaken():
        edit_book(Book.objects.get(title="Book 5"), {"pages": 7}, by="ada")
        assert finishing.rebuild(library_import.pk)

    meanwhile(monkeypatch, overtaken)
    assert not finishing.rebuild(library_import.pk)
    library_import.refresh_from_db()
    with default_storage.open(library_import.dashboard_key) as file:
        assert hashlib.sha256(file.read()).hexdigest().startswith(library_import.dashboard_etag)
    assert dashboard(library_import)["books"][4]["num_pages"] == 7


@pytest.mark.parametrize("state", [State.RUNNING, State.SUCCEEDED])
def test_what_is_deleted_while_its_dashboard_is_built_leaves_nothing_in_storage(state, sources, monkeypatch):
    library_import = make_import(state=state, changes=1)
    make_row(library_import, state=State.SUCCEEDED)
    meanwhile(monkeypatch, lambda: delete_import(library_import))
    assert not finishing.rebuild(library_import.pk)
    assert files_of(library_import) == []
    assert not RunEvent.objects.exists()


def test_what_is_deleted_while_it_is_assembled_leaves_nothing_in_storage(sources, monkeypatch):
    library_import = make_import()
    make_row(library_import, state=State.SUCCEEDED)
    meanwhile(monkeypatch, lambda: delete_import(library_import))
    assert not finishing.finish_import(library_import.pk)
    assert files_of(library_import) == []


def test_a_partial_dashboard_never_takes_the_place_of_the_final_one(sources):
    library_import = make_import()
    make_row(library_import)
    LibraryImport.objects.update(changes=1)
    assert finishing.rebuild(library_import.pk)
    library_import.refresh_from_db()
    assert library_import.dashboard_partial
    assert library_import.dashboard_key.endswith(".partial.json")
    assert dashboard(library_import)["metadata"]["partial"]
    with rung_here() as here:
        from enrichment.enriching import enrich_row

        enrich_row(library_import.rows.get().pk)
        here.work()
    library_import.refresh_from_db()
    assert not library_import.dashboard_partial
    assert not dashboard(library_import)["metadata"]["partial"]


def test_an_assembler_that_was_killed_is_replaced(sources):
    library_import = make_import(stage=LibraryImport.Stage.ASSEMBLING, lease_until=database_now() - timedelta(seconds=1))
    make_row(library_import, state=State.SUCCEEDED)
    with rung_here() as here:
        work(here)
    library_import.refresh_from_db()
    assert (library_import.state, library_import.finishes) == (State.SUCCEEDED, 1)


def test_an_import_that_was_cancelled_while_assembled_stays_cancelled(sources, monkeypatch):
    library_import = make_import()
    make_row(library_import, state=State.SUCCEEDED)
    meanwhile(monkeypatch, lambda: cancel_import(LibraryImport.objects.get()))
    assert not finishing.finish_import(library_import.pk)
    library_import.refresh_from_db()
    assert (library_import.state, library_import.finishes) == (State.CANCELLED, 1)


def test_the_dashboard_of_a_cancelled_import_says_that_it_is_partial(sources):
    library_import = make_import()
    make_row(library_import, state=State.SUCCEEDED), make_row(library_import)
    with rung_here() as here:
        cancel_import(library_import)
        work(here)
    library_import.refresh_from_db()
    assert (library_import.dashboard_partial, library_import.dashboard_key) == (False, f"data/{library_import.pk}.json")
    metadata = dashboard(library_import)["metadata"]
    assert (metadata["partial"], metadata["rows_by_state"]["cancelled"]) == (True, 1)


def test_a_library_without_rows_is_complete():
    """None is taken in; but a file in storage may be another than the one that was."""
    with rung_here() as here:
        library_import = upload(make_owner(), {})
        with default_storage.open(library_import.upload_key) as file:
            header = file.readline()
        default_storage.delete(library_import.upload_key)
        default_storage.save(library_import.upload_key, ContentFile(header))
        work(here)
    library_import.refresh_from_db()
    assert (library_import.state, library_import.finishes, library_import.rows_read) == (State.SUCCEEDED, 1, 0)
