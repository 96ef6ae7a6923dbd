"""What AbeBooks' booksellers offer of the script's works: their own copies, modern reprints, and a recording for every fourth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache

from sandbox.chance import number_of, one_of
from sandbox.listings import works
from sandbox.listings_market import price_at
from sandbox.listings_records import Work
from sandbox.words import words

#: How the search page names conditions, and how the older pages and the pricing do.
CONDITIONS = {
    "NEW": "New",
    "USED_ASNEW": "As New",
    "USED_FINE": "Fine",
    "USED_VERYGOOD": "Very Good",
    "USED_GOOD": "Good",
    "USED_FAIR": "Fair",
    "USED_POOR": "Poor",
}
#: What one dollar is worth for a surfer from elsewhere, and how their money is written.
RATES = {"USD": Decimal(1), "GBP": Decimal("0.79"), "EUR": Decimal("0.93")}
SYMBOLS = {"USD": "US$", "GBP": "£", "EUR": "EUR"}
CENT = Decimal("0.01")

_OLD_CONDITIONS = ("USED_FINE", "USED_VERYGOOD", "USED_VERYGOOD", "USED_GOOD", "USED_GOOD", "USED_FAIR")
_VENDORS = (
    "Quire & Leaf",
    "Harbour Books",
    "Old Stacks Ltd",
    "The Inkhorn",
    "Fen Books",
    "Northgate Rare Books (ABA)",
    'Moth "Paper" Antiq.',
)


@dataclass(frozen=True, slots=True)
class Offer:
    """One bookseller's offer, in dollars."""

    number: int
    work: Work
    title: str
    price: Decimal
    #: None where the page says nothing of it, which is not the same as free.
    shipping: Decimal | None
    binding: str
    condition: str
    vendor: str
    description: str
    isbn: str = ""
    quantity: int = 1
    #: "DEFAULT" for a book.
    product_type: str = "DEFAULT"
    marks: tuple[str, ...] = ()

    @property
    def is_new(self) -> bool:
        """Tell whether it is sold as new."""
        return self.condition == "NEW"

    def converted(self, currency: str) -> Offer:
        """Return the offer as a surfer with this money sees it."""
        rate = RATES[currency]
        shipping = None if self.shipping is None else (self.shipping * rate).quantize(CENT)
        return replace(self, price=(self.price * rate).quantize(CENT), shipping=shipping)


def written(amount: Decimal, currency: str) -> str:
    """Return an amount with its money, in the manner of the surfer's country: Germans get a decimal comma."""
    text = f"{amount:,.2f}"
    if currency == "EUR":
        text = text.translate(str.maketrans(",.", ".,"))
    return f"{SYMBOLS[currency]} {text}"


@lru_cache(maxsize=1)
def offers() -> tuple[Offer, ...]:
    """Return all offers."""
    return tuple(offer for work in works().values() for offer in _offers_of(work))


def with_isbn(isbn: str) -> list[Offer]:
    """Return the offers of an ISBN."""
    return [offer for offer in offers() if isbn and offer.isbn == isbn]


def matching(*, author: str = "", title: str = "", keywords: str = "") -> list[Offer]:
    """Return the offers with all words of what is asked for."""
    by, of, with_words = set(words(author)), set(words(title)), set(words(keywords))
    return [
        offer
        for offer in offers()
        if by <= set(words(offer.work.author))
        and of <= set(words(offer.title))
        and with_words <= {*words(offer.title), *words(offer.work.author), *words(offer.description)}
    ]


def _offers_of(work: Work) -> Iterator[Offer]:
    market = work.market
    if market is None:
        return
    for place in range(market.abebooks):
        binding = work.bindings[place % len(work.bindings)]
        condition = one_of(_OLD_CONDITIONS, "abebooks", work.key, place)
        volumes = f" ({work.volumes} volumes)" if work.volumes > 1 else ""
        marks = ("FIRST_EDITION",) if place % 3 == 0 and not work.isbn else ()
        yield _offer(
            work,
            place,
            title=f"{work.title}{volumes}",
            price=(price_at(market, place, market.abebooks, about=f"abebooks {work.key}") * Decimal("1.1")).quantize(CENT),
            binding=binding.capitalize(),
            condition="NEW" if work.isbn and place % 4 == 0 else condition,
            description=f'{work.publisher}, {work.year}. "{binding.capitalize()}". {CONDITIONS[condition]} <i>copy</i> \\ with usual wear.{volumes}',
            isbn=work.isbn,
            marks=marks,
        )
    if market.junk:
        yield _offer(
            work,
            900,
            title=f"{work.title}: a modern reprint",
            price=Decimal("16.40"),
            binding="Paperback",
            condition="NEW",
            description="Print on demand. New.",
            isbn=work.isbn,
            quantity=20,
        )
    if market.junk > 4:
        yield _offer(
            work,
            901,
            title=f"{work.title} (unabridged)",
            price=Decimal("9.99"),
            binding="Audio CD",
            condition="NEW",
            description="Twelve discs.",
            isbn=work.isbn,
            product_type="AUDIO",
        )


def _offer(
    work: Work,
    place: int,
    *,
    title: str,
    price: Decimal,
    binding: str,
    condition: str,
    description: str,
    isbn: str,
    quantity: int = 1,
    product_type: str = "DEFAULT",
    marks: tuple[str, ...] = (),
) -> Offer:
    return Offer(
        number=30_000_000_000 + number_of("abebooks", work.key, place) % 2_000_000_000,
        work=work,
        title=title,
        price=price,
        shipping=one_of((None, Decimal("0.00"), Decimal("6.95"), Decimal("14.50")), "abebooks shipping", work.key, place),
        vendor=one_of(_VENDORS, "abebooks vendor", work.key, place),
        binding=binding,
        condition=condition,
        description=description,
        isbn=isbn,
        quantity=quantity,
        product_type=product_type,
        marks=marks,
    )
