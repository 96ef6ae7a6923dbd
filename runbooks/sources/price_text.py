"""Prices as sites write them."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from runbooks.sources.records import Money

#: Columns of money hold ten digits, two of them after the point; no book costs more.
HIGHEST = Decimal("99999999.99")

_AMOUNT = re.compile(r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,12})(?:\.[0-9]{1,6})?")
_CURRENCY = re.compile(r"[A-Z]{3}")
#: A bare "$" is the dollar of wherever the reader is, so it is none.
_SYMBOLS = {
    "US$": "USD",
    "£": "GBP",
    "€": "EUR",
    "C$": "CAD",
    "CA$": "CAD",
    "CDN$": "CAD",
    "A$": "AUD",
    "AU$": "AUD",
    "NZ$": "NZD",
    "HK$": "HKD",
    "S$": "SGD",
    "¥": "JPY",
    "SFR.": "CHF",
    "FR.": "CHF",
    "R$": "BRL",
    "KR": "SEK",
}


def amount(value: Any) -> Decimal | None:
    """Return an amount written as a number or as "1,204.00" (comma for thousands, point for cents), rounded to cents.

    None for anything else: negative, more than HIGHEST, or with the comma for cents, which could be read a hundredfold.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    written = str(value).strip() if isinstance(value, str) else format(Decimal(str(value)), "f")
    if not _AMOUNT.fullmatch(written):
        return None
    read = Decimal(written.replace(",", "")).quantize(Decimal("0.01"))
    return read if read <= HIGHEST else None


def currency_of(symbol: str) -> str:
    """Return the ISO 4217 code of "US$", "£" or a code itself; "" where it does not say which."""
    written = symbol.strip().upper()
    return written if _CURRENCY.fullmatch(written) else _SYMBOLS.get(written, "")


def money(value: Any, currency: Any) -> Money | None:
    """Return an amount in a currency, None unless both can be read."""
    read, code = amount(value), currency_of(currency) if isinstance(currency, str) else ""
    return Money(read, code) if read is not None and code else None
