"""A measured value beside what it is held against, and the report of one measurement."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from operator import ge, gt, le, lt
from pathlib import Path
from typing import Literal

Sense = Literal["at most", "below", "at least", "above"]
HOLDS: dict[Sense, Callable[[float, float], bool]] = {"at most": le, "below": lt, "at least": ge, "above": gt}


@dataclass(frozen=True)
class Figure:
    """Hold one measured value; without a bound it is told for comparison only."""

    what: str
    value: float
    unit: str = ""
    bound: float | None = None
    sense: Sense = "at most"
    remark: str = ""

    @property
    def ratio(self) -> float | None:
        """Return the value as a share of its bound, None where there is no bound to divide by."""
        return self.value / self.bound if self.bound else None

    @property
    def is_met(self) -> bool | None:
        """Say whether the bound is kept, None where there is none."""
        if self.bound is None:
            return None
        return HOLDS[self.sense](self.value, self.bound)


@dataclass
class Table:
    """Hold figures that are read side by side."""

    header: list[str]
    rows: list[list[str]] = field(default_factory=list)


@dataclass
class Report:
    """Hold what one measurement found, and the most memory that each of its processes used."""

    title: str
    #: How it was measured, and what a reader has to know to believe it.
    notes: list[str] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    #: Bytes by process.
    peaks: dict[str, int] = field(default_factory=dict)

    def add(self, what: str, value: float, unit: str = "", bound: float | None = None, sense: Sense = "at most", remark: str = "") -> None:
        """Add one figure."""
        self.figures.append(Figure(what, value, unit, bound, sense, remark))

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, path: Path) -> Report:
        """Return the report that `save` wrote."""
        data = json.loads(path.read_text())
        figures = [Figure(**one) for one in data.pop("figures")]
        tables = [Table(**one) for one in data.pop("tables")]
        return cls(figures=figures, tables=tables, **data)


def p95(values: Sequence[float]) -> float:
    """Return the value that 95 % stay at or below, interpolated between those measured."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]
