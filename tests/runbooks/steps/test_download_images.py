"""Photos: kept once by their address, chosen by rule, and none that fails ends anything."""

from __future__ import annotations

import pytest
from django.core.files.storage import default_storage

from bookops.dispatch import rung_here
from bookops.runs import State
from runbooks.executions import cancel_execution, retry_step, start_pasted
from runbooks.images import storing
from runbooks.models import Execution, ListingImage
from runbooks.sources.records import ListingFacts
from sandbox.running import RunningSandbox
from tests.factories import make_owner
from tests.runbooks.factories import evaluate, work_off
from tests.runbooks.fake_steps import FakeSteps
from tests.runbooks.images import pictures

pytestmark = pytest.mark.once

Fate = ListingImage.Fate


@pytest.fixture(autouse=True)
def only_photos(steps: FakeSteps, sandbox: RunningSandbox) -> None:
    """Let the real steps work up to the photos; what follows asks nobody."""
    steps.let_work("fetch_listing", "download_images")


def again(execution: Execution) -> Execution:
    with rung_here() as here:
        retry_step(execution, "download_images")
        work_off(here)
    return execution


def found(execution: Execution) -> list[str]:
    return execution.steps.get(name="download_images", is_current=True).output["images"]


def asked(sandbox: RunningSandbox) -> int:
    return sandbox.log()["sources"].get("ebayimg", {"calls": 0})["calls"]


def test_photos_are_kept_in_three_sizes_in_the_listings_order():
    execution = evaluate(make_owner(), "strong-buy")
    rows = list(execution.listing.images.all())
    assert found(execution) == [str(row.public_id) for row in rows]
    assert [row.position for row in rows] == list(range(10))
    for key in (rows[0].key, rows[0].reduced_key, rows[0].thumbnail_key):
        assert default_storage.open(key).read(3) == b"\xff\xd8\xff"
    assert (rows[0].fate, rows[0].bytes > 0, len(rows[0].digest)) == (Fate.KEPT, True, 64)


def test_banners_are_skipped_by_rule_and_say_so():
    execution = evaluate(make_owner(), "banners")
    assert len(found(execution)) == 5
    assert list(execution.listing.images.filter(fate=Fate.SKIPPED).values_list("position", "reason", "said_by")) == [
        (5, "banner", "rule"), (6, "banner", "rule"),
    ]  # fmt: skip


def test_a_retry_fetches_nothing_that_was_kept(sandbox: RunningSandbox):
    execution = evaluate(make_owner(), "strong-buy")
    sandbox.clear_log()
    before = found(execution)
    assert found(again(execution)) == before
    assert asked(sandbox) == 0


def test_a_photo_that_failed_is_fetched_by_the_retry_and_takes_its_place(sandbox: RunningSandbox):
    sandbox.settings(faults=[{"kind": "500", "source": "ebayimg", "every": 1, "times": 8}])
    execution = evaluate(make_owner(), "strong-buy")
    refused = execution.listing.images.filter(fate=Fate.REFUSED)
    kept_before, missing = found(execution), refused.count()
    assert 0 < missing < 10 and execution.status == "SUCCEEDED"
    sandbox.settings(faults=[])
    sandbox.clear_log()
    ids = found(again(execution))
    assert len(ids) == 10 and set(kept_before) < set(ids)
    assert ids == [str(row.public_id) for row in execution.listing.images.order_by("position")]
    assert (asked(sandbox), refused.count()) == (missing, 0)


def test_a_photo_in_quarantine_stays_there_and_is_not_shown():
    execution = evaluate(make_owner(), "strong-buy")
    aside = execution.listing.images.get(position=3)
    ListingImage.objects.filter(pk=aside.pk).update(fate=Fate.QUARANTINED, said_by="claude", reason="a mug")
    assert str(aside.public_id) not in found(again(execution))
    aside.refresh_from_db()
    assert aside.fate == Fate.QUARANTINED


def test_a_photo_whose_address_has_changed_stays_the_photo_it_was():
    execution = evaluate(make_owner(), "strong-buy")
    rows, before = execution.listing.images.order_by("position"), found(execution)
    rows.filter(position=3).update(fate=Fate.QUARANTINED, said_by="claude", reason="a mug")
    for row in rows:
        rows.filter(pk=row.pk).update(source_url=f"{row.source_url}?moved", position=9 - row.position)
    assert found(again(execution)) == [one for one in before if before.index(one) != 3]
    assert [str(row.public_id) for row in rows] == before, "in the order of the latest reading"
    assert not rows.filter(source_url__endswith="?moved").exists()
    assert rows.get(position=3).said_by == "claude"


def test_a_photo_that_the_listing_names_no_more_comes_after_the_others():
    execution = evaluate(make_owner(), "strong-buy")
    rows = execution.listing.images.order_by("position")
    rows.filter(position=0).update(source_url="https://i.ebayimg.com/a-former-one", digest="former")
    ids = found(again(execution))
    assert [str(row.public_id) for row in rows][:10] == ids
    assert rows.get(position=10).digest == "former"


@pytest.mark.parametrize(("fault", "reason"), [("503", "http_503"), ("html", "too_small"), ("truncated", "broken")])
def test_whatever_the_image_host_does_the_evaluation_goes_on(sandbox: RunningSandbox, fault: str, reason: str):
    sandbox.settings(faults=[{"kind": fault, "source": "ebayimg"}])
    execution = evaluate(make_owner(), "fair-price-set")
    assert (execution.status, found(execution)) == ("SUCCEEDED", [])
    assert {row.reason.partition(":")[0] for row in execution.listing.images.all()} == {reason}
    sandbox.settings(faults=[])
    assert len(found(again(execution))) == 6, "none of it is for ever"


def test_uploaded_photos_are_decoded_and_the_files_as_they_came_deleted():
    pasted = ListingFacts("", "", "", "Momo")
    with rung_here() as here:
        execution, _ = start_pasted(make_owner(), pasted, photos=[pictures.jpeg(1200, 900), b"<html>no photo</html>" * 1000])
        listing = execution.listing
        work_off(here)
    good, bad = listing.images.order_by("position")
    assert (good.fate, bad.fate, bad.reason.partition(":")[0]) == (Fate.KEPT, Fate.REFUSED, "not_an_image")
    assert default_storage.exists(good.key)
    assert not any(default_storage.exists(url.removeprefix("upload:")) for url in listing.record.image_urls)


def test_what_was_stored_for_a_cancelled_execution_is_deleted_again(monkeypatch: pytest.MonkeyPatch):
    stored: list[storing.Keys] = []
    real = storing.store

    def then_cancel(prepared: object) -> storing.Keys:
        keys = real(prepared)  # type: ignore[arg-type]
        stored.append(keys)
        cancel_execution(Execution.objects.get())
        return keys

    monkeypatch.setattr(storing, "store", then_cancel)
    execution = evaluate(make_owner(), "fair-price-set")
    assert execution.state == State.CANCELLED and len(stored) == 6
    assert not any(default_storage.exists(keys.full) for keys in stored)
    assert not ListingImage.objects.exists()
