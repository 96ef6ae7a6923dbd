"""Steps that a test loads with what they come to, in the place of the real ones."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

from runbooks.plan import STEPS
from runbooks.steps import Done, Work

Outcome = Done | Exception | Callable[[Work], Done]


class FakeStep:
    """Come to each of its outcomes in turn, to the last one ever after; `works` lists what it was asked."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = list(outcomes)
        self.works: list[Work] = []

    def __call__(self, work: Work) -> Done:
        self.works.append(work)
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome(work) if callable(outcome) else Done(dict(outcome.output), outcome.store, outcome.discard)


class FakeSteps:
    """Stand in for all steps but those that need no third party; each finds its own name until a test says otherwise."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch
        self._real: dict[str, Callable[[Work], Done]] = {}
        for name in STEPS:
            if name not in ("assemble", "notify"):
                self.put(name, Done({"found": name}))

    def put(self, name: str, *outcomes: Outcome) -> FakeStep:
        module, step = import_module(f"runbooks.steps.{name}"), FakeStep(*outcomes)
        self._real.setdefault(name, module.run)
        self._patch.setattr(module, "run", step)
        return step

    def let_work(self, *names: str) -> None:
        """Put the real steps back."""
        for name in names:
            self._patch.setattr(import_module(f"runbooks.steps.{name}"), "run", self._real[name])


def saves_nothing(work: Work) -> Done:
    """End the execution as `assemble` does, without a runbook."""
    from runbooks.advancing import Course, end_succeeded

    missing = Course.of(work.execution).missing()

    def save() -> dict[str, Any]:
        end_succeeded(work.execution, partial=bool(missing), missing=missing, runbook_id=None, book_id="a-book")
        return {"missing": missing}

    return Done(store=save)
