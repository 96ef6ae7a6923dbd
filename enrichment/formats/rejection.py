"""Turn a record that cannot be an entry into a `BadRow` that says what to do about it."""

from __future__ import annotations

from .cells import RowRefused
from .entry import BadRow
from .records import FORBIDDEN, MAX_CELL, Record

_RAW_CELL = 2_000

_DETAILS = {
    "width_wrong": "it has {cells} cells where the header has {width}; a comma, quotation mark or line break in a cell is not quoted",
    "quote_misplaced": "a quotation mark is misplaced, or the line is far too long",
    "quote_unclosed": "a quotation mark is opened and never closed",
    "text_unreadable": "a quotation mark is opened and never closed, as on so many lines before that nothing after this one was read",
    "cell_too_long": f"“{{column}}” is longer than {MAX_CELL:,} characters; shorten it",
    "characters_forbidden": "“{column}” holds control characters or half a character, which no text has; delete them",
}


def reject_record(record: Record, number: int, header: tuple[str, ...]) -> BadRow:
    """Return the bad row for a record with a reason."""
    column = ""
    if record.reason in ("cell_too_long", "characters_forbidden"):
        faulty = (name for name, cell in zip(header, record.cells, strict=True) if len(cell) > MAX_CELL or FORBIDDEN.search(cell))
        column = next(faulty, "")
    told = _DETAILS[record.reason].format(cells=len(record.cells), width=len(header), column=column)
    detail = f"Line {record.line}: {told}. Mend it in a text editor, or export again and upload the file unchanged."
    return BadRow(number, record.line, column, record.reason, detail, _raw(record.cells, header))


def reject(record: Record, number: int, header: tuple[str, ...], refusal: RowRefused) -> BadRow:
    """Return the bad row for a record that its format refused."""
    return BadRow(number, record.line, refusal.column, refusal.reason, f"Line {record.line}: {refusal.detail}.", _raw(record.cells, header))


def _raw(cells: list[str], header: tuple[str, ...]) -> dict[str, str] | list[str]:
    """Return the cells fit to be stored and shown."""
    kept = [FORBIDDEN.sub("\ufffd", cell if len(cell) <= _RAW_CELL else f"{cell[:_RAW_CELL]}…") for cell in cells[: len(header) + 100]]
    return dict(zip(header, kept, strict=True)) if len(kept) == len(header) else kept
