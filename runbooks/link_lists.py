"""Lists of links as people give them: one a line, or a table with a column of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from runbooks.executions import key_of
from runbooks.links import ACCEPTED, BadLink, read_link
from runbooks.tables import RefusedLine, Row, Table, TableRefused, decoded, read_table, refused_line

MOST_LINKS = 10_000
_COLUMNS: Mapping[str, tuple[str, ...]] = {"url": ("link", "address", "item", "item number", "ebay url", "ebay link", "listing")}
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
#: No header does.
_LOOKS_LIKE_LINK = re.compile(r"://|\bebay\.[a-z]|[0-9]{9}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Link:
    """Hold one link and the line that it stands on, from 1."""

    line: int
    url: str


@dataclass(frozen=True, slots=True)
class LinkList:
    """Hold the listings that a list names, each once, and the lines that name none."""

    links: tuple[Link, ...]
    refused: tuple[RefusedLine, ...] = ()


def read_links(content: bytes) -> LinkList:
    """Return the listings that a CSV file or a text with a link a line names. Raises TableRefused for what is neither, or too long."""
    links, refused = [], []
    lines: dict[str, int] = {}
    rows = _rows(content)
    for row in rows.rows:
        try:
            link = read_link(row["url"])
        except BadLink as error:
            refused.append(refused_line(row.line, row["url"], str(error), "url"))
            continue
        first = lines.setdefault(key_of(link), row.line)
        if first == row.line:
            links.append(Link(row.line, link.url))
        else:
            refused.append(refused_line(row.line, row["url"], f"line {first} names the same listing; it is evaluated once", "url"))
    if not links:
        raise TableRefused(f"No line names a listing. {refused[0].why if refused else ACCEPTED}")
    return LinkList(tuple(links), tuple(sorted([*rows.refused, *refused], key=lambda one: one.line)))


def _rows(content: bytes) -> Table:
    """Return the lines of a plain list, or the rows of a file whose first line names the column of links."""
    lines = [(number, line.strip()) for number, line in enumerate(_LINE_BREAK.split(decoded(content)), start=1)]
    filled = [(number, line) for number, line in lines if line]
    if filled and not _LOOKS_LIKE_LINK.search(filled[0][1]):
        return read_table(content, _COLUMNS, required=("url",), most_rows=MOST_LINKS)
    if len(filled) > MOST_LINKS:
        raise TableRefused(f"The list has more than {MOST_LINKS:,} lines. Part it.")
    return Table(rows=[Row(number, {"url": line.strip("\"' ,;\t")}) for number, line in filled])
