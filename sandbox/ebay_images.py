"""The image host i.ebayimg.com: photographs of listings in every size and format, by the forms of address that eBay has used."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import ClassVar

from sandbox.listings import inventory
from sandbox.listings_records import Listing
from sandbox.party import HTML, Answer, Options, Party, Request
from sandbox.pictures import SIZES, picture

_TODAY = re.compile(r"^(?:/thumbs)?/images/g/(?P<hash>[\w~-]{16})/s-l(?P<size>\d+)\.(?P<type>jpg|png|webp)$")
#: The older form; the part before /z/ is the original's height and width in base64.
_FORMER = re.compile(r"^/00/s/[\w=~-]+/z/(?P<hash>[\w~-]{16})/\$_(?P<code>\d+)\.(?P<type>JPG|PNG)$", re.IGNORECASE)
#: Long sides by the numbers of the older form.
_FORMER_SIZES = {1: 400, 2: 200, 10: 1600, 12: 500, 14: 64, 20: 800, 35: 300, 57: 1600}
CONTENT_TYPES = {"jpg": b"image/jpeg", "png": b"image/png", "webp": b"image/webp"}


@dataclass(frozen=True, slots=True)
class EBayImagesOptions(Options):
    """What can be set of the image host."""

    #: Go on showing the photographs of ended listings, which the live host soon does not.
    keep_ended: bool = False


class EBayImages(Party):
    """Answer as i.ebayimg.com does."""

    name: ClassVar[str] = "ebayimg"
    default_options: ClassVar[Options] = EBayImagesOptions()
    options: EBayImagesOptions

    def answer(self, request: Request) -> Answer:
        """Return a photograph, 404 for anything else."""
        asked = _asked_for(request.path)
        if request.method not in ("GET", "HEAD") or asked is None:
            return Answer(404, b"", HTML, endpoint="not served")
        name, long_side, file_type = asked
        found = _by_hash().get(name)
        if found is None or (found[0].state == "ended" and not self.options.keep_ended):
            return Answer(404, b"", HTML, endpoint=f"/images/s-l{long_side}", keys=(name,))
        listing, place = found
        body = _file(listing, place, long_side, file_type)
        caching = ((b"cache-control", b"public, max-age=31536000"),)
        return Answer(200, body, CONTENT_TYPES[file_type], caching, endpoint=f"/images/s-l{long_side}", keys=(name,))


def image_hash(listing: Listing, place: int) -> str:
    """Return the name of a photograph of a listing, counted from 0, in eBay's manner: sixteen letters."""
    return base64.b64encode(blake2b(f"{listing.item}/{place}".encode(), digest_size=12).digest(), b"~-").decode()


def image_path(listing: Listing, place: int) -> str:
    """Return the path of a photograph in its largest form, in the older kind of address where the listing has it."""
    if listing.former_images:
        size = base64.urlsafe_b64encode(b"1600X1200").decode()
        return f"/00/s/{size}/z/{image_hash(listing, place)}/$_57.JPG"
    return f"/images/g/{image_hash(listing, place)}/s-l1600.jpg"


def _asked_for(path: str) -> tuple[str, int, str] | None:
    """Return the hash, the long side and the type that an address asks for; None for one that eBay does not have."""
    if (match := _TODAY.match(path)) and int(match["size"]) in SIZES:
        return match["hash"], int(match["size"]), match["type"]
    if (match := _FORMER.match(path)) and int(match["code"]) in _FORMER_SIZES:
        return match["hash"], _FORMER_SIZES[int(match["code"])], match["type"].lower()
    return None


@lru_cache(maxsize=1)
def _by_hash() -> dict[str, tuple[Listing, int]]:
    return {image_hash(listing, place): (listing, place) for listing in inventory() for place in range(len(listing.shots))}


#: A photograph takes some 25 ms to draw, and about 200 kB to keep.
@lru_cache(maxsize=512)
def _file(listing: Listing, place: int, long_side: int, file_type: str) -> bytes:
    return picture(listing, place, long_side=long_side, file_type=file_type)
