"""Each invariant of evaluations is told when it is broken, and none of them while all is well."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from bookops.clock import database_now
from bookops.invariants import broken_invariants
from bookops.runs import State
from runbooks.models import Copy, EvalRunbook, StepAttempt
from tests.factories import make_book, make_owner
from tests.runbooks.factories import make_copy, make_execution, make_listing, make_step

pytestmark = pytest.mark.django_db


def long_ago() -> datetime:
    return database_now() - timedelta(hours=1)


def stuck() -> None:
    execution = make_execution()
    type(execution).objects.update(created_at=long_ago())


def at_work_after_the_end() -> None:
    make_step(make_execution(state=State.CANCELLED, ended_at=database_now()))


def succeeded_without_a_runbook() -> None:
    make_execution(state=State.SUCCEEDED, ended_at=database_now())


def silent_about_a_gap() -> None:
    make_execution(state=State.SUCCEEDED, ended_at=database_now(), saved_at=database_now(), partial=True)


def worked_through_twice() -> None:
    run = make_step(state=State.SUCCEEDED, ended_at=database_now())
    for number in (1, 2):
        StepAttempt.objects.create(step=run, number=number, outcome="succeeded", ended_at=database_now())


def held_by_the_dead() -> None:
    make_step(state=State.DEAD, ended_at=long_ago(), held=100, held_on=database_now().date())


def unknown_to_the_purse() -> None:
    make_step(held=100, held_on=database_now().date())


def with_a_version_missing() -> None:
    copy = make_copy()
    EvalRunbook.objects.create(owner=copy.owner, copy=copy, version=1)


def with_two_owners() -> None:
    Copy.objects.create(owner=make_owner(), book=make_book())
    make_execution(listing=make_listing())


@pytest.mark.parametrize(
    ("break_it", "rule"),
    [
        (stuck, "an execution goes on, or waits for a parked step, or has ended"),
        (at_work_after_the_end, "a cancelled execution has no step that waits or is at work"),
        (succeeded_without_a_runbook, "an execution has succeeded exactly when its runbook is saved"),
        (silent_about_a_gap, "an execution says what is missing exactly while something is"),
        (worked_through_twice, "a step is not worked through twice"),
        (held_by_the_dead, "a step that has ended holds no money"),
        (unknown_to_the_purse, "an owner's day holds what its steps hold"),
        (with_a_version_missing, "a runbook's latest version is the one it has"),
        (with_two_owners, "rows of an execution have one owner"),
    ],
)
def test_it_tells_what_is_broken(break_it: Callable[[], None], rule: str):
    assert rule not in broken_invariants()
    break_it()
    assert rule in broken_invariants()
