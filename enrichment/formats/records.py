"""Delimited text as records with their line numbers, bounded in memory, going on after a broken record."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TextIO

# csv.Sniffer is not used anywhere here: a 302-byte file can keep it busy for ten seconds (cpython gh-109638).

MAX_COLUMNS = 100
MAX_CELL = 65_536
_MAX_LINE = 1 << 20
_KEPT_OF_OVERLONG = 2_000
_MAX_RECORD = 4 * MAX_CELL
# Each repair reads up to _MAX_RECORD again, so their number bounds the work a hostile file can ask for.
_MAX_REPAIRS = 200

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
    """Iterate over the records of a text, quoted by the letter of RFC 4180.

    `fit` brings cells to the header's width or returns None, as it does for fewer than `narrowest` cells. A quotation mark that is never
    closed costs only its own record: reading goes on with the next line that is a whole record by itself.
    """

    def __init__(self, text: TextIO, delimiter: str, fit: Fit, *, narrowest: int = 1, line: int = 1) -> None:
        self._text = text
        self._delimiter = delimiter
        self._fit = fit
        self._narrowest = narrowest
        #: Of the next line, and of the current record's first.
        self._line = self._start = line
        self._waiting: deque[str] = deque()
        self._pulled: list[str] = []

    def __iter__(self) -> Iterator[Record]:
        reader = self._reader(self._lines())
        repairs = 0
        while True:
            self._pulled.clear()
            try:
                cells = next(reader, None)
            except csv.Error:
                cells = []
                # What the old reader asks for may have ended with the record.
                reader = self._reader(self._lines())
            else:
                if cells is None:
                    return
                if not any(map(str.strip, cells)):
                    continue
            fitting = self._fit(cells) if cells else None
            if fitting is not None:
                yield self._checked(fitting)
            elif len(self._pulled) == 1:
                yield Record(self._start, cells or self._pulled[:1], "width_wrong" if cells else "quote_misplaced")
            elif repairs == _MAX_REPAIRS:
                yield Record(self._start, self._pulled[:1], "text_unreadable")
                return
            else:
                repairs += 1
                yield Record(self._start, self._pulled[:1], "quote_unclosed")
                self._resume()
                reader = self._reader(self._lines())

    def _reader(self, lines: Iterable[str]) -> Iterator[list[str]]:
        # A lenient reader takes the next row's opening quotation mark for the one that is missing, and the width may even come out right.
        return csv.reader(lines, delimiter=self._delimiter, strict=True)

    def _checked(self, cells: list[str]) -> Record:
        for text in self._pulled:
            if FORBIDDEN.search(text):
                return Record(self._start, cells, "characters_forbidden")
            if (len(text) > MAX_CELL or len(self._pulled) > 1) and any(len(cell) > MAX_CELL for cell in cells):
                return Record(self._start, cells, "cell_too_long")
        return Record(self._start, cells)

    def _lines(self) -> Iterator[str]:
        """Yield lines for one csv reader, remember those of the current record, and end when it grows too long."""
        length = 0
        while length <= _MAX_RECORD and (line := self._next_line()):
            if not self._pulled and line.isspace() and self._delimiter not in line:
                continue
            if not self._pulled:
                self._start = self._line - 1
            length += len(line)
            self._pulled.append(line)
            yield line
            if not self._pulled:
                length = 0

    def _next_line(self) -> str:
        """Return the next line, "" at the end; of an overlong one only the beginning, spoilt so that no record is made of it."""
        self._line += 1
        if self._waiting:
            return self._waiting.popleft()
        line = rest = self._text.readline(_MAX_LINE)
        while len(rest) == _MAX_LINE and not rest.endswith(("\n", "\r")):
            rest = self._text.readline(_MAX_LINE)
        return line if line is rest else f'"{line[:_KEPT_OF_OVERLONG].replace(chr(34), "")}"\0\n'

    def _resume(self) -> None:
        """Go back to the broken record's second line and on to the first one that is a whole record by itself."""
        self._waiting.extendleft(reversed(self._pulled[1:]))
        self._line = self._start + 1
        while line := self._next_line():
            if self._is_record(line):
                self._waiting.appendleft(line)
                self._line -= 1
                return

    def _is_record(self, line: str) -> bool:
        if line.count(self._delimiter) < self._narrowest - 1:
            return False
        try:
            return self._fit(next(self._reader([line]), [])) is not None
        except csv.Error:
            return False
