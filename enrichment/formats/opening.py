"""Open a library export: settle what it is before its first row, then stream its rows."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePath
from typing import BinaryIO

from .cells import Cells, RowRefused, day_order
from .decoding import Encoding, settle_encoding
from .entry import BadRow, ExportRefused, LibraryEntry
from .header import Layout, read_layout
from .records import Record, Records
from .rejection import reject, reject_record

_SUFFIXES = ("", ".csv", ".tsv", ".txt")
# Reviews have line breaks, but a file of mostly empty lines only keeps us busy.
_LINES_A_ROW = 20
_ROWS_ASKED_FOR_DATES = 100


@dataclass(frozen=True, slots=True)
class ExportSummary:
    """Say what a file is, as far as its head and its encoding tell."""

    format: str
    generation: str
    encoding: str
    delimiter: str
    columns: tuple[str, ...]
    warnings: tuple[str, ...]


class OpenExport:
    """Stream the rows of an export; iterating again starts again. The caller closes the stream."""

    def __init__(self, stream: BinaryIO, encoding: Encoding, layout: Layout, day_first: bool | None = None) -> None:
        self._stream = stream
        self._encoding = encoding
        self._layout = layout
        self._day_first = day_first
        self.format = layout.format.name
        self.generation = layout.generation
        self.encoding = encoding.name
        self.delimiter = layout.delimiter
        self.header = layout.header
        self.warnings = layout.warnings

    def __iter__(self) -> Iterator[LibraryEntry | BadRow]:
        return self.rows()

    def rows(self, start_after: int = 0) -> Iterator[LibraryEntry | BadRow]:
        """Yield each data row as an entry or a bad row, without the first `start_after`, which are passed over unread."""
        layout = self._layout
        for number, record in enumerate(self.records(), start=1):
            if number <= start_after:
                continue
            if record.reason:
                yield reject_record(record, number, layout.header)
                continue
            cells = Cells(layout.positions, record.cells, number=number, line=record.line, day_first=self._day_first)
            try:
                yield layout.format.read(cells)
            except RowRefused as refusal:
                yield reject(record, number, layout.header, refusal)

    def records(self) -> Iterator[Record]:
        """Yield the file's records below the header, as text."""
        layout = self._layout
        if layout.merged:
            yield Record(layout.first_line - 1, list(layout.merged))
        with decoded(self._stream, self._encoding.codec) as text:
            for _ in range(layout.first_line - 1):
                text.readline()
            yield from Records(text, layout.delimiter, layout.fit, narrowest=layout.narrowest(), line=layout.first_line)


def open_export(stream: BinaryIO, *, name: str = "", max_bytes: int, max_rows: int) -> OpenExport:
    """Return the export in a seekable stream, ready to be read row by row.

    Raises `ExportRefused` before any row is read: for the file's type, size, encoding, header or number of rows.
    """
    encoding, layout = _examine(stream, name, max_bytes)
    export = OpenExport(stream, encoding, layout)
    if _has_more_rows(export, encoding.lines, max_rows):
        raise ExportRefused(
            "rows_too_many",
            f"The file has more than {max_rows:,} books. Part it, keep the header in each part, and upload the parts one by one.",
            status_hint=413,
        )
    return OpenExport(stream, encoding, layout, _settle_day_order(export, layout))


def check_export(stream: BinaryIO, *, name: str = "", max_bytes: int) -> ExportSummary:
    """Return what the file is, from its head; raise `ExportRefused` for its type, size, encoding or header, or where no row follows."""
    encoding, layout = _examine(stream, name, max_bytes)
    if next(OpenExport(stream, encoding, layout).records(), None) is None:
        raise ExportRefused(
            "books_missing",
            "The file has a header and no books below it. Export the library again once there are books in it, and upload that file.",
            status_hint=422,
        )
    return ExportSummary(layout.format.name, layout.generation, encoding.name, layout.delimiter, layout.header, layout.warnings)


@contextmanager
def decoded(stream: BinaryIO, codec: str) -> Iterator[io.TextIOWrapper]:
    """Give the stream as text from its start, and leave it open."""
    stream.seek(0)
    # Lone surrogates pass here, so that they cost their row and not the file.
    errors = "surrogatepass" if codec.startswith("utf") else "strict"
    text = io.TextIOWrapper(stream, encoding=codec, errors=errors, newline="")
    try:
        yield text
    finally:
        text.detach()


def _examine(stream: BinaryIO, name: str, max_bytes: int) -> tuple[Encoding, Layout]:
    suffix = PurePath(name).suffix.lower()
    if suffix not in _SUFFIXES:
        raise ExportRefused(
            "not_csv", f"A library export is a .csv file, not {suffix}. Upload the file that the service's export gives you."
        )
    encoding = settle_encoding(stream, max_bytes=max_bytes)
    with decoded(stream, encoding.codec) as text:
        return encoding, read_layout(text)


def _has_more_rows(export: OpenExport, lines: int, max_rows: int) -> bool:
    # Every record ends a line, so only a file with more lines than rows allowed has to be counted.
    if lines <= max_rows:
        return False
    return lines > max_rows * _LINES_A_ROW or sum(1 for _ in islice(export.records(), max_rows + 1)) > max_rows


def _settle_day_order(export: OpenExport, layout: Layout) -> bool | None:
    """Tell whether the day comes first in this file's slashed dates; None where nothing proves it.

    Reads the rest of the file only where the first rows have such dates, which is after a spreadsheet saved it.
    """
    places = [place for column, place in layout.positions.items() if column.startswith("Date ") or column.endswith("Date Read")]
    proofs: set[bool] = set()
    slashed = False
    for number, record in enumerate(export.records()):
        if number == _ROWS_ASKED_FOR_DATES and not slashed:
            return None
        if record.reason:
            continue
        for place in places:
            cell = record.cells[place]
            if cell[:4].isdigit() or not cell:
                continue
            slashed = True
            proof = day_order(cell)
            if proof is not None:
                proofs.add(proof)
    return proofs.pop() if len(proofs) == 1 else None
