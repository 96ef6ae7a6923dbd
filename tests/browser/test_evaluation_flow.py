"""What staff do with an evaluation, in a real browser: paste a link, watch it, mend what failed, and work on the runbook."""

from __future__ import annotations

import re
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from bookops.doors import shared_redis
from bookops.language_models import load_models
from runbooks.models import Execution
from runbooks.reference_loading import load_reference_data
from sandbox.listings import by_case

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.django_db(transaction=True)]

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
    page.get_by_role("link", name="Evaluate a listing", exact=True).click()
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


def make_runbook(page: Page, worker: Any, case: str) -> Execution:
    """Have a listing evaluated and lead to its runbook."""
    paste_link(page, by_case(case).link)
    worker.go()
    page.get_by_role("link", name="Open the runbook").click(timeout=PATIENCE)
    page.wait_for_url(re.compile("/evalrunbook/"))
    return Execution.objects.get()


def test_a_dealer_works_on_a_runbook(page, log_in, worker, evaluations, live_server):
    faults: list[str] = []
    # What the content security policy forbids, and what a script trips over, is told there.
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    log_in(page)
    runbook = make_runbook(page, worker, "fair-price-set").runbook
    expect(page.locator(".desk-scorebar .desk-amber").first).to_be_visible()
    expect(page.locator(".desk-figures")).to_contain_text("$315")

    photo = page.locator(".desk-photos img").first
    expect(photo).to_have_js_property("complete", True)
    assert photo.evaluate("image => image.naturalWidth") > 0
    photo.click()
    large = page.locator(".desk-lightbox:target")
    expect(large.locator("img")).to_be_visible()
    large.get_by_label("Why put it aside").fill("a coin")
    large.get_by_role("button", name="Put it aside").click()
    page.get_by_text("1 put aside").click()
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_text("The photo is back.").first).to_be_visible()

    page.fill("[name=what_if]", "100")
    page.get_by_role("button", name="Show what it would do").click()
    expect(page.locator("#what-if")).to_contain_text("$100")
    runbook.refresh_from_db()
    assert runbook.current_asking_price == 315
    page.get_by_role("button", name="Save the price").click()
    expect(page.locator(".desk-figures")).to_contain_text("$100")
    expect(page.locator("#history")).to_contain_text("$315")
    expect(page.locator("#history svg")).to_be_visible()

    counted = page.locator("[data-comparable]").filter(has_text="high").first
    key = counted.get_attribute("data-comparable")
    counted.get_by_text("Change").click()
    counted.get_by_label("Why").fill("boards detached")
    counted.get_by_role("button", name="Leave it out").click()
    expect(page.locator(f'[data-comparable="{key}"]')).to_contain_text("boss: boards detached")
    page.get_by_text("Add one").click()
    page.locator("#add_comparable_title").fill("Macaulay, History of England")
    page.locator("#add_comparable_price").fill("abc")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("#refused [role=alert]")).to_be_in_viewport()
    expect(page.locator("#add_comparable_price")).to_have_value("abc")
    page.get_by_text("Paste some").click()
    page.fill("[name=text]", "Macaulay, History of England, 5 vols, tree calf, sold 2026-02-03 $410")
    page.get_by_role("button", name="Add the lines").click()
    expect(page.locator("#comparables")).to_contain_text("410.00 USD")

    page.locator("#decision").get_by_label("Decision").select_option("PASS")
    page.locator("#decision").get_by_label("Reason").fill("no shelf left")
    page.get_by_role("button", name="Decide").click()
    expect(page.locator(".desk-verdict")).to_contain_text("no shelf left")
    page.get_by_text("It was bought").click()
    page.locator("#decision").get_by_label("Bought on").fill("2026-11-20")
    page.get_by_role("button", name="Acquire").click()
    expect(page.get_by_role("button", name="It has arrived")).to_be_visible()
    assert faults == []


def test_a_refused_link_is_pasted_by_hand_instead(page, log_in, worker, evaluations, tmp_path):
    log_in(page)
    paste_link(page, "https://www.ebay.com/b/Antiquarian-Books/29223")
    expect(page.locator(".errorlist")).to_contain_text("ebay.com/itm/")
    page.get_by_role("link", name="Type or paste the listing instead").click()
    page.fill("[name=title]", "Ruskin THE STONES OF VENICE 3 Volumes 1853 Smith Elder")
    page.fill("[name=price]", "400")
    page.fill("[name=text]", "Three volumes, half morocco.")
    photo = tmp_path / "front.jpg"
    Image.new("RGB", (900, 700), "#452040").save(photo)
    page.set_input_files("[name=photos]", [photo])
    page.get_by_role("button", name="Evaluate", exact=True).click()
    worker.go()
    page.get_by_role("link", name="Open the runbook").click(timeout=PATIENCE)
    expect(page.locator(".desk-figures")).to_contain_text("$400")
    expect(page.locator(".desk-photos img")).to_have_count(1)
