"""What must hold of the tables at any moment: each app registers its own checks, `check_invariants` runs them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from itertools import islice
from typing import TypeVar

from django.apps import apps
from django.conf import settings
from django.db.models import Count, F, Max, Min, Q

from bookops.clock import database_now
from bookops.events import FollowedRun, RunEvent
from bookops.runs import Run, State

R = TypeVar("R", bound=Run)

#: A rule in words, and a function that names what breaks it, a line each.
Check = Callable[[], Iterable[str]]
_checks: dict[str, Check] = {}

#: Lines told of one broken rule.
MOST_LINES = 20


def invariant(rule: str) -> Callable[[Check], Check]:
    """Register a function that yields a line for each thing that breaks `rule`."""

    def register(check: Check) -> Check:
        _checks[rule] = check
        return check

    return register


def broken_invariants() -> dict[str, list[str]]:
    """Return the rules that do not hold, each with up to 20 lines that say where; empty when all is well."""
    found = {rule: list(islice(check(), MOST_LINES)) for rule, check in _checks.items()}
    return {rule: lines for rule, lines in found.items() if lines}


def rules(app: str = "") -> list[str]:
    """Return all rules that are checked, or those of one app."""
    return [rule for rule, check in _checks.items() if not app or check.__module__.partition(".")[0] == app]


def models_of(kind: type[R]) -> list[type[R]]:
    """Return the tables of this kind of run, in every app."""
    return [model for model in apps.get_models() if issubclass(model, kind)]


@invariant("no running row has been without a sign of life for two leases")
def silent_rows() -> Iterable[str]:
    # An import that its rows are working for is held by nobody, so a lease that was never taken says nothing.
    long_ago = database_now() - timedelta(seconds=2 * settings.LEASE_SECONDS)
    for model in models_of(Run):  # type: ignore[type-abstract]
        for run in model._default_manager.filter(state=State.RUNNING, lease_until__lt=long_ago):
            yield f"{model._meta.label} {run.pk}: lease ended {run.lease_until:%Y-%m-%d %H:%M:%S}"


@invariant("a run that waits or has ended holds no lease")
def idle_leases() -> Iterable[str]:
    for model in models_of(Run):  # type: ignore[type-abstract]
        for run in model._default_manager.exclude(state=State.RUNNING).exclude(lease_owner=None):
            yield f"{model._meta.label} {run.pk} is {run.state}"


@invariant("a run that has ended says when")
def endless_ends() -> Iterable[str]:
    for model in models_of(Run):  # type: ignore[type-abstract]
        ended = model._default_manager.filter(state__in=[State.SUCCEEDED, State.FAILED, State.DEAD, State.CANCELLED], ended_at=None)
        yield from (f"{model._meta.label} {run.pk} is {run.state}" for run in ended)


@invariant("a followed run ends once per opening")
def double_ends() -> Iterable[str]:
    for model in models_of(FollowedRun):  # type: ignore[type-abstract]
        for run in model._default_manager.filter(finishes__gt=F("reopenings") + 1):
            yield f"{model._meta.label} {run.pk}: {run.finishes} ends, {run.reopenings} reopenings"


@invariant("the events of a run are numbered from 1 without gaps")
def event_gaps() -> Iterable[str]:
    numbered = RunEvent.objects.order_by().values("run_id").annotate(n=Count("*"), first=Min("seq"), last=Max("seq"))
    for run in numbered.filter(~Q(first=1) | ~Q(n=F("last"))):
        yield f"run {run['run_id']}: {run['n']} events from {run['first']} to {run['last']}"
