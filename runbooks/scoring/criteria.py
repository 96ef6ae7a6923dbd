"""The lines that a score is made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Criterion:
    """Hold one line of a score; a line that gave nothing is a line too."""

    key: str
    label: str
    #: Below nothing where the criterion takes points away.
    points: int
    #: The most it can give.
    most: int
    #: Why it gave what it gave, for a reader.
    why: str
    #: False when there was no data to judge by.
    is_known: bool = True


@dataclass(frozen=True, slots=True)
class Points:
    """Hold a score within its bounds, and the lines that it is the sum of."""

    criteria: tuple[Criterion, ...]
    total: int
    most: int

    @classmethod
    def of(cls, criteria: Iterable[Criterion], *, most: int) -> Points:
        """Return the sum of the lines, kept between nothing and `most`."""
        lines = tuple(criteria)
        return cls(lines, max(0, min(most, sum(line.points for line in lines))), most)

    def by_key(self) -> dict[str, dict[str, Any]]:
        """Return the lines JSON-ready by their key, in order."""
        return {
            line.key: {"label": line.label, "points": line.points, "most": line.most, "notes": line.why, "known": line.is_known}
            for line in self.criteria
        }

    def __getitem__(self, key: str) -> Criterion:
        return next(line for line in self.criteria if line.key == key)
