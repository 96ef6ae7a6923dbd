"""One row's cells by column name, read strictly: what is not certain is left out with a warning, never guessed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from .doubts import DATE_IMPOSSIBLE, DATE_SWAPPABLE, DATE_UNREADABLE, FLAG_UNREADABLE, Doubt, no_number, no_whole_number
from .entry import CellWarning

# What str.strip() takes off, and the invisible characters that copied text brings along.
BLANK = " \t\r\n\v\f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"

# ASCII only: int("٣") is 3 in Python, and float("nan") passes too.
_INTEGER = re.compile(r"(-?[0-9]{1,9})(?:[.,]0{1,2})?")
_DECIMAL = re.compile(r"(-?[0-9]{1,6})(?:[.,]([0-9]{1,6}))?")
_YEAR_FIRST = re.compile(r"([0-9]{4})(?:([/-])([0-9]{1,2})(?:\2([0-9]{1,2})(?:[ T][0-9:.]+Z?)?)?)?")
_YEAR_LAST = re.compile(r"([0-9]{1,2})([/.-])([0-9]{1,2})\2([0-9]{4})")
_YES = frozenset({"true", "yes", "1", "y"})
_NO = frozenset({"false", "no", "0", "n"})
_QUOTED_IN_WARNINGS = 80
# No number or date is longer; what is cut off only keeps the caches small.
_LONGEST = 40


class PartialDate(NamedTuple):
    """Hold a date and how much of it was written: "day", "month" or "year"."""

    day: date
    precision: str


class RowRefused(Exception):
    """A row lacks what every book needs; it becomes a `BadRow`."""

    def __init__(self, column: str, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.column = column
        self.reason = reason
        self.detail = detail


class Cells:
    """Give a reader the cells of one row by column name; a column the file lacks reads as blank."""

    __slots__ = ("_day_first", "_positions", "_values", "line", "number", "warnings")

    def __init__(
        self, positions: Mapping[str, int], values: Sequence[str], *, number: int, line: int, day_first: bool | None = None
    ) -> None:
        self._positions = positions
        self._values = values
        #: Whether "4/5/2021" is the 4th of May; None where the file does not prove it.
        self._day_first = day_first
        self.number = number
        self.line = line
        self.warnings: list[CellWarning] = []

    def has(self, column: str) -> bool:
        """Tell whether the file has the column at all."""
        return column in self._positions

    def prose(self, column: str) -> str:
        """Return the cell as written, without blanks around it."""
        position = self._positions.get(column)
        return "" if position is None else self._values[position].strip(BLANK)

    def text(self, column: str) -> str:
        """Return the cell on one line, with single spaces."""
        text = self.prose(column)
        return text if text.isalnum() else " ".join(text.split())

    def names(self, column: str) -> tuple[str, ...]:
        """Return the parts of a comma list; commas within parentheses do not part."""
        text = self.text(column)
        return split_list(text) if text else ()

    def integer(self, column: str, lowest: int, highest: int) -> int | None:
        """Return the whole number; None when blank, or with a warning when it is none between the bounds."""
        text = self.prose(column)
        if not text:
            return None
        match = _INTEGER.fullmatch(text)
        if match and lowest <= (value := int(match[1])) <= highest:
            return value
        self.warn(column, text, no_whole_number(lowest, highest))
        return None

    def decimal(self, column: str, highest: int) -> Decimal | None:
        """Return the number from 0 to `highest`; None when blank, or with a warning when it is none."""
        text = self.prose(column)
        if not text:
            return None
        value = _decimal(text[:_LONGEST])
        if value is not None and 0 <= value <= highest:
            return value
        self.warn(column, text, no_number(highest))
        return None

    def date(self, column: str) -> PartialDate | None:
        """Return the date; None when blank, or with a warning when it is none or its day and month could be swapped."""
        text = self.prose(column)
        if not text:
            return None
        day = read_date(text[:_LONGEST], self._day_first)
        if isinstance(day, Doubt):
            self.warn(column, text, day)
            return None
        return day

    def flag(self, column: str) -> bool:
        """Return whether the cell says yes; blank is no."""
        text = self.prose(column).casefold()
        if text and text not in _YES and text not in _NO:
            self.warn(column, text, FLAG_UNREADABLE)
        return text in _YES

    def warn(self, column: str, text: str, doubt: Doubt) -> None:
        """Note that the cell could not be used, and what to do about it."""
        shown = text if len(text) <= _QUOTED_IN_WARNINGS else f"{text[:_QUOTED_IN_WARNINGS]}…"
        told = f"“{shown}” was left out: {doubt.problem}" if text else doubt.problem
        self.warnings.append(CellWarning(column, shown, doubt.reason, f"Line {self.line}, {column}: {told}. {doubt.remedy}"))


@lru_cache(maxsize=4096)
def _decimal(text: str) -> Decimal | None:
    match = _DECIMAL.fullmatch(text)
    return Decimal(f"{match[1]}.{match[2] or 0}").normalize() + 0 if match else None


@lru_cache(maxsize=16384)
def read_date(text: str, day_first: bool | None = None) -> PartialDate | Doubt:
    """Return the date, or why the text is none."""
    if match := _YEAR_FIRST.fullmatch(text):
        year, _, month, day = match.groups()
        precision = "day" if day else "month" if month else "year"
    elif match := _YEAR_LAST.fullmatch(text):
        first, separator, second, year = match.groups()
        # Dots are written between day and month only where the day comes first.
        order = True if separator == "." else day_order(text) if day_order(text) is not None else day_first
        if order is None and first != second:
            return DATE_SWAPPABLE
        day, month = (first, second) if order else (second, first)
        precision = "day"
    else:
        return DATE_UNREADABLE
    try:
        return PartialDate(date(int(year), int(month or 1), int(day or 1)), precision)
    except ValueError:
        return DATE_IMPOSSIBLE


def day_order(text: str) -> bool | None:
    """Tell whether the day comes first in "31/5/2021"; None when the text does not prove either order."""
    match = _YEAR_LAST.fullmatch(text.strip())
    if not match or (int(match[1]) > 12) == (int(match[3]) > 12):
        return None
    return int(match[1]) > 12


def split_list(text: str) -> tuple[str, ...]:
    """Return the parts of a comma list; commas within parentheses do not part."""
    if "(" not in text:
        return tuple(part for piece in text.split(",") if (part := piece.strip()))
    parts, depth, start = [], 0, 0
    for place, character in enumerate(text):
        depth = max(0, depth + (character == "(") - (character == ")"))
        if character == "," and not depth:
            parts.append(text[start:place])
            start = place + 1
    parts.append(text[start:])
    return tuple(part for piece in parts if (part := piece.strip()))
