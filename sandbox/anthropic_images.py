"""Images in a request to Anthropic: what is taken, and how many tokens it costs (https://platform.claude.com/docs/en/build-with-claude/vision)."""

from __future__ import annotations

import base64
import binascii
import io
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from PIL import Image

from sandbox.anthropic_errors import invalid
from sandbox.anthropic_models import ImageTier

MEGABYTE = 1 << 20
#: Of the base64 text, not of what it stands for.
MOST_BYTES = 10 * MEGABYTE
LONGEST_SIDE = 8000
#: With more images than this, none may be larger than LONGEST_SIDE_OF_MANY.
MANY = 20
LONGEST_SIDE_OF_MANY = 2000
PATCH = 28
FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/gif": "GIF", "image/webp": "WEBP"}

#: Return what is stored under a file id or found at an address; None when there is nothing.
Fetch = Callable[[str], bytes | None]


@dataclass(frozen=True, slots=True)
class SentImage:
    """Hold an image that was taken."""

    #: Where it stands: messages.0.content.1
    place: str
    content: bytes
    width: int
    height: int


def read_image(block: Mapping[str, Any], place: str, *, files: Fetch, addresses: Fetch) -> SentImage:
    """Return the image of a block; raise a Refusal where it is not one that can be taken."""
    source = block.get("source")
    if not isinstance(source, Mapping):
        raise invalid(f"{place}.image.source: Field required")
    match source.get("type"):
        case "base64":
            content, kind = _decoded(source, place), FORMATS[source["media_type"]]
        case "url":
            content, kind = _found(addresses, source.get("url"), f"{place}.image.source.url.url"), ""
        case "file":
            content, kind = _found(files, source.get("file_id"), f"{place}.image.source.file.file_id"), ""
        case other:
            raise invalid(
                f"{place}.image.source: Input tag '{other}' found using 'type' does not match any of the expected tags: 'base64', 'url', 'file'"
            )
    found, width, height = _measured(content)
    if found not in FORMATS.values():
        raise invalid(f"{place}.image.source.{source['type']}: Could not process image")
    if kind and kind != found:
        raise invalid(
            f"{place}.image.source.base64.data: The image was specified using the {source['media_type']} media type, "
            f"but the image appears to be a image/{found.lower()} image"
        )
    return SentImage(place, content, width, height)


def _decoded(source: Mapping[str, Any], place: str) -> bytes:
    if source.get("media_type") not in FORMATS:
        raise invalid(f"{place}.image.source.base64.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'")
    data = source.get("data")
    if not isinstance(data, str) or not data:
        raise invalid(f"{place}.image.source.base64.data: {'Field required' if data is None else 'image cannot be empty'}")
    if len(data) > MOST_BYTES:
        raise invalid(f"{place}.image.source.base64: image exceeds 10 MB maximum: {len(data)} bytes > {MOST_BYTES} bytes")
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error as error:
        raise invalid(f"{place}.image.source.base64.data: Invalid base64 data") from error


def _found(fetch: Fetch, name: Any, place: str) -> bytes:
    if not isinstance(name, str) or not name:
        raise invalid(f"{place}: Field required")
    content = fetch(name)
    if content is None:
        what = "Unable to download the file. Please verify the URL and try again." if place.endswith(".url") else f"File not found: {name}"
        raise invalid(what)
    return content


def _measured(content: bytes) -> tuple[str, int, int]:
    try:
        # A bomb is refused by its sides, which its header tells; nothing is decoded here.
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(content)) as image:
            return image.format or "", *image.size
    except Image.DecompressionBombError:
        return "PNG", LONGEST_SIDE + 1, LONGEST_SIDE + 1
    except Exception:  # Pillow raises whatever a broken file makes it stumble over.
        return "", 0, 0


def check_sizes(images: list[SentImage]) -> None:
    """Refuse images whose sides are longer than a request with so many may have."""
    many = len(images) > MANY
    longest = LONGEST_SIDE_OF_MANY if many else LONGEST_SIDE
    too_large = [image.place for image in images if max(image.width, image.height) > longest]
    if too_large:
        raise invalid(
            f"{too_large[0]}.image.source.base64.data: At least one of the image dimensions exceed max allowed size"
            f"{' for many-image requests' if many else ''}: {longest} pixels",
            details={"error_code": "image_dimensions_too_large", "max_side_length_pixels": longest, "paths": too_large},
        )


def check_not_oversized(image: SentImage, tier: ImageTier) -> None:
    """Refuse an image that would be made smaller, where the request says that none may be."""
    patches = -(-image.width // PATCH) * -(-image.height // PATCH)
    if max(image.width, image.height) > tier.long_edge or patches > tier.most_tokens:
        raise invalid(
            f"{image.place}.image: image is {image.width}x{image.height} pixels, more than the model's maximum of {tier.long_edge} pixels "
            f"on the long edge and {tier.most_tokens} tokens"
        )


@lru_cache(maxsize=4096)
def image_tokens(width: int, height: int, tier: ImageTier) -> int:
    """Return what an image costs: one token a patch of 28 by 28 pixels, after it was made small enough for the model."""
    columns, rows = -(-width // PATCH), -(-height // PATCH)
    most = tier.long_edge // PATCH
    if max(columns, rows) <= most and columns * rows <= tier.most_tokens:
        return columns * rows
    # The best fit ends flush with a column or with a row, so only those sizes are looked at.
    by_columns = (fit * -(-height * fit // width) for fit in range(1, min(columns, most) + 1) if -(-height * fit // width) <= most)
    by_rows = (fit * -(-width * fit // height) for fit in range(1, min(rows, most) + 1) if -(-width * fit // height) <= most)
    return max((tokens for tokens in (*by_columns, *by_rows) if tokens <= tier.most_tokens), default=1)
