"""The script of listings: which items the sandbox's eBay has, what each is for, and what its photographs really show.

The texts are in listings.toml, the works in listings_works.toml. `by_case("odd-volume").link` is a link to import;
`listing_of_picture(file)` tells whoever stands in for a model what there is to see.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from sandbox.listings_market import offers
from sandbox.listings_records import BadScript, Copy, Listing, Market, Shot, Variation, Work
from sandbox.pictures import read_mark

_HERE = Path(__file__).parent
_MONEY = ("price", "shipping", "bid")


@dataclass(frozen=True, slots=True)
class Shown:
    """What one picture shows to somebody who looks at it."""

    listing: Listing
    #: The picture's place among the listing's, from 0.
    place: int
    shot: Shot


def listing_of_picture(picture: bytes) -> Shown | None:
    """Return what a picture shows, given the file as it was downloaded, made smaller or stored again; None for a picture from elsewhere."""
    mark = read_mark(picture)
    listing = by_number(mark.listing) if mark else None
    if mark is None or listing is None or mark.shot >= len(listing.shots):
        return None
    return Shown(listing, mark.shot, listing.shots[mark.shot])


@lru_cache(maxsize=1)
def works() -> Mapping[str, Work]:
    """Return the works by key."""
    return {key: _work(key, written) for key, written in _read("listings_works.toml").items()}


@lru_cache(maxsize=1)
def script() -> tuple[Listing, ...]:
    """Return the listings of the script, in its order."""
    return tuple(_listing(number, written) for number, written in enumerate(_read("listings.toml")["listings"], start=1))


@lru_cache(maxsize=1)
def inventory() -> tuple[Listing, ...]:
    """Return all that eBay has on offer: the script and what others sell, each at the place of its number less one."""
    return (*script(), *offers(iter(works().values()), first_number=len(script()) + 1))


def by_case(case: str) -> Listing:
    """Return the listing for a case; raise KeyError when there is none."""
    return _by_case()[case]


def by_number(number: int) -> Listing | None:
    """Return the listing of the inventory that has this number, or None."""
    return inventory()[number - 1] if 0 < number <= len(inventory()) else None


@lru_cache(maxsize=1)
def _by_case() -> Mapping[str, Listing]:
    return {listing.case: listing for listing in script()}


def _read(name: str) -> dict[str, Any]:
    with (_HERE / name).open("rb") as file:
        return tomllib.load(file)


def _work(key: str, written: dict[str, Any]) -> Work:
    market = written.pop("market", None)
    bindings = tuple(written.pop("bindings"))
    return Work(key=key, bindings=bindings, market=_market(**market) if market else None, **written)


def _market(*, low: int, high: int, **counts: int) -> Market:
    return Market(Decimal(low), Decimal(high), **counts)


def _listing(number: int, written: dict[str, Any]) -> Listing:
    try:
        return Listing(number=number, **dict(_parts(written)))
    except (TypeError, KeyError) as error:
        raise BadScript(f"listing {number}, {written.get('case')!r}: {error}") from error


def _parts(written: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the parts of a listing as the script has them, what is left out filled in from its work."""
    written = dict(written)
    work = works()[written.pop("work")]
    copy = {"volumes": work.volumes, **written.pop("copy", {})}
    copy["strengths"] = tuple(copy.get("strengths", ()))
    yield "work", work
    yield "copy", Copy(**copy)
    yield "description", written.pop("description", "") * written.pop("description_times", 1)
    yield "shots", tuple(map(Shot.read, written.pop("shots", ())))
    yield "buying", tuple(written.pop("buying", ("FIXED_PRICE",)))
    yield "aspects", _aspects(work, copy.get("binding", "")) | written.pop("aspects", {}) if written.pop("with_aspects", True) else {}
    yield "variations", tuple(_variation(variation) for variation in written.pop("variations", ()))
    for name in _MONEY:
        if name in written:
            yield name, Decimal(written.pop(name))
    yield from written.items()


def _variation(written: dict[str, str]) -> Variation:
    return Variation(written["number"], written["choice"], Decimal(written["price"]))


def _aspects(work: Work, binding: str) -> dict[str, str]:
    aspects = {
        "Author": work.author,
        "Book Title": work.title,
        "Publisher": work.publisher,
        "Publication Year": str(work.year),
        "Language": "English",
    }
    return aspects | {"Binding": binding.capitalize()} if binding else aspects
