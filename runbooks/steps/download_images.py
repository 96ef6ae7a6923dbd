"""Bring the listing's photos in and make them safe; what cannot be had says why, and never ends an evaluation."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import count

from django.core.files.storage import default_storage
from django.db import transaction

from bookops.connections import let_go
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
    """Return the ids of the photos that show the book, in the listing's order; those that were kept before are not fetched again.

    One whose address is new may be a picture that is kept already, and then is that row: what was said of it stays.
    """
    listing = work.execution.listing
    if listing is None:
        return Done({"images": [], "listed": 0})
    facts = ListingFacts.from_json(work.inputs["fetch_listing"]["facts"])
    urls = [url for url in dict.fromkeys(facts.image_urls) if len(url) <= LONGEST_URL]
    rows = list(listing.images.all())
    settled = {row.source_url: row for row in rows if row.source_url in urls and _is_settled(row)}
    pictures = {row.digest: row for row in rows if row.digest}
    let_go()
    photos = fetch(
        urls,
        door=open_photos(),
        decoder=shared_decoder(),
        known={url: _candidate(row) for url, row in settled.items()},
        on_progress=lambda done, total: work.tell(f"{done}/{total} images"),
        seconds=max(work.left - TO_STORE, 1.0),
    )
    again = {photo.url: row for photo in photos.kept if (row := pictures.get(photo.prepared.digest))}
    new = [_Stored(photo, storing.store(photo.prepared), uuid.uuid4()) for photo in photos.kept if photo.url not in again]
    ids = {url: str(row.public_id) for url, row in (settled | again).items() if row.fate == Fate.KEPT}
    ids |= {one.photo.url: str(one.public_id) for one in new}
    return Done(
        {"images": [ids[url] for url in urls if url in ids], "listed": len(facts.image_urls)},
        store=lambda: _keep(listing, urls, new, again, photos),
        discard=lambda: _discard(new),
    )


def _is_settled(row: ListingImage) -> bool:
    # What is so small may have been a page of a host that was down.
    return bool(row.key) or (row.fate != Fate.REFUSED and not row.reason.startswith(Refusal.TOO_SMALL))


def _candidate(row: ListingImage) -> Candidate | None:
    return Candidate(row.position, row.width, row.height, row.digest) if row.key else None


@dataclass(frozen=True, slots=True)
class _Stored:
    """A photo whose files are in storage, under the id that its row will have."""

    photo: Fetched
    keys: storing.Keys
    public_id: uuid.UUID

    def row(self, listing: Listing) -> ListingImage:
        prepared = self.photo.prepared
        return ListingImage(
            listing=listing,
            public_id=self.public_id,
            position=self.photo.position,
            source_url=self.photo.url,
            key=self.keys.full,
            reduced_key=self.keys.reduced,
            thumbnail_key=self.keys.thumbnail,
            width=prepared.full.width,
            height=prepared.full.height,
            bytes=len(prepared.full.jpeg),
            digest=prepared.digest,
        )


def _row_of_missing(listing: Listing, missing: LeftOut) -> ListingImage:
    fate, said_by = (Fate.SKIPPED, RULE) if missing.is_by_rule else (Fate.REFUSED, "")
    reason = f"{missing.reason}: {missing.detail}".rstrip(": ")[:200]
    return ListingImage(listing=listing, position=missing.position, source_url=missing.url, fate=fate, reason=reason, said_by=said_by)


def _keep(listing: Listing, urls: list[str], new: list[_Stored], again: Mapping[str, ListingImage], photos: Photos) -> None:
    """Write the rows of new photos and of those left out, give the known ones their new address, and put all into the listing's order."""
    written = [one.row(listing) for one in new] + [_row_of_missing(listing, missing) for missing in photos.left_out]
    # A row without a picture makes way for what came of its address this time.
    listing.images.filter(source_url__in=[*again, *(row.source_url for row in written)], key="").delete()
    for url, row in again.items():
        row.source_url = url
    ListingImage.objects.bulk_update(again.values(), ["source_url"])
    ListingImage.objects.bulk_create(written)
    _put_in_order(listing, urls)
    done_with = {one.url for one in photos.kept} | {missing.url for missing in photos.left_out if not missing.may_come_back}
    transaction.on_commit(lambda: _forget_uploads(done_with), robust=True)


def _put_in_order(listing: Listing, urls: list[str]) -> None:
    """Number the photos as the listing names them now, and after these the ones that it names no more."""
    places = {url: place for place, url in enumerate(urls)}
    after = count(len(urls))
    moved = []
    for row in listing.images.all():
        place = places[row.source_url] if row.source_url in places else next(after)
        if row.position != place:
            row.position = place
            moved.append(row)
    ListingImage.objects.bulk_update(moved, ["position"])


def _forget_uploads(urls: Iterable[str]) -> None:
    """Delete the files that people uploaded, as they were: what was made of them is kept, and nothing else is safe."""
    for url in urls:
        if url.startswith(UPLOADED):
            default_storage.delete(url.removeprefix(UPLOADED))


def _discard(new: list[_Stored]) -> None:
    for one in new:
        storing.remove(one.keys)
