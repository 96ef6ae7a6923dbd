"""The desk's pages about listings: what each said and when, its photos, and forgetting it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.forms import Media
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse

from bookops.admin import ReadOnlyAdmin
from bookops.buttons import Button, NothingMoved
from bookops.markup import ago
from bookops.markup import text as foreign
from runbooks.admin.files import stored_file
from runbooks.models import Listing, ListingImage
from runbooks.retention import purge_listing, purge_seller

DELETE = "runbooks.delete_listing"
VIEWS = ("runbooks.view_listing", "runbooks.view_evalrunbook")


def purge(request: HttpRequest, listing: Listing, value: str) -> str:
    return "Its words and photos were deleted." if purge_listing(listing) else NothingMoved("That was done before.")


def purge_all_of_seller(request: HttpRequest, listing: Listing, value: str) -> str:
    count = purge_seller(listing.seller) if listing.seller else 0
    return f"{count} listing{'s' if count != 1 else ''} of this seller {'were' if count != 1 else 'was'} purged."


def photos_of(listing: Listing | None) -> list[dict[str, Any]]:
    """Return the photos of a listing with where they are shown, in its order. One query."""
    if listing is None:
        return []
    return [
        {
            "image": image,
            "id": str(image.public_id),
            "number": image.position + 1,
            "small": photo_address(image, "small") if image.key else "",
            "large": photo_address(image, "large") if image.key else "",
        }
        for image in listing.images.order_by("position", "pk")
    ]


def photo_address(image: ListingImage, size: str) -> str:
    """Return where the desk shows a photo."""
    return reverse("admin:runbooks_listing_photo", args=[image.public_id, size])


@admin.register(Listing)
class ListingAdmin(ReadOnlyAdmin):
    """Listings of all owners, the newest first."""

    list_display = ["title_shown", "key", "seller_shown", "owner", "photos", "fetched", "gone", "purged"]
    list_filter = [("gone_at", admin.EmptyFieldListFilter), ("purged_at", admin.EmptyFieldListFilter), "sandbox", "created_at"]
    list_select_related = ["owner"]
    search_fields = ["title", "key", "seller"]
    search_help_text = "Title, item number or seller"
    ordering = ["-id"]
    change_form_template = "runbooks/desk/listing.html"
    buttons = (
        Button(
            "purge",
            "Purge",
            purge,
            DELETE,
            shown=lambda one: one.purged_at is None,
            confirm="What it said and its photos are deleted for good. What was concluded from them stays.",
        ),
        Button(
            "purge_seller",
            "Purge all of this seller",
            purge_all_of_seller,
            DELETE,
            shown=lambda one: bool(one.seller),
            confirm="Every listing of this seller, of all owners, acquired or not, loses its words and photos for good.",
        ),
    )

    @property
    def media(self) -> Media:
        return super().media + Media(css={"all": ["runbooks/desk.css"]})

    def list_queryset(self, listings: QuerySet[Listing]) -> QuerySet[Listing]:
        """Count the photos, and leave the words out."""
        return listings.defer("facts").annotate(photos_kept=Count("images", filter=Q(images__fate=ListingImage.Fate.KEPT)))

    @admin.display(description="title", ordering="title")
    def title_shown(self, listing: Listing) -> str:
        return foreign(listing, 70)

    @admin.display(description="seller", ordering="seller")
    def seller_shown(self, listing: Listing) -> str:
        return foreign(listing.seller, 30)

    @admin.display(description="photos")
    def photos(self, listing: Any) -> str:
        return f"{listing.photos_kept}" if listing.photos_kept else ""

    @admin.display(description="read", ordering="fetched_at")
    def fetched(self, listing: Listing) -> str:
        return ago(listing.fetched_at)

    @admin.display(description="gone", ordering="gone_at")
    def gone(self, listing: Listing) -> str:
        return ago(listing.gone_at) if listing.gone_at else ""

    @admin.display(description="purged", ordering="purged_at")
    def purged(self, listing: Listing) -> str:
        return ago(listing.purged_at) if listing.purged_at else ""

    def get_urls(self) -> list[URLPattern]:
        photo = path("photos/<uuid:image_id>/<slug:size>/", self.admin_site.admin_view(self.photo_view), name="runbooks_listing_photo")
        return [photo, *super().get_urls()]

    def photo_view(self, request: HttpRequest, image_id: Any, size: str) -> HttpResponse:
        """Show a photo as it was stored: re-encoded, whatever it was before."""
        if not any(map(request.user.has_perm, VIEWS)):
            raise PermissionDenied
        image = ListingImage.objects.filter(public_id=image_id).first()
        keys = {"small": image.thumbnail_key, "large": image.key} if image else {}
        if not keys.get(size):
            raise Http404
        return stored_file(keys[size], "image/jpeg")

    def page(self, request: HttpRequest, obj: Listing) -> dict[str, Any]:
        return {
            "listing": obj,
            "title": f"{obj}",
            "buttons": self.buttons_for(request, obj),
            "photos": photos_of(obj),
            "snapshots": [(one, _words(one.facts)) for one in obj.snapshots.order_by("-at")],
            "executions": obj.executions.order_by("-created_at")[:20],
            "copies": obj.copies.select_related("book", "runbook"),
        }


def _words(facts: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return what a listing said as names and values, its text last."""
    said = [(name.replace("_", " "), value) for name, value in facts.items() if value not in ("", None, [], {}) and name != "description"]
    return said + ([("description", facts["description"])] if facts.get("description") else [])
