"""Readers of single values from answers whose shape nobody guarantees: each returns an empty value for what it cannot use."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

#: C0 and C1 controls (PostgreSQL takes no NUL) and lone surrogates (UTF-8 takes none), but for tab and line ends.
_UNSTORABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
#: What shows nothing and changes what is read: direction overrides, invisible marks, and the "tag" letters that smuggle text past
#: eyes to a model. The joiners stay: Persian and emoji are spelled with them.
_INVISIBLE = re.compile(r"[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]")
_SPACES = re.compile(r"[^\S\n]+")


def mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def mappings(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a list; what is none is left out."""
    return [entry for entry in items(value) if isinstance(entry, dict)]


def lines(value: Any, limit: int) -> str:
    """Return storable text with its line ends; runs of spaces become one, runs of empty lines too."""
    if not isinstance(value, str):
        return ""
    # Cut twice: first what is worked on, then what is kept.
    visible = _INVISIBLE.sub("", _UNSTORABLE.sub("", value[: 4 * limit].replace("\r\n", "\n").replace("\r", "\n")))
    plain = "\n".join(line.strip() for line in _SPACES.sub(" ", visible).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", plain).strip()[:limit].rstrip()


def text(value: Any, limit: int = 1_000) -> str:
    """Return one line of storable text."""
    return " ".join(lines(value, limit).split())


def number(value: Any) -> int | None:
    """Return a whole number that is not negative, None for anything else (True is no number)."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 2**31 - 1 else None


def moment(value: Any) -> datetime | None:
    """Return an ISO 8601 time, UTC where it names no zone; None for anything else."""
    try:
        read = datetime.fromisoformat(value)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None
