"""Undo: of one answer at once, of a whole job by workers that may end anywhere."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from bookops.books import Book
from bookops.clock import database_now
from bookops.dispatch import Here, rung_here
from bookops.events import RunEvent
from bookops.purposes import purpose_named
from enrichment.imports import edit_book
from llmjobs import undoing
from llmjobs.admin.job_buttons import undone_words
from llmjobs.applying import apply_results
from llmjobs.jobs import retry_failed
from llmjobs.models import JobUndo, LLMJob, LLMJobItem, Proposal
from llmjobs.providers import Result, Verdict
from llmjobs.reviewing import accept
from llmjobs.sweeping import sweep_jobs
from llmjobs.undoing import Undone, undo_item, undo_job, work_on_undo
from tests.concurrency import at_once
from tests.factories import make_owner
from tests.llmjobs.crashing import crashes_at
from tests.llmjobs.desk import make_answered, proposals_of
from tests.llmjobs.factories import items_of
from tests.llmjobs.results import answer, flagging, make_sent_job, send, word
from tests.llmjobs.test_crashes import all_writes

pytestmark = pytest.mark.django_db

TWO_MODELS = ({"model": "gpt-6-luna"}, {"model": "gpt-6.1-sol"})


@pytest.fixture(autouse=True)
def here():
    with rung_here() as here:
        yield here


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(undoing, "CHUNK", 2)


def undo_all(job: LLMJob) -> JobUndo:
    """Ask for a job to be undone, and do it."""
    undo = undo_job(job, by=job.owner)
    assert undo is not None
    work_on_undo(undo.pk)
    undo.refresh_from_db()
    assert undo.ended_at
    return undo


def describing(item: LLMJobItem, description: str) -> Result:
    return answer(item.provider_task_id, json.dumps({"description": description, "confidence": 0.9}))


def ids_of(job: LLMJob) -> list[int]:
    return [proposal.pk for proposal in proposals_of(job)]


def test_undoing_a_job_puts_everything_back():
    job = make_answered(3, policy="apply", label="J")

    undone = undo_all(job)

    assert (undone.undone, undone.kept) == (3, 0)
    for book in Book.objects.all():
        assert (book.flagged, book.flagged_reason, book.provenance, book.locked) == (False, "", {}, [])
    assert {one.state for one in proposals_of(job)} == {"undone"}
    assert RunEvent.objects.filter(run_id=job.pk, kind="undone").exists()


def test_undoing_what_was_accepted_unlocks_it_too():
    job = make_answered(1)
    accept(ids_of(job), by=job.owner)

    undo_all(job)

    assert (Book.objects.get().flagged, Book.objects.get().locked) == (False, [])


def test_undoing_one_answer_leaves_the_others():
    job = make_answered(2, policy="apply")

    undo_item(items_of(job)[0], by=job.owner)

    assert sorted(Book.objects.values_list("flagged", flat=True)) == [False, True]


def test_what_a_person_touched_since_stays():
    job = make_answered(2, policy="apply")
    edit_book(Book.objects.order_by("pk")[0], {"flagged_reason": "Mine"}, by="me")

    undone = undo_all(job)

    assert (undone.undone, undone.kept) == (2, 1)
    first, second = Book.objects.order_by("pk")
    assert (first.flagged, first.flagged_reason) == (False, "Mine")
    assert (second.flagged, second.flagged_reason) == (False, "")


def test_what_a_person_confirmed_since_stays_though_it_is_the_same():
    job = make_answered(1, policy="apply")
    edit_book(Book.objects.get(), {"flagged": True, "flagged_reason": "J: A box set."}, by="me")

    assert undo_all(job).undone == 0
    assert Book.objects.get().flagged
    assert proposals_of(job)[0].state == "applied"


def test_two_jobs_are_undone_in_either_order_back_to_where_the_facts_came_from():
    owner = make_owner()
    first = make_answered(1, policy="apply", owner=owner, label="First")
    book = Book.objects.get()
    LLMJob.objects.filter(pk=first.pk).update(state="succeeded")
    second = make_answered(1, policy="apply", owner=owner, label="Second")
    LLMJobItem.objects.filter(job=second).update(target_id=book.pk)
    Proposal.objects.filter(job=second).delete()
    LLMJobItem.objects.filter(job=second).update(state="running", stage="processing", target_version=2)
    [item] = items_of(second)
    apply_results(second.pk, {item.pk: answer(item.provider_task_id, flagging(reason="A sampler."))})
    book.refresh_from_db()
    assert book.flagged_reason == "Second: A sampler."

    undo_all(second)
    book.refresh_from_db()
    assert book.flagged_reason == "First: A box set."
    assert book.provenance["flagged_reason"]["job"] == first.source

    undo_all(first)
    book.refresh_from_db()
    assert (book.flagged, book.flagged_reason, book.provenance) == (False, "", {})


def test_undoing_twice_does_it_once():
    job = make_answered(1, policy="apply")
    undo_all(job)
    version = Book.objects.get().version

    assert undo_job(job, by=job.owner) is None
    assert Book.objects.get().version == version


def test_a_fact_of_a_source_comes_back_under_its_name():
    job = make_sent_job(1, purpose="describe", policy="apply")
    Book.objects.update(description="Old.", provenance={"description": {"source": "openlibrary", "at": "2026-01-01"}})
    [item] = items_of(job)
    apply_results(job.pk, {item.pk: answer(item.provider_task_id, '{"description": "A novel about time and thieves.", "confidence": 1}')})
    assert Book.objects.get().description.startswith("A novel")

    undo_all(job)

    book = Book.objects.get()
    assert (book.description, book.provenance["description"]["source"]) == ("Old.", "openlibrary")


def test_undoing_what_two_models_agreed_about_undoes_both():
    job = make_answered(1, asks=TWO_MODELS)

    undo_item(items_of(job)[0], by=job.owner)

    assert {one.state for one in proposals_of(job)} == {"undone"}
    assert not Book.objects.get().flagged


def test_of_two_answers_that_were_written_in_turn_the_last_is_undone_first():
    job = make_sent_job(1, asks=TWO_MODELS, purpose="describe")
    first, second = items_of(job)
    refused = word(second.provider_task_id, Verdict.REFUSED, reason="refused")
    apply_results(job.pk, {first.pk: describing(first, "A novel about time and thieves."), second.pk: refused})
    accept(ids_of(job), by=job.owner)
    assert retry_failed(job) == 1
    second.refresh_from_db()
    send(job, [second])
    apply_results(job.pk, {second.pk: describing(second, "A novel for all ages.")})
    accept(ids_of(job), by=job.owner)
    assert Book.objects.get().description == "A novel for all ages."

    undo = undo_all(job)

    assert (undo.undone, undo.kept) == (2, 0)
    assert Book.objects.get().description == ""
    assert {one.state for one in proposals_of(job)} == {"undone"}


# A whole job, by workers.


def test_where_nothing_stands_as_it_was_written_nothing_is_begun():
    job = make_answered(1)

    assert undo_job(job, by=job.owner) is None
    assert not JobUndo.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_asking_only_rings_and_a_worker_undoes(here: Here):
    job = make_answered(2, policy="apply")
    here.work(threads=1)

    undo = undo_job(job, by=job.owner)

    assert (undo.total, undo.done, undo.ended_at) == (2, 0, None)
    assert Book.objects.filter(flagged=True).count() == 2
    here.work(threads=1)
    undo.refresh_from_db()
    assert (undo.done, undo.undone) == (2, 2)
    assert not Book.objects.filter(flagged=True).exists()


def test_it_tells_by_whom_and_what_came_of_it():
    job = make_answered(2, policy="apply")
    edit_book(Book.objects.first(), {"flagged_reason": "Mine"}, by="me")

    undo_all(job)

    *_, asked, done = RunEvent.objects.filter(run_id=job.pk).order_by("seq")
    assert (asked.kind, asked.payload) == ("undo_asked", {"answers": 2, "by": job.owner_id})
    assert (done.kind, done.payload) == ("undone", {"answers": 2, "kept": 1, "failed": 0, "by": job.owner_id})


def test_asking_while_it_goes_on_is_the_same_undo():
    job = make_answered(2, policy="apply")

    first = undo_job(job, by=job.owner)

    assert undo_job(job, by=make_owner()) == first
    assert RunEvent.objects.filter(run_id=job.pk, kind="undo_asked").count() == 1


def test_what_is_accepted_after_it_was_asked_stays():
    job = make_answered(3)
    before, after, _ = ids_of(job)
    accept([before], by=job.owner)
    undo = undo_job(job, by=job.owner)
    accept([after], by=job.owner)

    work_on_undo(undo.pk)

    assert [one.state for one in proposals_of(job)] == ["undone", "applied", "waiting"]
    assert [book.flagged for book in Book.objects.order_by("pk")] == [False, True, False]


def test_what_is_answered_after_it_was_asked_stays():
    job = make_sent_job(2, policy="apply")
    first, second = items_of(job)
    apply_results(job.pk, {first.pk: answer(first.provider_task_id)})
    undo = undo_job(job, by=job.owner)
    apply_results(job.pk, {second.pk: answer(second.provider_task_id)})

    work_on_undo(undo.pk)

    undo.refresh_from_db()
    assert (undo.total, undo.undone) == (1, 1)
    assert [book.flagged for book in Book.objects.order_by("pk")] == [False, True]


def test_an_answer_that_is_undone_by_itself_meanwhile_is_undone_once():
    job = make_answered(2, policy="apply")
    undo = undo_job(job, by=job.owner)
    undo_item(items_of(job)[0], by=job.owner)

    work_on_undo(undo.pk)

    undo.refresh_from_db()
    assert (undo.undone, undo.done, undo.ended_at is None) == (1, 2, False)
    assert set(Book.objects.values_list("version", flat=True)) == {3}


def test_it_gives_its_worker_back_after_its_turn(here: Here, monkeypatch, small_chunks, django_capture_on_commit_callbacks):
    job = make_answered(5, policy="apply")
    undo = undo_job(job, by=job.owner)
    monkeypatch.setattr(undoing, "TURN", -1)

    with django_capture_on_commit_callbacks() as rung:
        work_on_undo(undo.pk)

    undo.refresh_from_db()
    assert (undo.done, undo.ended_at, len(rung)) == (0, None, 1)


def test_a_worker_that_is_rung_late_does_nothing():
    job = make_answered(1, policy="apply")
    undo = undo_all(job)
    events = RunEvent.objects.filter(run_id=job.pk).count()

    work_on_undo(undo.pk)
    work_on_undo(undo.pk + 1)

    assert RunEvent.objects.filter(run_id=job.pk).count() == events


def test_the_sweeper_rings_for_what_nobody_is_at():
    job = make_answered(1, policy="apply")
    undo_job(job, by=job.owner)
    assert sweep_jobs(database_now())["undos_rung"] == 0

    later = database_now() + timedelta(minutes=1)

    assert sweep_jobs(later)["undos_rung"] == 1
    assert sweep_jobs(later)["undos_rung"] == 0


def test_nobody_is_rung_for_what_has_ended():
    undo_all(make_answered(1, policy="apply"))

    assert sweep_jobs(database_now() + timedelta(minutes=1))["undos_rung"] == 0


def test_each_chunk_puts_off_the_next_bell(small_chunks):
    job = make_answered(3, policy="apply")
    undo = undo_job(job, by=job.owner)
    JobUndo.objects.update(ring_at=database_now())

    undoing._put_back_chunk(undo, ids_of(job)[:0:-1])

    assert sweep_jobs(database_now())["undos_rung"] == 0
    undo.refresh_from_db()
    assert (undo.done, undo.undone) == (2, 2)


def test_an_answer_that_cannot_be_put_back_keeps_no_other(monkeypatch, small_chunks):
    job = make_answered(5, policy="apply")
    purpose, bad = purpose_named("flag"), Book.objects.order_by("pk")[2].pk
    puts_back = purpose.undo

    def undo(applied, source, now):
        if any(book.pk == bad for book, _ in applied):
            raise ValueError("a fault of ours")
        return puts_back(applied, source, now)

    monkeypatch.setattr(purpose, "undo", undo)

    told = undo_all(job)

    assert (told.done, told.undone, told.failed) == (5, 4, 1)
    assert list(Book.objects.filter(flagged=True).values_list("pk", flat=True)) == [bad]


def test_hundreds_are_undone_in_a_few_statements(django_assert_max_num_queries):
    job = make_answered(300, policy="apply")

    with django_assert_max_num_queries(35):
        assert undo_all(job).undone == 300


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_each_answer_is_undone_by_one(small_chunks):
    job = make_answered(9, policy="apply")
    edit_book(Book.objects.first(), {"flagged_reason": "Mine"}, by="me")
    undo = undo_job(job, by=job.owner)

    at_once(4, lambda: work_on_undo(undo.pk))

    undo.refresh_from_db()
    assert (undo.done, undo.undone, undo.kept) == (9, 9, 1)
    assert RunEvent.objects.filter(run_id=job.pk, kind="undone").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_who_ask_at_once_one_has_asked():
    job = make_answered(2, policy="apply")

    asked = at_once(4, lambda: undo_job(job, by=job.owner))

    assert len({undo.pk for undo in asked}) == 1


@pytest.mark.django_db(transaction=True)
def test_a_crash_around_any_write_is_gone_on_from(small_chunks):
    crashes = 0
    for point in all_writes():
        job = make_answered(3, policy="apply")
        books = Book.objects.filter(owner=job.owner)
        edit_book(books.order_by("pk")[1], {"flagged_reason": "Mine"}, by="me")
        undo = undo_job(job, by=job.owner)
        crashed = crashes_at(point, lambda: work_on_undo(undo.pk), None)  # noqa: B023 - called within the round
        assert sweep_jobs(database_now() + timedelta(hours=1))["undos_rung"] == int(crashed or 0)
        work_on_undo(undo.pk)

        undo.refresh_from_db()
        assert (undo.done, undo.undone, undo.kept) == (3, 3, 1), point
        assert not books.filter(flagged=True).exists(), point
        assert sorted(books.values_list("version", flat=True)) == [3, 3, 4], point
        assert RunEvent.objects.filter(run_id=job.pk, kind="undone").count() == 1, point
        if not crashed:
            break
        crashes += 1
    assert crashes > 5


def test_it_does_not_say_that_nothing_stood_where_nothing_could_be_put_back():
    assert undone_words(Undone(failed=2)) == "0 answers were undone. 2 could not be put back by a fault of ours."
    assert undone_words(Undone()).startswith("Nothing was undone")
