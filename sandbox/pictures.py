"""The photographs of listings: drawn when first asked for, in eBay's sizes and formats, each with a mark that tells which it is."""

from __future__ import annotations

import binascii
import io
from functools import lru_cache
from typing import NamedTuple

from PIL import Image, ImageDraw

from sandbox.listings_records import Listing
from sandbox.pictures_drawing import drawn

#: Long sides that i.ebayimg.com has.
SIZES = (64, 96, 140, 160, 200, 225, 300, 400, 500, 640, 800, 960, 1200, 1600)
FORMATS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}

#: The mark is so many cells of a hundredth of the long side, in the lower right corner with a white cell around it.
_COLUMNS, _ROWS, _CELLS_A_SIDE = 10, 4, 100
_LISTING_BITS, _SHOT_BITS, _SIGN_BITS, _SIGN = 14, 5, 5, 0b10110


class Mark(NamedTuple):
    """Which photograph of which listing: both numbers, the shot's from 0."""

    listing: int
    shot: int


def picture(listing: Listing, shot: int, *, long_side: int = 1600, file_type: str = "jpg") -> bytes:
    """Return a photograph of a listing, counted from 0, as a file; never larger than it was uploaded."""
    image = _original(listing, shot)
    if long_side < max(image.size):
        image = image.copy()
        image.thumbnail((long_side, long_side), Image.Resampling.BOX)
    file = io.BytesIO()
    image.save(file, FORMATS[file_type], **({"compress_level": 1} if file_type == "png" else {"quality": 85}))
    return file.getvalue()


@lru_cache(maxsize=8)
def _original(listing: Listing, shot: int) -> Image.Image:
    image = drawn(listing.shots[shot], listing.work, listing.copy, seed=listing.number * 100 + shot)
    _stamp(image, Mark(listing.number, shot))
    return image


def read_mark(file: bytes) -> Mark | None:
    """Return which photograph a picture is, also after it was made smaller (to a quarter) and stored as JPEG again; None for any other picture."""
    with Image.open(io.BytesIO(file)) as image:
        grey = image.convert("L")
    cell, left, top = _corner(grey)
    if left < 0 or top < 0:
        return None
    bits = 0
    for place in range(_COLUMNS * _ROWS):
        row, column = divmod(place, _COLUMNS)
        x, y = left + column * cell, top + row * cell
        # Only the middle of a cell counts: the edges bleed into each other.
        middle = grey.resize((1, 1), Image.Resampling.BOX, box=(x + cell / 4, y + cell / 4, x + cell * 3 / 4, y + cell * 3 / 4))
        bits = bits << 1 | (middle.tobytes()[0] < 128)
    return _mark_of(bits)


def _corner(image: Image.Image) -> tuple[float, float, float]:
    """Return the side of a cell, and where the mark's first cell is."""
    cell = max(image.size) / _CELLS_A_SIDE
    return cell, image.width - (_COLUMNS + 1) * cell, image.height - (_ROWS + 1) * cell


def _bits_of(mark: Mark) -> int:
    content = ((mark.listing << _SHOT_BITS | mark.shot) << _SIGN_BITS | _SIGN).to_bytes(3, "big")
    return int.from_bytes(content + binascii.crc_hqx(content, 0xFFFF).to_bytes(2, "big"), "big")


def _mark_of(bits: int) -> Mark | None:
    content, check = (bits >> 16).to_bytes(3, "big"), bits & 0xFFFF
    if binascii.crc_hqx(content, 0xFFFF) != check or bits >> 16 & 2**_SIGN_BITS - 1 != _SIGN:
        return None
    listing, shot = divmod(bits >> 16 + _SIGN_BITS, 2**_SHOT_BITS)
    return Mark(listing, shot)


def _stamp(image: Image.Image, mark: Mark) -> None:
    """Draw the mark."""
    cell, left, top = _corner(image)
    pen = ImageDraw.Draw(image)
    pen.rectangle((left - cell, top - cell, image.width, image.height), fill="white")
    bits = _bits_of(mark)
    for place in range(_COLUMNS * _ROWS):
        if bits >> (_COLUMNS * _ROWS - 1 - place) & 1:
            row, column = divmod(place, _COLUMNS)
            x, y = left + column * cell, top + row * cell
            pen.rectangle((x, y, x + cell - 1, y + cell - 1), fill="black")
