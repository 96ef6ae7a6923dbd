"""What staff do with an LLM job, in a real browser: begin it from chosen books, watch it, mend it, review its answers, take them back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from playwright.sync_api import Page, expect

from bookops.books import Book
from bookops.dispatch import ring
from bookops.doors import shared_redis
from bookops.language_models import load_models
from llmjobs.models import LLMJob, LLMJobItem, PollTick, Proposal
from llmjobs.tasks import poll

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]

#: Milliseconds that a job may take on a busy machine.
PATIENCE = 60_000
#: Seconds between two rings, where beat leaves thirty.
BEAT = 0.5
#: Of all but the first a sensible reader says that it is no such book; about one in twenty the sandbox's model thinks otherwise.
TITLES = [
    *("Momo", "Harry Potter: The Complete Box Set", "Emma: A Study Guide", "The Lord of the Rings Colouring Book"),
    *("The Making of Blade Runner", "Dune: An Unofficial Guide", "Ulysses: A Sampler", "Summary of Sapiens"),
]


@pytest.fixture
def models(sandbox: Any, settings: Any) -> Any:
    """Have the sandbox answer for both providers, each answer within a second."""
    shared_redis().flushdb()
    settings.OPENAI_URL, settings.ANTHROPIC_URL = sandbox.openai_url, sandbox.anthropic_url
    settings.RETRY_BASE_SECONDS = 0
    sandbox.settings(sources={"openai": {"queued_seconds": 0.2, "working_seconds": 0.5}})
    load_models()
    return sandbox


@pytest.fixture
def beat(worker: Any) -> Iterator[None]:
    """Ring for a tick time after time, as beat does."""
    stops = threading.Event()

    def rings() -> None:
        while not stops.wait(BEAT):
            ring(poll)
        connection.close()

    thread = threading.Thread(target=rings, name="beat")
    thread.start()
    yield
    stops.set()
    thread.join()


@pytest.fixture
def books(boss: User) -> list[Book]:
    return [Book.objects.create(owner=boss, title=title, author="Somebody", publisher="Any", year=1990) for title in TITLES]


def choose_all_books(page: Page) -> None:
    """Open the form from the list of books."""
    page.locator("#action-toggle").check()
    page.locator("select[name=action]").select_option(label="Ask a language model about these")
    page.get_by_role("button", name="Run").or_(page.get_by_role("button", name="Go")).click()
    expect(page.get_by_text("the 8 chosen books")).to_be_visible()


def submit(page: Page) -> LLMJob:
    """Look at what the form comes to, and submit it."""
    page.get_by_role("button", name="Preview and estimate").click()
    expect(page.locator("#review")).to_contain_text("Prompt about")
    page.get_by_role("button", name="Submit 8 books").click()
    expect(page.locator("#progress")).to_be_visible()
    return LLMJob.objects.latest("created_at")


def expect_status(page: Page, status: str) -> None:
    """Wait until the page of a job shows a status; it reloads itself when that changes."""
    expect(page.locator('[data-part="now"] .desk-badge').first).to_have_text(status, timeout=PATIENCE)


def test_chosen_books_are_flagged_reviewed_and_put_back(page, log_in, worker, beat, models, books, live_server):
    log_in(page)
    page.goto(f"{live_server.url}/admin/bookops/book/")
    choose_all_books(page)
    job = submit(page)
    expect_status(page, "queued")
    worker.go()
    # Nobody reloads the page, and nobody polls but beat.
    expect_status(page, "completed")
    expect(page.locator("#progress")).to_have_text("8 / 8")
    assert PollTick.objects.filter(items_updated__gt=0).exists()
    waiting = Proposal.objects.filter(job=job, state="waiting").count()
    assert waiting >= 6

    page.locator("#to-review").click()
    cards = page.locator("[data-proposal]")
    expect(cards).to_have_count(waiting)
    expect(cards.first).to_contain_text("the job asks for a review")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("a")
    expect(cards).to_have_count(waiting - 1)
    expect(page.locator("[data-waiting=policy]")).to_have_text(f"{waiting - 1}")
    # Where some are ticked, a key is about those.
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("a")
    expect(page.get_by_text("Proposals: 2 written.").first).to_be_visible()
    expect(cards).to_have_count(waiting - 3)
    page.keyboard.press("c")
    page.keyboard.press("Tab")
    page.locator("[data-proposal].desk-current textarea").fill("Not the novel itself.")
    page.locator("[data-proposal].desk-current").get_by_role("button", name="Write this instead").click()
    expect(cards).to_have_count(waiting - 4)
    page.keyboard.press("r")
    expect(cards).to_have_count(waiting - 5)
    page.locator("summary", has_text="All that wait").click()
    page.get_by_role("button", name="Accept all").click()
    expect(page.locator("#none-waiting")).to_be_visible()
    assert Book.objects.filter(flagged_reason="Not the novel itself.").exists()
    assert Book.objects.filter(flagged=True).count() == waiting - 1

    page.get_by_role("link", name="Flag what wants a look").first.click()
    row = page.locator("#models tbody tr").first
    expect(row).to_contain_text(f"{(waiting - 2) / waiting:.0%}")
    page.locator("summary", has_text="Undo this job").click()
    page.get_by_role("button", name="Undo this job").click()
    # A worker does it, and the page looks again by itself.
    expect(page.locator("#undo")).to_contain_text(f"{waiting - 1} answers were undone.", timeout=PATIENCE)
    assert not Book.objects.filter(flagged=True).exists()


def test_what_failed_is_found_and_retried(page, log_in, worker, beat, models, books, live_server):
    models.settings(sources={"openai": {"refusal_rate": 1.0}})
    log_in(page)
    page.goto(f"{live_server.url}/admin/bookops/book/")
    choose_all_books(page)
    job = submit(page)
    worker.go()
    expect_status(page, "failed")
    models.settings(sources={"openai": {"refusal_rate": 0.0}})
    page.locator("#statuses").get_by_role("link", name="8 failed").click()
    rows = page.locator("#result_list tbody tr")
    expect(rows).to_have_count(8)
    rows.first.get_by_role("link").first.click()
    expect(page.locator("#prompt")).to_contain_text("Title: Momo")
    page.get_by_role("button", name="Retry this item").click()
    expect(page.get_by_text("1 item was sent round again.").first).to_be_visible()
    page.get_by_role("link", name="Flag what wants a look").first.click()
    page.get_by_role("button", name="Retry failed").click()
    expect(page.get_by_text("7 items were sent round again.").first).to_be_visible()
    expect_status(page, "completed")
    assert LLMJobItem.objects.filter(job=job, state="succeeded").count() == 8


def test_a_cancelled_job_changes_nothing_more(page, log_in, worker, beat, models, books, live_server):
    models.settings(sources={"openai": {"working_seconds": 600}})
    log_in(page)
    page.goto(f"{live_server.url}/admin/bookops/book/")
    choose_all_books(page)
    page.locator("[name=policy]").select_option("apply")
    job = submit(page)
    worker.go()
    expect(page.locator("#statuses")).to_contain_text("8 at the provider", timeout=PATIENCE)
    page.locator("summary", has_text="Cancel").click()
    page.get_by_role("button", name="Cancel the job", exact=True).click()
    expect_status(page, "cancelled")
    expect(page.locator("#statuses")).to_contain_text("8 cancelled")
    page.goto(f"{live_server.url}/admin/llmjobs/polltick/")
    expect(page.locator("[data-light=seen]")).to_contain_text("well")
    assert not LLMJobItem.objects.filter(job=job).exclude(state="cancelled").exists()
    assert not Book.objects.filter(flagged=True).exists()
