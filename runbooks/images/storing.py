"""Where photos lie: in the default storage, under random names, with nothing of what the listing called them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from runbooks.images.decoding import Prepared

FOLDER = "photos"


@dataclass(frozen=True, slots=True)
class Keys:
    """Name one stored photo in its three sizes; each is a JPEG."""

    full: str
    reduced: str
    thumbnail: str


def store(prepared: Prepared) -> Keys:
    """Keep a photo and return its keys; when one size cannot be kept, none is."""
    folder = f"{FOLDER}/{uuid.uuid4().hex}"
    keys = Keys(f"{folder}/full.jpg", f"{folder}/reduced.jpg", f"{folder}/thumbnail.jpg")
    try:
        for key, picture in ((keys.full, prepared.full), (keys.reduced, prepared.reduced), (keys.thumbnail, prepared.thumbnail)):
            default_storage.save(key, ContentFile(picture.jpeg))
    except Exception:
        remove(keys)
        raise
    return keys


def remove(keys: Keys) -> None:
    """Delete a photo in all its sizes; one that is gone already is no error."""
    for key in (keys.full, keys.reduced, keys.thumbnail):
        default_storage.delete(key)
