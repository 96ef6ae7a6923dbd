from datetime import UTC, date, datetime

import pytest
from django.db import connection, transaction

from bookops.spend import Account, Budget, OverBudget, Purse, dollars, hold, hold_most, owner_purse, room_in, settle
from tests.concurrency import at_once
from tests.factories import make_owner

pytestmark = pytest.mark.django_db

DAY = date(2026, 11, 22)


def purse(cap: int | None = 100, scope: str = "job:1") -> Purse:
    return Purse(scope, cap, "this job")


def test_a_cap_is_never_passed():
    hold([purse()], 60)
    with pytest.raises(OverBudget):
        hold([purse()], 41)
    hold([purse()], 40)
    assert room_in(purse()) == 0


def test_what_one_purse_refuses_is_held_in_no_other():
    hold([purse(1000, "a")], 1)
    with pytest.raises(OverBudget):
        hold([purse(1000, "a"), purse(5, "b")], 6)
    assert Account.objects.get(scope="a").held == 1


def test_settling_gives_back_what_was_not_needed():
    hold([purse()], 90)
    settle([purse()], 90, 30)
    assert room_in(purse()) == 70


def test_more_may_be_spent_than_was_held_and_is_told():
    hold([purse()], 10)
    settle([purse()], 10, 130)
    assert room_in(purse()) == -30
    with pytest.raises(OverBudget):
        hold([purse()], 1)


def test_as_many_amounts_are_held_as_fit():
    assert hold_most([purse(100), purse(1000, "owner")], [40, 40, 40]) == 2
    assert Account.objects.get(scope="owner").held == 80


@pytest.mark.django_db(transaction=True)
def test_many_who_hold_as_many_as_fit_at_once_never_pass_a_cap():
    # SQLite writes one after the other and lets the rest wait longer than it waits for a lock.
    workers, times = (50, 10) if connection.vendor == "postgresql" else (8, 5)
    amounts = [7, 11, 13]
    cap = workers * times * sum(amounts) // 2
    jobs = [f"job:{number}" for number in range(workers)]
    left = list(jobs)

    def one() -> int:
        job = left.pop()
        # Half of them name the purses the other way round; two who locked them so would wait for each other.
        purses = [purse(cap, "owner"), purse(None, job), purse(None, "shared")][:: 1 if len(left) % 2 else -1]
        held = 0
        for _ in range(times):
            fitting = hold_most(purses, amounts)
            held += sum(amounts[:fitting])
            if fitting == len(amounts):
                settle(purses, amounts[0], amounts[0])  # as an answer that came meanwhile
        return held

    held = at_once(workers, one)

    owner = Account.objects.get(scope="owner")
    assert owner.held + owner.spent == sum(held)
    assert cap - min(amounts) < sum(held) <= cap
    assert owner.spent > 0
    assert sum(one.held + one.spent for one in Account.objects.filter(scope__in=jobs)) == sum(held)


def test_an_amount_held_in_a_transaction_that_fails_is_free_again():
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        hold([purse()], 100)
        _ = 1 / 0
    assert room_in(purse()) == 100


def test_a_purse_without_a_cap_only_counts():
    hold([purse(None)], 10**12)
    assert room_in(purse(None)) is None


def test_an_owner_has_the_settings_budget_until_staff_give_another(settings):
    settings.SPEND_PER_DAY = 2
    owner = make_owner()
    assert owner_purse(owner.pk, DAY).cap == 2_000_000
    Budget.objects.create(owner=owner, dollars_per_day="0.50")
    assert owner_purse(owner.pk, DAY).cap == 500_000


def test_an_owners_day_ends_at_midnight():
    found = owner_purse(make_owner().pk, DAY)
    assert found.renews_at == datetime(2026, 11, 23, tzinfo=UTC)
    with pytest.raises(OverBudget) as refused:
        hold([found], 10**9)
    assert refused.value.until == found.renews_at


def test_money_is_told_in_dollars():
    assert dollars(31_200) == "$0.0312"
    assert dollars(2_500_000) == "$2.50"
