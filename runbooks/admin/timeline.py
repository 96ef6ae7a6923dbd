"""An execution's steps on one axis of time: when each waited and when it worked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bookops.clock import database_now
from bookops.runs import OPEN, State
from runbooks.models import Execution, StepAttempt, StepRun
from runbooks.plan import (
    ABEBOOKS_FMV,
    ASSEMBLE,
    CLAUDE_ANALYSIS,
    DOWNLOAD_IMAGES,
    EBAY_FMV,
    FETCH_LISTING,
    NOTIFY,
    STEPS,
)

TITLES = {
    FETCH_LISTING: "Fetch listing",
    DOWNLOAD_IMAGES: "Download images",
    CLAUDE_ANALYSIS: "Claude analysis",
    EBAY_FMV: "eBay comparables",
    ABEBOOKS_FMV: "AbeBooks comparables",
    ASSEMBLE: "Assemble and score",
    NOTIFY: "Notify",
}
WAITING, WORKING, PARKED = "waiting", "working", "parked"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Hold a time in which a step did one thing."""

    kind: str
    start: datetime
    end: datetime
    note: str = ""

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()


@dataclass(frozen=True, slots=True)
class Mark:
    """Hold a stretch as it is drawn: where it begins and how long it is, in per cent of the axis."""

    kind: str
    left: float
    width: float
    title: str


@dataclass(slots=True)
class Line:
    """Hold one step as the timeline shows it: its current run, and all that ever ran of it."""

    name: str
    title: str
    run: StepRun
    runs: list[StepRun] = field(default_factory=list)
    stretches: list[Stretch] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)

    @property
    def waited(self) -> float:
        """Seconds in which it was due and no worker had it."""
        return sum(one.seconds for one in self.stretches if one.kind == WAITING)

    @property
    def worked(self) -> float:
        return sum(one.seconds for one in self.stretches if one.kind == WORKING)

    @property
    def attempts(self) -> int:
        return sum(run.attempts for run in self.runs)

    @property
    def cost(self) -> int:
        """In microdollars, of all runs."""
        return sum(run.cost for run in self.runs)

    @property
    def calls(self) -> int:
        return sum(sum(run.calls.values()) for run in self.runs)

    @property
    def is_open(self) -> bool:
        return self.run.state in OPEN


def lines_of(execution: Execution) -> list[Line]:
    """Return the steps that have been opened, in the plan's order. Three queries."""
    now = database_now()
    runs = list(StepRun.objects.filter(execution=execution).order_by("number"))
    tries: dict[int, list[StepAttempt]] = {}
    for attempt in StepAttempt.objects.filter(step__execution=execution).order_by("id"):
        tries.setdefault(attempt.step_id, []).append(attempt)
    lines = []
    for name in STEPS:
        of_step = [run for run in runs if run.name == name]
        if of_step:
            current = next((run for run in of_step if run.is_current), of_step[-1])
            stretches = [one for run in of_step for one in stretches_of(run, tries.get(run.pk, []), now)]
            lines.append(Line(name, TITLES[name], current, of_step, stretches))
    draw(lines)
    return lines


def stretches_of(run: StepRun, tries: Sequence[StepAttempt], now: datetime) -> list[Stretch]:
    """Return what a run did from when it was opened until it ended or now."""
    if run.skipped:
        return []
    found, at, parked = [], run.created_at, False
    for one in tries:
        began = max(one.started_at or one.ended_at, at)
        found.append(Stretch(PARKED if parked else WAITING, at, began))
        found.append(Stretch(WORKING, began, max(one.ended_at, began), f"try {one.number}: {one.reason or one.outcome}"))
        at, parked = max(one.ended_at, began), one.outcome == State.PARKED
    if run.state == State.RUNNING and run.deadline_at is not None:
        began = max(run.deadline_at - timedelta(seconds=STEPS[run.name].deadline), at)
        found += [Stretch(PARKED if parked else WAITING, at, began), Stretch(WORKING, began, max(now, began), "at work")]
    elif run.state in (*OPEN, State.PARKED):
        found.append(Stretch(PARKED if run.state == State.PARKED else WAITING, at, max(now, at), run.reason))
    return [one for one in found if one.seconds > 0]


def draw(lines: Iterable[Line]) -> None:
    """Set the marks of lines that share an axis; hours in which nothing was due or at work are left out of it."""
    lines = list(lines)
    axis = Axis(one for line in lines for one in line.stretches if one.kind != PARKED)
    for line in lines:
        line.marks = [axis.mark(one) for one in line.stretches]


class Axis:
    """Lay out moments in per cent of the time in which something was due or at work."""

    def __init__(self, stretches: Iterable[Stretch]) -> None:
        self._busy: list[tuple[datetime, datetime]] = []
        for one in sorted(stretches, key=lambda one: one.start):
            if self._busy and one.start <= self._busy[-1][1]:
                self._busy[-1] = (self._busy[-1][0], max(self._busy[-1][1], one.end))
            else:
                self._busy.append((one.start, one.end))
        self._whole = sum((end - start).total_seconds() for start, end in self._busy) or 1.0

    def place(self, moment: datetime) -> float:
        """Return where a moment stands; one that is left out stands where the time after it begins."""
        passed = sum((min(end, moment) - start).total_seconds() for start, end in self._busy if start < moment)
        return round(100 * passed / self._whole, 2)

    def mark(self, one: Stretch) -> Mark:
        left = self.place(one.start)
        title = f"{one.kind} {one.seconds:.1f} s" + (f", {one.note}" if one.note else "")
        return Mark(one.kind, left, round(self.place(one.end) - left, 2), title)


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """Return what two results of a step tell differently: name, earlier value, later value."""
    return [(name, before.get(name), after.get(name)) for name in {**before, **after} if before.get(name) != after.get(name)]
