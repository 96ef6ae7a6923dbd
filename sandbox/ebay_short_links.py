"""Short links as apps and campaigns share them (ebay.us): redirects, some of them in several hops, some expired, some to a challenge.

Where one leads is written as eBay writes it; whoever follows asks for the next https://ebay.us/<code> here again, under /short/.

| /short/<code> | leads |
|---|---|
| <item number> | to the item's page, with tracking behind it |
| via<n>-<item number> | there over n more short links |
| challenge-<item number> | to a page that asks whether one is human, with the item's address in its own as `ru` |
| challenged-<item number> | nowhere: it is that page, with the address as `ru` in a link |
| front | to eBay's front page, as one that eBay no longer knows |
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

SITE = "https://ebay.us"
CHALLENGE = "https://www.ebay.com/splashui/challenge?ap=1&appName=orch&ru={ru}&iid=invented"
TRACKING = "?mkcid=16&mkevt=1&mkrid=711-127632-2357-0&ssspo=invented&sssrc=4429486&ssuid=&var=&widget_ver=artemis&media=COPY"
ALWAYS = {
    "front": "https://www.ebay.com/",
    "loop": f"{SITE}/loop",
    "elsewhere": "https://www.ebay.com.evil.example/itm/256800100001",
    "inside": "http://169.254.169.254/latest/meta-data/",
}

_CODE = re.compile(r"^(?:via(?P<hops>\d)-|(?P<kind>challenged?)-)?(?P<item>\d{9,13})$")
_EXPIRED = b"<!DOCTYPE html><html><head><title>Error Page | eBay</title></head><body><p>This link has expired.</p></body></html>"
_CHALLENGED = (
    "<!DOCTYPE html><html><head><title>Pardon Our Interruption...</title></head><body><h1>Checking your browser before you access eBay."
    '</h1><a href="{}">Continue</a></body></html>'
)


def short_link(request: Request) -> Answer:
    """Return where a short link leads, or what is found there."""
    code = request.path.removeprefix("/short/").removeprefix("m/")
    if code in ALWAYS:
        return _redirect(ALWAYS[code], code)
    match = _CODE.match(code)
    listing = next((listing for listing in inventory() if match and listing.item == match["item"]), None)
    if match is None or listing is None:
        return Answer(404, _EXPIRED, HTML, endpoint="/short/*", keys=(code,))
    page = listing.link.partition("?")[0] + TRACKING
    challenge = CHALLENGE.format(ru=quote(page, safe=""))
    if match["kind"] == "challenged":
        return Answer(200, _CHALLENGED.format(challenge).encode(), HTML, endpoint="/short/*", keys=(code,))
    if match["kind"] == "challenge":
        return _redirect(challenge, code)
    if hops := int(match["hops"] or 0):
        return _redirect(f"{SITE}/via{hops - 1}-{listing.item}", code)
    return _redirect(page, code)


def _redirect(target: str, code: str) -> Answer:
    return Answer(302, b"", HTML, ((b"location", target.encode()),), endpoint="/short/*", keys=(code,))
