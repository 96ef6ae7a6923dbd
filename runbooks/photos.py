"""Put a photo aside that does not show the book, and take it back; nothing is deleted, and who said so is kept."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from runbooks.evaluating import keep_if_changed
from runbooks.listings import CLAUDE
from runbooks.models import EvalRunbook, Listing, ListingImage

Fate = ListingImage.Fate
CAUSE = "photos"
_LONGEST_WHY = 200


def quarantine(image: ListingImage, *, by: Any, why: str) -> bool:
    """Put a photo aside for a reason; False when it is aside already or has no picture."""
    if not why.strip():
        raise ValidationError({"why": "Say why."})
    return _move([image], Fate.QUARANTINED, (Fate.KEPT, Fate.SKIPPED), by, why) == 1


def restore(image: ListingImage, *, by: Any, why: str = "") -> bool:
    """Take a photo back that somebody, Claude or a rule put aside; False when it is not aside or has no picture."""
    return _move([image], Fate.KEPT, (Fate.QUARANTINED, Fate.SKIPPED), by, why or "restored") == 1


def restore_claudes(listing: Listing, *, by: Any, why: str = "") -> int:
    """Take back all photos of a listing that Claude put aside, and return how many."""
    aside = list(listing.images.filter(fate=Fate.QUARANTINED, said_by=CLAUDE))
    return _move(aside, Fate.KEPT, (Fate.QUARANTINED,), by, why or "restored")


def _move(images: list[ListingImage], fate: Fate, before: tuple[Fate, ...], by: Any, why: str) -> int:
    if not images:
        return 0
    listing_id = images[0].listing_id
    with transaction.atomic():
        runbooks = list(EvalRunbook.objects.select_for_update().filter(copy__listing_id=listing_id).order_by("pk"))
        movable = ListingImage.objects.filter(pk__in=[image.pk for image in images], fate__in=before).exclude(key="")
        moved = movable.update(fate=fate, reason=why[:_LONGEST_WHY], said_by=str(by)[:150])
        if moved:
            for runbook in runbooks:
                keep_if_changed(runbook, CAUSE, by=by)
    for image in images:
        image.refresh_from_db()
    return moved
