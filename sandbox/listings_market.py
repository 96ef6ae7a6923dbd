"""What else is on the market: other sellers' copies of the script's works, past sales, and things that only share their words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

from sandbox.chance import number_of, one_of
from sandbox.listings_records import Copy, Listing, Market, Shot, Work

LONGEST_TITLE = 80
CONDITIONS = (("Like New", "NEAR_FINE"), ("Very Good", "VERY_GOOD"), ("Good", "GOOD"), ("Good", "GOOD"), ("Acceptable", "FAIR"))
COLOURS = (("#7a1420", "red"), ("#1f4a2e", "green"), ("#20304f", "blue"), ("#6b4423", "brown"), ("#8a5a2b", "tan"))
SELLERS = ("quire_and_leaf", "harbour-books", "oldstacks2", "the_inkhorn", "fenbooks", "northgate_rare", "paper.moth")
SHOTS = tuple(Shot(kind) for kind in ("front", "spine", "title page"))
#: Every so-manieth offer is an auction, and is from Britain.
AUCTIONS, BRITISH = 6, 4
BOOKS, ANTIQUARIAN, FILMS = "261186", "29223", "617"
#: Nobody is shown sales older than that.
DAYS_OF_SALES = 90
#: Books sell for this share of what is asked.
SOLD_FOR = Decimal("0.88")


def offers(works: Iterator[Work], *, first_number: int) -> Iterator[Listing]:
    """Yield the eBay offers of other sellers, numbered on from the script's."""
    number = first_number
    for work in works:
        if work.market is None:
            continue
        for place in range(work.market.ebay):
            yield _offer(work, work.market, place, number)
            number += 1
        for place in range(work.market.junk):
            yield _junk(work, work.market, place, number)
            number += 1


def sales(works: Iterator[Work]) -> Iterator[Listing]:
    """Yield what was sold, as Marketplace Insights knows it; their numbers are those of no photograph."""
    for work in works:
        if work.market:
            yield from (_sale(work, work.market, place) for place in range(work.market.sold))


def price_at(market: Market, place: int, count: int, *, about: str) -> Decimal:
    """Return the price of one of `count` copies: from a fifth below the low figure to a fifth above the high one."""
    lowest, highest = market.low * Decimal("0.8"), market.high * Decimal("1.2")
    unevenness = Decimal(number_of("price", about, place) % 100) / 100
    return (lowest + (highest - lowest) * (place + unevenness) / count).quantize(Decimal("0.01"))


def _offer(work: Work, market: Market, place: int, number: int) -> Listing:
    price = price_at(market, place, market.ebay, about=work.key)
    is_auction = place % AUCTIONS == AUCTIONS - 1
    is_british = place % BRITISH == BRITISH - 1
    return _of_work(
        work,
        number=number,
        place=place,
        about="offer",
        item=str(256900000000 + number),
        price=None if is_auction else (price / Decimal("1.27")).quantize(Decimal("0.01")) if is_british else price,
        bid=(price / 2).quantize(Decimal("0.01")) if is_auction else None,
        bids=place if is_auction else 0,
        buying=("AUCTION",) if is_auction else one_of((("FIXED_PRICE",), ("FIXED_PRICE", "BEST_OFFER")), "buying", number),
        currency="GBP" if is_british and not is_auction else "USD",
        country="GB" if is_british else "US",
        marketplace="EBAY_GB" if is_british else "EBAY_US",
        shipping=one_of((None, Decimal("0.00"), Decimal("5.95"), Decimal("14.50")), "shipping", number),
    )


def _sale(work: Work, market: Market, place: int) -> Listing:
    chance = number_of("sale", work.key, place)
    return _of_work(
        work,
        number=0,
        place=place,
        about="sale",
        item=str(256500000000 + chance % 90_000_000),
        price=(price_at(market, place, market.sold, about=f"sale {work.key}") * SOLD_FOR).quantize(Decimal("0.01")),
        buying=("AUCTION",) if chance % 3 == 0 else ("FIXED_PRICE",),
        sold_days_ago=1 + chance % DAYS_OF_SALES,
    )


def _of_work(work: Work, *, place: int, about: str, **rest: object) -> Listing:
    binding = work.bindings[place % len(work.bindings)]
    condition, grade = one_of(CONDITIONS, about, "condition", work.key, place)
    colour, colour_name = one_of(COLOURS, about, "colour", work.key, place)
    first = "First Edition " if place % 2 == 0 and not work.isbn else ""
    volumes = f"{work.volumes} Volumes " if work.volumes > 1 else ""
    words = f"{work.author} {work.title.upper()} {work.year} {first}{volumes}{binding.title()} {work.publisher}"
    aspects = {"Author": work.author, "Book Title": work.title, "Publisher": work.publisher, "Publication Year": str(work.year)}
    return Listing(
        case="offer",
        purpose="Another seller's copy",
        work=work,
        copy=Copy(grade=grade, binding=binding, colour=colour, colour_name=colour_name, volumes=work.volumes),
        title=shortened(words),
        description=f"<p>{work.title} by {work.author}, {work.publisher}, {work.year}. {binding.capitalize()}. {volumes}</p>",
        condition=condition,
        category=BOOKS if work.isbn else ANTIQUARIAN,
        aspects=aspects | {"Binding": binding.capitalize()} | ({"ISBN": work.isbn} if work.isbn else {}),
        gtin=work.isbn,
        seller=one_of(SELLERS, about, "seller", work.key, place),
        shots=SHOTS if about == "offer" else (),
        **rest,  # type: ignore[arg-type]
    )


# Things that are found by the same words


def _facsimile(work: Work, market: Market) -> tuple[str, Decimal, str]:
    return f"{work.title} {work.author} {work.year} Facsimile Reprint Paperback NEW", Decimal("18.95"), BOOKS


def _lot(work: Work, market: Market) -> tuple[str, Decimal, str]:
    return f"Lot of 7 old books {work.author} {work.title} and others job lot", market.low / 3 + 20, ANTIQUARIAN


def _single_volume(work: Work, market: Market) -> tuple[str, Decimal, str]:
    if work.volumes == 1:
        return f"{work.author} {work.title} print on demand Forgotten Books hardcover", Decimal("27.40"), BOOKS
    return f"{work.author} {work.title} {work.year} Volume II only odd volume", market.low / (2 * work.volumes), ANTIQUARIAN


def _film(work: Work, market: Market) -> tuple[str, Decimal, str]:
    return f"{work.title} DVD BBC series from the novel by {work.author}", Decimal("9.99"), FILMS


def _study(work: Work, market: Market) -> tuple[str, Decimal, str]:
    return f"York Notes study guide: {work.title} by {work.author}", Decimal("4.50"), BOOKS


JUNK: tuple[Callable[[Work, Market], tuple[str, Decimal, str]], ...] = (_facsimile, _lot, _single_volume, _film, _study)


def _junk(work: Work, market: Market, place: int, number: int) -> Listing:
    title, price, category = JUNK[place % len(JUNK)](work, market)
    return Listing(
        number=number,
        case="junk",
        purpose="Shares its words with a work, and is something else",
        item=str(256900000000 + number),
        work=work,
        copy=Copy(grade="GOOD", binding="paperback", not_as_described="not a copy of the old edition"),
        title=shortened(title),
        description=f"<p>{title}</p>",
        price=(price * (1 + Decimal(place) / 20)).quantize(Decimal("0.01")),
        shipping=Decimal("4.00"),
        condition="Good",
        category=category,
        aspects={"Author": work.author},
        seller=one_of(SELLERS, "junk", number),
        shots=SHOTS[:1],
    )


def shortened(title: str) -> str:
    """Return a title cut at a word to what eBay takes."""
    return title if len(title) <= LONGEST_TITLE else title[: LONGEST_TITLE + 1].rpartition(" ")[0]
