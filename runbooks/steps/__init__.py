"""The steps of an evaluation, one file each: a function of its work that returns what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bookops.language_models import ModelPrice
from bookops.outbound.sdk_usage import Usage
from runbooks.models import Execution, StepRun


class LeaseLost(Exception):
    """The step is somebody else's by now, or its execution was cancelled: what is done is thrown away."""


@dataclass(frozen=True, slots=True)
class Bill:
    """Hold what a model used."""

    usage: Usage
    price: ModelPrice
    tier: str = "standard"

    @property
    def cost(self) -> int:
        """In microdollars."""
        return self.price.cost(self.usage, self.tier)


@dataclass
class Work:
    """Hold what a step works with: its row, its execution, and what the steps before it found."""

    step: StepRun
    execution: Execution
    #: The output of each step that it needs, {} for one that has none.
    inputs: dict[str, dict[str, Any]]
    #: Of `time.monotonic`.
    stop_at: float
    #: Tell how far it is ("3/19 images"); cheap, and raises LeaseLost when the step is no longer ours.
    tell: Callable[[str], None] = lambda _: None
    #: To be set as soon as a model has answered: it is paid for, whatever comes of the answer.
    bill: Bill | None = None

    @property
    def left(self) -> float:
        """Return the seconds that are left before the deadline, at least a tenth."""
        return max(self.stop_at - time.monotonic(), 0.1)

    @property
    def options(self) -> dict[str, Any]:
        """Return the execution's options with this run's variant over them."""
        return {**self.execution.options, **self.step.variant}

    @property
    def query(self) -> str:
        """Return the search that a person has worded for this step, "" where the rules word it."""
        queries = self.execution.options.get("queries", {})
        return str(self.step.variant.get("query") or queries.get(self.step.name) or "")

    @property
    def is_bulk(self) -> bool:
        """Whether nobody waits for it."""
        return self.execution.bulk_id is not None

    @property
    def flow(self) -> str:
        """Name who shares the pace of a source fairly."""
        return f"{'bulk' if self.is_bulk else 'owner'}:{self.execution.owner_id}"


@dataclass
class Done:
    """Hold what came of a step."""

    output: dict[str, Any] = field(default_factory=dict)
    #: Called within the transaction that stores the step, behind its fence; what it returns is added to the output.
    store: Callable[[], Mapping[str, Any] | None] = lambda: None
    #: Called instead when the step was somebody else's by then.
    discard: Callable[[], None] = lambda: None
