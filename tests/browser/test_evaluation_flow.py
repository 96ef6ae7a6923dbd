"""What staff do with an evaluation, in a real browser: paste a link, watch it, mend what failed, and work on the runbook."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from bookops.doors import shared_redis
from bookops.language_models import load_models
from runbooks.models import Execution
from runbooks.reference_loading import load_reference_data
from sandbox.listings import by_case

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

#: Milliseconds that an evaluation may take on a busy machine.
PATIENCE = 60_000


@pytest.fixture
def evaluations(sandbox: Any, settings: Any, live_server: Any) -> Any:
    """Have the sandbox answer for all that an evaluation asks."""
    shared_redis().flushdb()
    url = sandbox.url
    settings.EBAY_URL, settings.ABEBOOKS_URL, settings.ANTHROPIC_URL = f"{url}/ebay", f"{url}/abebooks", f"{url}/anthropic"
    settings.FRANKFURTER_URL = f"{url}/frankfurter"
    settings.ABEBOOKS_PER_SECOND = 1000
    settings.RETRY_BASE_SECONDS = 0
    load_models()
    load_reference_data()
    return sandbox


def paste_link(page: Page, link: str) -> None:
    page.get_by_role("link", name="Evaluate a listing").click()
    page.fill("[name=url]", link)
    page.get_by_role("button", name="Evaluate", exact=True).click()


def step(page: Page, name: str) -> Any:
    return page.locator(f'[data-step="{name}"]')


def test_a_link_is_watched_to_its_runbook_and_a_failed_step_completes_it(page, log_in, worker, evaluations, live_server):
    # AbeBooks answers with a page of another form, until somebody has it tried again.
    evaluations.settings(latency=0.05, faults=[{"kind": "html", "source": "abebooks"}])
    log_in(page)
    paste_link(page, by_case("fair-price-set").link)
    page.wait_for_url(re.compile("/change/"))
    expect(page.locator(".desk-head").first).to_contain_text("pending")
    worker.go()
    # Nobody reloads the page: it does so itself.
    expect(page.locator(".desk-head").first).to_contain_text("succeeded", timeout=PATIENCE)
    expect(step(page, "claude_analysis")).to_contain_text("succeeded", timeout=PATIENCE)
    expect(step(page, "abebooks_fmv")).to_contain_text("failed", timeout=PATIENCE)
    expect(page.get_by_text("The runbook is partial.")).to_be_visible()
    expect(page.get_by_text("An answer of abebooks that could not be read")).to_be_visible()

    page.get_by_role("link", name="Open the runbook").click()
    expect(page.get_by_text("AbeBooks comparables is missing")).to_be_visible()
    page.go_back()

    evaluations.settings(faults=[])
    page.locator("li.desk-step", has_text="AbeBooks comparables").get_by_text("Run it again").click()
    page.get_by_role("button", name="Retry AbeBooks comparables").click()
    expect(page.get_by_text("AbeBooks comparables runs again, as number 2").first).to_be_visible()
    expect(step(page, "abebooks_fmv")).to_contain_text("succeeded", timeout=PATIENCE)
    expect(page.get_by_text("The runbook is partial.")).to_have_count(0, timeout=PATIENCE)
    expect(page.locator('[data-earlier="abebooks_fmv"]')).to_contain_text("Run 1")
    page.get_by_role("link", name="Open the runbook").click()
    expect(page.get_by_text("AbeBooks comparables is missing")).to_have_count(0)
    execution = Execution.objects.get()
    assert (execution.partial, execution.runbook.version) == (False, 2)
    assert execution.runbook.comparables.filter(origin="abebooks").exists()
