"""Listings: what they said, their photos, and whose were to be forgotten."""

from __future__ import annotations

import uuid
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from runbooks.sources.records import ListingFacts


class Owned(models.QuerySet[Any]):
    """Rows by owner."""

    def owned_by(self, user: Any) -> Self:
        """Filter to what this user may see."""
        return self.filter(owner=user)


class Listing(models.Model):
    """Hold one listing as its owner sees it: what it said last, and who sells it.

    `key` is "ebay:123456789012", with "|variation" where there is one, or "pasted:<uuid>".
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="listings")
    key = models.CharField(max_length=80)
    #: Whether the sandbox made it up; the real listing of the same number is another row.
    sandbox = models.BooleanField(default=False, editable=False)
    url = models.CharField(max_length=500, blank=True)
    title = models.CharField(max_length=300, blank=True)
    #: As the site names them, so that all of one seller's can be purged.
    seller = models.CharField(max_length=100, blank=True, db_index=True)
    #: ListingFacts.to_json of the last reading; emptied by a purge.
    facts = models.JSONField(default=dict, blank=True)
    fetched_at = models.DateTimeField(null=True, blank=True)
    #: The source said that it is there no more.
    gone_at = models.DateTimeField(null=True, blank=True)
    purged_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = Owned.as_manager()

    class Meta:
        indexes = [models.Index(fields=["owner", "-id"], name="listings_newest_first")]
        constraints = [
            models.UniqueConstraint(fields=["owner", "key", "sandbox"], name="an_owner_has_a_listing_once"),
            models.CheckConstraint(condition=Q(url="") | Q(url__startswith="https://"), name="a_listings_address_is_https"),
        ]

    def __str__(self) -> str:
        return self.title or self.key

    @property
    def record(self) -> ListingFacts:
        """Return what it said last."""
        return ListingFacts.from_json(self.facts)


class ListingSnapshot(models.Model):
    """Hold what a listing said at one moment, as evidence; a new one only where it says something else."""

    listing = models.ForeignKey(Listing, on_delete=models.CASCADE, related_name="snapshots")
    facts = models.JSONField()
    digest = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at"]
        constraints = [models.UniqueConstraint(fields=["listing", "digest"], name="a_listing_keeps_what_it_said_once")]

    def __str__(self) -> str:
        return f"{self.listing_id} {self.at:%Y-%m-%d}"


class ListingImage(models.Model):
    """Hold one photo of a listing, re-encoded; all else refers to it by this row's id, never by its place in a list."""

    class Fate(models.TextChoices):
        KEPT = "kept", "kept"
        SKIPPED = "skipped", "skipped"
        REFUSED = "refused", "refused"
        QUARANTINED = "quarantined", "quarantined"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    listing = models.ForeignKey(Listing, on_delete=models.CASCADE, related_name="images")
    position = models.PositiveSmallIntegerField()
    source_url = models.CharField(max_length=500, blank=True)
    #: Random names in storage: the whole picture, the one for the model, the small one; "" where there is none.
    key = models.CharField(max_length=100, blank=True)
    reduced_key = models.CharField(max_length=100, blank=True)
    thumbnail_key = models.CharField(max_length=100, blank=True)
    width = models.PositiveIntegerField(default=0)
    height = models.PositiveIntegerField(default=0)
    bytes = models.PositiveIntegerField(default=0)
    #: SHA-256 of the whole picture as stored.
    digest = models.CharField(max_length=64, blank=True)
    fate = models.CharField(max_length=12, choices=Fate.choices, default=Fate.KEPT)
    #: A reason code, and who says so: "rule", "claude" or a person.
    reason = models.CharField(max_length=200, blank=True)
    said_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["listing", "source_url"], condition=~Q(source_url=""), name="a_photo_is_kept_once"),
            models.UniqueConstraint(fields=["listing", "digest"], condition=~Q(digest=""), name="a_listing_has_a_picture_once"),
        ]

    def __str__(self) -> str:
        return f"photo {self.position}"


class AccountDeletion(models.Model):
    """Hold one notice of eBay that an account was closed, and when its listings were purged here."""

    notification_id = models.CharField(max_length=100, unique=True)
    username = models.CharField(max_length=100, blank=True)
    received_at = models.DateTimeField(auto_now_add=True)
    #: The body as it came and its X-EBAY-SIGNATURE, while eBay's key to them was not to be had; empty afterwards.
    body = models.BinaryField(default=b"", blank=True)
    signature = models.CharField(max_length=1000, blank=True)
    #: When its signature was found to be eBay's; nothing is purged before.
    verified_at = models.DateTimeField(null=True, blank=True)
    purged_at = models.DateTimeField(null=True, blank=True)
    listings = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.notification_id


def storage_key(kind: str) -> str:
    """Return a random name in storage for a photo or a page."""
    return f"{kind}/{uuid.uuid4()}"
