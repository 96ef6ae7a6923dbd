"""What a scripted listing is made of: the work, the copy as it really is, its photographs, and what the seller says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

#: What a photograph can be of.
KINDS = (
    "front",
    "back",
    "spine",
    "set",
    "title page",
    "pages",
    "endpaper",
    "plate",
    "edges",
    "hinge",
    "signature",
    "note",
    "banner",
    "unrelated",
)

#: Damage and traces of owners that a photograph can show.
DEFECTS = (
    *("light foxing", "heavy foxing", "torn spine", "sunned spine", "detached board", "cracked hinge", "bookplate", "inscription"),
    *("library stamp", "water stain", "rubbed corners", "tape repair", "loose pages"),
)

_SHOT = re.compile(r'(?P<kind>[a-z ]+?)(?: "(?P<words>.*)")?(?:: (?P<defects>[a-z, ]+))?(?:@(?P<size>\d+))?$')


class BadScript(ValueError):
    """The script of listings says something that the sandbox cannot show."""


@dataclass(frozen=True, slots=True)
class Market:
    """What copies of a work go for, in dollars, and how many are on offer."""

    low: Decimal
    high: Decimal
    #: Offers of the work itself, on eBay and at AbeBooks, and past sales.
    ebay: int
    abebooks: int
    sold: int
    #: Offers found by the same words that are something else: facsimiles, lots, single volumes.
    junk: int


@dataclass(frozen=True, slots=True)
class Work:
    """A book as its bibliography has it, and what its copies go for."""

    key: str
    title: str
    author: str
    publisher: str
    year: int
    volumes: int = 1
    #: How its copies are bound, for the offers of others.
    bindings: tuple[str, ...] = ("full calf", "half morocco", "publisher's cloth")
    isbn: str = ""
    market: Market | None = None


@dataclass(frozen=True, slots=True)
class Copy:
    """The copy as it really is, whatever the seller says."""

    #: FINE, NEAR_FINE, VERY_GOOD, GOOD, FAIR or POOR.
    grade: str = "GOOD"
    binding: str = "cloth"
    #: Red, green and blue of the boards, as "#5b1a1a", and its name.
    colour: str = "#4a2c1a"
    colour_name: str = "brown"
    #: The binder's name as stamped on the turn-in; "" when there is none.
    signature: str = ""
    #: Volumes that are there, not those the work has.
    volumes: int = 1
    illustrated: bool = False
    #: Nothing in the pictures is a book of that age: a facsimile, a box, a poster.
    not_as_described: str = ""
    strengths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shot:
    """One photograph: what it is of and what it shows."""

    kind: str
    defects: tuple[str, ...] = ()
    #: Words that stand in the picture: the signature, a note, a banner, the name of the unrelated object.
    words: str = ""
    #: Its long side in pixels as uploaded; 1600 is the most eBay keeps.
    size: int = 1600

    @property
    def is_unrelated(self) -> bool:
        """Tell whether the picture does not show the book on sale."""
        return self.kind in ("banner", "unrelated")

    @classmethod
    def read(cls, text: str) -> Shot:
        """Return the shot written as "kind", "kind: defect, defect" or 'kind "words"', perhaps with "@500" for its size."""
        written = _SHOT.match(text)
        if written is None or written["kind"] not in KINDS:
            raise BadScript(f"cannot read the shot {text!r}; it begins with one of {', '.join(KINDS)}")
        defects = tuple(written["defects"].split(", ")) if written["defects"] else ()
        if unknown := set(defects) - set(DEFECTS):
            raise BadScript(f"no defect {', '.join(sorted(unknown))}; there are {', '.join(DEFECTS)}")
        return cls(written["kind"], defects, written["words"] or "", int(written["size"] or 1600))


@dataclass(frozen=True, slots=True)
class Variation:
    """One choice of a listing with several: its number, what is chosen, and its price."""

    number: str
    choice: str
    price: Decimal


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """One item on eBay, as its seller wrote it, with the truth about the copy beside it."""

    #: In the order of the script from 1; offers of the market follow.
    number: int
    #: A short name for the case, and what the case is for.
    case: str
    purpose: str
    item: str
    work: Work
    copy: Copy
    title: str
    subtitle: str = ""
    description: str = ""
    #: In `currency`; None for a pure auction, or where the API says none.
    price: Decimal | None = None
    currency: str = "USD"
    shipping: Decimal | None = None
    buying: tuple[str, ...] = ("FIXED_PRICE",)
    bid: Decimal | None = None
    bids: int = 0
    quantity: int = 1
    condition: str = "Very Good"
    condition_note: str = ""
    category: str = "29223"
    aspects: Mapping[str, str] = field(default_factory=dict)
    gtin: str = ""
    seller: str = "invented_books"
    country: str = "US"
    marketplace: str = "EBAY_US"
    shots: tuple[Shot, ...] = ()
    #: Whether its photographs have the addresses of former years.
    former_images: bool = False
    variations: tuple[Variation, ...] = ()
    #: What has become of it: "live", "ended" or "revising".
    state: str = "live"
    #: What stands before the number in its link, and after it.
    slug: str = ""
    link_query: str = ""
    #: Days from when the sandbox started until an auction ends.
    ends_in_days: int = 5
    #: Days since it was sold, for a past sale.
    sold_days_ago: int = 0

    @property
    def link(self) -> str:
        """Return the address at which a collector finds it."""
        host = {"EBAY_GB": "www.ebay.co.uk", "EBAY_DE": "www.ebay.de", "EBAY_AU": "www.ebay.com.au"}.get(self.marketplace, "www.ebay.com")
        return f"https://{host}/itm/{self.slug + '/' if self.slug else ''}{self.item}{self.link_query}"
