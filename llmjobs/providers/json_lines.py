"""What providers write, as plain values that every database takes: one JSON text, or a stream of one a line."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bookops.outbound.errors import BadAnswer

#: Of one line; an answer of 128,000 tokens takes a twentieth.
LONGEST_LINE = 16 << 20

#: JSON may spell them, PostgreSQL stores none of them.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_SPELLED = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
#: Halves of pairs as bytes, which Python's reader lets pass. By itself: one expression for both is ten times slower.
_HALVES = re.compile(rb"\xed[\xa0-\xbf]")


def read_json(raw: bytes) -> Any:
    """Return a JSON text's value, without letters and numbers that cannot be stored; raises ValueError where there is none."""
    try:
        value = json.loads(raw, parse_constant=lambda name: None, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return _storable(value) if _SPELLED.search(raw) or _HALVES.search(raw) else value


def read_object(raw: bytes) -> dict[str, Any]:
    """Return an object that has an id; raises BadAnswer for anything else."""
    try:
        value = read_json(raw)
    except ValueError:
        value = None
    if not isinstance(value, dict) or not isinstance(value.get("id"), str) or not value["id"]:
        raise BadAnswer("no object with an id", reason="unexpected_shape")
    return value


def part(said: Any, name: str) -> Mapping[str, Any]:
    """Return the object under a name, an empty one where there is none."""
    found = said.get(name) if isinstance(said, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def parts(said: Any, name: str) -> list[Mapping[str, Any]]:
    """Return the objects in the list under a name."""
    found = said.get(name) if isinstance(said, Mapping) else None
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def read_lines(pieces: Iterable[bytes]) -> Iterator[Any]:
    """Yield the value of each line that is not blank, None for one that cannot be read.

    Raises BadAnswer for a line without an end, and at the end where no line could be read: that was a page of somebody else's.
    Only a line feed ends a line: the SDKs' own readers also split at the other line ends of Unicode, which JSON may hold as they are.
    """
    lines = read = 0
    for value in map(_value, _lines(pieces)):
        lines += 1
        read += value is not None
        yield value
    if lines and not read:
        raise BadAnswer("no line of it is JSON", reason="unexpected_shape")


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        if len(rest) > LONGEST_LINE:
            raise BadAnswer(f"a line of more than {LONGEST_LINE} bytes", reason="too_large")
        yield from filter(bytes.strip, lines)
    if rest.strip():
        yield rest


def _value(line: bytes) -> Any:
    try:
        return read_json(line)
    except ValueError:
        return None


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return _UNSTORABLE.sub("", value)
    if isinstance(value, list):
        return [_storable(one) for one in value]
    if isinstance(value, dict):
        return {_storable(name): _storable(one) for name, one in value.items()}
    return value
