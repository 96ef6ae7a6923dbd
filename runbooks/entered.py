"""Prices, dates and addresses as people type them: read when certain, else refused with the remedy."""

from __future__ import annotations

import re
from datetime import date
from urllib.parse import urlsplit

from runbooks.sources.price_text import HIGHEST, amount, currency_of
from runbooks.sources.records import Basis, Money
from runbooks.tables import CellRefused

#: Earlier prices say nothing about today.
EARLIEST = 1950
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = r"(?P<month>(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*)\.?"
# eBay writes "US $45" and "C $45".
_SYMBOL = r"(?:(?:US|C|CA|AU|NZ|HK) ?|CDN|A|S|R)?\$|£|€|¥"
_NUMBER = r"\d[\d.,]*"
#: "US$ 45", "45.00 GBP", "£1,204"
PRICE = re.compile(
    rf"(?<![\w.,$£€¥])(?:(?P<before>{_SYMBOL}|[A-Z]{{3}}) ?(?P<number>{_NUMBER}?)|(?P<number2>{_NUMBER}?) ?(?P<after>€|£|[A-Z]{{3}}))(?![\w£€$]|[.,]\d)"
)
#: "2024-05-31", "31 May 2024", "May 31, 2024", "31.5.2024", "5/31/2024"
DATE = re.compile(
    r"(?<![\d/.-])(?:(?P<iso>(?P<y>\d{4})[/.-](?P<m>\d{1,2})[/.-](?P<d>\d{1,2}))"
    rf"|(?P<day>\d{{1,2}})(?:st|nd|rd|th)? {_MONTH},? (?P<year>\d{{4}})"
    rf"|{_MONTH.replace('month', 'month2')} (?P<day2>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<year2>\d{{4}})"
    r"|(?P<one>\d{1,2})(?P<mark>[/.-])(?P<two>\d{1,2})(?P=mark)(?P<last>\d{4}))(?![\d/-]|\.\d)",
    re.IGNORECASE,
)
_BASES: dict[str, Basis] = {
    **dict.fromkeys(("sold", "sale", "realised", "realized", "hammer", "hammer price", "paid", "bought"), "sold"),
    **dict.fromkeys(("auction", "bid", "current bid"), "auction"),
    **dict.fromkeys(("asking", "ask", "asked", "listed", "for sale", "active", "buy it now", "fixed price"), "asking"),
}


def read_price(text: str, currency: str = "", *, column: str = "price") -> Money:
    """Return a price; a bare number or "$" is of the currency beside it, US dollars without one. Raises CellRefused for what is none."""
    code = currency_of(currency) if currency else "USD"
    if not code:
        raise CellRefused("currency", f"“{currency[:20]}” is no currency; write its three letters, such as USD or GBP")
    found = PRICE.fullmatch(text.strip())
    symbol = (found["before"] or found["after"]) if found else ""
    named = "" if symbol in ("", "$") else currency_of(symbol.replace(" ", ""))
    number = (found["number"] or found["number2"]) if found else text
    read = amount(number.strip())
    if read is None:
        raise CellRefused(column, f"“{text[:40]}” is no price up to {HIGHEST:,}; write it with a point for cents, such as 1,250.00")
    if named and currency and named != code:
        raise CellRefused("currency", f"the price is in {named}, the currency beside it is {code}; keep one of them")
    if read <= 0:
        raise CellRefused(column, "a price is more than nothing; leave the line out where there is none")
    return Money(read, named or code)


def read_date(text: str, today: date, *, column: str = "date") -> date | None:
    """Return a date, None for none. Raises CellRefused where day and month could be swapped, and for no day of the calendar or to come."""
    if not text.strip():
        return None
    found = DATE.fullmatch(text.strip())
    if not found:
        raise CellRefused(column, f"“{text[:40]}” is no date; write it as 2024-05-31")
    try:
        day = _day(found)
    except ValueError:
        raise CellRefused(column, f"“{text[:40]}” is no day of the calendar") from None
    if day is None:
        raise CellRefused(column, f"day and month of “{text[:40]}” could be swapped; write it as 2024-05-31")
    if why := refused_day(day, today):
        raise CellRefused(column, why)
    return day


def refused_day(day: date, today: date) -> str:
    """Return why nothing that was paid on a day is taken, "" for a day that will do."""
    return "" if day.year >= EARLIEST and day <= today else f"{day.isoformat()} is not between {EARLIEST} and today"


def _day(found: re.Match[str]) -> date | None:
    """Return the day that a date names, None where its order is not certain; raises ValueError for none of the calendar."""
    if found["iso"]:
        return date(int(found["y"]), int(found["m"]), int(found["d"]))
    if month := found["month"] or found["month2"]:
        number = _MONTHS.index(month[:3].lower()) + 1
        return date(int(found["year"] or found["year2"]), number, int(found["day"] or found["day2"]))
    one, two, year = int(found["one"]), int(found["two"]), int(found["last"])
    if found["mark"] == "." or one > 12 or one == two:
        return date(year, two, one)
    return date(year, one, two) if two > 12 else None


def read_basis(text: str, otherwise: Basis = "asking", *, column: str = "basis") -> Basis:
    """Return whether a price was paid, bid or asked, `otherwise` where nothing is said. Raises CellRefused for another word."""
    word = " ".join(text.lower().split())
    if word and word not in _BASES:
        raise CellRefused(column, f"“{text[:40]}” says not how the price came about; write sold, auction or asking")
    return _BASES[word] if word else otherwise


def read_address(text: str, *, column: str = "url") -> str:
    """Return a web address, "" for none. Raises CellRefused for any other kind."""
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        is_fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None
    except ValueError:
        is_fine = False
    if not is_fine or len(text) > 1000 or any(char.isspace() or not char.isprintable() for char in text):
        raise CellRefused(column, f"“{text[:40]}” is no address of the web; it begins with https:// and has no blanks")
    return text


def read_count(text: str, *, column: str = "volumes") -> int:
    """Return a number of volumes, 1 for none said. Raises CellRefused for what is no number from 1 to 500."""
    if not text:
        return 1
    if not re.fullmatch("[0-9]{1,3}", text) or not 1 <= int(text) <= 500:
        raise CellRefused(column, f"“{text[:40]}” is no number of volumes from 1 to 500")
    return int(text)
