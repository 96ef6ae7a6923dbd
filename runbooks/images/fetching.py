"""Photos of a listing, brought in from the hosts that are allowed: several at once, within bytes and time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Protocol

from bookops.outbound.answers import Answer
from bookops.outbound.errors import SourceError, TryAgain
from bookops.outbound.guard import GuardedDoor
from bookops.outbound.wire import Bounds
from runbooks.images.choosing import FEWEST_BYTES, Candidate, left_out
from runbooks.images.decoding import MAX_BYTES, Prepared
from runbooks.images.refusals import ImageRefused, Refusal

MOST_PHOTOS = 24
#: Bytes of all photos of one listing together.
MOST_BYTES = 120_000_000
AT_ONCE = 6
#: Seconds for one photo on its way, redirects included.
LONGEST_DOWNLOAD = 15.0
#: Seconds before a photo that did not come is asked for once more, where its host does not ask for longer.
PAUSE = 0.5

#: What the rules of choosing say of an image that is one.
_BY_RULE = frozenset({Refusal.TOO_SMALL, Refusal.BANNER, Refusal.THUMBNAIL, Refusal.DUPLICATE})


class Door(Protocol):
    """Fetch an address that a listing names."""

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer: ...


class Decodes(Protocol):
    """Make a photo safe."""

    def prepare(self, data: bytes, *, patience: float = ...) -> Prepared: ...


@dataclass(frozen=True, slots=True)
class Fetched:
    """Hold a photo that shows the book."""

    #: In the listing, from 0.
    position: int
    url: str
    prepared: Prepared


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Say why a photo is not there."""

    position: int
    url: str
    #: A Refusal, or the reason of the door.
    reason: str
    detail: str = ""
    #: Whether fetching it again later may do.
    may_come_back: bool = False

    @property
    def is_by_rule(self) -> bool:
        """Whether it is a sound image that shows no book."""
        return self.reason in _BY_RULE


@dataclass(frozen=True, slots=True)
class Photos:
    """Hold what came of a listing's photos, in its order."""

    kept: tuple[Fetched, ...]
    left_out: tuple[LeftOut, ...]


def image_door(*, user_agent: str, hosts: Collection[str], trusted_origins: Collection[str] = ()) -> GuardedDoor:
    """Return a door to the image hosts and no other; `trusted_origins` ("http://127.0.0.1:9000") are an operator's own."""
    bounds = Bounds(connect=3.0, read=5.0, total=LONGEST_DOWNLOAD, max_bytes=MAX_BYTES)
    return GuardedDoor(user_agent=user_agent, bounds=bounds, hosts=hosts, trusted_origins=trusted_origins)


def fetch(
    urls: Iterable[str],
    *,
    door: Door,
    decoder: Decodes,
    known: Mapping[str, Candidate | None] | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    seconds: float = 50.0,
) -> Photos:
    """Fetch, decode and choose the photos of one listing; never fails, each photo that is missing says why.

    `urls` name each photo in its largest form; one named twice is one photo. Those that are `known` are not fetched again, only
    compared with where they were kept (None: they were not). `on_progress(done, total)` is called in this thread as each photo is done
    with, and may raise. What is still on its way after `seconds` is given up.
    """
    wanted, known = list(dict.fromkeys(urls)), known or {}
    missing = [LeftOut(position, url, Refusal.TOO_MANY) for position, url in enumerate(wanted)][MOST_PHOTOS:]
    listing = _Listing(door, decoder, until=time.monotonic() + seconds)
    kept: list[Fetched] = []
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="photos")
    try:
        asked = [(position, url) for position, url in enumerate(wanted[:MOST_PHOTOS]) if url not in known]
        running = {pool.submit(listing.photo, position, url): (position, url) for position, url in asked}
        total = len(wanted[:MOST_PHOTOS])
        while running and (left := listing.until - time.monotonic()) > 0:
            for future in wait(running, timeout=left, return_when=FIRST_COMPLETED).done:
                del running[future]
                photo = future.result()
                kept.append(photo) if isinstance(photo, Fetched) else missing.append(photo)
                on_progress(total - len(running), total)
        missing += [LeftOut(position, url, Refusal.OUT_OF_TIME, may_come_back=True) for position, url in running.values()]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # what still runs ends by its own bounds, unheard
    kept_before = [replace(one, position=position) for position, url in enumerate(wanted) if (one := known.get(url))]
    return _chosen(sorted(kept, key=_by_position), kept_before, missing, listed=len(wanted))


def _chosen(kept: Sequence[Fetched], kept_before: Sequence[Candidate], missing: Sequence[LeftOut], *, listed: int) -> Photos:
    new = [Candidate(one.position, one.prepared.full.width, one.prepared.full.height, one.prepared.digest) for one in kept]
    # Those that were kept come first: of two that are one it is the new one that goes.
    reasons = left_out([*kept_before, *new], listed=listed)
    by_rule = [LeftOut(one.position, one.url, reasons[one.position]) for one in kept if one.position in reasons]
    return Photos(
        kept=tuple(one for one in kept if one.position not in reasons),
        left_out=tuple(sorted([*missing, *by_rule], key=_by_position)),
    )


def _by_position(one: Fetched | LeftOut) -> int:
    return one.position


class _Listing:
    """Bring in the photos of one listing, which share its time and its bytes."""

    def __init__(self, door: Door, decoder: Decodes, *, until: float) -> None:
        self.until = until
        self._door = door
        self._decoder = decoder
        self._bytes = 0
        self._lock = threading.Lock()

    def photo(self, position: int, url: str) -> Fetched | LeftOut:
        """Return the photo, or why there is none; called in several threads."""
        try:
            data = self._download(url)
            if len(data) < FEWEST_BYTES:
                raise ImageRefused(Refusal.TOO_SMALL, f"{len(data)} bytes")
            return Fetched(position, url, self._decoder.prepare(data, patience=max(0.0, self.until - time.monotonic())))
        except ImageRefused as error:
            later = error.reason in (Refusal.NO_DECODER, Refusal.OUT_OF_TIME)
            return LeftOut(position, url, error.reason, error.detail, may_come_back=later)
        except SourceError as error:
            return LeftOut(position, url, error.reason, error.detail, may_come_back=isinstance(error, TryAgain))

    def _download(self, url: str) -> bytes:
        try:
            return self._ask(url)
        except TryAgain as error:
            pause = max(PAUSE, error.retry_after or 0.0)
            if time.monotonic() + pause >= self.until:
                raise
            time.sleep(pause)
            return self._ask(url)

    def _ask(self, url: str) -> bytes:
        if time.monotonic() >= self.until:
            raise ImageRefused(Refusal.OUT_OF_TIME)
        with self._lock:
            if self._bytes >= MOST_BYTES:
                raise ImageRefused(Refusal.TOO_LARGE, "the listing's photos together")
        data = self._door.get(url, {"Accept": "image/*"}).body
        with self._lock:
            self._bytes += len(data)
        return data
