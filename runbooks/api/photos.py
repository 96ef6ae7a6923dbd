"""The photos of a listing: their rows, their bytes, and putting one aside and taking it back."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.files.storage import default_storage
from django.http import Http404, HttpResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView

from bookops.api.files import FileRenderer
from bookops.api.problems import Problem
from bookops.api.requests import OwnerRequest
from bookops.api.strict import StrictSerializer
from bookops.idempotency import idempotent
from runbooks import photos
from runbooks.api.owned import photo_of, runbook_of
from runbooks.api.refusals import as_problems
from runbooks.models import ListingImage

#: The column of each size; all are JPEGs that we have written ourselves.
SIZES = {"full": "key", "reduced": "reduced_key", "small": "thumbnail_key"}
LONGEST_WHY = 200


class PhotoSerializer(serializers.ModelSerializer[ListingImage]):
    """A photo, and why it is not shown where it is not."""

    id = serializers.UUIDField(source="public_id")
    url = serializers.SerializerMethodField()

    class Meta:
        model = ListingImage
        fields = ["id", "position", "width", "height", "bytes", "fate", "reason", "said_by", "url"]
        read_only_fields = fields

    def get_url(self, photo: ListingImage) -> str:
        """Return where its bytes are, "" where there are none."""
        return reverse("photo", args=[photo.public_id]) if photo.key else ""


class PhotosSerializer(serializers.Serializer[Any]):
    """The photos of a runbook's listing."""

    photos = PhotoSerializer(many=True)


class WhySerializer(StrictSerializer):
    """Why a photo is put aside."""

    why = serializers.CharField(max_length=LONGEST_WHY)


class MaybeWhySerializer(StrictSerializer):
    """Why a photo is taken back."""

    why = serializers.CharField(max_length=LONGEST_WHY, required=False, allow_blank=True, default="")


class PhotosView(APIView):
    """List photos."""

    @extend_schema(operation_id="photos_list", tags=["photos"], summary="The photos of a runbook's listing", responses=PhotosSerializer)
    def get(self, request: OwnerRequest, runbook_id: uuid.UUID) -> Response:
        """Return all, those that were skipped, refused or put aside too."""
        listing = runbook_of(request, runbook_id).copy.listing
        rows = ListingImage.objects.filter(listing=listing) if listing else ListingImage.objects.none()
        return Response({"photos": PhotoSerializer(rows, many=True).data})


class JPEGRenderer(FileRenderer):
    """Answer with image/jpeg."""

    media_type = "image/jpeg"
    format = "jpeg"


class PhotoView(APIView):
    """Give out a photo."""

    renderer_classes = [JPEGRenderer, JSONRenderer]

    @extend_schema(
        operation_id="photos_file",
        tags=["photos"],
        summary="A photo, re-encoded and without metadata",
        parameters=[OpenApiParameter("size", str, enum=list(SIZES), description="full by default.")],
        responses={(200, "image/jpeg"): OpenApiTypes.BINARY},
    )
    def get(self, request: OwnerRequest, photo_id: uuid.UUID) -> HttpResponse:
        """Return the picture that we have stored, never what the seller sent."""
        key = getattr(photo_of(request, photo_id), SIZES.get(request.query_params.get("size", "full"), "key"))
        if not key:
            raise Http404
        try:
            with default_storage.open(key, "rb") as file:
                content = file.read()
        except FileNotFoundError:
            raise Http404 from None
        headers = {"Content-Disposition": "inline", "Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"}
        return HttpResponse(content, content_type="image/jpeg", headers=headers)


class QuarantineView(APIView):
    """Put aside."""

    @extend_schema(
        operation_id="photos_quarantine",
        tags=["photos"],
        summary="Put a photo aside that does not show the book; nothing is deleted",
        request=WhySerializer,
        responses=PhotoSerializer,
    )
    @idempotent
    def post(self, request: OwnerRequest, photo_id: uuid.UUID) -> Response:
        """Put it aside; 409 for one that is aside or has no picture."""
        wanted = WhySerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        photo = photo_of(request, photo_id)
        with as_problems():
            moved = photos.quarantine(photo, by=request.user, why=wanted.validated_data["why"])
        return answer(photo, moved)


class RestoreView(APIView):
    """Take back."""

    @extend_schema(
        operation_id="photos_restore",
        tags=["photos"],
        summary="Take a photo back that somebody, Claude or a rule put aside",
        request=MaybeWhySerializer,
        responses=PhotoSerializer,
    )
    @idempotent
    def post(self, request: OwnerRequest, photo_id: uuid.UUID) -> Response:
        """Take it back; 409 for one that is not aside or has no picture."""
        wanted = MaybeWhySerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        photo = photo_of(request, photo_id)
        with as_problems():
            moved = photos.restore(photo, by=request.user, why=wanted.validated_data["why"])
        return answer(photo, moved)


def answer(photo: ListingImage, moved: bool) -> Response:
    """Return a photo that was moved; raises a 409 problem for one that was not."""
    if not moved:
        raise Problem(409, "photo_not_moved", f"The photo is {photo.get_fate_display()}.", remedy="Ask for the photos of its runbook.")
    return Response(PhotoSerializer(photo).data)
