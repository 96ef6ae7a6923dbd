"""What staff do with an import, in a real browser: upload it, watch it, retry what failed, choose what is doubtful."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from playwright.sync_api import Page, expect

from enrichment.models import ImportRow, LibraryImport

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

#: The sandbox knows a book of this title; without an author that is not enough to be sure.
DOUBTFUL = '7,Educated,,,,"=""""","=""""",0,0,,,,,,,2020/01/01,,,to-read,,,,0,0\n'


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """The sample export with one doubtful row more."""
    path = tmp_path / "library.csv"
    path.write_text(django_settings.SAMPLE_LIBRARY.read_text() + DOUBTFUL)
    return path


def upload(page: Page, export: Path) -> LibraryImport:
    page.get_by_role("link", name="Upload a library export").click()
    page.set_input_files("[name=file]", export)
    page.get_by_role("button", name="Upload", exact=True).click()
    page.wait_for_url(re.compile("/change/"))
    return LibraryImport.objects.get()


def expect_state(page: Page, state: str) -> None:
    """Wait until the page of an import shows a state; it reloads itself when that changes."""
    expect(page.locator('[data-part="now"] .desk-badge').first).to_have_text(state, timeout=30_000)


def test_an_export_is_uploaded_and_watched_to_its_end(page, log_in, worker, sandbox, export):
    sandbox.settings(latency=0.1)
    log_in(page)
    upload(page, export)
    expect_state(page, "pending")
    worker.go()
    # Nobody reloads the page: it does so itself.
    expect_state(page, "succeeded")
    expect(page.locator("#progress")).to_have_text("121 / 121")
    expect(page.locator("caption", has_text="Genres")).to_be_visible()
    expect(page.locator(".desk-timeline")).to_contain_text("finished")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download dashboard").click()
    assert '"export_id"' in Path(download.value.path()).read_text()[:100]


def test_failed_rows_are_found_and_retried(page, log_in, worker, sandbox, export, settings):
    settings.MAX_ATTEMPTS = 1
    sandbox.settings(faults=[{"kind": "503", "source": "googlebooks", "times": 3}])
    log_in(page)
    library_import = upload(page, export)
    worker.go()
    expect_state(page, "succeeded")
    page.get_by_role("link", name="3 given up").click()
    rows = page.locator("#result_list tbody tr")
    expect(rows).to_have_count(3)
    rows.first.get_by_role("link").first.click()
    expect(page.locator(".desk-log")).to_contain_text("Google Books: error")
    page.get_by_role("button", name="Retry this row").click()
    expect(page.get_by_text("1 row was sent round again.").first).to_be_visible()

    page.get_by_role("link", name="library.csv").first.click()
    page.get_by_role("button", name="Retry given-up rows").click()
    expect(page.get_by_text("2 rows were sent round again.").first).to_be_visible()
    expect(page.get_by_role("link", name="120 done")).to_be_visible(timeout=30_000)
    assert not library_import.rows.filter(state="dead").exists()


def test_a_doubtful_match_is_compared_and_accepted(page, log_in, worker, export):
    worker.go()
    log_in(page)
    upload(page, export)
    expect_state(page, "succeeded")
    page.get_by_role("link", name="1 needs review").click()
    page.locator("#result_list tbody tr").first.get_by_role("link").first.click()
    candidate = page.locator("[data-candidate]").first
    expect(candidate).to_contain_text("Tara Westover")
    chosen = candidate.get_attribute("data-candidate")
    candidate.get_by_role("button", name="Accept").click()
    expect(page.get_by_text("The candidate was accepted").first).to_be_visible()
    expect(page.locator(".desk-head").first).to_contain_text("matched")
    assert ImportRow.objects.get(title="Educated", author="").chosen == chosen


def test_deleting_takes_two_presses(page, log_in, worker, export):
    log_in(page)
    upload(page, export)
    delete = page.get_by_role("button", name="Delete import", exact=True)
    expect(delete).to_be_hidden()
    page.locator("summary", has_text="Delete").click()
    delete.click()
    expect(page.get_by_text("was deleted").first).to_be_visible()
    assert not LibraryImport.objects.exists()


def test_a_fact_that_is_corrected_is_locked(page, log_in, worker, export, live_server):
    worker.go()
    log_in(page)
    upload(page, export)
    expect_state(page, "succeeded")
    page.get_by_role("link", name="1 needs review").click()
    page.locator("#result_list tbody tr").first.get_by_role("link").first.click()
    page.get_by_role("link", name="its book").click()
    page.fill("[name=author]", "Tara Westover")
    page.get_by_role("button", name="Save and continue editing").click()
    locked = page.get_by_role("row", name="author")
    expect(locked).to_contain_text("a person (boss)")
    locked.get_by_role("button", name="Unlock").click()
    expect(page.get_by_text("The fact is unlocked").first).to_be_visible()
