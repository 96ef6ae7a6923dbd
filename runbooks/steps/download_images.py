"""Bring the listing's photos in and make them safe; what cannot be had says why, and never ends an evaluation."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.core.files.storage import default_storage
from django.db import connection, transaction

from runbooks.doors import UPLOADED, open_photos
from runbooks.images import storing
from runbooks.images.choosing import Candidate
from runbooks.images.decoding import shared_decoder
from runbooks.images.fetching import Fetched, LeftOut, Photos, fetch
from runbooks.images.refusals import Refusal
from runbooks.listings import RULE
from runbooks.models import Listing, ListingImage
from runbooks.sources.records import ListingFacts
from runbooks.steps import Done, Work

Fate = ListingImage.Fate

#: Seconds of the step that are left for storing what came.
TO_STORE = 8.0
#: Characters that a row has for an address.
LONGEST_URL = 500


def run(work: Work) -> Done:
    """Return the ids of the photos that show the book, in the listing's order; those that were kept before are not fetched again."""
    listing = work.execution.listing
    if listing is None:
        return Done({"images": [], "listed": 0})
    facts = ListingFacts.from_json(work.inputs["fetch_listing"]["facts"])
    urls = [url for url in facts.image_urls if len(url) <= LONGEST_URL]
    rows = {image.source_url: image for image in listing.images.filter(source_url__in=urls)}
    settled = {url: row for url, row in rows.items() if _is_settled(row)}
    connection.close()
    photos = fetch(
        urls,
        door=open_photos(),
        decoder=shared_decoder(),
        known={url: _candidate(row) for url, row in settled.items()},
        on_progress=lambda done, total: work.tell(f"{done}/{total} images"),
        seconds=max(work.left - TO_STORE, 1.0),
    )
    new = [_Stored(photo, storing.store(photo.prepared), uuid.uuid4()) for photo in photos.kept]
    ids = {url: str(row.public_id) for url, row in settled.items() if row.fate == Fate.KEPT}
    ids |= {one.photo.url: str(one.public_id) for one in new}
    return Done(
        {"images": [ids[url] for url in urls if url in ids], "listed": len(facts.image_urls)},
        store=lambda: _keep(listing, urls, new, photos),
        discard=lambda: _discard(new),
    )


def _is_settled(row: ListingImage) -> bool:
    # What is so small may have been a page of a host that was down.
    return row.fate != Fate.REFUSED and not row.reason.startswith(Refusal.TOO_SMALL)


def _candidate(row: ListingImage) -> Candidate | None:
    return Candidate(row.position, row.width, row.height, row.digest) if row.key else None


@dataclass(frozen=True, slots=True)
class _Stored:
    """A photo whose files are in storage, under the id that its row will have."""

    photo: Fetched
    keys: storing.Keys
    public_id: uuid.UUID


def _keep(listing: Listing, urls: list[str], new: list[_Stored], photos: Photos) -> None:
    """Write the rows of new photos and of those left out, and put all into the listing's order."""
    for one in new:
        full = one.photo.prepared.full
        _write(
            listing,
            one.photo,
            public_id=one.public_id,
            key=one.keys.full,
            reduced_key=one.keys.reduced,
            thumbnail_key=one.keys.thumbnail,
            width=full.width,
            height=full.height,
            bytes=len(full.jpeg),
            digest=one.photo.prepared.digest,
            fate=Fate.KEPT,
            reason="",
            said_by="",
        )
    for missing in photos.left_out:
        fate, said_by = (Fate.SKIPPED, RULE) if missing.is_by_rule else (Fate.REFUSED, "")
        _write(listing, missing, fate=fate, reason=f"{missing.reason}: {missing.detail}".rstrip(": ")[:200], said_by=said_by)
    for row in listing.images.filter(source_url__in=urls):
        if row.position != urls.index(row.source_url):
            listing.images.filter(pk=row.pk).update(position=urls.index(row.source_url))
    done_with = {one.photo.url for one in new} | {missing.url for missing in photos.left_out if not missing.may_come_back}
    transaction.on_commit(lambda: _forget_uploads(done_with), robust=True)


def _write(listing: Listing, photo: Fetched | LeftOut, **values: Any) -> None:
    ListingImage.objects.update_or_create(listing=listing, source_url=photo.url, defaults={"position": photo.position, **values})


def _forget_uploads(urls: Iterable[str]) -> None:
    """Delete the files that people uploaded, as they were: what was made of them is kept, and nothing else is safe."""
    for url in urls:
        if url.startswith(UPLOADED):
            default_storage.delete(url.removeprefix(UPLOADED))


def _discard(new: list[_Stored]) -> None:
    for one in new:
        storing.remove(one.keys)
