"""Forget what a seller wrote and showed: by age where it was never acquired, by seller, by listing, by owner."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, TextField
from django.db.models.functions import Cast, Coalesce

from bookops.clock import database_now
from runbooks.doors import UPLOADED
from runbooks.executions import cancel_execution
from runbooks.models import Comparable, Copy, EvalRunbook, Execution, KeptPage, Listing, RunbookVersion, StepRun

log = structlog.get_logger(__name__)

#: Listings purged in one round, so that a round stays short; the next one follows within the hour.
MOST = 500


def forget_old() -> int:
    """Purge what was last read more than LISTING_DAYS ago and never acquired, and the pages kept as long; return how many listings."""
    before = database_now() - timedelta(days=settings.LISTING_DAYS)
    owned = Copy.objects.filter(listing=OuterRef("pk"), status__in=Copy.OWNED)
    active = Execution.objects.active().filter(listing=OuterRef("pk"))
    old = (
        Listing.objects.annotate(read_at=Coalesce("fetched_at", "created_at"))
        .filter(~Exists(owned), ~Exists(active), read_at__lt=before, purged_at=None)
        .order_by("pk")[:MOST]
    )
    _delete_pages(KeptPage.objects.filter(at__lt=before))
    return sum(purge_listing(listing) for listing in old)


def purge_listing(listing: Listing) -> bool:
    """Delete a listing's photos and all that it said; its key and what was concluded from it stay. False when that was done before.

    Files go first: whoever dies in between leaves rows that say what is still to be done. Work on it is cancelled.
    """
    for execution in Execution.objects.active().filter(listing=listing):
        cancel_execution(execution)
    executions = Execution.objects.filter(listing=listing)
    _delete_files(key for image in listing.images.all() for key in (image.key, image.reduced_key, image.thumbnail_key))
    urls = [*listing.images.values_list("source_url", flat=True), *listing.facts.get("image_urls", ())]
    _delete_files(url.removeprefix(UPLOADED) for url in urls if url.startswith(UPLOADED))
    _delete_pages(KeptPage.objects.filter(execution__in=executions))
    with transaction.atomic():
        runbooks = list(EvalRunbook.objects.select_for_update().filter(copy__listing=listing).order_by("pk"))
        listing.images.all().delete()
        listing.snapshots.all().delete()
        StepRun.objects.filter(execution__in=executions).update(input={}, output={}, progress="")
        for runbook in runbooks:
            EvalRunbook.objects.filter(pk=runbook.pk).update(contradictions=_as_seen(runbook.contradictions))
        for version in RunbookVersion.objects.filter(runbook__in=runbooks).iterator(chunk_size=100):
            left = {"listing": None, "contradictions": _as_seen(version.document.get("contradictions", ()))}
            RunbookVersion.objects.filter(pk=version.pk).update(document=version.document | left)
        purged = Listing.objects.filter(pk=listing.pk, purged_at=None).update(purged_at=database_now())
        Listing.objects.filter(pk=listing.pk).update(facts={}, title="", seller="")
    listing.refresh_from_db()
    return bool(purged)


def _as_seen(contradictions: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return contradictions without the seller's side of them."""
    return [one | {"text": one["seen"], "said": ""} for one in contradictions]


def purge_seller(name: str) -> int:
    """Purge every listing of a seller, acquired or not, and take the name out of what others' evaluations found; return how many."""
    purged = _purge(Listing.objects.filter(pk__in=_named(Listing.objects.all(), "seller", name)))
    # A comparable's source is who offered it, in what was kept of it too.
    Comparable.objects.filter(pk__in=_named(Comparable.objects.all(), "source", name)).update(source="")
    _blank(StepRun.objects.all(), "output", ("seller",), name)
    _blank(RunbookVersion.objects.all(), "document", ("seller", "source"), name)
    return purged


def _named(rows: QuerySet[Any], column: str, name: str) -> list[Any]:
    """Return the ids of rows that say this name in a column, in whatever case."""
    said = rows.filter(**{f"{column}__icontains": _surest_part(name)}).values_list("pk", column)
    return [pk for pk, other in said.iterator() if other.casefold() == name.casefold()]


def _blank(rows: QuerySet[Any], column: str, keys: tuple[str, ...], name: str) -> None:
    """Empty what stands under these keys in a JSON column where it is that name."""
    perhaps = rows.annotate(text=Cast(column, TextField())).filter(text__icontains=_surest_part(name))
    for pk, value in perhaps.values_list("pk", column).iterator(chunk_size=100):
        if (without := _without(value, keys, name.casefold())) != value:
            rows.filter(pk=pk).update(**{column: without})


def _surest_part(name: str) -> str:
    # Other letters are escaped in the JSON of one database and compared by case in another.
    return max(re.findall("[A-Za-z0-9]+", name), key=len, default="")


def purge_owner(owner: Any) -> int:
    """Purge every listing of an owner and return how many; to be called before the owner's rows are deleted, which leaves no file behind."""
    return _purge(Listing.objects.filter(owner=owner))


def _purge(listings: QuerySet[Listing]) -> int:
    purged = 0
    # By id, for a purged listing no longer has the seller that it was found by.
    for pk in list(listings.order_by("pk").values_list("pk", flat=True)):
        purged += purge_listing(Listing.objects.get(pk=pk))
    log.info("listings_purged", count=purged)
    return purged


def _without(value: Any, keys: tuple[str, ...], name: str) -> Any:
    """Return JSON with "" for that name under these keys."""
    if isinstance(value, dict):
        return {
            key: "" if key in keys and isinstance(one, str) and one.casefold() == name else _without(one, keys, name)
            for key, one in value.items()
        }
    if isinstance(value, list):
        return [_without(one, keys, name) for one in value]
    return value


def _delete_pages(pages: QuerySet[KeptPage]) -> None:
    _delete_files(pages.values_list("key", flat=True))
    pages.delete()


def _delete_files(keys: Iterable[str]) -> None:
    for key in keys:
        if key:
            default_storage.delete(key)
