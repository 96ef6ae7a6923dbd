"""Which files people may upload as photos, told by their size and their first bytes; whether one is sound is the decoder's to say."""

from __future__ import annotations

import re

from runbooks.images.decoding import MAX_BYTES

ACCEPTED = "JPEG, PNG, WebP or GIF"
#: Bytes that tell.
HEAD = 12
_BEGINNINGS = re.compile(rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF....WEBP", re.DOTALL)


def refused_photo(name: str, size: int, head: bytes) -> str:
    """Return why a file is not taken as a photo, "" for one that may be one."""
    if size > MAX_BYTES:
        return f"{name} is larger than {MAX_BYTES // 1_000_000} MB."
    return "" if _BEGINNINGS.match(head) else f"{name} is no {ACCEPTED} file, whatever its name says. Save the photo as one of these."
