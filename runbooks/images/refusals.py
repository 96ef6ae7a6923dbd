"""Why a photo is not taken, as codes that are stored."""

from __future__ import annotations

from enum import StrEnum


class Refusal(StrEnum):
    """Name what is wrong with an image; what fails on its way here has the reason of the door instead."""

    #: More bytes than one image, or the images of one listing, may have.
    TOO_LARGE = "too_large"
    #: So few bytes that it shows nothing.
    TOO_SMALL = "too_small"
    #: No JPEG, PNG, WebP or GIF.
    NOT_AN_IMAGE = "not_an_image"
    #: One of the four, cut off or damaged.
    BROKEN = "broken"
    TOO_MANY_PIXELS = "too_many_pixels"
    #: It wanted more memory than an image may.
    BOMB = "bomb"
    #: It took longer than an image may.
    TIMEOUT = "timeout"
    #: It took the decoding process down.
    CRASHED = "crashed"
    #: No decoding process was free, or could be started; says nothing about the image.
    NO_DECODER = "no_decoder"
    #: The listing names more than are fetched.
    TOO_MANY = "too_many"
    #: Time for the whole listing was up.
    OUT_OF_TIME = "out_of_time"
    BANNER = "banner"
    THUMBNAIL = "thumbnail"
    DUPLICATE = "duplicate"


class ImageRefused(Exception):
    """An image cannot be used."""

    def __init__(self, reason: Refusal, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail
