"""Comparables as people list them: a table, or lines of text with a price in each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from runbooks.entered import DATE, PRICE, read_address, read_basis, read_date, read_price
from runbooks.sources.records import Basis, Money
from runbooks.tables import CellRefused, RefusedLine, Row, TableRefused, read_table, refused_line

#: As a file names them, with other spellings.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "title": ("book", "name"),
    "author": ("by", "writer"),
    "price": ("amount",),
    "currency": (),
    "date": ("sold date", "list date", "sold on", "day"),
    "basis": ("sold or asking", "sold/asking", "type", "kind"),
    "condition": (),
    "binding": (),
    "url": ("link", "address"),
    "source": ("site", "shop", "where"),
}
#: Characters, as the columns hold them.
_LONGEST = {"title": 500, "author": 300, "condition": 200, "binding": 200, "source": 100}
_LONGEST_TEXT = 500_000
#: Characters of a pasted line; the patterns below look for a price from each of them on.
_LONGEST_LINE = 1_500


@dataclass(frozen=True, slots=True)
class Entry:
    """Hold one comparable as a person gave it."""

    title: str
    price: Money
    basis: Basis = "asking"
    at: date | None = None
    condition: str = ""
    binding: str = ""
    url: str = ""
    #: "Heritage Auctions"
    source: str = ""
    #: Empty where the title names them.
    author: str = ""


@dataclass(frozen=True, slots=True)
class Entries:
    """Hold what a list says, and the lines that were not taken."""

    entries: tuple[Entry, ...]
    refused: tuple[RefusedLine, ...] = ()
    #: Columns that nobody reads.
    ignored: tuple[str, ...] = ()


def entries_of_csv(content: bytes, today: date, basis: Basis, *, most: int) -> Entries:
    """Return the comparables of a CSV file; `basis` is of rows that do not say. Raises TableRefused for what is no such table."""
    table = read_table(content, COLUMNS, required=("title", "price"), most_rows=most)
    entries, refused = [], list(table.refused)
    for row in table.rows:
        try:
            entries.append(_entry(row, today, basis))
        except CellRefused as error:
            refused.append(refused_line(row.line, row[error.column], error.why, error.column))
    return Entries(tuple(entries), tuple(sorted(refused, key=lambda one: one.line)), tuple(table.ignored))


def _entry(row: Row, today: date, basis: Basis) -> Entry:
    if not row["title"]:
        raise CellRefused("title", "say which book it is")
    for column, longest in _LONGEST.items():
        if len(row[column]) > longest:
            raise CellRefused(column, f"it is longer than {longest} characters; shorten it")
    return Entry(
        title=row["title"],
        price=read_price(row["price"], row["currency"]),
        basis=read_basis(row["basis"], basis),
        at=read_date(row["date"], today),
        condition=row["condition"],
        binding=row["binding"],
        url=read_address(row["url"]),
        source=row["source"],
        author=row["author"],
    )


_URL = re.compile(r"https?://\S+")
_SHIPPING = re.compile(r"(?:\+\s*)?(?P<price>\S+(?: [A-Z]{3})?)\s*(?:for )?(?:shipping|postage|delivery|p&p|s&h)\b", re.IGNORECASE)
_SOLD = re.compile(r"\b(?:sold|realised|realized|hammer(?: price)?)\b(?: (?:on|for|at))?[: ]?", re.IGNORECASE)
_MARKS_BETWEEN = " \t,;|·•–—-:"


def entries_of_text(text: str, today: date, basis: Basis, *, most: int) -> Entries:
    """Return the comparables of a text, one a line, in any order: a price, a date, "sold", an address; the rest is the title.

    Raises TableRefused for more lines than `most`. A line without one certain price and a title is told.
    """
    lines = [(number, line.strip()) for number, line in enumerate(re.split(r"\r\n|\r|\n", text[:_LONGEST_TEXT]), start=1)]
    lines = [(number, line) for number, line in lines if line]
    if len(text) > _LONGEST_TEXT or len(lines) > most:
        raise TableRefused(f"More than {most:,} lines were pasted. Paste fewer at once.")
    entries, refused = [], []
    for number, line in lines:
        try:
            entries.append(_entry_of_line(line, today, basis))
        except CellRefused as error:
            refused.append(refused_line(number, line, error.why, error.column))
    return Entries(tuple(entries), tuple(refused))


def _entry_of_line(line: str, today: date, basis: Basis) -> Entry:
    if len(line) > _LONGEST_LINE:
        raise CellRefused("", f"the line is longer than {_LONGEST_LINE:,} characters; paste one comparable a line")
    urls = _URL.findall(line)
    rest = _URL.sub(" ", line)
    dates = list(DATE.finditer(rest))
    if len(dates) > 1:
        raise CellRefused("date", "there are several dates; leave the one of the price")
    at = read_date(dates[0][0], today) if dates else None
    rest = DATE.sub(" ", rest)
    rest = _SHIPPING.sub(lambda found: " " if PRICE.fullmatch(found["price"]) else found[0], rest)
    # A bare three-letter word before a number is a currency only where there is one: "Vol 3" is not.
    prices = [found for found in PRICE.finditer(rest) if _is_price(found)]
    if len(prices) != 1:
        told = "there are several prices; leave one" if prices else "there is no price; write it with its currency, such as $45 or 45 GBP"
        raise CellRefused("price", told)
    price = read_price(prices[0][0])
    rest = f"{rest[: prices[0].start()]} {rest[prices[0].end() :]}"
    is_sold = bool(_SOLD.search(rest))
    title = re.sub(r"\s*[|·•–—]\s*$|^\s*[|·•–—]\s*", "", " ".join(_SOLD.sub(" ", rest).split())).strip(_MARKS_BETWEEN)
    if not title:
        raise CellRefused("title", "there is no title beside the price")
    if len(title) > _LONGEST["title"]:
        raise CellRefused("title", f"it is longer than {_LONGEST['title']} characters; shorten it")
    return Entry(title, price, "sold" if is_sold else basis, at, url=read_address(urls[0]) if urls else "")


_CURRENCIES = frozenset(
    [
        "USD",
        "GBP",
        "EUR",
        "CAD",
        "AUD",
        "NZD",
        "CHF",
        "JPY",
        "SEK",
        "NOK",
        "DKK",
        "HKD",
        "SGD",
        "INR",
        "ZAR",
        "PLN",
        "CZK",
        "HUF",
        "ILS",
        "BRL",
        "MXN",
        "CNY",
    ]
)


def _is_price(found: re.Match[str]) -> bool:
    sign = found["before"] or found["after"]
    return sign in _CURRENCIES or not sign.isalpha()
