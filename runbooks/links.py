"""What people paste for an eBay listing: read strictly by its form, short links followed hop by hop."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urljoin

from stdnum import isbn

from bookops.outbound.answers import Answer, error_of
from bookops.outbound.errors import TryAgain
from bookops.outbound.http import REDIRECTS

ACCEPTED = (
    "Paste the address of one listing, such as https://www.ebay.com/itm/256712345678 (any eBay site), "
    "a short link (https://ebay.us/…), or the item number."
)
MAX_HOPS = 5
#: Seconds for all hops together.
MAX_SECONDS = 10.0

#: Addresses with tracking are long; none that a browser shows is longer.
_LONGEST = 4_096
#: By site. Some sites have no marketplace in eBay's API; a number is one listing on every site, so the American one is asked.
_MARKETPLACES = {
    "ebay.com": "EBAY_US",
    "ebay.co.uk": "EBAY_GB",
    "ebay.de": "EBAY_DE",
    "ebay.fr": "EBAY_FR",
    "ebay.it": "EBAY_IT",
    "ebay.es": "EBAY_ES",
    "ebay.ca": "EBAY_CA",
    "cafr.ebay.ca": "EBAY_CA",
    "ebay.com.au": "EBAY_AU",
    "ebay.ie": "EBAY_IE",
    "ebay.in": "EBAY_US",
    "ebay.at": "EBAY_AT",
    "ebay.be": "EBAY_BE",
    "benl.ebay.be": "EBAY_BE",
    "befr.ebay.be": "EBAY_BE",
    "ebay.ch": "EBAY_CH",
    "ebay.nl": "EBAY_NL",
    "ebay.pl": "EBAY_PL",
    "ebay.com.hk": "EBAY_HK",
    "ebay.com.sg": "EBAY_SG",
    "ebay.com.my": "EBAY_US",
    "ebay.ph": "EBAY_US",
}
#: Every host name that is taken, whole: a name that only ends or begins like one is somebody else's.
_HOSTS = {prefix + site: marketplace for site, marketplace in _MARKETPLACES.items() for prefix in ("", "www.", "m.", "cgi.")}
_SHORT_HOSTS = frozenset({"ebay.us", "www.ebay.us", "ebay.to", "www.ebay.to"})
#: Passed on the way from a short link to its listing.
_WAY_HOSTS = frozenset({"rover.ebay.com", "signin.ebay.com"})

_ADDRESS = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://)?(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#.*)?", re.I | re.A | re.S
)
_NUMBER = r"[0-9]{9,13}"
_BARE_NUMBER = re.compile(_NUMBER)
_API_FORM = re.compile(rf"v1\|({_NUMBER})\|([0-9]{{1,15}})", re.I | re.A)
#: The number is the last segment: titles in the one before hold ISBNs and years.
_ITEM_PATH = re.compile(rf"/itm/(?:[^/]+/)?({_NUMBER})/?", re.I | re.A)
_SHORT_PATH = re.compile(r"/itm/(?=[0-9]*[a-z])[a-z0-9]{6,24}/?", re.I | re.A)
_PRODUCT_PATH = re.compile(r"/p/(?:[^/]+/)?[0-9]+/?", re.I | re.A)
_OLD_PATH = re.compile(r"/(?:ws/)?eBayISAPI\.dll", re.I | re.A)
_VARIATION = re.compile(r"[0-9]{5,15}")
#: The address that a page of eBay's ("prove that you are no robot", "sign in") goes back to.
_RETURN_ADDRESS = re.compile(rb"[?&;]ru=([^\"'&\s<>]{1,2000})")


class BadLink(ValueError):
    """This is not the link of one listing.

    `reason` is a stable code; `detail` is for the person who pasted it and says what is accepted.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class ItemLink:
    """Name one listing, and one of its variations where the link did."""

    legacy_id: str
    variation: str = ""
    #: Of the site that the link led to; "" where a bare number was pasted.
    marketplace: str = ""

    @property
    def url(self) -> str:
        """The canonical address, without tracking and the same for every site."""
        return f"https://www.ebay.com/itm/{self.legacy_id}" + (f"?var={self.variation}" if self.variation else "")

    @property
    def item_id(self) -> str:
        """The API's form."""
        return f"v1|{self.legacy_id}|{self.variation or '0'}"


@dataclass(frozen=True, slots=True)
class ShortLink:
    """Hold a link that says which listing it means only when it is followed."""

    #: Over https, without query.
    url: str


@dataclass(frozen=True, slots=True)
class _Address:
    host: str
    path: str
    query: str

    def parameter(self, name: str) -> str:
        """Return the first value of a query parameter, "" when there is none."""
        try:
            found = parse_qs(self.query, max_num_fields=100)
        except ValueError:
            return ""
        return next((values[0] for key, values in found.items() if key.lower() == name), "")


def read_link(text: str) -> ItemLink | ShortLink:
    """Return what a pasted text names; raises BadLink where it is not one listing of eBay's."""
    text = text.strip(" \t\r\n\u200b\u2060\ufeff<>\"'")
    if not text:
        raise BadLink("empty", f"There is no link. {ACCEPTED}")
    if len(text) > _LONGEST:
        raise BadLink("too_long", f"This is too long to be a link. {ACCEPTED}")
    return _bare(text) or _from_address(_take_apart(text))


def _bare(text: str) -> ItemLink | None:
    """Read an item number or the API's form; None for anything else."""
    if found := _API_FORM.fullmatch(unquote(text)):
        return ItemLink(found[1], "" if found[2] == "0" else found[2])
    # Item numbers are 12 digits long; one of 13 that begins like an ISBN, or of 10 that checks as one, is a book's.
    if (text.isdigit() and len(text) == 13 and text.startswith(("978", "979"))) or isbn.is_valid(text):
        raise BadLink("isbn", f"This is an ISBN, which names a book and not a listing. {ACCEPTED}")
    return ItemLink(text) if _BARE_NUMBER.fullmatch(text) else None


def _take_apart(text: str) -> _Address:
    found = _ADDRESS.fullmatch(text)
    if not found or "\\" in text or any(char.isspace() or not char.isprintable() for char in text):
        raise BadLink("not_an_address", f"This is not a web address. {ACCEPTED}")
    if (found["scheme"] or "https").lower() not in ("http", "https"):
        raise BadLink("not_an_address", f"Only addresses of the web are taken. {ACCEPTED}")
    authority = found["authority"].lower()
    if "@" in authority:
        raise BadLink("credentials", f"An address with a user name in it is not taken. {ACCEPTED}")
    return _Address(re.sub(r":(?:80|443)$", "", authority), found["path"], found["query"] or "")


def _from_address(address: _Address) -> ItemLink | ShortLink:
    if address.host in _SHORT_HOSTS and address.path.strip("/"):
        return ShortLink(f"https://{address.host}{address.path}")
    marketplace = _HOSTS.get(address.host)
    if marketplace is None:
        raise BadLink("not_ebay", f"This is not an address of eBay. {ACCEPTED}")
    number = _item_number(address)
    if number:
        variation = address.parameter("var")
        return ItemLink(number, variation if _VARIATION.fullmatch(variation) else "", marketplace)
    if _SHORT_PATH.fullmatch(address.path):
        return ShortLink(f"https://{address.host}{address.path}")
    if _PRODUCT_PATH.fullmatch(address.path):
        raise BadLink("product_page", f"This is a page of a product, which many sellers offer: choose one of its listings. {ACCEPTED}")
    if address.path.lower().startswith("/itm/"):
        raise BadLink("no_item_number", f"The address ends without an item number of 9 to 13 digits. {ACCEPTED}")
    raise BadLink("not_an_item", f"This page of eBay is not a listing. {ACCEPTED}")


def _item_number(address: _Address) -> str:
    if found := _ITEM_PATH.fullmatch(address.path):
        return found[1]
    number = ""
    if _PRODUCT_PATH.fullmatch(address.path):
        number = address.parameter("iid")
    elif _OLD_PATH.fullmatch(address.path):
        number = address.parameter("item")
    return number if _BARE_NUMBER.fullmatch(number) else ""


#: Ask one address, once, within so many seconds, and return whatever it answers, a redirect or an error too. Raises one of the
#: four errors when there is no answer or the address is not one to go to.
Get = Callable[[str, float], Answer]


def follow(short: ShortLink, get: Get, *, clock: Callable[[], float] = time.monotonic) -> ItemLink:
    """Return the listing that a short link leads to, after at most MAX_HOPS hops and MAX_SECONDS.

    Every hop's host is checked against the same list. Raises BadLink where it leads to no listing, and one of the four errors of
    `bookops.outbound.errors` where the way could not be walked.
    """
    deadline = clock() + MAX_SECONDS
    url = short.url
    for _ in range(MAX_HOPS):
        left = deadline - clock()
        if left <= 0:
            raise TryAgain("the short link was not resolved in time", reason="timeout")
        answer = get(url, left)
        if answer.status not in REDIRECTS:
            return _landed(answer)
        target = _target(url, answer.headers.get("location", ""))
        if isinstance(target, ItemLink):
            return target
        url = target
    raise BadLink("too_many_redirects", f"This short link is passed on more than {MAX_HOPS} times. {ACCEPTED}")


def _target(url: str, location: str) -> ItemLink | str:
    """Return the listing that a redirect names, else the address of the next hop."""
    try:
        there = urljoin(url, location.strip())
        address = _take_apart(there)
    except ValueError:  # a BadLink, or what urljoin says of a broken address
        raise BadLink("leads_elsewhere", f"This short link leads to no address. {ACCEPTED}") from None
    if address.host not in _HOSTS and address.host not in _SHORT_HOSTS | _WAY_HOSTS:
        raise BadLink("leads_elsewhere", f"This short link leads away from eBay. {ACCEPTED}")
    for text in (there, address.parameter("ru")):
        try:
            link = read_link(text)
        except BadLink:
            continue
        return link if isinstance(link, ItemLink) else link.url
    if address.host in _HOSTS and not address.path.strip("/"):
        raise _expired()  # eBay sends a link that it no longer knows to its front page
    return f"https://{address.host}{address.path}" + (f"?{address.query}" if address.query else "")


def _landed(answer: Answer) -> ItemLink:
    """Return the listing that the page at the end of the way goes back to."""
    if answer.status in (404, 410):
        raise _expired()
    for found in _RETURN_ADDRESS.finditer(answer.body[:200_000]):
        try:
            link = read_link(unquote(found[1].decode("ascii", "replace")))
        except BadLink:
            continue
        if isinstance(link, ItemLink):
            return link
    failure = error_of(answer)
    if failure:
        raise failure
    raise BadLink("no_listing_behind", f"This short link leads to a page that is no listing. {ACCEPTED}")


def _expired() -> BadLink:
    return BadLink("expired", f"This short link has expired: open the listing and copy the address from the browser. {ACCEPTED}")
