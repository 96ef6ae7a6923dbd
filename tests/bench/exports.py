"""The export that quota and cost are measured with: a real one of 565 rows where the shared data is, else one made to its measure."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from tests.bench import libraries

_SHARED = Path(os.environ.get("BOOKOPS_SHARED") or Path(__file__).resolve().parents[2].parent / "shared")
REAL = _SHARED / "data" / "exports" / "goodreads_31col_565rows.csv"
#: The raw subjects of the same books, as real sources gave them.
SUBJECTS = _SHARED / "data" / "dashboard_original_564books.json"
WITH_IDENTIFIER, WITHOUT = 302, 263


@dataclass(frozen=True)
class Export:
    """Hold an export in three files: whole, the rows with an identifier, and those without."""

    #: "the real export" or "a made-up one".
    what: str
    whole: Path
    identified: Path
    unidentified: Path
    #: Files that the sandbox learns its books from.
    catalogue: list[Path]
    rows_identified: int
    rows_unidentified: int

    @property
    def rows(self) -> int:
        return self.rows_identified + self.rows_unidentified


def export_in(folder: Path, *, short: bool) -> Export:
    """Write the export's three files; a short one is made up and has 25 and 15 rows."""
    if not short and REAL.exists():
        return _parted("the real export", REAL, folder, [path for path in (SUBJECTS, REAL) if path.exists()])
    identified, unidentified = (25, 15) if short else (WITH_IDENTIFIER, WITHOUT)
    books = list(libraries.books(identified + unidentified))
    catalogue = libraries.write(folder / "catalogue.csv", books)
    step = len(books) / unidentified
    for place in range(unidentified):
        books[int(place * step)]["ISBN13"] = '=""'
    return _parted("a made-up export", libraries.write(folder / "whole.csv", books), folder, [catalogue])


def _parted(what: str, whole: Path, folder: Path, catalogue: list[Path]) -> Export:
    rows = libraries.read(whole)
    identified = [row for row in rows if _has_isbn(row)]
    unidentified = [row for row in rows if not _has_isbn(row)]
    return Export(
        what,
        whole,
        libraries.write(folder / "identified.csv", identified),
        libraries.write(folder / "unidentified.csv", unidentified),
        catalogue,
        len(identified),
        len(unidentified),
    )


def _has_isbn(row: dict[str, str]) -> bool:
    return any(row[name].strip('="') for name in ("ISBN", "ISBN13"))
