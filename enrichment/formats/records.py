"""Delimited text as records with their line numbers, bounded in memory, going on after a broken record."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TextIO

# csv.Sniffer is not used anywhere here: a 302-byte file can keep it busy for ten seconds (cpython gh-109638).

MAX_COLUMNS = 100
MAX_CELL = 65_536
_MAX_LINE = 1 << 20
_MAX_RECORD = 4 * MAX_CELL
# Each repair reads up to _MAX_RECORD again, so their number bounds the work a hostile file can ask for.
_MAX_REPAIRS = 50

# PostgreSQL stores no NUL, UTF-8 no lone surrogate, XML none of the rest.
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")

Fit = Callable[[list[str]], list[str] | None]


@dataclass(frozen=True, slots=True)
class Record:
    """Hold one record: its cells as wide as the header, or, where `reason` says why not, the cells as they came."""

    line: int
    cells: list[str]
    reason: str = ""


class Records:
    """Iterate over the records of a text.

    `fit` brings cells to the header's width or returns None. A quotation mark that is never closed costs only its own record: reading goes on
    with the next line that is a whole record by itself.
    """

    def __init__(self, text: TextIO, delimiter: str, fit: Fit, *, line: int = 1) -> None:
        self._text = text
        self._delimiter = delimiter
        self._fit = fit
        self._line = line
        self._waiting: deque[str] = deque()
        self._pulled: list[str] = []
        self._ended = False
        self._overlong = False
        self._repairs = 0

    def __iter__(self) -> Iterator[Record]:
        reader = csv.reader(self._lines(), delimiter=self._delimiter)
        while True:
            self._pulled.clear()
            self._ended = self._overlong = False
            start = self._line
            try:
                cells = next(reader, None)
                # Asked for a line after the last one, the reader was still inside quotes.
                unclosed = self._ended and bool(self._pulled)
            except csv.Error:
                cells, unclosed = [], True
            if cells is None:
                return
            if not unclosed and not any(map(str.strip, cells)):
                continue
            fitting = None if unclosed else self._fit(cells)
            if self._overlong:
                yield Record(start, [self._pulled[-1]], "line_too_long")
            elif fitting is not None:
                yield self._checked(start, fitting)
            elif not unclosed and len(self._pulled) == 1:
                yield Record(start, cells, "width_wrong")
            elif self._repairs == _MAX_REPAIRS:
                yield Record(start, self._pulled[:1], "text_unreadable")
                return
            else:
                self._repairs += 1
                first = self._pulled[0]
                self._resume_after(start)
                yield Record(start, [first], "quote_unclosed")
                reader = csv.reader(self._lines(), delimiter=self._delimiter)

    def _checked(self, line: int, cells: list[str]) -> Record:
        for text in self._pulled:
            if FORBIDDEN.search(text):
                return Record(line, cells, "characters_forbidden")
            if (len(text) > MAX_CELL or len(self._pulled) > 1) and any(len(cell) > MAX_CELL for cell in cells):
                return Record(line, cells, "cell_too_long")
        return Record(line, cells)

    def _lines(self) -> Iterator[str]:
        """Yield lines for one csv reader and remember those of the current record."""
        length = 0
        while True:
            if not self._pulled:
                length = 0
            line = self._next_line() if length <= _MAX_RECORD else ""
            if not line:
                self._ended = True
                return
            length += len(line)
            self._pulled.append(line)
            yield line

    def _next_line(self) -> str:
        """Return the next line, "" at the end; of an overlong one only the beginning, marked as such."""
        if self._waiting:
            line = self._waiting.popleft()
        else:
            line = self._text.readline(_MAX_LINE)
            rest = line
            while len(rest) == _MAX_LINE and not rest.endswith(("\n", "\r")):
                self._overlong = True
                rest = self._text.readline(_MAX_LINE)
            # A carriage return at the very end of the piece may be half of a CRLF; what follows is then a blank line, which is skipped.
        self._line += 1
        return line

    def _resume_after(self, start: int) -> None:
        """Go back to the line after `start` and on to the first one that is a whole record by itself."""
        self._waiting.extendleft(reversed(self._pulled[1:]))
        self._line = start + 1
        while line := self._next_line():
            if self._stands_alone(line):
                self._waiting.appendleft(line)
                self._line -= 1
                return

    def _stands_alone(self, line: str) -> bool:
        try:
            cells = next(csv.reader([line], delimiter=self._delimiter, strict=True), [])
        except csv.Error:
            return False
        return self._fit(cells) is not None
