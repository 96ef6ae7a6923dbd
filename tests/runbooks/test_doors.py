"""Third parties as the settings describe them: switched off or without a key they say so, and bulk work leaves calls to people."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from bookops.doors import shared_redis
from bookops.outbound.errors import NotFound, Refused, TryAgain
from runbooks.doors import UPLOADED, follow_link, open_abebooks, open_claude, open_ebay, open_photos
from runbooks.links import BadLink, ItemLink, ShortLink
from runbooks.token_shelf import SharedShelf
from sandbox.listings import by_case
from sandbox.running import RunningSandbox
from tests.concurrency import at_once

pytestmark = pytest.mark.once

ITEM = by_case("strong-buy").item


@pytest.mark.parametrize(
    ("setting", "opened", "reason"),
    [
        ("EBAY_CLIENT_ID", open_ebay, "not_configured"),
        ("EBAY_CLIENT_SECRET", open_ebay, "not_configured"),
        ("ANTHROPIC_KEY", open_claude, "not_configured"),
        ("ABEBOOKS", open_abebooks, "switched_off"),
    ],
)
def test_what_is_not_configured_says_which_setting_is_missing(settings: Any, setting: str, opened: Any, reason: str):
    setattr(settings, setting, "" if setting != "ABEBOOKS" else False)
    with pytest.raises(Refused) as refused:
        opened()
    assert refused.value.reason == reason
    assert setting in refused.value.detail


def test_bulk_work_leaves_a_tenth_of_the_days_calls_to_people(sandbox: RunningSandbox, settings: Any):
    settings.EBAY_PER_DAY = 10
    for _ in range(9):
        open_ebay(bulk=True).item(ITEM)
    with pytest.raises(TryAgain) as spent:
        open_ebay(bulk=True).item(ITEM)
    assert spent.value.spent and spent.value.reason == "quota_day"
    assert open_ebay().item(ITEM).legacy_id == ITEM, "a person is still served"
    with pytest.raises(TryAgain):
        open_ebay().item(ITEM)


def test_many_who_need_a_token_ask_for_one(sandbox: RunningSandbox):
    at_once(8, lambda: open_ebay().item(ITEM))
    assert sandbox.log()["by_endpoint"]["/identity/v1/oauth2/token"] == 1


# The token's shelf


def test_a_token_is_there_for_every_process_until_its_time_is_over():
    one, other = (SharedShelf(shared_redis(), "test:token") for _ in range(2))
    one.put("v^1.1#abc", 60.0)
    assert other.get() == "v^1.1#abc"
    one.put("v^1.1#abc", 0.0001)
    shared_redis().delete("test:token")
    assert other.get() == ""


def test_only_the_token_that_failed_is_dropped():
    shelf = SharedShelf(shared_redis(), "test:dropped")
    shelf.put("new", 60.0)
    shelf.drop("old")
    assert shelf.get() == "new"
    shelf.drop("new")
    assert shelf.get() == ""


def test_without_redis_each_process_keeps_its_own():
    import redis

    shelf = SharedShelf(redis.Redis(port=1, socket_connect_timeout=0.2), "test:away")
    with shelf.lock():
        shelf.put("ours", 60.0)
    assert shelf.get() == "ours"


def test_one_at_a_time_asks_for_a_token():
    shelves = [SharedShelf(shared_redis(), "test:lock") for _ in range(4)]
    inside: list[int] = []
    most: list[int] = []

    def ask() -> None:
        with shelves.pop().lock():
            inside.append(1)
            most.append(len(inside))
            inside.pop()

    at_once(4, ask)
    assert max(most) == 1


# Photos


def test_a_photo_that_a_person_gave_us_is_read_from_storage():
    key = default_storage.save("uploads/test-photo", ContentFile(b"a photo"))
    assert open_photos().get(UPLOADED + key).body == b"a photo"
    default_storage.delete(key)
    with pytest.raises(NotFound):
        open_photos().get(UPLOADED + key)


@pytest.mark.parametrize("url", ["https://example.org/a.jpg", "http://127.0.0.1:1/a.jpg", "file:///etc/passwd", "upload:../../etc/passwd"])
def test_no_other_place_is_reached_for_a_photo(url: str):
    with pytest.raises(Exception) as refused:
        open_photos().get(url)
    assert type(refused.value).__name__ in ("Refused", "SuspiciousFileOperation", "NotFound")


def test_a_host_that_asks_to_be_let_be_is_let_be_by_all(sandbox: RunningSandbox):
    photo = open_ebay().item(ITEM).image_urls[0]
    sandbox.settings(faults=[{"kind": "429", "source": "ebayimg", "retry_after": 60}])
    with pytest.raises(TryAgain) as told:
        open_photos().get(photo)
    with pytest.raises(TryAgain) as waiting:
        open_photos().get(photo)
    assert (told.value.reason, waiting.value.reason) == ("rate_limited", "quota_blocked")
    assert sandbox.log()["sources"]["ebayimg"]["calls"] == 1
    shared_redis().flushdb()


# Short links


@pytest.mark.parametrize("code", [ITEM, f"via3-{ITEM}", f"challenge-{ITEM}"])
def test_a_short_link_is_followed_to_its_listing(sandbox: RunningSandbox, code: str):
    assert follow_link(ShortLink(f"https://ebay.us/{code}")) == ItemLink(ITEM, marketplace="EBAY_US")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("loop", "too_many_redirects"),
        (f"via7-{ITEM}", "too_many_redirects"),
        ("elsewhere", "leads_elsewhere"),
        ("inside", "leads_elsewhere"),
        ("gone", "expired"),
    ],
)
def test_a_short_link_that_leads_nowhere_says_why(sandbox: RunningSandbox, code: str, reason: str):
    with pytest.raises(BadLink) as bad:
        follow_link(ShortLink(f"https://ebay.us/{code}"))
    assert bad.value.reason == reason
