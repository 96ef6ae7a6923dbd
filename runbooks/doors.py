"""Open the third parties of an evaluation as the settings say: address, identification, pace, day's ledger, breaker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from urllib.parse import urlsplit

from django.conf import settings
from django.core.files.storage import default_storage

from bookops.doors import asks_sandbox, open_door, quota_of, shared_redis
from bookops.outbound.answers import Answer
from bookops.outbound.errors import NotFound, Refused, TryAgain
from bookops.outbound.guard import GuardedDoor
from bookops.outbound.quota import Limits
from bookops.outbound.sdk import anthropic_client
from bookops.tally import note_call
from runbooks import links
from runbooks.images.fetching import image_door
from runbooks.sources import abebooks, claude, ebay, frankfurter
from runbooks.sources.ebay_errors import DAY_ZONE
from runbooks.sources.ebay_images import EBAY_PICTURES
from runbooks.sources.ebay_tokens import PUBLIC_SCOPE, SOLD_SCOPE, EbayTokens
from runbooks.token_shelf import SharedShelf

#: Why nothing more is asked for an evaluation that was begun in the sandbox, or outside of it.
OTHER_SOURCES = {
    True: "It was evaluated in the sandbox, whose data are invented, and the real sources are asked now. Import the listing anew.",
    False: "It was evaluated from the real sources, and the sandbox is asked now, whose data are invented. Import the listing anew.",
}
#: Seconds of one call: a search may need two of them, and its step has thirty.
ONE_OF_TWO = 12.0
#: Seconds of one call to Claude, whose step has two minutes.
LONGEST_READING = 115.0
#: Seconds a step sleeps for its turn before its row goes back to wait.
LONGEST_NAP = 5.0
#: All image hosts together, where one of them asks us to wait.
PHOTOS = "photos"
#: A photo that a person gave us is named by this and its key in storage.
UPLOADED = "upload:"


def open_ebay(*, bulk: bool = False) -> ebay.Ebay:
    """Return eBay; bulk work leaves a tenth of the day's calls to people who wait. Raises Refused where no keys are set."""
    if not (settings.EBAY_CLIENT_ID and settings.EBAY_CLIENT_SECRET):
        raise Refused("EBAY_CLIENT_ID and EBAY_CLIENT_SECRET are unset.", reason="not_configured", source=ebay.NAME)
    per_day = settings.EBAY_PER_DAY * 9 // 10 if bulk else settings.EBAY_PER_DAY
    return _ebay(settings.EBAY_URL, settings.EBAY_CLIENT_ID, settings.EBAY_CLIENT_SECRET, per_day, settings.EBAY_SOLD)


@lru_cache(maxsize=4)
def _ebay(url: str, client_id: str, client_secret: str, per_day: int, shows_sold: bool) -> ebay.Ebay:
    limits = Limits(per_day=per_day, day_zone=DAY_ZONE)
    door = open_door(ebay.NAME, url, limits, note_call, deadline=ONE_OF_TWO, longest_nap=LONGEST_NAP)
    # eBay does not count these, so neither do we.
    tokens_door = open_door("ebay_tokens", url, Limits(), note_call, deadline=ONE_OF_TWO)

    def tokens(scope: str) -> EbayTokens:
        shelf = SharedShelf(shared_redis(), f"{settings.REDIS_PREFIX}ebay_token:{url}:{client_id}:{scope}")
        return EbayTokens(tokens_door, client_id, client_secret, shelf, scope=scope)

    return ebay.Ebay(
        door,
        tokens(PUBLIC_SCOPE),
        marketplace=settings.EBAY_MARKETPLACE,
        sold_tokens=tokens(SOLD_SCOPE) if shows_sold else None,
        picture_origins=(EBAY_PICTURES, *_sandbox_origins()),
    )


def open_abebooks() -> abebooks.AbeBooks:
    """Return AbeBooks; raises Refused while the operator has it off."""
    if not settings.ABEBOOKS:
        raise Refused("AbeBooks is switched off (ABEBOOKS).", reason="switched_off", source=abebooks.NAME)
    return _abebooks(settings.ABEBOOKS_URL, settings.ABEBOOKS_PER_SECOND)


@lru_cache(maxsize=4)
def _abebooks(url: str, per_second: float) -> abebooks.AbeBooks:
    # Its pace is slow, so many wait: as rows, not in threads, but for a little longer than the sweeper takes to ring for the next ones.
    nap = settings.SWEEP_SECONDS + 1
    door = open_door(abebooks.NAME, url, Limits(rate=per_second), note_call, deadline=2 * ONE_OF_TWO, longest_nap=nap)
    return abebooks.AbeBooks(door)


def open_claude() -> claude.Claude:
    """Return Claude; raises Refused where no key is set."""
    if not settings.ANTHROPIC_KEY:
        raise Refused("ANTHROPIC_KEY is unset.", reason="not_configured", source=claude.NAME)
    return _claude(settings.ANTHROPIC_URL, settings.ANTHROPIC_KEY)


@lru_cache(maxsize=4)
def _claude(url: str, key: str) -> claude.Claude:
    door = open_door(claude.NAME, url, Limits(), note_call, deadline=LONGEST_READING, longest_nap=LONGEST_NAP)
    return claude.Claude(anthropic_client(door, key))


def open_rates() -> frankfurter.Frankfurter:
    """Return Frankfurter, the day's exchange rates."""
    return _rates(settings.FRANKFURTER_URL)


@lru_cache(maxsize=4)
def _rates(url: str) -> frankfurter.Frankfurter:
    return frankfurter.Frankfurter(open_door(frankfurter.NAME, url, Limits(), note_call))


class PhotoDoor:
    """Lead to the image hosts of the settings and to the photos that people gave us, and nowhere else.

    While an image host has told anybody to wait, no process asks for a photo: that raises TryAgain with the seconds that are left.
    """

    def __init__(self) -> None:
        self._quota = quota_of(PHOTOS, Limits())
        self._outside = image_door(
            user_agent=settings.USER_AGENT, hosts=settings.EBAY_IMAGE_HOSTS, trusted_origins=tuple(_sandbox_origins())
        )

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Return a photo as it was sent; raises one of the four errors."""
        if not url.startswith(UPLOADED):
            return self._fetched(url, headers)
        try:
            with default_storage.open(url.removeprefix(UPLOADED)) as file:
                return Answer(200, {}, file.read(), 0.0)
        except FileNotFoundError:
            raise NotFound("the uploaded photo is gone") from None

    def _fetched(self, url: str, headers: Mapping[str, str] | None) -> Answer:
        self._quota.take()
        try:
            return self._outside.get(url, headers)
        except TryAgain as error:
            if error.retry_after is not None:
                self._quota.block(error.retry_after)
            raise


def open_photos() -> PhotoDoor:
    """Return the door to photos."""
    return PhotoDoor()


def follow_link(short: links.ShortLink) -> links.ItemLink:
    """Return the listing that a short link leads to; see `links.follow`."""
    door = GuardedDoor(user_agent=settings.USER_AGENT, trusted_origins=tuple(_sandbox_origins()))
    if not asks_sandbox():
        return links.follow(short, door.get_once)
    return links.follow(short, lambda url, seconds: _as_ebay(door.get_once(_in_sandbox(url), seconds)))


# In the sandbox: it answers under one address for all of eBay's sites.


def _sandbox_origins() -> list[str]:
    parts = urlsplit(settings.EBAY_URL)
    return [f"{parts.scheme}://{parts.hostname}:{parts.port or 80}"] if asks_sandbox() else []


def _in_sandbox(url: str) -> str:
    return url.replace("https://ebay.us/", f"{settings.EBAY_URL}/short/", 1).replace("https://www.ebay.com/", f"{settings.EBAY_URL}/", 1)


def _as_ebay(answer: Answer) -> Answer:
    there = answer.headers.get("location", "")
    there = there.replace(f"{settings.EBAY_URL}/short/", "https://ebay.us/", 1).replace(f"{settings.EBAY_URL}/", "https://www.ebay.com/", 1)
    return replace(answer, headers={**answer.headers, "location": there})
