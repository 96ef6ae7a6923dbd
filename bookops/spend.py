"""Money: what a call may cost at most is held before it is made, what it did cost is settled after; no cap is ever passed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import accumulate
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q

from bookops.language_models import MILLION


class OverBudget(Exception):
    """A cap would be passed; nothing was held."""

    def __init__(self, purse: Purse, amount: int) -> None:
        super().__init__(f"{dollars(amount)} more would pass the cap of {dollars(purse.cap or 0)} of {purse.label}.")
        self.purse = purse
        #: When the same may be tried again; None when only a person can raise the cap.
        self.until: datetime | None = purse.renews_at


@dataclass(frozen=True, slots=True)
class Purse:
    """Name a sum of money that may not grow beyond its cap."""

    #: "owner:7:2026-11-22", "job:…"
    scope: str
    #: In microdollars; None for one that is only counted.
    cap: int | None
    label: str
    renews_at: datetime | None = None


class Account(models.Model):
    """Hold what is held and spent of one purse, in microdollars."""

    scope = models.CharField(max_length=80, unique=True)
    held = models.BigIntegerField(default=0)
    spent = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(held__gte=0), name="what_is_held_is_never_negative"),
            models.CheckConstraint(condition=Q(spent__gte=0), name="what_is_spent_is_never_negative"),
        ]

    def __str__(self) -> str:
        return self.scope


class Budget(models.Model):
    """Hold what an owner may spend a day; without one, SPEND_PER_DAY."""

    owner = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="budget")
    dollars_per_day = models.DecimalField(max_digits=10, decimal_places=2)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(dollars_per_day__gte=0), name="a_budget_is_not_negative")]

    def __str__(self) -> str:
        return f"{self.owner}: ${self.dollars_per_day} a day"


class Spending(models.Model):
    """Add to a row of work what a model was asked, and what that may cost and did.

    `held` counts against the purses of `held_on` until it is settled; both are zero and empty at all other times.
    """

    provider = models.CharField(max_length=20, blank=True, default="")
    model = models.CharField(max_length=60, blank=True, default="")
    tier = models.CharField(max_length=10, blank=True, default="")
    price = models.ForeignKey("bookops.ModelPrice", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    input_tokens = models.PositiveIntegerField(default=0)
    cached_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    #: Microdollars, of all attempts together.
    cost = models.BigIntegerField(default=0)
    held = models.BigIntegerField(default=0, editable=False)
    held_on = models.DateField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True


def dollars(micro: int) -> str:
    """Return microdollars for people: "$0.0312"."""
    return f"${micro / MILLION:,.4f}" if abs(micro) < MILLION else f"${micro / MILLION:,.2f}"


def owner_purse(owner_id: Any, day: date) -> Purse:
    """Return the purse of an owner's day, which ends at midnight UTC. One query."""
    budget = Budget.objects.filter(owner_id=owner_id).values_list("dollars_per_day", flat=True).first()
    cap = settings.SPEND_PER_DAY if budget is None else budget
    tomorrow = datetime.combine(day + timedelta(days=1), time(), ZoneInfo("UTC"))
    return Purse(f"owner:{owner_id}:{day.isoformat()}", int(cap * MILLION), f"the owner's day {day.isoformat()}", tomorrow)


def hold(purses: Iterable[Purse], amount: int) -> None:
    """Hold an amount in every purse or raise OverBudget and hold it in none; in the caller's transaction if there is one."""
    with transaction.atomic():
        for purse in _in_order(purses):
            account = _account(purse.scope)
            if purse.cap is not None:
                account = account.annotate(after=F("held") + F("spent") + amount).filter(after__lte=purse.cap)
            if not account.update(held=F("held") + amount):
                raise OverBudget(purse, amount)


def hold_most(purses: Iterable[Purse], amounts: Sequence[int]) -> int:
    """Hold as many of the amounts as fit, from the first on, and return how many; for many items in one statement a purse."""
    purses = _in_order(purses)
    with transaction.atomic():
        fitting = len(amounts)
        sums = list(accumulate(amounts))
        for purse in purses:
            account = _account(purse.scope).select_for_update().get()
            if purse.cap is not None:
                room = purse.cap - account.held - account.spent
                fitting = min(fitting, sum(total <= room for total in sums))
        if fitting:
            _accounts(purses).update(held=F("held") + sums[fitting - 1])
    return fitting


def settle(purses: Iterable[Purse], held: int, spent: int) -> None:
    """Give back what was held and write down what was spent instead; 0 spent gives all of it back.

    To be called once a hold, in the transaction that moves the row which it was held for behind that row's fence.
    """
    if held or spent:
        for purse in _in_order(purses):
            _account(purse.scope).update(held=F("held") - held, spent=F("spent") + spent)


def room_in(purse: Purse) -> int | None:
    """Return the microdollars that are left in a purse, None in one without a cap."""
    if purse.cap is None:
        return None
    account = Account.objects.filter(scope=purse.scope).first()
    return purse.cap - (account.held + account.spent if account else 0)


def _in_order(purses: Iterable[Purse]) -> list[Purse]:
    # Always in the same order, so that two holders never wait for each other.
    return sorted(purses, key=lambda purse: purse.scope)


def _account(scope: str) -> models.QuerySet[Account]:
    """Return the one account of a scope as a query, made where it is missing."""
    accounts = Account.objects.filter(scope=scope)
    if not accounts.exists():
        Account.objects.bulk_create([Account(scope=scope)], ignore_conflicts=True)
    return accounts


def _accounts(purses: Sequence[Purse]) -> models.QuerySet[Account]:
    return Account.objects.filter(scope__in=[purse.scope for purse in purses])
