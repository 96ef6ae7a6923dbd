"""Money of a step: held before it asks, given back by whoever finds that nothing was asked."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bookops.clock import database_now
from bookops.language_models import LanguageModel, load_models
from bookops.runs import State
from bookops.spend import Account, OverBudget
from runbooks.holding import hold_for, release_holds
from runbooks.models import StepRun
from runbooks.steps import LeaseLost, Work
from tests.concurrency import at_once
from tests.factories import make_owner
from tests.runbooks.factories import make_execution, make_step


def claimed(**changes: object) -> Work:
    """Return the work of a step that is held by us."""
    (run,) = StepRun.objects.all().claim([make_step(name="claude_analysis", **changes).pk])
    return Work(run, run.execution, {}, stop_at=0.0)


def model() -> LanguageModel:
    load_models()
    return LanguageModel.objects.get(name="claude-sonnet-5-5")


def held() -> list[int]:
    return list(Account.objects.order_by("scope").values_list("held", flat=True))


@pytest.mark.django_db
def test_what_is_held_stands_on_the_step_and_on_its_owners_day():
    work = claimed()
    hold_for(work, model(), 90_000)
    run = StepRun.objects.get(pk=work.step.pk)
    assert (run.held, run.held_on, run.model, held()) == (90_000, database_now().date(), "claude-sonnet-5-5", [90_000])


@pytest.mark.django_db
def test_a_second_hold_of_a_step_takes_the_place_of_the_first():
    work = claimed()
    hold_for(work, model(), 90_000)
    hold_for(work, model(), 40_000)
    assert held() == [40_000]


@pytest.mark.django_db
def test_nothing_is_held_for_a_step_that_is_no_longer_ours():
    work = claimed()
    StepRun.objects.all().cancel()
    with pytest.raises(LeaseLost):
        hold_for(work, model(), 90_000)
    assert held() == []


@pytest.mark.django_db
def test_over_the_cap_nothing_is_held_and_what_was_held_before_stays(settings):
    settings.SPEND_PER_DAY = 0.10
    work = claimed()
    hold_for(work, model(), 90_000)
    with pytest.raises(OverBudget):
        hold_for(work, model(), 110_000)
    assert held() == [90_000]
    assert StepRun.objects.get().held == 90_000


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_only_as_many_hold_as_the_cap_allows(settings):
    settings.SPEND_PER_DAY = 0.10
    owner, which = make_owner(), model()
    works = [claimed(execution=make_execution(owner, listing_key=f"ebay:{number}")) for number in range(8)]

    def one() -> bool:
        try:
            hold_for(works.pop(), which, 30_000)
        except OverBudget:
            return False
        return True

    assert sum(at_once(8, one)) == 3
    assert held() == [90_000]


@pytest.mark.django_db
@pytest.mark.parametrize("state", [State.CANCELLED, State.DEAD])
def test_what_an_ended_step_still_holds_is_given_back_once(state: State):
    work = claimed()
    hold_for(work, model(), 90_000)
    StepRun.objects.update(state=state, lease_owner=None, ended_at=database_now())
    assert [release_holds(), release_holds()] == [1, 0]
    assert (held(), StepRun.objects.get().held) == ([0], 0)


@pytest.mark.django_db
def test_what_a_step_at_work_holds_stays():
    hold_for(claimed(), model(), 90_000)
    assert release_holds() == 0
    assert held() == [90_000]


@pytest.mark.django_db
def test_it_is_given_back_to_the_day_it_was_held_on():
    work = claimed()
    hold_for(work, model(), 90_000)
    yesterday = database_now().date() - timedelta(days=1)
    Account.objects.update(scope=f"owner:{work.execution.owner_id}:{yesterday}")
    StepRun.objects.update(held_on=yesterday, state=State.DEAD, lease_owner=None, ended_at=database_now())
    release_holds()
    assert list(Account.objects.values_list("scope", "held")) == [(f"owner:{work.execution.owner_id}:{yesterday}", 0)]
