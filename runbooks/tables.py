"""Small tables that people upload: read strictly, each refused row told with its line, its column and the remedy."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bookops.safe_csv import FORMULA

# csv.Sniffer is not used anywhere here: a 302-byte file can keep it busy for ten seconds (cpython gh-109638).

MAX_BYTES = 5_000_000
MAX_COLUMNS = 100
#: Characters of a cell that is read, and of a text that is quoted when it is refused.
MAX_CELL = 5_000
_QUOTED = 80
_MAX_HEADER = 10_000
#: Lines that one row may have, by line breaks within its cells; a quotation mark that is never closed costs no more.
_LINES_A_ROW = 20
_DELIMITERS = (",", ";", "\t")
_IN_QUOTES = re.compile(r'"[^"]*"')
#: What no database stores and no text has.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_SAVE_AS_UTF8 = "Save it again as “CSV UTF-8” and upload that."


class TableRefused(Exception):
    """The file as a whole cannot be read; the text names the remedy."""


class CellRefused(Exception):
    """A cell does not say what its column is for; the text says what would."""

    def __init__(self, column: str, why: str) -> None:
        super().__init__(why)
        self.column = column
        self.why = why


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """Hold one line that was not taken."""

    #: Of the file or text, from 1.
    line: int
    #: "" when the line as a whole is at fault.
    column: str
    #: What stands there, cut short.
    text: str
    #: What is wrong and what to do about it.
    why: str

    def __str__(self) -> str:
        return f"Line {self.line}{f', {self.column}' if self.column else ''}: {self.why}"

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return {"line": self.line, "column": self.column, "text": self.text, "why": self.why}


def refused_line(line: int, text: str, why: str, column: str = "") -> RefusedLine:
    """Return a refused line with its text fit to be stored and shown."""
    return RefusedLine(line, column, _FORBIDDEN.sub("\ufffd", text if len(text) <= _QUOTED else f"{text[:_QUOTED]}…"), why)


@dataclass(frozen=True, slots=True)
class Row:
    """Hold one row's cells by the names that its reader knows; "" for a column that the file lacks."""

    line: int
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")


@dataclass(slots=True)
class Table:
    """Hold the rows of a file, and what was not read of it."""

    rows: list[Row] = field(default_factory=list)
    refused: list[RefusedLine] = field(default_factory=list)
    #: Columns that nobody asked for.
    ignored: list[str] = field(default_factory=list)


def read_table(content: bytes, columns: Mapping[str, Sequence[str]], *, required: Sequence[str], most_rows: int) -> Table:
    """Return the rows of a CSV file with a header. `columns` has the other spellings of each column that is read.

    Raises TableRefused for a file that is no such table; a row that cannot be read costs only itself.
    """
    # Not str.splitlines, which also parts lines at characters that no editor counts by.
    lines = list(io.StringIO(decoded(content), newline=None))
    first = next((number for number, line in enumerate(lines) if line.strip()), None)
    if first is None:
        raise TableRefused(f"The file is empty. Its first line must name the columns: {', '.join(columns)}.")
    if len(lines[first]) > _MAX_HEADER:
        raise TableRefused(f"Line {first + 1} is longer than {_MAX_HEADER:,} characters. It must name the columns: {', '.join(columns)}.")
    delimiter = max(_DELIMITERS, key=_IN_QUOTES.sub("", lines[first]).count)
    header = next(csv.reader([lines[first]], delimiter=delimiter), [])
    names = _names(header, columns, required, line=first + 1)
    table = Table(ignored=[cell.strip() for cell, name in zip(header, names, strict=True) if not name and cell.strip()])
    for line, cells, why in _records(lines, first + 1, delimiter, len(header)):
        if why:
            table.refused.append(refused_line(line, lines[line - 1].strip(), why))
        elif len(table.rows) == most_rows:
            raise TableRefused(f"The file has more than {most_rows:,} rows. Part it, and keep the header in each part.")
        else:
            table.rows.append(Row(line, {name: _cell(cell) for name, cell in zip(names, cells, strict=True) if name}))
    return table


def decoded(content: bytes) -> str:
    """Return a file's text, in UTF-8 or as its byte order mark says; raises TableRefused for what is no text or too much of it."""
    if len(content) > MAX_BYTES:
        raise TableRefused(f"The file is larger than {MAX_BYTES // 1_000_000} MB. Part it, and keep the header in each part.")
    if content[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        raise TableRefused("The file is an Excel workbook. Save it as “CSV UTF-8” and upload that.")
    try:
        text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise TableRefused(f"Line {line} is not valid {error.encoding}. {_SAVE_AS_UTF8}") from error
    if "\0" in text:
        raise TableRefused(f"Line {text[: text.index(chr(0))].count(chr(10)) + 1} holds zero bytes: this is no text. {_SAVE_AS_UTF8}")
    return text


def _names(header: Sequence[str], columns: Mapping[str, Sequence[str]], required: Sequence[str], *, line: int) -> list[str]:
    """Return the name of each cell of the header, "" for one that is not known."""
    known = {_plain(spelling): name for name, others in columns.items() for spelling in (name, *others)}
    names = [known.get(_plain(cell), "") for cell in header]
    if len(header) > MAX_COLUMNS:
        raise TableRefused(f"Line {line} has {len(header)} columns; at most {MAX_COLUMNS} are read.")
    if missing := [name for name in required if name not in names]:
        raise TableRefused(f"Line {line} lacks the column {', '.join(missing)}. It must name the columns: {', '.join(columns)}.")
    if twice := [name for name, count in Counter(filter(None, names)).items() if count > 1]:
        raise TableRefused(f"Line {line} has the column {twice[0]} twice. Delete one of them.")
    return names


def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").casefold().split())


def _records(lines: Sequence[str], start: int, delimiter: str, width: int) -> Iterator[tuple[int, list[str], str]]:
    """Yield line, cells, and why they cannot be read, of each record; after a broken one it goes on with the next line."""
    at = start
    while at < len(lines):
        if not lines[at].strip(f" \r\n{delimiter}"):
            at += 1
            continue
        reader = csv.reader(lines[at : at + _LINES_A_ROW], delimiter=delimiter, strict=True)
        try:
            cells = next(reader)
        except csv.Error:
            yield at + 1, [], "a quotation mark is misplaced or never closed; mend it, or double it within a cell"
            at += 1
            continue
        line, at = at + 1, at + reader.line_num
        while len(cells) > width and not cells[-1].strip():
            cells.pop()
        if len(cells) > width:
            yield line, [], f"it has {len(cells)} cells where the header has {width}; put a cell with a comma in quotation marks"
        elif any(_FORBIDDEN.search(cell) for cell in cells):
            yield line, [], "it holds control characters; delete them"
        elif any(len(cell) > MAX_CELL for cell in cells):
            yield line, [], f"a cell is longer than {MAX_CELL:,} characters; shorten it"
        else:
            yield line, [*cells, *[""] * (width - len(cells))], ""


def _cell(text: str) -> str:
    """Return a cell on one line, without the apostrophe by which an export kept a spreadsheet from running it."""
    text = " ".join(text.split())
    return text[1:] if text.startswith("'") and FORMULA.match(text[1:]) else text
