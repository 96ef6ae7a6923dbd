"""What is kept of a listing: its latest words, each thing it ever said as evidence, and its photos."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from runbooks.models import Listing, ListingImage, ListingSnapshot
from runbooks.sources.records import ListingFacts

#: Who says what becomes of a photo, where it is nobody in person.
RULE, CLAUDE = "rule", "claude"
_MACHINES = ("", RULE, CLAUDE)


def keep_listing(owner_id: Any, key: str, facts: ListingFacts, at: datetime, *, sandbox: bool) -> Listing:
    """Write down what a listing says; where it says something new, as evidence too. In the caller's transaction.

    `sandbox` says whether the sandbox made it up: what it says is never written to the real listing of the same number.
    """
    said = facts.to_json()
    listing, _ = Listing.objects.update_or_create(
        owner_id=owner_id,
        key=key,
        sandbox=sandbox,
        defaults={
            "url": facts.url[:500],
            "title": facts.title[:300],
            "seller": facts.seller[:100],
            "facts": said,
            "fetched_at": at,
            "gone_at": None,
            "purged_at": None,
        },
    )
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
    # What it has said before is kept already.
    ListingSnapshot.objects.bulk_create([ListingSnapshot(listing=listing, digest=digest, facts=said, at=at)], ignore_conflicts=True)
    return listing


def put_aside(listing: Listing, reasons: dict[str, str]) -> int:
    """Quarantine photos, by public id with why, that do not show the book; one that a person has let back in stays."""
    return sum(
        listing.images.filter(public_id=image_id, fate=ListingImage.Fate.KEPT, said_by__in=_MACHINES).update(
            fate=ListingImage.Fate.QUARANTINED, said_by=CLAUDE, reason=reason[:200]
        )
        for image_id, reason in reasons.items()
    )


def kept_photos(listing: Listing, ids: Iterable[str]) -> list[ListingImage]:
    """Return the photos of these public ids that are kept, in their order. One query."""
    wanted = list(ids)
    found = {str(image.public_id): image for image in listing.images.filter(public_id__in=wanted, fate=ListingImage.Fate.KEPT)}
    return [found[one] for one in wanted if one in found]
