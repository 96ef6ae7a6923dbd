"""The desk's pages about LLM jobs: who may see and press what, what each button does, and what a page costs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bookops.books import Book
from bookops.clock import database_now
from bookops.dispatch import rung_here
from bookops.runs import State
from bookops.staff_groups import ADMIN, EDITOR, VIEWER
from llmjobs import jobs
from llmjobs.admin import items as items_page
from llmjobs.applying import apply_results
from llmjobs.ending import end_if_done
from llmjobs.models import JobUndo, LLMJob, LLMJobItem, PollTick, Proposal, ProviderBatch
from llmjobs.undoing import work_on_undo
from tests.desk import client_of, listing_of, make_staff, page, press, told
from tests.factories import make_owner
from tests.llmjobs.desk import make_answered, make_disagreeing, proposals_of
from tests.llmjobs.factories import OPENAI_BATCH, items_of, make_books, make_job, make_rendered_job
from tests.llmjobs.results import answer, make_sent_batch, make_sent_job

pytestmark = pytest.mark.django_db

FORM, REVIEW, POLL_NOW = "admin:llmjobs_llmjob_add", "admin:llmjobs_proposal_review", "admin:llmjobs_polltick_poll_now"
EDITORS, ADMINS = {EDITOR, ADMIN}, {ADMIN}
EVIL = "<script>alert(1)</script>"


@pytest.fixture(autouse=True)
def no_broker() -> Iterator[Any]:
    """Keep what is rung: these tests press, and do not work."""
    with rung_here() as here:
        yield here


@pytest.fixture
def boss() -> Client:
    return client_of(make_owner("boss", is_staff=True, is_superuser=True))


def make_broken(count: int = 2, books: int = 3) -> LLMJob:
    """Return a job of which some items were refused."""
    job = make_rendered_job(books)
    broken = [item.pk for item in items_of(job)[:count]]
    LLMJobItem.objects.filter(pk__in=broken).update(state=State.FAILED, reason="refused", detail="The model would not answer.")
    return job


def make_unknown() -> LLMJobItem:
    """Return an item that was perhaps sent."""
    job = make_sent_job(1)
    LLMJobItem.objects.filter(job=job).update(stage="unknown", reason="perhaps_sent", provider_task_id="")
    return items_of(job)[0]


def make_doubtful_batch() -> ProviderBatch:
    """Return a batch of which nobody knows whether it was created."""
    batch = make_sent_batch(1)
    ProviderBatch.objects.filter(pk=batch.pk).update(provider_id="", state=State.PARKED, reason="perhaps_sent")
    batch.refresh_from_db()
    return batch


# Who may see what.


def pages() -> list[str]:
    """Return the address of every page, each with something on it."""
    job, batch = make_answered(), make_sent_batch(2)
    PollTick.objects.create(started_at=database_now(), seconds=1.5, items_polled=5, items_updated=2, errors=1, unmapped={"warming_up": 3})
    disagreeing = make_disagreeing()
    return [
        *map(
            page, (job, batch.job, disagreeing, items_of(job)[0], items_of(batch.job)[0], items_of(disagreeing)[0], PollTick.objects.get())
        ),
        *map(listing_of, (LLMJob, LLMJobItem, Proposal, PollTick)),
        f"{listing_of(LLMJobItem)}?job={job.pk}&status=succeeded",
        reverse(REVIEW),
        f"{reverse(REVIEW)}?job={job.pk}&why=policy",
        reverse("admin:llmjobs_llmjob_live", args=[job.pk]),
        reverse("admin:llmjobs_polltick_live"),
    ]


@pytest.mark.themed
def test_every_page_opens(boss):
    for address in [*pages(), reverse(FORM), reverse("admin:index")]:
        response = boss.get(address)
        assert response.status_code == 200, address
        assert response.content


def test_a_stranger_is_asked_to_log_in():
    for address in [*pages(), reverse(FORM)]:
        assert Client().get(address).status_code == 302


def test_staff_without_permissions_see_nothing():
    client = client_of(make_owner(is_staff=True))
    for address in [*pages(), reverse(FORM)]:
        assert client.get(address).status_code == 403, address


def test_a_viewer_sees_all_but_the_form():
    client = client_of(make_staff(VIEWER))
    for address in pages():
        assert client.get(address).status_code == 200, address
    assert client.get(reverse(FORM)).status_code == 403


@pytest.mark.themed
@pytest.mark.once
def test_foreign_text_is_shown_as_text(boss):
    job = make_answered(1, label=EVIL)
    Book.objects.update(title=EVIL)
    LLMJobItem.objects.filter(job=job).update(
        target_label=EVIL,
        prompt=EVIL,
        answer={"flagged": True, "flagged_reason": EVIL, "confidence": 1, "notes": EVIL},
        reason="x",
        detail=EVIL,
    )
    Proposal.objects.filter(job=job).update(
        changes={EVIL: {"before": EVIL, "after": EVIL}, "flagged_reason": {"before": "", "after": EVIL}}
    )
    PollTick.objects.create(started_at=database_now(), unmapped={EVIL: 1})
    shown = [page(job), page(items_of(job)[0]), reverse(REVIEW), *map(listing_of, (LLMJob, LLMJobItem, Proposal, PollTick))]
    for address in [*shown, f"{reverse(FORM)}?clone={job.pk}", reverse("admin:index")]:
        assert EVIL not in boss.get(address).content.decode(), address


# Each button, by what it is pressed on, and the groups that may.

BUTTONS = {
    ("job", "poll_now"): EDITORS,
    ("job", "pause"): EDITORS,
    ("job", "resume"): EDITORS,
    ("job", "retry_failed"): EDITORS,
    ("job", "send_unknown_again"): EDITORS,
    ("job", "give_up_unknown"): EDITORS,
    ("job", "cancel"): EDITORS,
    ("job", "undo"): EDITORS,
    ("job", "delete"): ADMINS,
    ("job", "priority"): EDITORS,
    ("job", "cap"): EDITORS,
    ("job", "create_batch_again"): EDITORS,
    ("job", "adopt_batch"): EDITORS,
    ("job", "append"): EDITORS,
    ("item", "retry"): EDITORS,
    ("item", "send_again"): EDITORS,
    ("item", "give_up"): EDITORS,
    ("item", "undo"): EDITORS,
}


@pytest.mark.parametrize("group", [VIEWER, EDITOR, ADMIN])
@pytest.mark.once
def test_each_button_is_for_its_groups(group):
    client = client_of(make_staff(group))
    for (kind, name), groups in BUTTONS.items():
        job = make_rendered_job(1)
        subject = job if kind == "job" else items_of(job)[0]
        assert press(client, subject, name).status_code == (302 if group in groups else 403), (kind, name)


def test_the_matrix_names_every_button():
    models = {"job": LLMJob, "item": LLMJobItem}
    there = {(kind, button.name) for kind, model in models.items() for button in admin.site._registry[model].buttons}
    assert there == set(BUTTONS)


@pytest.mark.parametrize(("group", "may"), [(VIEWER, False), (EDITOR, True), (ADMIN, True)])
def test_pages_without_buttons_of_their_own_ask_for_the_same_permissions(group, may):
    client = client_of(make_staff(group))
    job = make_answered(1)
    assert client.post(reverse(POLL_NOW)).status_code == (302 if may else 403)
    assert client.post(reverse(REVIEW), {"decision": "accept", "proposal": proposals_of(job)[0].pk}).status_code == (302 if may else 403)
    assert client.get(reverse(FORM)).status_code == (200 if may else 403)


@pytest.mark.parametrize(("group", "offered"), [(VIEWER, False), (EDITOR, True), (ADMIN, True)])
@pytest.mark.themed
def test_pages_offer_what_a_person_may(group, offered):
    client = client_of(make_staff(group))
    running, failed = make_sent_job(1), items_of(make_broken())[0]
    for obj in (running, failed, failed.job):
        assert (b"/press/" in client.get(page(obj)).content) is offered, obj
    make_answered(1)
    assert (b'value="accept"' in client.get(reverse(REVIEW)).content) is offered
    assert (b"poll-now" in client.get(listing_of(PollTick)).content) is offered
    assert (b"Ask a language model" in client.get(reverse("admin:index")).content) is offered


def test_only_those_who_review_undo():
    user = make_staff(VIEWER)
    user.user_permissions.add(*_permissions("run_job"))
    job = make_answered(1, policy="apply")
    assert press(client_of(user), job, "undo").status_code == 403
    assert press(client_of(user), job, "cancel").status_code == 302


def _permissions(*names: str) -> Any:
    from django.contrib.auth.models import Permission

    return Permission.objects.filter(codename__in=names)


# A job.


@pytest.mark.themed
def test_the_list_tells_how_jobs_stand(boss):
    make_answered(3, label="Waiting for me")
    done = make_answered(2, policy="apply", label="All written")
    jobs_done = LLMJob.objects.get(pk=done.pk)
    from llmjobs.ending import end_if_done

    assert end_if_done(jobs_done.pk)
    shown = boss.get(listing_of(LLMJob)).content.decode()
    for words in ("Waiting for me", "All written", "3 / 3", "2 / 2", "completed", 'class="desk-news"', "$0.00"):
        assert words in shown, words
    assert "All written" not in boss.get(f"{listing_of(LLMJob)}?status=running").content.decode()
    assert "All written" in boss.get(f"{listing_of(LLMJob)}?status=completed").content.decode()


def test_the_list_costs_the_same_with_more_jobs(boss):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            boss.get(listing_of(LLMJob))
        return len(captured)

    make_answered(1)
    queries()
    few = queries()
    for _ in range(4):
        make_answered(1)
    assert queries() <= few


@pytest.mark.themed
def test_a_job_page_shows_its_figures(boss):
    job = make_answered(3, cap=2_000_000)
    shown = boss.get(page(job)).content.decode()
    for words in ("3 / 3", "gpt-6-luna", "waiting for review", "Review 3 proposals", "flagged", "$2.00", "Tokens in", "3000"):
        assert words in shown, words


def test_reasons_lead_to_their_items(boss):
    job = make_broken(2)
    address = f"{listing_of(LLMJobItem)}?job={job.pk}&reason=refused"
    assert address.replace("&", "&amp;") in boss.get(page(job)).content.decode()
    found = boss.get(address)
    assert found.context["cl"].result_count == 2


def test_a_live_page_looks_again_until_its_job_has_ended(boss):
    job = make_sent_job(1)
    live = reverse("admin:llmjobs_llmjob_live", args=[job.pk])
    before = boss.get(live).json()
    assert (before["look_again_in"], set(before["parts"])) == (5, {"now", "events"})
    assert f'data-state="{before["state"]}"' in boss.get(page(job)).content.decode()
    jobs.cancel(job)
    after = boss.get(live).json()
    assert after["look_again_in"] == 0
    assert after["state"] != before["state"]


def test_a_paused_job_says_so(boss):
    job = make_sent_job(1)
    assert "nothing more is sent" in told(press(boss, job, "pause"))
    shown = boss.get(page(job)).content.decode()
    assert "What is at a provider is still asked for" in shown
    assert told(press(boss, job, "resume")) == "The job goes on."
    assert told(press(boss, job, "resume")) == "The job was not paused."


def test_its_owner_has_seen_a_change_and_nobody_else(boss):
    job = make_answered(1)
    LLMJob.objects.update(unseen_change=True)
    boss.get(page(job))
    assert LLMJob.objects.get(pk=job.pk).unseen_change
    job.owner.is_staff = job.owner.is_superuser = True
    job.owner.save()
    client_of(job.owner).get(page(job))
    assert not LLMJob.objects.get(pk=job.pk).unseen_change


def test_cancelling_says_whether_it_did(boss):
    job = make_sent_job(1)
    assert told(press(boss, job, "cancel")) == "The job was cancelled."
    assert "ended already" in told(press(boss, job, "cancel"))


def test_a_cancelled_job_counts_as_processed_only_what_was_answered_or_failed(boss):
    job = make_sent_job(4)
    first, second, *_ = items_of(job)
    apply_results(job.pk, {first.pk: answer(first.provider_task_id)})
    LLMJobItem.objects.filter(pk=second.pk).update(state=State.FAILED)
    hour_ago = database_now() - timedelta(hours=1)
    LLMJob.objects.filter(pk=job.pk).update(submitted_at=hour_ago)
    jobs.cancel(job)
    LLMJob.objects.filter(pk=job.pk).update(ended_at=hour_ago + timedelta(minutes=1))

    shown = boss.get(page(job))
    assert (shown.context["processed"], shown.context["percent"], shown.context["pace"]) == (2, 50.0, 1.0)
    assert "<strong>2</strong> cancelled or skipped" in shown.content.decode()
    [line] = boss.get(listing_of(LLMJob)).context["cl"].result_list
    assert (line.answered, line.broken) == (1, 1)
    assert "</progress> 2 / 4" in boss.get(listing_of(LLMJob)).content.decode()


def test_a_cancelled_job_says_what_becomes_of_late_answers(boss):
    job = make_sent_job(2)
    assert 'id="late"' not in boss.get(page(job)).content.decode()
    jobs.cancel(job)
    assert "kept and paid, never applied. So far: <strong>0</strong>." in boss.get(page(job)).content.decode()

    late = items_of(job)[0]
    apply_results(job.pk, {late.pk: answer(late.provider_task_id)})
    assert "kept and paid, never applied. So far: <strong>1</strong>." in boss.get(page(job)).content.decode()


def test_a_job_of_which_nothing_was_sent_awaits_no_late_answer(boss):
    job = make_rendered_job(2)
    jobs.cancel(job)
    assert 'id="late"' not in boss.get(page(job)).content.decode()


def test_failed_items_are_sent_round_again(boss):
    job = make_broken(2)
    assert told(press(boss, job, "retry_failed")) == "2 items were sent round again."
    assert "there is none" in told(press(boss, job, "retry_failed"))


def test_a_deleted_job_is_shown_no_more(boss):
    job = make_sent_job(1, label="To be deleted")
    response = press(boss, job, "delete")
    assert response.headers["Location"] == listing_of(LLMJob)
    job.refresh_from_db()
    assert (job.state, job.deleted_at is None) == (State.CANCELLED, False)
    assert boss.get(listing_of(LLMJob)).context["cl"].result_count == 0
    assert boss.get(page(job)).status_code == 302
    assert boss.get(reverse("admin:llmjobs_llmjob_live", args=[job.pk])).status_code == 404
    assert boss.get(listing_of(LLMJobItem)).context["cl"].result_count == 0


def test_priority_and_cap_are_changed(boss):
    job = make_sent_job(1)
    press(boss, job, "priority", "high")
    press(boss, job, "cap", "2.5")
    job.refresh_from_db()
    assert (job.priority, job.cap) == (10, 2_500_000)
    press(boss, job, "cap", "")
    job.refresh_from_db()
    assert job.cap is None


@pytest.mark.themed
def test_books_are_added_to_a_job_that_has_sent_nothing(boss):
    job = make_job(1)
    make_books(12, job.owner)
    assert 'id="append"' in boss.get(page(job)).content.decode()

    assert "3 items were added." in told(press(boss, job, "append", "Book 1", filter="title"))
    assert "9 items were added." in told(press(boss, job, "append", "no", filter="flagged"))
    assert "No item was added" in told(press(boss, job, "append"))
    assert "has to match" in told(press(boss, job, "append", "", filter="title"))
    assert "Unknown filter" in told(press(boss, job, "append", "red", filter="colour"))

    sent = make_sent_job(1)
    assert 'id="append"' not in boss.get(page(sent)).content.decode()
    assert "Only a job that has sent nothing" in told(press(boss, sent, "append"))


@pytest.mark.parametrize("typed", ["-1", "NaN", "Infinity", "1e30", "two", "2,5"])
def test_a_cap_that_is_none_is_refused(boss, typed):
    job = make_sent_job(1, cap=7_000_000)
    assert "number of dollars" in told(press(boss, job, "cap", typed))
    job.refresh_from_db()
    assert job.cap == 7_000_000


def test_undoing_a_job_puts_all_back_but_what_was_touched(boss):
    job = make_answered(2, policy="apply")
    touched, other = Book.objects.order_by("pk")
    Book.objects.filter(pk=touched.pk).update(flagged_reason="Mine now.")
    assert told(press(boss, job, "undo")) == "The job is being undone: 2 answers."
    shown = boss.get(page(job)).content.decode()
    assert "0 of 2 answers" in shown
    assert "press/undo/" not in shown

    work_on_undo(JobUndo.objects.get().pk)

    shown = boss.get(page(job)).content.decode()
    assert "2 answers were undone. 1 field was left: somebody has touched them since." in shown
    other.refresh_from_db()
    assert not other.flagged


def test_a_job_of_which_nothing_was_written_says_so_when_it_is_undone(boss):
    assert "Nothing was undone" in told(press(boss, make_answered(1), "undo"))
    assert not JobUndo.objects.exists()


def test_a_page_looks_at_an_ended_job_until_it_is_undone(boss):
    job = make_answered(1, policy="apply")
    assert end_if_done(job.pk)

    def live():
        return boss.get(reverse("admin:llmjobs_llmjob_live", args=[job.pk])).json()

    ended = live()
    press(boss, job, "undo")
    undoing = live()
    work_on_undo(JobUndo.objects.get().pk)

    # The page reloads itself when its state changes: the button goes when it begins, the end is shown by the last look.
    assert (ended["look_again_in"], undoing["look_again_in"], live()["look_again_in"]) == (0, 1, 0)
    assert live()["state"] == ended["state"] != undoing["state"]


@pytest.mark.parametrize("reason", ["cut_short", "max_output_tokens"])
def test_what_was_cut_short_says_what_helps(boss, reason):
    job = make_rendered_job(1)
    assert 'id="cut-short"' not in boss.get(page(job)).content.decode()
    LLMJobItem.objects.filter(job=job).update(state=State.FAILED, reason=reason, ended_at=database_now())
    for shown in (page(job), page(items_of(job)[0])):
        words = boss.get(shown).content.decode()
        assert 'id="cut-short"' in words, shown
        assert f"?clone={job.pk}" in words, shown


def test_a_batch_that_waits_for_a_person_is_adopted(boss):
    batch = make_doubtful_batch()
    assert "It was not created: send it" in boss.get(page(batch.job)).content.decode()
    assert "Name the batch" in told(press(boss, batch.job, "adopt_batch", str(batch.pk)))
    press(boss, batch.job, "adopt_batch", str(batch.pk), provider_id="batch_found")
    batch.refresh_from_db()
    assert (batch.provider_id, batch.state) == ("batch_found", State.RUNNING)
    assert "no such batch" in told(press(boss, batch.job, "adopt_batch", str(batch.pk), provider_id="batch_other"))


def test_a_batch_that_was_not_created_is_sent_again(boss):
    batch = make_doubtful_batch()
    assert told(press(boss, batch.job, "create_batch_again", str(batch.pk))) == "The batch is sent again."
    assert "no such batch" in told(press(boss, make_rendered_job(1), "create_batch_again", str(batch.pk)))
    assert "no such batch" in told(press(boss, batch.job, "create_batch_again", "x"))


def test_a_batch_that_is_not_counted_before_its_end_says_so(boss):
    batch = make_sent_batch(2, ask=OPENAI_BATCH)
    assert "nothing before it has ended" in boss.get(page(batch.job)).content.decode()
    ProviderBatch.objects.update(provider_counts={"completed": 1, "failed": 0})
    shown = boss.get(page(batch.job)).content.decode()
    assert "completed 1" in shown
    assert "nothing before it has ended" not in shown


# Items.


@pytest.mark.themed
def test_an_item_shows_prompt_answer_proposal_and_story(boss):
    item = items_of(make_answered(1))[0]
    shown = boss.get(page(item)).content.decode()
    for words in (
        "Title: Book 0",
        "A box set.",
        "waiting for review",
        "the job asks for a review",
        "rendered",
        item.provider_task_id,
        "Accept",
    ):
        assert words in shown, words


def test_an_item_shows_each_time_it_was_sent(boss):
    job = make_sent_job(1)
    [item] = items_of(job)
    assert 'id="tries"' not in boss.get(page(item)).content.decode()
    apply_results(job.pk, {item.pk: answer(item.provider_task_id, "no json")})

    shown = boss.get(page(item)).content.decode().split('id="tries"')[1]

    assert item.provider_task_id in shown
    assert "not json" in shown.lower()


def test_what_stand_ins_answered_is_called_invented(boss):
    job = make_sent_job(1)
    assert "invented data" in boss.get(page(job)).content.decode()
    LLMJob.objects.update(sandbox=False)
    assert "invented data" not in boss.get(page(job)).content.decode()


def test_an_item_whose_evidence_was_forgotten_still_opens(boss):
    job = make_answered(1)
    LLMJobItem.objects.update(prompt="", answer={}, response={}, target_label="")
    assert "forgotten by now" in boss.get(page(items_of(job)[0])).content.decode()


@pytest.mark.themed
def test_chosen_items_are_retried_job_by_job(boss):
    first, second = make_broken(2), make_broken(1)
    chosen = [item.pk for item in (*items_of(first), *items_of(second))]
    response = boss.post(listing_of(LLMJobItem), {"action": "retry_selected", "_selected_action": chosen})
    assert told(response) == "3 items were sent round again."
    assert not LLMJobItem.objects.filter(state=State.FAILED).exists()


def test_chosen_answers_are_undone(boss):
    job = make_answered(3, policy="apply")
    chosen = [item.pk for item in items_of(job)[:2]]
    response = boss.post(listing_of(LLMJobItem), {"action": "undo_selected", "_selected_action": chosen})
    assert told(response) == "2 answers were undone."
    assert Book.objects.filter(flagged=True).count() == 1


def test_chosen_answers_are_undone_job_by_job_in_a_few_statements(boss, django_assert_max_num_queries):
    first, second = make_answered(20, policy="apply"), make_answered(1, policy="apply")
    chosen = [item.pk for job in (first, second) for item in items_of(job)]

    with django_assert_max_num_queries(60):
        response = boss.post(listing_of(LLMJobItem), {"action": "undo_selected", "_selected_action": chosen})

    assert told(response) == "21 answers were undone."
    assert not Book.objects.filter(flagged=True).exists()


def test_more_chosen_answers_than_a_person_waits_for_are_undone_by_their_job(boss, monkeypatch):
    monkeypatch.setattr(items_page, "MOST_UNDONE_AT_ONCE", 1)
    chosen = [item.pk for item in items_of(make_answered(2, policy="apply"))]

    response = boss.post(listing_of(LLMJobItem), {"action": "undo_selected", "_selected_action": chosen})

    assert "undo their job on its page" in told(response)
    assert Book.objects.filter(flagged=True).count() == 2


def test_one_answer_is_undone(boss):
    job = make_answered(2, policy="apply")
    assert told(press(boss, items_of(job)[0], "undo")) == "1 answer was undone."
    assert "Nothing was undone" in told(press(boss, items_of(job)[0], "undo"))


def test_a_person_decides_about_what_was_perhaps_sent(boss):
    item = make_unknown()
    assert "Send it again" in boss.get(page(item)).content.decode()
    assert told(press(boss, item, "send_again")) == "1 item was sent again."
    other = make_unknown()
    assert told(press(boss, other.job, "give_up_unknown")) == "1 item was given up."
    other.refresh_from_db()
    assert other.state == State.FAILED


@pytest.mark.themed
def test_every_status_is_a_filter_that_fits_it(boss):
    job = make_rendered_job(10)
    now = database_now()
    stands: list[dict[str, Any]] = [
        {}, {"state": "running", "stage": "submitting"}, {"state": "running", "stage": "processing"}, {"state": "running", "stage": "unknown"},
        {"state": "parked"}, {"state": "succeeded"}, {"state": "failed"}, {"state": "dead"},
        {"state": "cancelled", "sending_at": now}, {"state": "cancelled"},
    ]  # fmt: skip
    for item, values in zip(items_of(job), stands, strict=True):
        LLMJobItem.objects.filter(pk=item.pk).update(**values)
    for item in items_of(job):
        found = boss.get(f"{listing_of(LLMJobItem)}?job={job.pk}&status={item.status}").context["cl"].result_list
        assert [one.pk for one in found] == [item.pk], item.status


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"state": "pending"}, "queued"),
        ({"state": "running"}, "running"),
        ({"state": "running", "paused_at": database_now}, "paused"),
        ({"state": "succeeded"}, "completed"),
        ({"state": "dead"}, "failed"),
        ({"state": "cancelled"}, "cancelled"),
    ],
)
def test_every_status_of_jobs_is_a_filter_that_fits_it(boss, values, status):
    job, _ = make_job(1), make_job(1)
    LLMJob.objects.filter(pk=job.pk).update(**{name: value() if callable(value) else value for name, value in values.items()})
    LLMJob.objects.exclude(pk=job.pk).update(state="cancelled" if status != "cancelled" else "pending")
    job.refresh_from_db()
    assert job.status == status
    found = boss.get(f"{listing_of(LLMJob)}?status={status}").context["cl"].result_list
    assert [one.pk for one in found] == [job.pk]


# The home page.


@pytest.mark.themed
def test_the_home_page_says_what_waits(boss):
    make_answered(2)
    job = make_sent_job(1, owner=make_owner("other"))
    LLMJob.objects.filter(pk=job.pk).update(label="At work now")
    LLMJobItem.objects.filter(state=State.SUCCEEDED).update(ended_at=database_now(), cost=1_500_000)
    shown = boss.get(reverse("admin:index")).content.decode()
    for words in ("<strong>2</strong> to review", "At work now", "$3.00", "no tick has been seen"):
        assert words in shown, words
    # A job's money is in the owner's purse of the day, which is told above.
    assert shown.index("all in all, on evaluations and jobs") < shown.index("$3.00</strong> of today’s money spent on jobs")


def test_what_was_spent_yesterday_is_not_today(boss):
    make_answered(1)
    LLMJobItem.objects.update(ended_at=database_now() - timedelta(days=2), cost=1_500_000)
    assert "$1.50" not in boss.get(reverse("admin:index")).content.decode()
