"""Addresses of eBay's pictures: only from its own picture host, in the largest form there is."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Any
from urllib.parse import urlsplit

#: Scheme and host (and port) of eBay Picture Services.
EBAY_PICTURES = "https://i.ebayimg.com"
#: eBay shows no more with one listing.
MOST = 24

_PLAIN = re.compile(r"[!-~]{1,2000}")
#: The number is the longer side in pixels; 1,600 is the most that is kept, smaller pictures are not enlarged.
_SIZE = re.compile(r"/s-l[0-9]{1,5}(?=\.[a-z]{3,4}$)", re.I)


def largest(url: Any, origins: Collection[str]) -> str:
    """Return a picture's address in its largest form, "" unless it is of one of the origins ("https://i.ebayimg.com")."""
    if not isinstance(url, str) or not _PLAIN.fullmatch(url) or "\\" in url:
        return ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    host = parts.netloc.lower()
    secure = f"https://{host}"
    origin = secure if secure in origins and parts.scheme in ("http", "https") else f"{parts.scheme}://{host}"
    if origin not in origins or not parts.path.strip("/") or ".." in parts.path:
        return ""
    path = parts.path.removeprefix("/thumbs") if parts.path.startswith("/thumbs/images/") else parts.path
    return origin + _SIZE.sub("/s-l1600", path)


def largest_of_all(urls: Iterable[Any], origins: Collection[str]) -> tuple[str, ...]:
    """Return up to MOST pictures in their order, each once, whatever sizes and file types they were named in."""
    found: dict[str, str] = {}
    for url in urls:
        address = largest(url, origins)
        if address:
            found.setdefault(address.rpartition(".")[0], address)
    return tuple(found.values())[:MOST]
