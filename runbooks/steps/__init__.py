"""The steps of an evaluation, one file each: a function of its work that returns what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bookops.language_models import ModelPrice, Usage
from runbooks.models import Execution, StepRun


class LeaseLost(Exception):
    """The step is somebody else's by now, or its execution was cancelled: what is done is thrown away."""


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

    @property
    def left(self) -> float:
        """Return the seconds that are left before the deadline, at least a tenth."""
        return max(self.stop_at - time.monotonic(), 0.1)

    @property
    def options(self) -> dict[str, Any]:
        """Return the execution's options with this run's variant over them."""
        return {**self.execution.options, **self.step.variant}


@dataclass
class Done:
    """Hold what came of a step."""

    output: dict[str, Any] = field(default_factory=dict)
    #: What a model used, where one was asked.
    usage: Usage | None = None
    price: ModelPrice | None = None
    tier: str = "standard"
    #: Microdollars.
    cost: int = 0
    #: Called within the transaction that stores the step, behind its fence.
    store: Callable[[], None] | None = None
