"""Short links as apps and campaigns share them (ebay.us): redirects, some of them in several hops, some expired, some to a challenge.

| /short/<code> | leads |
|---|---|
| <item number> | to the item's page, with tracking behind it |
| via<n>-<item number> | there over n more short links |
| challenge-<item number> | to a page that asks whether one is human, with the item's address in `ru` |
| loop | to itself |
| elsewhere | to a site that is not eBay's |
| inside | to an address of the network's own |
| anything else | to nothing: 404, as an expired link |
"""

from __future__ import annotations

import re
from urllib.parse import quote

from sandbox.listings import inventory
from sandbox.party import HTML, Answer, Request

TRACKING = "?mkcid=16&mkevt=1&mkrid=711-127632-2357-0&ssspo=invented&sssrc=4429486&ssuid=&var=&widget_ver=artemis&media=COPY"
ELSEWHERE = {"elsewhere": "https://www.ebay.com.evil.example/itm/256800100001", "inside": "http://169.254.169.254/latest/meta-data/"}

_CODE = re.compile(r"^(?:via(?P<hops>\d)-|(?P<challenge>challenge-))?(?P<item>\d{9,13})$")
_EXPIRED = b"<!DOCTYPE html><html><head><title>Error Page | eBay</title></head><body><p>This link has expired.</p></body></html>"
_CHALLENGE = (
    b"<!DOCTYPE html><html><head><title>Pardon Our Interruption...</title></head>"
    b"<body><h1>Checking your browser before you access eBay.</h1></body></html>"
)


def short_link(request: Request, *, base: str) -> Answer:
    """Return where a short link leads, or the challenge one was led to; `base` is the address that codes hang below."""
    if request.path.startswith("/splashui/"):
        return Answer(200, _CHALLENGE, HTML, endpoint="/splashui/challenge")
    code = request.path.removeprefix("/short/")
    target = ELSEWHERE.get(code) or (f"{base}/short/loop" if code == "loop" else _target(code, base))
    if not target:
        return Answer(404, _EXPIRED, HTML, endpoint="/short/*", keys=(code,))
    return Answer(302, b"", HTML, ((b"location", target.encode()),), endpoint="/short/*", keys=(code,))


def _target(code: str, base: str) -> str:
    match = _CODE.match(code)
    listing = next((listing for listing in inventory() if match and listing.item == match["item"]), None)
    if match is None or listing is None:
        return ""
    if hops := int(match["hops"] or 0):
        return f"{base}/short/via{hops - 1}-{listing.item}"
    page = listing.link.partition("?")[0]
    if match["challenge"]:
        return f"{base}/splashui/challenge?ap=1&appName=orch&ru={quote(page + TRACKING, safe='')}&iid=invented"
    return page + TRACKING
