"""Files are taken for photos by what they begin with."""

from __future__ import annotations

import pytest

from runbooks.images.decoding import MAX_BYTES
from runbooks.images.formats import HEAD, refused_photo


@pytest.mark.parametrize("head", [b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"GIF87a", b"RIFF\x10\n\x00\x00WEBPVP8 "])
def test_a_photo_is_taken_whatever_its_name_says(head: bytes) -> None:
    assert refused_photo("photo.txt", 1000, head[:HEAD]) == ""


@pytest.mark.parametrize("head", [b"<svg xmlns=", b"", b"RIFF\x10\n\x00\x00WAVE", b"%PDF-1.7", b" \xff\xd8\xff"])
def test_what_is_no_photo_is_refused_by_name_with_what_is_taken(head: bytes) -> None:
    assert refused_photo("front.jpg", 1000, head).startswith("front.jpg is no JPEG, PNG, WebP or GIF file")


def test_what_is_too_large_is_refused_by_name() -> None:
    assert refused_photo("front.jpg", MAX_BYTES + 1, b"\xff\xd8\xff") == "front.jpg is larger than 15 MB."
