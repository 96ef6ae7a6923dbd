"""Exports written by the tests themselves, sound ones and damaged ones."""

import csv
import io
from typing import Any

from enrichment.formats import BadRow, LibraryEntry, OpenExport, open_export
from enrichment.formats.goodreads import Goodreads
from enrichment.formats.storygraph import StoryGraph

GOODREADS_ROW = {
    "Book Id": "34497",
    "Title": "The Color of Magic (Discworld, #1; Rincewind, #1)",
    "Author": "Terry Pratchett",
    "Author l-f": "Pratchett, Terry",
    "ISBN": '="0060855924"',
    "ISBN13": '="9780060855925"',
    "My Rating": "4",
    "Average Rating": "4.03",
    "Publisher": "HarperCollins",
    "Binding": "Mass Market Paperback",
    "Number of Pages": "228",
    "Year Published": "2005",
    "Original Publication Year": "1983",
    "Date Read": "2021/05/09",
    "Date Added": "2021/04/02",
    "Bookshelves": "fantasy",
    "Bookshelves with positions": "fantasy (#12)",
    "Exclusive Shelf": "read",
    "Read Count": "1",
    "Owned Copies": "0",
}
STORYGRAPH_ROW = {
    "Title": "Thief of Time",
    "Authors": "Terry Pratchett",
    "ISBN/UID": "9780552154857",
    "Format": "paperback",
    "Read Status": "read",
    "Date Added": "2021/07/17",
    "Last Date Read": "2022/04/19",
    "Dates Read": "2022/04/10-2022/04/19",
    "Read Count": "1",
    "Star Rating": "4.25",
    "Owned?": "No",
}


def goodreads(*changes: dict[str, str], generation: str = "31", **dialect: Any) -> str:
    """Return the text of a Goodreads export with one row for each dict of changes."""
    return write(Goodreads.generations[generation], [GOODREADS_ROW | change for change in changes or ({},)], **dialect)


def storygraph(*changes: dict[str, str], **dialect: Any) -> str:
    """Return the text of a StoryGraph export with one row for each dict of changes."""
    return write(StoryGraph.generations["23"], [STORYGRAPH_ROW | change for change in changes or ({},)], **dialect)


def write(columns: tuple[str, ...], rows: list[dict[str, str]], **dialect: Any) -> str:
    """Return the text of a delimited file; cells of other columns are left out."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", extrasaction="ignore", **{"lineterminator": "\n", **dialect})
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def opened(data: str | bytes, *, name: str = "", max_bytes: int = 50_000_000, max_rows: int = 100_000) -> OpenExport:
    """Return the text or bytes as an open export."""
    stream = io.BytesIO(data.encode() if isinstance(data, str) else data)
    return open_export(stream, name=name, max_bytes=max_bytes, max_rows=max_rows)


def rows(data: str | bytes) -> list[LibraryEntry | BadRow]:
    """Return everything that the export yields."""
    return list(opened(data))


def only_entry(data: str | bytes) -> LibraryEntry:
    """Return the one book of the export."""
    [entry] = rows(data)
    assert isinstance(entry, LibraryEntry), entry
    return entry


def only_bad_row(data: str | bytes) -> BadRow:
    """Return the one bad row of the export, which may hold good ones beside it."""
    [bad] = [row for row in rows(data) if isinstance(row, BadRow)]
    return bad
