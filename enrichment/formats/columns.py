"""What a format has to tell about itself so that files of it are recognised and read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from .cells import Cells
from .entry import LibraryEntry


class Format(Protocol):
    """Describe one service's export. To add one, subclass it in a file of its own and list it in `registry.FORMATS`."""

    #: Stored with every entry: "goodreads".
    name: str
    #: As people know it: "Goodreads".
    label: str
    #: The header as the service writes it, by generation, the newest last.
    generations: Mapping[str, tuple[str, ...]]
    #: Columns without which a file is none of this format.
    required: frozenset[str]
    #: Other spellings of a column, lower case -> the column.
    aliases: Mapping[str, str]
    #: Columns, mostly blank, that a row may lack at its end because a spreadsheet cut them off.
    droppable: frozenset[str]

    def generation(self, columns: frozenset[str]) -> str:
        """Name the generation of a file with these columns."""
        ...

    def believes(self, row: Mapping[str, str]) -> bool:
        """Tell whether the row can only be of this format; this is all the proof there is for a file without a header."""
        ...

    def read(self, cells: Cells) -> LibraryEntry:
        """Return the row's book; raise `RowRefused` when it has no title."""
        ...
