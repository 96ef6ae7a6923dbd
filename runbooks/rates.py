"""Exchange rates as dated rows, fetched once a day, and comparables converted by them; staff may write their own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import cache

import structlog
from django.db.models import QuerySet

from bookops.clock import database_now
from bookops.doors import asks_sandbox
from bookops.outbound.errors import SourceError
from runbooks.doors import open_rates
from runbooks.fmv import Rate, in_dollars
from runbooks.models import Comparable, EvalRunbook, ExchangeRate
from runbooks.sources.frankfurter import NAME, Frankfurter
from runbooks.sources.records import Money

log = structlog.get_logger(__name__)

#: A rate is good for prices of the days after it, weekends and holidays, but not for ever.
GOOD_FOR = timedelta(days=10)
_SATURDAY = 5
#: Who told a rate that the sandbox made up; no other source's amounts are converted by it.
SANDBOX = "sandbox"

#: As `rate_for`: a currency and a day to a rate.
LookUp = Callable[[str, date | None], Rate | None]


def known_rates() -> QuerySet[ExchangeRate]:
    """Return the rates that count here: all of them in the sandbox, everywhere else those that it has not made up."""
    return ExchangeRate.objects.all() if asks_sandbox() else ExchangeRate.objects.exclude(source=SANDBOX)


def rate_for(currency: str, day: date | None = None) -> Rate | None:
    """Return what a dollar was worth on a day, by default today, or lately before it, else as soon after as is known; None where nobody knows.

    US dollars have none, for they need none. A day to come, on which an auction ends, is converted by the rate of today.
    """
    if currency == "USD":
        return None
    today = database_now().date()
    day = min(day or today, today)
    known = known_rates().filter(currency=currency)
    row = known.filter(day__lte=day, day__gt=day - GOOD_FOR).order_by("-day").first()
    # A price of long ago, for which no rate was kept, is converted by the first rate there is.
    row = row or known.filter(day__gt=day).order_by("day").first()
    return Rate(row.currency, row.rate, row.day, row.source) if row else None


def convert(comparable: Comparable, look_up: LookUp = rate_for) -> None:
    """Set what a comparable comes to in US dollars and by which rate; empty where no rate is known. Changes the instance only.

    A price that was paid is converted by the day it was paid, one that is asked by today. Who converts many hands in a `look_up` that
    remembers.
    """
    rate = look_up(comparable.currency, comparable.at if comparable.basis == Comparable.Basis.SOLD else None)
    comparable.rate = rate.per_dollar if rate else None
    comparable.rate_day = rate.day if rate else None
    comparable.rate_source = rate.source if rate else ""
    comparable.usd = in_dollars(Money(comparable.amount, comparable.currency), rate)


def convert_anew(runbook: EvalRunbook) -> int:
    """Convert the comparables whose rate was missing, or was written anew for its day, and return how many changed."""
    foreign = list(Comparable.objects.filter(runbook=runbook).exclude(currency="USD"))
    days = {one.rate_day for one in foreign if one.rate_day}
    now_known = {(row.currency, row.day): (row.rate, row.source) for row in known_rates().filter(day__in=days)} if days else {}
    look_up = cache(rate_for)
    changed = []
    for one in foreign:
        if one.rate is None or one.rate_day is None:
            convert(one, look_up)
            if one.rate is None:
                continue
        elif (told := now_known.get((one.currency, one.rate_day))) and told[0] != one.rate:
            one.rate, one.rate_source = told
            one.usd = in_dollars(Money(one.amount, one.currency), Rate(one.currency, one.rate, one.rate_day, one.rate_source))
        else:
            continue
        changed.append(one)
    Comparable.objects.bulk_update(changed, ["rate", "rate_day", "rate_source", "usd"])
    return len(changed)


def fetch_rates(source: Frankfurter) -> int:
    """Ask for the latest rates and return how many were new; what staff wrote for that day stays. Raises one of the four errors.

    The first rates of the real source end all that the sandbox made up.
    """
    found = source.rates("USD")
    if not asks_sandbox():
        ExchangeRate.objects.filter(source=SANDBOX).delete()
    teller = SANDBOX if asks_sandbox() else NAME
    before = ExchangeRate.objects.filter(day=found.day).count()
    ExchangeRate.objects.bulk_create(
        (ExchangeRate(day=found.day, currency=code, rate=rate, source=teller) for code, rate in found.rates.items()), ignore_conflicts=True
    )
    return ExchangeRate.objects.filter(day=found.day).count() - before


def bring_up_to_date() -> int:
    """Fetch the latest rates unless they are there, and return how many were new; a source that fails is noted and asked another time."""
    if are_fetched():
        return 0
    try:
        return fetch_rates(open_rates())
    except SourceError as error:
        log.warning("rates_not_fetched", reason=error.reason, detail=error.detail)
        return 0


def are_fetched() -> bool:
    """Say whether the rates of the last working day before today were fetched; the bank sets none at weekends."""
    day = database_now().date() - timedelta(days=1)
    while day.weekday() >= _SATURDAY:
        day -= timedelta(days=1)
    return known_rates().filter(source__in=(NAME, SANDBOX), day__gte=day).exists()
