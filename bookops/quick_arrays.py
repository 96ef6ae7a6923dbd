"""Arrays for PostgreSQL, written quicker than psycopg writes them: bulk inserts and updates send a column of JSON as one."""

from __future__ import annotations

from typing import Any

from psycopg import adapters
from psycopg.abc import Buffer
from psycopg.types.array import ListDumper


class QuickListDumper(ListDumper):
    """Escape each element by two replacements; psycopg looks for each quotation mark by a regular expression, of which JSON is full.

    Elements always stand in quotation marks, as PostgreSQL allows for every type: https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
    """

    def dump(self, obj: list[Any]) -> Buffer | None:
        """Return the array as text; a list of lists as psycopg does."""
        if self.sub_dumper is None or any(isinstance(item, list) for item in obj):
            return super().dump(obj)
        dump = self.sub_dumper.dump
        return b"{" + self.delimiter.join(_quoted(None if item is None else dump(item)) for item in obj) + b"}"


def _quoted(text: Buffer | None) -> bytes:
    if text is None:
        return b"NULL"
    return b'"' + bytes(text).replace(b"\\", rb"\\").replace(b'"', rb"\"") + b'"'


def use() -> None:
    """Have every connection of this process made from now on write its arrays so."""
    adapters.register_dumper(list, QuickListDumper)
