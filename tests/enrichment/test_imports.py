"""What a person can do with an import, a row and a book."""

import io
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage

from bookops.books import Book, BookKey
from bookops.clock import database_now
from bookops.dispatch import rung_here
from bookops.events import RunEvent
from bookops.outbound.errors import Refused, TryAgain
from bookops.runs import State
from enrichment import imports
from enrichment.formats import ExportRefused
from enrichment.models import EditionRecord, ImportChunk, ImportRow, LibraryImport, RowAttempt
from llmjobs.models import LLMJobItem
from runbooks.models import Copy
from tests.factories import import_library, isbn, make_facts, make_import, make_owner, make_row, upload, work
from tests.llmjobs.factories import make_rendered_job
from tests.runbooks.factories import make_copy

pytestmark = pytest.mark.django_db(transaction=True)

BOOKS = [{"Title": f"Book {number}"} for number in range(1, 4)]
SPENT = TryAgain("spent", reason="quota_day", retry_after=3600.0, spent=True, source="open_library")
REFUSED = Refused("blocked", reason="forbidden_agent")


def go_on() -> None:
    """Work through whatever a verb has set going."""
    with rung_here() as here:
        ImportRow.objects.filter(state=State.PENDING).update(ring_at=database_now() - timedelta(seconds=1))
        work(here)


def failed_import(sources, **options) -> LibraryImport:
    sources.open_library.down = REFUSED
    library_import = import_library(make_owner(), *BOOKS, **options)
    sources.open_library.down = None
    sources.open_library.know(*(make_facts(book["Title"]) for book in BOOKS))
    return library_import


def kinds(library_import: LibraryImport) -> list[str]:
    return list(RunEvent.objects.filter(run_id=library_import.pk).values_list("kind", flat=True))


def test_an_upload_is_kept_checked_and_not_yet_read():
    library_import = upload(make_owner(), *BOOKS, deadline_seconds=60, policy="thorough", chunk_size=2)
    assert default_storage.open(library_import.upload_key).read().startswith(b"Book Id")
    assert (library_import.state, library_import.source_format, library_import.policy) == (State.PENDING, "goodreads", "thorough")
    assert library_import.deadline_at > database_now()
    assert kinds(library_import) == ["uploaded"]


def test_a_file_that_is_no_export_is_refused_before_anything_is_kept():
    with pytest.raises(ExportRefused) as refusal:
        imports.start_import(owner=make_owner(), file=io.BytesIO(b"a,b\n1,2\n"), filename="list.csv")
    assert refusal.value.detail
    assert not LibraryImport.objects.exists()


def test_retrying_the_failed_rows_works_them_through_and_ends_no_second_time(sources):
    library_import = failed_import(sources)
    assert imports.retry_failed(library_import) == 3
    go_on()
    library_import.refresh_from_db()
    assert (library_import.state, library_import.finishes, library_import.reopenings) == (State.SUCCEEDED, 1, 0)
    assert set(ImportRow.objects.values_list("state", "outcome")) == {(State.SUCCEEDED, "matched")}
    assert "retried" in kinds(library_import)


def test_retrying_a_failed_import_opens_it_again_and_it_ends_once_more(sources):
    library_import = failed_import(sources, tolerated_failures=0.1)
    assert library_import.state == State.FAILED
    imports.retry_failed(library_import)
    assert library_import.state == State.RUNNING
    go_on()
    library_import.refresh_from_db()
    assert (library_import.state, library_import.finishes, library_import.reopenings) == (State.SUCCEEDED, 2, 1)


def test_retrying_one_row_leaves_the_others(sources):
    failed_import(sources)
    row = ImportRow.objects.get(number=2)
    assert imports.retry_row(row)
    go_on()
    assert list(ImportRow.objects.order_by("number").values_list("state", flat=True)) == ["failed", "succeeded", "failed"]
    row.refresh_from_db()
    assert not imports.retry_row(row)


def test_a_row_that_could_not_be_read_is_not_retried():
    library_import = import_library(make_owner(), {"Title": ""})
    assert imports.retry_failed(library_import) == 0
    assert not imports.retry_row(ImportRow.objects.get())


def test_a_redrive_takes_dead_letters_only(sources):
    library_import = failed_import(sources)
    ImportRow.objects.filter(number=1).update(state=State.DEAD, attempts=5)
    assert imports.redrive(library_import) == 1
    go_on()
    assert list(ImportRow.objects.order_by("number").values_list("state", flat=True)) == ["succeeded", "failed", "failed"]


def test_a_poison_row_ends_as_a_dead_letter_and_its_import_completes(sources, settings):
    settings.RETRY_BASE_SECONDS = 0
    sources.open_library.supports_joined = False
    library_import_rows = [*BOOKS, {"Title": "Poison"}]
    sources.open_library.know(*(make_facts(book["Title"]) for book in BOOKS))
    search = sources.open_library.search

    def poisoned(title, author, *, flow=""):
        if title == "Poison":
            raise ZeroDivisionError
        return search(title, author, flow=flow)

    sources.open_library.search = poisoned
    library_import = import_library(make_owner(), *library_import_rows)
    poison = ImportRow.objects.get(title="Poison")
    assert (poison.state, poison.attempts, poison.reason) == (State.DEAD, 5, "crashed")
    assert RowAttempt.objects.filter(row=poison).count() == 5
    assert (library_import.state, library_import.statistics["failed_books"]) == (State.SUCCEEDED, 1)
    sources.open_library.search = search
    assert imports.redrive(library_import) == 1
    go_on()
    poison.refresh_from_db()
    assert (poison.state, poison.outcome) == (State.SUCCEEDED, "not_found")


def test_re_enriching_asks_nothing_that_is_remembered(sources):
    sources.open_library.know(*(make_facts(book["Title"]) for book in BOOKS))
    library_import = import_library(make_owner(), *BOOKS)
    calls = len(sources.asked)
    assert imports.re_enrich(library_import) == 3
    go_on()
    assert len(sources.asked) == calls
    assert RowAttempt.objects.filter(outcome="succeeded").count() == 6


def test_re_enriching_can_forget_what_was_told(sources):
    library_import = import_library(make_owner(), *BOOKS)
    sources.open_library.know(*(make_facts(book["Title"]) for book in BOOKS))
    imports.re_enrich(library_import, forget=True)
    assert not EditionRecord.objects.exists()
    go_on()
    assert set(ImportRow.objects.values_list("outcome", flat=True)) == {"matched"}


def test_what_was_found_stays_when_a_later_try_fails(sources):
    sources.open_library.know(*(make_facts(book["Title"]) for book in BOOKS))
    library_import = import_library(make_owner(), *BOOKS)
    sources.open_library.down = REFUSED
    imports.re_enrich(library_import, forget=True)
    go_on()
    from enrichment.dashboard import analytics_of

    row = ImportRow.objects.first()
    assert row.state == State.FAILED
    assert analytics_of(row, []).final_genres


def test_giving_a_source_up_works_its_parked_rows_through_without_it(sources):
    sources.open_library.down = SPENT
    sources.google_books.know(*(make_facts(book["Title"], source="google_books", key=book["Title"]) for book in BOOKS))
    library_import = import_library(make_owner(), *BOOKS)
    assert set(ImportRow.objects.values_list("state", "waiting_for")) == {(State.PARKED, "open_library")}
    assert imports.give_up_source(library_import, "open_library") == 3
    go_on()
    assert set(ImportRow.objects.values_list("state", "outcome", "waiting_for")) == {(State.SUCCEEDED, "matched", "")}
    assert library_import.given_up == ["open_library"]
    assert imports.give_up_source(library_import, "open_library") == 0


def test_a_source_that_was_given_up_is_asked_when_all_is_enriched_again(sources):
    sources.open_library.down = SPENT
    library_import = import_library(make_owner(), *BOOKS)
    imports.give_up_source(library_import, "open_library")
    go_on()
    sources.open_library.down = None
    sources.open_library.know(*(make_facts(book["Title"]) for book in BOOKS))
    assert imports.re_enrich(library_import) == 3
    assert library_import.given_up == []
    go_on()
    assert set(ImportRow.objects.values_list("state", "outcome")) == {(State.SUCCEEDED, "matched")}


def test_cancelling_keeps_what_is_done_and_stops_the_rest(sources):
    library_import = make_import()
    done, waiting = make_row(library_import, state=State.SUCCEEDED), make_row(library_import)
    assert imports.cancel_import(library_import)
    assert not imports.cancel_import(library_import)
    done.refresh_from_db(), waiting.refresh_from_db()
    assert (done.state, waiting.state) == (State.SUCCEEDED, State.CANCELLED)
    with rung_here() as here:
        work(here)
    library_import.refresh_from_db()
    assert (library_import.state, library_import.finishes) == (State.CANCELLED, 1)
    assert sources.asked == []


def test_an_import_past_its_deadline_ends_with_its_rows_failed(sources):
    library_import = make_import(deadline_at=database_now() - timedelta(seconds=1))
    make_row(library_import), make_row(library_import, state=State.SUCCEEDED)
    ImportChunk.objects.create(library_import=library_import, number=1)
    with rung_here() as here:
        work(here)
    library_import.refresh_from_db()
    assert library_import.state == State.SUCCEEDED
    assert library_import.statistics["failed_books"] == 1
    assert ImportRow.objects.get(reason="import_deadline").category == "api_timeout"


def test_a_retry_after_the_deadline_is_not_ended_at_once(sources):
    library_import = make_import(deadline_at=database_now() - timedelta(seconds=1), tolerated_failures=0.0)
    make_row(library_import)
    with rung_here() as here:
        work(here)
    library_import.refresh_from_db()
    assert library_import.state == State.FAILED
    imports.retry_failed(library_import)
    go_on()
    library_import.refresh_from_db()
    assert library_import.state == State.SUCCEEDED


def needing_review(sources) -> ImportRow:
    """Return a row with two candidates of which none was taken, for its export names no author; its import is complete."""
    sources.open_library.search = lambda title, author, *, flow="": (
        make_facts("Momo", "Michael Ende", key="/works/OL1W", language="de"),
        make_facts("Momo", "Jane Doe", key="/works/OL2W"),
    )
    import_library(make_owner(), {"Title": "Momo", "Author": "", "Author l-f": "", "Publisher": ""})
    row = ImportRow.objects.get()
    assert (row.outcome, len(row.candidates)) == ("needs_review", 2)
    return row


def test_a_person_can_accept_a_candidate_and_it_stays_through_re_enrichment(sources, settings):
    settings.DASHBOARD_REBUILD_SECONDS = 0
    row = needing_review(sources)
    name = "open_library:" + row.candidates[-1]["facts"]["key"]
    assert imports.choose_candidate(row, name, by="ada")
    assert (row.outcome, row.chosen, row.state) == ("matched", name, State.SUCCEEDED)
    assert row.book.publisher == "Thienemann"
    imports.re_enrich(row.library_import, forget=True)
    go_on()
    row.refresh_from_db()
    assert (row.outcome, row.chosen) == ("matched", name)
    assert Book.objects.get().publisher == "Thienemann"
    assert RowAttempt.objects.filter(outcome="chosen").count() == 1


def test_choosing_another_candidate_forgets_the_facts_of_the_first(sources):
    row = needing_review(sources)
    keys = ["open_library:" + candidate["facts"]["key"] for candidate in row.candidates]
    german = next(key for key in keys if key.endswith("OL1W"))
    imports.choose_candidate(row, german, by="ada")
    assert Book.objects.get().language == "de"
    other = next(key for key in keys if key != german)
    imports.choose_candidate(row, other, by="ada")
    assert Book.objects.get().language == ""


def test_only_a_candidate_of_the_row_can_be_chosen(sources):
    row = needing_review(sources)
    assert not imports.choose_candidate(row, "open_library:/works/OL99W", by="ada")


def test_a_row_that_a_worker_has_cannot_be_chosen_for(sources):
    row = needing_review(sources)
    ImportRow.objects.update(state=State.RUNNING)
    assert not imports.choose_candidate(row, "open_library:" + row.candidates[0]["facts"]["key"], by="ada")


def test_an_edit_locks_its_fact_and_reaches_the_dashboard(sources, settings):
    settings.DASHBOARD_REBUILD_SECONDS = 0
    library_import = import_library(make_owner(), *BOOKS)
    book = imports.edit_book(Book.objects.get(title="Book 1"), {"title": "My Book", "genres": ["Nonsense"], "pages": 7}, by="ada")
    assert book.locked == ["genres", "pages", "title"]
    assert book.provenance["pages"]["by"] == "ada"
    go_on()
    from tests.enrichment.test_finishing import dashboard

    library_import.refresh_from_db()
    shown = dashboard(library_import)["books"][0]
    assert (shown["title"], shown["genres"], shown["num_pages"]) == ("My Book", ["Nonsense"], 7)


def test_a_fact_can_be_locked_as_it_is_and_unlocked():
    row = make_row()
    now = database_now()
    row.book.learn({"pages": 269}, "open_library", now)
    row.book.save()
    book = imports.lock_fact(row.book, "pages")
    assert (book.locked, book.provenance["pages"]["source"]) == (["pages"], "open_library")
    assert book.learn({"pages": 7}, "open_library", now) == []
    book = imports.unlock_fact(book, "pages")
    assert book.learn({"pages": 7}, "open_library", now) == ["pages"]
    row.library_import.refresh_from_db()
    assert row.library_import.changes == 2  # its dashboard shows a locked fact, too


def test_what_is_no_fact_cannot_be_locked():
    with pytest.raises(KeyError):
        imports.lock_fact(make_row().book, "owner")


@pytest.mark.parametrize(("changes", "error"), [({"owner": 1}, KeyError), ({"title": ""}, ValidationError)])
def test_an_edit_that_makes_no_sense_is_refused(changes, error):
    with pytest.raises(error):
        imports.edit_book(make_row().book, changes, by="ada")


def test_deleting_removes_what_is_the_owners_and_nothing_else(sources):
    owner = make_owner()
    shared, own = {"Book Id": "1", "Title": "Shared"}, {"Book Id": "2", "Title": "Own", "ISBN13": f'="{isbn(2)}"'}
    sources.open_library.know(make_facts("Own", isbns=(isbn(2),)))
    kept = import_library(owner, shared)
    gone = import_library(owner, shared, own)
    files = imports.delete_import(gone)
    assert sorted(files) == [f"data/{gone.pk}.json", f"data/{gone.pk}.json.gz", f"uploads/{gone.pk}/raw.csv"]
    assert not any(default_storage.exists(file) for file in files)
    assert list(Book.objects.values_list("title", flat=True)) == ["Shared"]
    assert list(BookKey.objects.values_list("book__title", flat=True).distinct()) == ["Shared"]
    assert not ImportRow.objects.filter(library_import_id=gone.pk).exists()
    assert not RunEvent.objects.filter(run_id=gone.pk).exists()
    assert EditionRecord.objects.filter(question=f"isbn:{isbn(2)}").exists()
    assert default_storage.exists(LibraryImport.objects.get(pk=kept.pk).dashboard_key)


def test_deleting_keeps_a_book_that_was_evaluated_with_its_copies(sources):
    owner = make_owner()
    gone = import_library(owner, {"Title": "Evaluated"}, {"Title": "Own"})
    copy = make_copy(owner, book=Book.objects.get(title="Evaluated"), status="ON_HAND", purchase_price=120)
    imports.delete_import(gone)
    assert Copy.objects.get().book == copy.book
    assert not Book.objects.filter(title="Own").exists()


@pytest.mark.parametrize("settled", [{"title": "My title"}, {"flagged": True, "flagged_reason": "Lent to Bob"}])
def test_deleting_keeps_a_book_of_which_a_person_settled_something(settled, sources):
    gone = import_library(make_owner(), {"Title": "Settled"}, {"Title": "Own"})
    book = imports.edit_book(Book.objects.get(title="Settled"), settled, by="ada")
    imports.delete_import(gone)
    assert list(Book.objects.all()) == [book]


def test_deleting_takes_a_book_that_a_job_asked_about_and_leaves_its_label():
    job = make_rendered_job(1)
    row = make_row(make_import(job.owner), book=Book.objects.get())
    imports.delete_import(row.library_import)
    assert not Book.objects.exists()
    assert LLMJobItem.objects.get().target_label == "Book 0 — An Author"


def test_a_running_import_can_be_deleted(sources):
    library_import = upload(make_owner(), *BOOKS)
    imports.delete_import(library_import)
    assert not LibraryImport.objects.exists()
