"""How a file is laid out: its delimiter, its format by header name, and where each column is."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TextIO

from .cells import BLANK
from .columns import Format
from .entry import ExportRefused
from .records import MAX_COLUMNS, Record, Records
from .registry import FORMATS

_DELIMITERS = (",", ";", "\t")
_DECLARED_DELIMITER = re.compile(r"sep=([,;\t|])[\r\n]*", re.IGNORECASE)
_QUOTED = re.compile(r'"[^"]*"')
_MAX_HEADER = 1 << 16
# Rows that must look right before a file without a header is believed.
_ROWS_OF_PROOF = 100
_EXPORT_AGAIN = "Export the library again and upload the file unchanged."


@dataclass(frozen=True, slots=True)
class Layout:
    """Say how to read the records that follow a header."""

    format: Format
    generation: str
    delimiter: str
    #: As the file writes them; the format's own where the file has no header.
    header: tuple[str, ...]
    #: Column of the format -> place in the row.
    positions: dict[str, int]
    #: Physical line on which the records start.
    first_line: int
    #: The first record where it stands on the header's own line.
    merged: tuple[str, ...] = ()
    #: Cells are padded and quoted a second time within their quotes.
    layered: bool = False
    warnings: tuple[str, ...] = ()

    def narrowest(self) -> int:
        """Return the number of cells that a row has at least."""
        width = len(self.header)
        while width and self.header[width - 1] in self.format.droppable:
            width -= 1
        return width

    def fit(self, cells: list[str]) -> list[str] | None:
        """Return the cells at the header's width, None where that is not certain."""
        width = len(self.header)
        if len(cells) == width and not self.layered:
            return cells
        # Another program quoted the cells, or the whole line, once more.
        if len(cells) == 1 or any(cell.lstrip().startswith('"') for cell in cells):
            inner = split_line(self.delimiter.join(cells), self.delimiter)
            if len(inner) == width:
                return inner
        if len(cells) >= width:
            return None if any(map(str.strip, cells[width:])) else cells[:width]
        lost = self.header[len(cells) :]
        droppable = self.format.droppable
        return [*cells, *("" for _ in lost)] if droppable.issuperset(lost) else None


def read_layout(text: TextIO) -> Layout:
    """Return the layout that the text's first line tells; raise `ExportRefused` where it is none of a known export.

    The text is read from its start and left anywhere.
    """
    first, line = "", 0
    declared = ""
    while not first.strip(BLANK):
        first = text.readline(_MAX_HEADER)
        line += 1
        if not first:
            raise ExportRefused("file_empty", f"The file is empty. {_EXPORT_AGAIN}")
        if match := _DECLARED_DELIMITER.fullmatch(first):
            declared, first = match[1], ""
    if len(first) == _MAX_HEADER:
        raise ExportRefused(
            "header_unknown", f"Line {line} is longer than {_MAX_HEADER:,} characters, so it is no header. {_EXPORT_AGAIN}", status_hint=422
        )
    delimiter = declared or _most_frequent_delimiter(first)
    cells = split_line(first, delimiter)
    if len(cells) == 1 and '"' in first:
        delimiter = _most_frequent_delimiter(cells[0])
        cells = split_line(cells[0], delimiter)
    if len(cells) > MAX_COLUMNS:
        raise ExportRefused(
            "columns_too_many", f"Line {line} has {len(cells)} columns; at most {MAX_COLUMNS} are read. {_EXPORT_AGAIN}", status_hint=422
        )
    layout = _merged(cells, delimiter, line) or _named(cells, delimiter, line)
    if layout:
        return layout
    text.seek(0)
    return _headless(text, delimiter, line) or _refuse(cells, line)


def split_line(line: str, delimiter: str) -> list[str]:
    """Return the cells of one line; blanks before a quotation mark do not hide it."""
    try:
        return next(csv.reader(line.splitlines(keepends=True), delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        return []


def _most_frequent_delimiter(line: str) -> str:
    bare = _QUOTED.sub("", line)
    return max(_DELIMITERS, key=bare.count)


def _normal(name: str) -> str:
    return " ".join(name.strip(BLANK).casefold().split())


def _known_names(format: Format) -> dict[str, str]:
    """Return every spelling of the format's columns, normalised -> the column."""
    columns = {_normal(column): column for columns in format.generations.values() for column in columns}
    return {**format.aliases, **columns}


def _named(cells: Sequence[str], delimiter: str, line: int) -> Layout | None:
    """Return the layout that the column names tell."""
    for format in FORMATS:
        known = _known_names(format)
        columns = [known.get(_normal(cell)) for cell in cells]
        if not format.required.issubset(columns):
            continue
        for column in set(columns) - {None}:
            if columns.count(column) > 1:
                raise ExportRefused(
                    "column_twice",
                    f"Line {line}: there are {columns.count(column)} columns “{column}”. Keep the right one.",
                    status_hint=422,
                )
        positions = {column: place for place, column in enumerate(columns) if column}
        generation = format.generation(frozenset(positions))
        ignored = [cell.strip() for cell, column in zip(cells, columns, strict=True) if not column and cell.strip()]
        missing = [column for column in format.generations[generation] if column not in positions]
        warnings = [f"Column “{name}” is not part of this export and is left out." for name in ignored]
        warnings += [f"Column “{name}” is missing; the books are read without it." for name in missing]
        return Layout(
            format=format,
            generation=generation,
            delimiter=delimiter,
            header=tuple(cell.strip(BLANK) for cell in cells),
            positions=positions,
            first_line=line + 1,
            layered=sum(cell != cell.strip(" ") for cell in cells) > len(cells) // 2,
            warnings=tuple(warnings),
        )
    return None


def _merged(cells: Sequence[str], delimiter: str, line: int) -> Layout | None:
    """Return the layout of a header whose line goes on with the first record, where the header is one that the service writes."""
    for format in FORMATS:
        for generation, columns in format.generations.items():
            width = len(columns)
            last = columns[-1]
            if len(cells) < 2 * width - 1 or [_normal(cell) for cell in cells[: width - 1]] != [_normal(column) for column in columns[:-1]]:
                continue
            seam = cells[width - 1].strip(BLANK)
            if not seam.casefold().startswith(last.casefold()):
                continue
            glued = seam[len(last) :].strip(BLANK)
            record = tuple([glued, *cells[width:]] if glued else cells[width:])
            if len(record) == width and format.believes(dict(zip(columns, record, strict=True))):
                return _assumed(format, generation, delimiter, line + 1, merged=record)
            raise ExportRefused(
                "header_merged",
                f"Line {line}: the header and the first book share a line. Put a line break after “{last}”.",
                status_hint=422,
            )
    return None


def _headless(text: TextIO, delimiter: str, line: int) -> Layout | None:
    """Return the layout of a file that starts with a book, where its width and the look of its rows prove which columns it has."""
    for format in FORMATS:
        for generation in format.generations:
            layout = _assumed(format, generation, delimiter, line)
            text.seek(0)
            if _proven(layout, islice(Records(text, delimiter, layout.fit, narrowest=layout.narrowest()), _ROWS_OF_PROOF)):
                return layout
    return None


def _proven(layout: Layout, records: Iterable[Record]) -> bool:
    count = 0
    for record in records:
        if record.reason or not layout.format.believes(dict(zip(layout.header, record.cells, strict=True))):
            return False
        count += 1
    return count > 0


def _assumed(format: Format, generation: str, delimiter: str, first_line: int, merged: tuple[str, ...] = ()) -> Layout:
    columns = format.generations[generation]
    told = (
        "The header and the first book share a line; both were read." if merged else "The file has no header; its rows prove the columns."
    )
    return Layout(
        format=format,
        generation=generation,
        delimiter=delimiter,
        header=columns,
        positions={column: place for place, column in enumerate(columns)},
        first_line=first_line,
        merged=merged,
        warnings=(told,),
    )


def _refuse(cells: Sequence[str], line: int) -> Layout:
    """Raise `ExportRefused` with the columns that the likeliest format misses."""
    names = {_normal(cell) for cell in cells}
    likeliest = max(FORMATS, key=lambda format: len(names & _known_names(format).keys()))
    shown = ", ".join(f"“{cell.strip()[:40]}”" for cell in cells[:5] if cell.strip()) or "nothing"
    if not names & _known_names(likeliest).keys():
        services = " or ".join(format.label for format in FORMATS)
        detail = f"Line {line} starts with {shown}: that is no header of a {services} export. {_EXPORT_AGAIN}"
    else:
        known = _known_names(likeliest)
        missing = sorted(likeliest.required - {known.get(name) for name in names})
        detail = (
            f"Line {line}: the header lacks {', '.join(f'“{name}”' for name in missing)}, without which it is no {likeliest.label} export. "
            f"{_EXPORT_AGAIN}"
        )
    raise ExportRefused("header_unknown", detail, status_hint=422)
