"""Exchange rates as dated rows: fetched once a day, staff may write their own."""

from __future__ import annotations

from datetime import date, timedelta

from bookops.clock import database_now
from runbooks.fmv import Rate
from runbooks.models import ExchangeRate
from runbooks.sources.frankfurter import NAME, Frankfurter

#: A rate is good for prices of the days after it, weekends and holidays, but not for ever.
GOOD_FOR = timedelta(days=10)


def rate_for(currency: str, day: date | None = None) -> Rate | None:
    """Return what a dollar was worth on a day, by default today, or lately before it; None where nobody knows.

    US dollars have none, for they need none.
    """
    if currency == "USD":
        return None
    day = day or database_now().date()
    known = ExchangeRate.objects.filter(currency=currency)
    row = known.filter(day__lte=day, day__gt=day - GOOD_FOR).order_by("-day").first()
    # A price of long ago, for which no rate was kept, is converted by the first rate there is.
    row = row or known.filter(day__gt=day).order_by("day").first()
    return Rate(row.currency, row.rate, row.day, row.source) if row else None


def fetch_rates(source: Frankfurter) -> int:
    """Ask for the latest rates and return how many were new; what staff wrote for that day stays. Raises one of the four errors."""
    found = source.rates("USD")
    before = ExchangeRate.objects.filter(day=found.day).count()
    ExchangeRate.objects.bulk_create(
        (ExchangeRate(day=found.day, currency=code, rate=rate, source=NAME) for code, rate in found.rates.items()), ignore_conflicts=True
    )
    return ExchangeRate.objects.filter(day=found.day).count() - before


def has_todays_rates() -> bool:
    """Say whether rates were fetched within the last day; the bank sets none at weekends."""
    return ExchangeRate.objects.filter(source=NAME, day__gte=database_now().date() - timedelta(days=1)).exists()
