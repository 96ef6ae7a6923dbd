"""The desk: who may see and press what, what each button does, and what a page costs."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import messages
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from bookops.books import Book
from bookops.clock import database_now
from bookops.dispatch import rung_here
from bookops.pulse import beat
from bookops.runs import State
from bookops.source_health import SourceHealth
from enrichment.formats import CellWarning
from enrichment.matching import Candidate, Compared
from enrichment.models import EditionRecord, ImportRow, LibraryImport, RowAttempt, SubjectCount
from tests.api.clients import body_of
from tests.desk import client_of, listing_of, page, press, told
from tests.factories import import_library, library, make_book, make_entry, make_facts, make_import, make_owner, make_row

pytestmark = pytest.mark.django_db

HEADER = library({}).splitlines(keepends=True)[0]
VIEWS = ["view_libraryimport", "view_importrow", "view_book", "view_sourcehealth", "view_editionrecord", "view_runevent", "view_pulse"]
IMPORT_BUTTONS = ["cancel", "retry_failed", "redrive", "re_enrich", "ask_anew", "give_up", "delete"]


@pytest.fixture(autouse=True)
def no_broker():
    """Keep what is rung: these tests press, and do not work."""
    with rung_here() as here:
        yield here


@pytest.fixture
def boss() -> Client:
    return client_of(make_owner("boss", is_staff=True, is_superuser=True))


def make_staff(*permissions: str, name: str = "") -> User:
    user = make_owner(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def level(response: Any) -> int:
    """Return how the last thing told was meant: messages.SUCCESS, WARNING, …"""
    return list(get_messages(response.wsgi_request))[-1].level


def make_candidate(title: str = "Momo", **changes: Any) -> dict[str, Any]:
    compared = (Compared("title", "Momo", title, 0.9), Compared("pages", "", "269", None))
    return Candidate(make_facts(title, **changes), 0.72, compared, "the titles differ").to_json()


def make_doubtful_row(**changes: Any) -> ImportRow:
    candidates = [make_candidate("Momo", key="/books/OL1M"), make_candidate("Mo mo", key="/books/OL2M")]
    return make_row(state=State.SUCCEEDED, outcome="needs_review", score=0.72, candidates=candidates, **changes)


def pages() -> list[str]:
    """Return the address of every page of the desk, each with something on it."""
    library_import = make_import()
    library_import.record("uploaded", filename="library.csv")
    row = make_doubtful_row(library_import=library_import)
    RowAttempt.objects.create(row=row, number=1, outcome="succeeded", ended_at=database_now())
    now = database_now()
    answer = EditionRecord.objects.create(
        source="open_library", question="isbn:1", answer=[make_facts().to_json()], fetched_at=now, expires_at=now
    )
    health = SourceHealth.objects.create(name="open_library", last_error="timeout", last_error_at=now)
    subject = SubjectCount.objects.create(subject="Zeppelins", times=3)
    beat("sweeper")
    shown = [library_import, row, row.book, answer, health, subject]
    upload_form = reverse("admin:enrichment_libraryimport_add")
    others = ["bookops_runevent", "bookops_pulse", "auth_user", "auth_group"]
    return [
        reverse("admin:index"),
        upload_form,
        *(page(one) for one in shown),
        *(listing_of(type(one)) for one in shown),
        *(reverse(f"admin:{other}_changelist") for other in others),
        reverse("admin:auth_user_add"),
    ]


@pytest.mark.themed
def test_every_page_opens(boss):
    for address in pages():
        response = boss.get(address)
        assert response.status_code == 200, address
        assert response.rendered_content


def test_a_stranger_is_asked_to_log_in():
    for address in pages():
        assert Client().get(address).status_code == 302


def test_staff_without_permissions_see_nothing():
    client = client_of(make_staff())
    home, upload_form, *rest = pages()
    assert b"What failed" not in client.get(home).content
    for address in (upload_form, *rest):
        assert client.get(address).status_code == 403, address


def test_staff_who_may_only_look_see_no_buttons():
    client = client_of(make_staff(*VIEWS))
    row = make_doubtful_row(library_import=make_import(state=State.SUCCEEDED))
    for obj in (row, row.library_import, row.book):
        assert b"/press/" not in client.get(page(obj)).content
    assert client.get(reverse("admin:enrichment_libraryimport_add")).status_code == 403
    assert b"Upload" not in client.get(reverse("admin:index")).content


def test_a_press_without_the_permission_is_forbidden():
    client = client_of(make_staff(*VIEWS))
    row = make_doubtful_row()
    for name in IMPORT_BUTTONS:
        assert press(client, row.library_import, name).status_code == 403
    assert press(client, row, "retry").status_code == 403
    assert press(client, row, "accept", "open_library:/books/OL1M").status_code == 403
    assert press(client, row.book, "lock", "title").status_code == 403
    assert press(client, row.book, "unlock", "title").status_code == 403
    assert "press/" not in client.get(page(row.book)).content.decode()
    row.refresh_from_db()
    assert row.outcome == "needs_review"


def test_a_press_needs_the_token_of_its_page():
    boss = client_of(make_owner("boss", is_staff=True, is_superuser=True), enforce_csrf_checks=True)
    library_import = make_import()
    assert press(boss, library_import, "cancel").status_code == 403
    library_import.refresh_from_db()
    assert library_import.state == State.RUNNING


def test_a_press_is_a_post_of_a_button_there_is(boss):
    library_import = make_import()
    address = reverse("admin:enrichment_libraryimport_press", args=[library_import.pk, "cancel"])
    assert boss.get(address).status_code == 405
    assert press(boss, library_import, "explode").status_code == 404
    assert boss.post(address.replace(str(library_import.pk), "nobody")).status_code == 404


def test_who_pressed_what_is_kept(boss):
    library_import = make_import()
    press(boss, library_import, "cancel")
    entry = LogEntry.objects.get(object_id=str(library_import.pk))
    assert (entry.user.username, entry.change_message) == (
        "boss",
        "Cancel import: The import was cancelled: no more of its rows are looked up, and what was done stays.",
    )


def test_staff_see_the_imports_of_all_owners():
    mine, other = make_import(filename="mine.csv"), make_import(filename="theirs.csv")
    shown = client_of(make_staff(*VIEWS)).get(listing_of(LibraryImport)).content.decode()
    assert mine.filename in shown
    assert other.filename in shown


def test_nothing_is_added_or_deleted_by_a_form(boss):
    row = make_row()
    for address in (page(row).replace("change", "delete"), reverse("admin:enrichment_importrow_add"), reverse("admin:bookops_book_add")):
        assert boss.get(address).status_code == 403
    assert boss.post(page(row), {"title": "changed"}).status_code == 403


def upload(client: Client, text: str, **fields: Any) -> Any:
    file = SimpleUploadedFile("library.csv", text.encode(), "text/csv")
    return client.post(reverse("admin:enrichment_libraryimport_add"), {"file": file, **fields})


@pytest.mark.themed
def test_an_export_is_taken_in():
    user = make_staff(*VIEWS, "run_import")
    response = upload(client_of(user), library({"Title": "Momo"}), policy="thorough", tolerated_failures="5")
    library_import = LibraryImport.objects.get()
    assert response.headers["Location"] == page(library_import)
    assert (library_import.owner, library_import.policy, library_import.tolerated_failures) == (user, "thorough", 0.05)
    assert default_storage.exists(library_import.upload_key)


@pytest.mark.themed
def test_a_file_that_was_uploaded_before_is_taken_and_named_with_a_link(boss):
    text = library({"Title": "<b>Momo</b>"})
    upload(boss, text)
    first = LibraryImport.objects.get()
    assert "was taken in" in told(upload(boss, text, owner=make_owner("reader").username))
    response = upload(boss, text)
    assert level(response) == messages.WARNING
    assert f'the same file as <a href="{page(first)}">' in told(response)
    again = boss.get(response.headers["Location"]).content.decode()
    assert f'the same file as <a href="{page(first)}">' in again
    assert "the same file as" not in boss.get(page(first)).content.decode()


@pytest.mark.themed
def test_a_refusal_is_shown_with_its_remedy(boss):
    response = upload(boss, "a,b\n1,2\n")
    assert response.status_code == 200
    [refusal] = response.context["form"].errors["file"]
    assert "Goodreads" in refusal
    assert not LibraryImport.objects.exists()


@pytest.mark.parametrize(("text", "words"), [("", "The file is empty."), (HEADER, "no books below it.")])
def test_a_file_without_books_is_refused_by_name_and_with_a_remedy(boss, text, words):
    [refusal] = upload(boss, text).context["form"].errors["file"]
    assert refusal.startswith("library.csv: ")
    assert words in refusal
    assert "upload" in refusal
    assert not LibraryImport.objects.exists()


def test_a_superuser_uploads_for_someone_else(boss):
    reader = make_owner("reader")
    upload(boss, library({"Title": "Momo"}), owner="reader")
    assert LibraryImport.objects.get().owner == reader


def test_an_unknown_owner_is_refused(boss):
    response = upload(boss, library({"Title": "Momo"}), owner="nobody")
    assert response.context["form"].errors["owner"] == ["There is no user of that name."]


def test_other_staff_upload_for_themselves_only():
    user = make_staff("view_libraryimport", "run_import")
    make_owner("reader")
    upload(client_of(user), library({"Title": "Momo"}), owner="reader")
    assert LibraryImport.objects.get().owner == user


def test_cancel_stops_an_import(boss):
    row = make_row()
    assert "was cancelled" in told(press(boss, row.library_import, "cancel"))
    row.refresh_from_db()
    assert row.state == row.library_import.state == State.CANCELLED
    assert "upload the file again" in boss.get(page(row.library_import)).content.decode()
    assert "had ended already" in told(press(boss, row.library_import, "cancel"))


@pytest.mark.parametrize(
    ("button", "moved"), [("retry_failed", {"failed", "dead"}), ("redrive", {"dead"}), ("re_enrich", {"failed", "dead", "succeeded"})]
)
def test_a_button_sends_rows_round_again(boss, button, moved):
    library_import = make_import(state=State.SUCCEEDED)
    rows = {state: make_row(library_import, state=state) for state in ("failed", "dead", "succeeded")}
    unreadable = make_row(library_import, number=99, state=State.FAILED, book=None)
    ImportRow.objects.filter(pk=unreadable.pk).update(entry={})
    response = press(boss, library_import, button)
    assert told(response).startswith(f"{len(moved)} row")
    pending = set(ImportRow.objects.filter(state=State.PENDING))
    assert pending == {rows[state] for state in moved}


def test_a_button_that_finds_nothing_to_do_says_so_as_a_warning(boss):
    response = press(boss, make_import(), "redrive")
    assert told(response) == "No row was sent round again: there is none that could be."
    assert level(response) == messages.WARNING
    assert level(press(boss, make_row(state=State.DEAD).library_import, "redrive")) == messages.SUCCESS


def test_a_retry_that_cannot_help_is_not_offered(boss):
    library_import = make_import(state=State.SUCCEEDED)
    make_row(library_import, state=State.FAILED, reason="title_missing")
    assert "/press/retry_failed/" not in boss.get(page(library_import)).content.decode()
    make_row(library_import, state=State.FAILED, reason="timeout")
    assert "/press/retry_failed/" in boss.get(page(library_import)).content.decode()


def test_an_action_that_finds_nothing_to_do_says_so_as_a_warning(boss):
    ended = make_import(state=State.SUCCEEDED)
    response = boss.post(listing_of(LibraryImport), {"action": "cancel_selected", "_selected_action": [ended.pk]})
    assert (told(response), level(response)) == ("Cancelled: none. They had ended already.", messages.WARNING)


def test_ask_anew_forgets_what_was_told(boss):
    row = make_row(make_import(state=State.SUCCEEDED), state=State.SUCCEEDED)
    now = database_now()
    EditionRecord.objects.create(
        source="open_library", question="title:momo|ende michael", answer=[], sandbox=True, fetched_at=now, expires_at=now
    )
    press(boss, row.library_import, "ask_anew")
    row.refresh_from_db()
    assert row.state == State.PENDING
    assert not EditionRecord.objects.exists()


def test_a_source_is_given_up(boss):
    row = make_row(make_import(state=State.SUCCEEDED), state=State.PARKED, waiting_for="google_books")
    shown = boss.get(page(row.library_import)).content.decode()
    assert "Go on without it" in shown
    assert told(press(boss, row.library_import, "give_up", "google_books")) == "1 row was sent on without Google Books."
    row.library_import.refresh_from_db()
    assert row.library_import.given_up == ["google_books"]
    assert "no such source" in told(press(boss, row.library_import, "give_up", "amazon"))


def test_deleting_asks_first_and_takes_all_with_it(boss):
    upload(boss, library({"Title": "Momo"}))
    library_import = LibraryImport.objects.get()
    make_row(library_import)
    shown = boss.get(page(library_import)).content.decode()
    assert re.search(r"<details.*?removed for good.*?/press/delete/", shown, re.DOTALL)
    response = press(boss, library_import, "delete")
    assert response.headers["Location"] == listing_of(LibraryImport)
    assert not LibraryImport.objects.exists()
    assert not Book.objects.exists()
    assert not default_storage.exists(library_import.upload_key)


@pytest.mark.themed
def test_actions_of_the_list_do_the_same(boss):
    dead = make_row(make_import(state=State.SUCCEEDED), state=State.DEAD)
    running = make_import()
    chosen = {"_selected_action": [dead.library_import.pk, running.pk]}
    assert told(boss.post(listing_of(LibraryImport), {"action": "redrive_selected", **chosen})) == "1 row was sent round again."
    assert "Cancelled: 1" in told(boss.post(listing_of(LibraryImport), {"action": "cancel_selected", **chosen}))
    ImportRow.objects.update(state=State.FAILED)
    response = boss.post(listing_of(ImportRow), {"action": "retry_selected", "_selected_action": [dead.pk]})
    assert told(response) == "1 row was sent round again."


def live(client: Client, library_import: LibraryImport) -> Any:
    return client.get(reverse("admin:enrichment_libraryimport_live", args=[library_import.pk]))


def test_the_live_view_tells_how_far_an_import_is(boss):
    library_import = make_import(rows_read=4)
    for state in ("succeeded", "succeeded", "failed", "pending"):
        make_row(library_import, state=state)
    news = live(boss, library_import).json()
    assert (news["state"], news["look_again_in"]) == ("running", 2)
    assert "3 / 4" in news["parts"]["now"]
    assert "75.0 %" in news["parts"]["now"]


def test_it_is_asked_less_often_while_only_a_source_is_waited_for_and_never_after_the_end(boss):
    waiting = make_row(make_import(state=State.SUCCEEDED), state=State.PARKED, waiting_for="google_books")
    done = make_row(make_import(state=State.SUCCEEDED), state=State.SUCCEEDED)
    assert live(boss, waiting.library_import).json()["look_again_in"] == 15
    assert live(boss, done.library_import).json()["look_again_in"] == 0


@pytest.mark.themed
def test_rows_that_wait_are_told_where_an_import_is_said_to_have_succeeded(boss):
    done = make_import(state=State.SUCCEEDED, rows_read=2, filename="waits.csv")
    make_row(done, state=State.SUCCEEDED)
    until = database_now() + timedelta(hours=3, minutes=1)
    make_row(done, state=State.PARKED, waiting_for="google_books", next_at=until)
    head, progress = live(boss, done).json()["parts"]["now"].replace("\xa0", " ").split("desk-big")
    for words in ("1 wait<", "1 row waits for Google Books", "arrives by itself", "in 3 hours"):
        assert words in head, words
    assert until.isoformat()[:16] not in re.sub(r"<time [^>]*>", "", head)
    for address in (listing_of(LibraryImport), reverse("admin:index")):
        assert ">succeeded · 1 wait<" in boss.get(address).content.decode(), address
    assert "1 / 2" in progress and "50.0 %" in progress


@pytest.mark.parametrize(("sandbox", "outcome", "told"), [(True, "not_found", True), (True, "matched", False), (False, "not_found", False)])
def test_where_the_sandbox_knows_not_a_book_the_page_says_how_to_find_it(boss, sandbox, outcome, told):
    row = make_row(make_import(state=State.SUCCEEDED, sandbox=sandbox), state=State.SUCCEEDED, outcome=outcome)
    assert ("CATALOGUE=" in boss.get(page(row.library_import)).content.decode()) is told


@pytest.mark.themed
def test_rows_without_a_match_are_handed_out_as_csv(boss):
    library_import = make_import(state=State.SUCCEEDED)
    make_row(library_import, entry=make_entry(title="Known book"), state=State.SUCCEEDED, outcome="matched")
    address = reverse("admin:enrichment_libraryimport_unmatched", args=[library_import.pk])
    assert address not in boss.get(page(library_import)).content.decode()
    make_row(library_import, entry=make_entry(2, title="Unknown book"), state=State.SUCCEEDED, outcome="not_found")
    assert address in boss.get(page(library_import)).content.decode()
    assert client_of(make_staff()).get(address).status_code == 403
    lines = body_of(boss.get(address)).decode().splitlines()
    assert len(lines) == 2
    assert "Unknown book" in lines[1]


def test_a_row_that_was_not_found_is_not_shown_as_a_success(boss):
    row = make_row(make_import(state=State.SUCCEEDED), state=State.SUCCEEDED, outcome="not_found")
    for address in (page(row), listing_of(ImportRow)):
        assert "desk-succeeded" not in boss.get(address).content.decode()
    ImportRow.objects.update(outcome="matched")
    assert "desk-succeeded" in boss.get(page(row)).content.decode()


def test_the_timeline_speaks_no_code(boss):
    library_import = make_import(state=State.SUCCEEDED)
    library_import.record("finished", waiting=[{"source": "google_books", "until": "2026-11-23T03:40:49+00:00"}], total_books=2)
    timeline = live(boss, library_import).json()["parts"]["timeline"]
    assert "total books 2" in timeline
    assert "{" not in timeline


def test_the_live_view_is_not_for_everybody():
    library_import = make_import()
    assert live(client_of(make_staff()), library_import).status_code == 403
    assert live(Client(), library_import).status_code == 302
    LibraryImport.objects.all().delete()
    assert live(client_of(make_staff(*VIEWS)), library_import).status_code == 404


@pytest.mark.themed
def test_an_import_page_shows_calls_left_and_the_forecast(boss):
    library_import = make_import(started_at=database_now() - timedelta(minutes=1))
    for _ in range(10):
        make_row(library_import, state=State.SUCCEEDED, chunk=1, ended_at=database_now())
    make_row(library_import)
    shown = boss.get(page(library_import)).content.decode()
    assert "of 1000, anew" in shown
    assert "as it looks now" in shown


@pytest.mark.django_db(transaction=True)
@pytest.mark.themed
def test_a_finished_import_has_charts_and_files(boss, sources):
    sources.open_library.know(make_facts("Momo"))
    library_import = import_library(make_owner(), {"Title": "Momo", "My Rating": "5"}, {"Title": "Nobody knows"})
    shown = boss.get(page(library_import)).content.decode()
    assert "5 ★" in shown
    assert re.search(r"<caption>Genres</caption>.*?Fantasy", shown, re.DOTALL)
    for name, start in (("dashboard", b'{"export_id"'), ("upload", b"Book Id")):
        response = boss.get(reverse(f"admin:enrichment_libraryimport_{name}", args=[library_import.pk]))
        assert body_of(response).startswith(start)
        assert response.headers["Content-Disposition"].startswith("attachment")


def test_files_that_are_not_there_are_not_found(boss):
    for name in ("dashboard", "upload"):
        assert boss.get(reverse(f"admin:enrichment_libraryimport_{name}", args=[make_import().pk])).status_code == 404


@pytest.mark.themed
def test_rows_are_found_by_import_reason_and_outcome(boss):
    one, other = make_import(), make_import()
    failed = make_row(one, state=State.FAILED, reason="timeout", entry=make_entry(1, title="Failed book"))
    make_row(other, state=State.FAILED, reason="timeout", entry=make_entry(1, title="Elsewhere"))
    make_doubtful_row(library_import=one, entry=make_entry(2, title="Doubtful book"))

    def found(**filters: Any) -> set[str]:
        return {row.title for row in boss.get(listing_of(ImportRow), filters).context["cl"].result_list}

    assert found(**{"import": one.pk, "reason": "timeout"}) == {failed.title}
    assert found(**{"import": one.pk, "outcome": "needs_review"}) == {"Doubtful book"}
    assert found(state__exact="failed") == {"Failed book", "Elsewhere"}
    assert found(**{"import": "nonsense"}) == set()
    assert found(q="elsewhere") == {"Elsewhere"}


def test_what_waits_for_a_person_is_the_first_filter_of_matches(boss):
    specs = boss.get(listing_of(ImportRow)).context["cl"].filter_specs
    [outcomes] = [spec for spec in specs if spec.title == "match"]
    assert outcomes.lookup_choices[0][0] == "needs_review"


def test_a_row_that_could_not_be_read_shows_its_cells(boss):
    row = make_row(state=State.FAILED, reason="width_wrong", detail="Line 7: it has 3 cells.", book=None, line=7)
    ImportRow.objects.filter(pk=row.pk).update(entry={}, raw={"Title": "A, B", "Author": "C"})
    shown = boss.get(page(row)).content.decode()
    assert "A, B" in shown
    assert "Line 7: it has 3 cells." in shown
    assert "press/retry" not in shown


@pytest.mark.themed
def test_candidates_are_compared_and_one_is_accepted(boss):
    row = make_doubtful_row()
    shown = boss.get(page(row)).content.decode()
    assert shown.count(">Accept<") == 2
    assert "the titles differ" in shown
    assert "not comparable" in shown
    press(boss, row, "accept", "open_library:/books/OL2M")
    row.refresh_from_db()
    assert (row.outcome, row.chosen) == ("matched", "open_library:/books/OL2M")
    assert Book.objects.get(rows=row).publisher == "Thienemann"
    assert boss.get(page(row)).content.decode().count(">Accept<") <= 1


def test_a_candidate_that_is_none_is_refused(boss):
    row = make_doubtful_row()
    assert "none of this row" in told(press(boss, row, "accept", "open_library:/books/OL9M"))
    row.refresh_from_db()
    assert row.outcome == "needs_review"


def test_a_row_is_retried(boss):
    row = make_row(state=State.DEAD, reason="timeout")
    assert told(press(boss, row, "retry")) == "1 row was sent round again."
    row.refresh_from_db()
    assert row.state == State.PENDING


def edit(client: Client, book: Book, **changes: Any) -> Any:
    form = client.get(page(book)).context["adminform"].form
    values = {name: "" if value is None else value for name, value in form.initial.items() if name in form.fields}
    return client.post(page(book), values | changes)


@pytest.mark.themed
def test_saving_locks_what_was_changed_and_nothing_else(boss):
    book = make_book(genres=[{"name": "Fantasy", "parent": "Fiction", "score": 0.7, "because": ["x"]}])
    assert edit(boss, book, title="Momo und die grauen Herren", pages="304").status_code == 302
    book.refresh_from_db()
    assert (book.title, book.pages, book.locked) == ("Momo und die grauen Herren", 304, ["pages", "title"])
    assert book.provenance["title"]["by"] == "boss"
    assert book.genres[0]["because"] == ["x"]


def test_saving_what_is_there_locks_nothing(boss):
    book = make_book(genres=[{"name": "Fantasy", "parent": "", "score": 0.7, "because": []}])
    edit(boss, book)
    book.refresh_from_db()
    assert (book.locked, book.version) == ([], 1)


def test_genres_are_typed_one_a_line(boss):
    book = make_book()
    edit(boss, book, genre_names="Fantasy\r\n\r\nClassics\r\nFantasy\r\n")
    book.refresh_from_db()
    assert [genre["name"] for genre in book.genres] == ["Fantasy", "Classics"]
    assert book.locked == ["genres"]


@pytest.mark.parametrize("changes", [{"cover_url": "http://example.org/a.jpg"}, {"cover_url": "javascript:alert(1)"}, {"title": ""}])
def test_a_value_that_a_book_cannot_have_is_refused_in_the_form(boss, changes):
    book = make_book()
    response = edit(boss, book, **changes)
    assert response.status_code == 200
    assert response.context["errors"]
    book.refresh_from_db()
    assert (book.cover_url, book.title) == ("", "Momo")


def test_a_fact_that_is_right_is_locked(boss):
    provenance = {"pages": {"source": "open_library", "at": "2026-01-02T03:04:05+00:00"}}
    book = make_book(pages=269, provenance=provenance)
    assert "press/lock" in boss.get(page(book)).content.decode()
    press(boss, book, "lock", "pages")
    book.refresh_from_db()
    assert (book.locked, book.provenance) == (["pages"], provenance)
    assert "press/unlock" in boss.get(page(book)).content.decode()
    assert told(press(boss, book, "lock", "owner")) == "There is no such fact."
    book.refresh_from_db()
    assert book.locked == ["pages"]


def test_a_fact_is_unlocked(boss):
    book = make_book(locked=["title"], provenance={"title": {"source": "person", "by": "boss", "at": "2026-01-02T03:04:05+00:00"}})
    assert "press/unlock" in boss.get(page(book)).content.decode()
    press(boss, book, "unlock", "title")
    book.refresh_from_db()
    assert book.locked == []


@pytest.mark.themed
def test_a_book_that_nothing_refers_to_is_deleted_on_its_page(boss):
    book = make_book(locked=["title"])
    assert "Delete book" in boss.get(page(book)).content.decode()
    assert "Delete book" not in client_of(make_staff(*VIEWS, "change_book")).get(page(book)).content.decode()
    response = press(boss, book, "delete")
    assert "was deleted" in told(response)
    assert response.headers["Location"] == listing_of(Book)
    assert not Book.objects.exists()


def test_a_book_of_an_import_is_not_deleted_on_its_page(boss):
    book = make_row().book
    assert "Delete book" not in boss.get(page(book)).content.decode()
    response = press(boss, book, "delete")
    assert level(response) == messages.WARNING
    assert Book.objects.get() == book


@pytest.mark.themed
def test_who_may_only_look_cannot_save():
    client = client_of(make_staff(*VIEWS))
    book = make_book()
    assert client.get(page(book)).status_code == 200
    assert client.post(page(book), {"title": "changed"}).status_code == 403


@pytest.mark.parametrize("allowed", [True, False])
def test_covers_from_outside_are_shown_only_where_that_is_allowed(boss, settings, allowed):
    settings.SHOW_OUTSIDE_COVERS = allowed
    book = make_book(cover_url="https://covers.openlibrary.org/b/id/1-L.jpg")
    assert ("<img" in boss.get(page(book)).content.decode().split('class="desk"')[1]) is allowed


def test_a_source_says_how_it_stands(boss):
    until = database_now() + timedelta(hours=3)
    health = SourceHealth.objects.create(
        name="google_books", calls=5, errors=2, last_error="http_503", last_error_at=database_now(), parked_until=until
    )
    make_row(state=State.PARKED, waiting_for="google_books")
    shown = boss.get(page(health)).content.decode()
    for words in ("http_503", "5, 2 failed", "of 1000", "closed", "in 2 hours, 59 minutes"):
        assert words in shown.replace("\xa0", " ")


@pytest.mark.themed
def test_the_home_page_says_what_runs_and_what_failed(boss):
    running = make_import(filename="running.csv")
    make_row(running, state=State.DEAD, reason="timeout")
    make_doubtful_row(library_import=running)
    make_row(running, state=State.PARKED, waiting_for="google_books")
    make_import(filename="broken.csv", state=State.FAILED, reason="too_many_failures", detail="3 of 4 rows failed")
    shown = boss.get(reverse("admin:index")).content.decode()
    for words in (
        "running.csv",
        "2 / 3",
        "1 wait for a source",
        "3 of 4 rows failed",
        "did not answer in time",
        "given up after all attempts",
        "match to review",
        "No sweeper has",
    ):
        assert words in shown, words
    beat("sweeper")
    beat("worker:here:1")
    assert "No sweeper has" not in boss.get(reverse("admin:index")).content.decode()


MODELS = [LibraryImport, ImportRow, Book, EditionRecord, SubjectCount, SourceHealth]


def make_many(number: int) -> None:
    now = database_now()
    for at in range(number):
        make_doubtful_row(library_import=make_import(state=State.RUNNING if at % 2 else State.SUCCEEDED))
        EditionRecord.objects.create(source="open_library", question=f"isbn:{at}{number}", fetched_at=now, expires_at=now)
        SubjectCount.objects.create(subject=f"Subject {at} {number}")
        SourceHealth.objects.create(name=f"source {at} {number}")


@pytest.mark.parametrize("model", MODELS)
def test_a_list_costs_the_same_with_fifty_rows(boss, model, django_assert_max_num_queries):
    make_many(1)
    with django_assert_max_num_queries(20) as few:
        boss.get(listing_of(model))
    make_many(49)
    with django_assert_max_num_queries(len(few)):
        changelist = boss.get(listing_of(model)).context["cl"]
    assert len(changelist.result_list) == min(changelist.list_per_page, 50)


def test_pages_cost_the_same_with_fifty_rows(boss, django_assert_max_num_queries):
    row = make_doubtful_row(library_import=make_import(state=State.SUCCEEDED))
    costs = {}
    for address in (reverse("admin:index"), page(row.library_import), page(row), page(row.book)):
        with django_assert_max_num_queries(40) as few:
            boss.get(address)
        costs[address] = len(few)
    for _ in range(49):
        make_doubtful_row(library_import=row.library_import)
    for address, cost in costs.items():
        with django_assert_max_num_queries(cost):
            boss.get(address)


@pytest.mark.parametrize("model", [LibraryImport, ImportRow, Book, EditionRecord])
def test_no_list_counts_a_whole_table(boss, model, django_assert_max_num_queries):
    make_many(1)
    with django_assert_max_num_queries(20) as captured:
        boss.get(listing_of(model))
    counts = [query["sql"] for query in captured if re.match(r"SELECT COUNT\(\*\)", query["sql"])]
    assert counts
    assert all("LIMIT" in sql for sql in counts)


@pytest.mark.themed
@pytest.mark.once
def test_no_text_from_outside_becomes_markup(boss):
    evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    library_import = make_import(filename=evil, reason=evil[:40], detail=evil)
    library_import.record("uploaded", filename=evil)
    candidates = [make_candidate(evil, key=evil, publisher=evil)]
    row = make_row(
        library_import,
        entry=make_entry(title=evil, author=evil),
        candidates=candidates,
        outcome="needs_review",
        reason=evil[:40],
        raw={evil: evil},
    )
    Book.objects.filter(rows=row).update(
        publisher=evil,
        description=evil,
        genres=[{"name": evil, "parent": evil, "score": 1, "because": [evil]}],
        subjects={"open_library": [evil]},
        provenance={"title": {"source": evil, "by": evil, "at": "2026-01-01T00:00:00+00:00"}},
    )
    SourceHealth.objects.create(name="open_library", last_error=evil)
    addresses = [page(library_import), page(row), page(row.book), reverse("admin:index"), reverse("admin:bookops_runevent_changelist")]
    for address in (*addresses, *(listing_of(model) for model in MODELS)):
        shown = boss.get(address).content.decode()
        assert "<script>alert" not in shown, address
        assert "<img src=x" not in shown, address


def test_what_could_not_be_used_is_counted_on_the_import_and_explained_on_the_row(boss):
    library_import = make_import(cells_left_out={"Date Read": 2})
    warning = CellWarning("Date Read", "4/5/2021", "date_swappable", "Line 2, Date Read: “4/5/2021” was left out: <why>.")
    row = make_row(library_import, entry=make_entry(warnings=(warning,)))
    whole = make_row(library_import)
    assert "Cells that could not be used" not in boss.get(page(make_import())).content.decode()
    shown = boss.get(page(library_import)).content.decode()
    [address] = re.findall(r'<a href="([^"]+)">their rows</a>', shown)
    assert re.search(r"Date Read</bdi></th><td[^>]*>2</td>", shown)
    listed = boss.get(html.unescape(address)).content.decode()
    assert page(row) in listed and page(whole) not in listed
    assert "was left out: &lt;why&gt;." in boss.get(page(row)).content.decode()
