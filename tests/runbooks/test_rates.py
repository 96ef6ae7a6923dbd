"""Exchange rates: which one converts a price, what staff write, and what is left out without one."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command

from bookops.clock import database_now
from bookops.outbound.errors import SourceError, TryAgain
from runbooks import rates
from runbooks.evaluating import rescore
from runbooks.management.commands import fetch_rates as fetch_rates_command
from runbooks.models import ExchangeRate
from runbooks.rates import are_fetched, fetch_rates, rate_for
from runbooks.sources.frankfurter import Rates
from tests.runbooks.evaluated import make_comparable, make_rate, make_runbook

pytestmark = pytest.mark.django_db


class FakeFrankfurter:
    """Answer with the rates it is loaded with."""

    def __init__(self, **rates: str) -> None:
        self.day = database_now().date()
        self.told = {code: Decimal(rate) for code, rate in rates.items()}
        self.error: SourceError | None = None

    def rates(self, base: str, day: object = None) -> Rates:
        if self.error:
            raise self.error
        return Rates(self.day, base, self.told)


def day(before: int):
    return database_now().date() - timedelta(days=before)


def test_it_takes_the_rate_of_the_day_or_the_last_one_before():
    make_rate("GBP", "0.8", day(9))
    make_rate("GBP", "0.7", day(2))
    assert rate_for("GBP").per_dollar == Decimal("0.7")
    assert rate_for("GBP", day(2)).per_dollar == Decimal("0.7")
    assert (rate_for("GBP", day(3)).per_dollar, rate_for("GBP", day(3)).day) == (Decimal("0.8"), day(9))


def test_dollars_need_none_and_an_unknown_currency_has_none():
    make_rate("GBP", "0.8")
    assert rate_for("USD") is None
    assert rate_for("EUR") is None


def test_an_old_rate_is_none_for_today():
    make_rate("GBP", "0.8", day(11))
    assert rate_for("GBP") is None


def test_a_price_of_long_ago_takes_the_first_rate_there_is():
    make_rate("GBP", "0.8", day(5))
    assert rate_for("GBP", day(4_000)).per_dollar == Decimal("0.8")


def test_an_auction_that_ends_in_a_month_is_converted_by_today():
    make_rate("GBP", "0.8")
    assert rate_for("GBP", day(-30)).per_dollar == Decimal("0.8")


def test_what_staff_wrote_for_a_day_stays_when_rates_are_fetched():
    make_rate("GBP", "0.75", source="staff")
    assert fetch_rates(FakeFrankfurter(GBP="0.8", EUR="0.9")) == 1
    assert ExchangeRate.objects.get(currency="GBP").rate == Decimal("0.75")
    assert ExchangeRate.objects.get(currency="EUR").source == "sandbox"
    assert fetch_rates(FakeFrankfurter(GBP="0.8", EUR="0.9")) == 0


def test_a_rate_that_the_sandbox_made_up_converts_nothing_outside_of_it(settings):
    fetch_rates(FakeFrankfurter(EUR="0.5", GBP="0.5"))
    assert rate_for("EUR").per_dollar == Decimal("0.5")
    settings.SOURCES = "live"
    assert (rate_for("EUR"), are_fetched()) == (None, False)
    assert fetch_rates(FakeFrankfurter(EUR="0.9")) == 1
    assert (rate_for("EUR").per_dollar, are_fetched()) == (Decimal("0.9"), True)
    settings.SOURCES = "sandbox"
    assert (rate_for("EUR").per_dollar, rate_for("GBP"), are_fetched()) == (Decimal("0.9"), None, True)


def test_it_knows_when_there_is_nothing_to_fetch():
    assert not are_fetched()
    make_rate("GBP", "0.8", source="staff")
    assert not are_fetched()
    fetch_rates(FakeFrankfurter(EUR="0.9"))
    assert are_fetched()


def test_without_a_rate_a_comparable_is_left_out_and_says_so():
    runbook = make_runbook()
    make_comparable(runbook, 100, currency="GBP")
    rescore(runbook, cause="comparables")
    assert runbook.fmv_mid is None
    assert runbook.fmv_by_basis["left_out"][0]["why"] == "no rate from GBP to US dollars is known"


def test_it_counts_as_soon_as_a_rate_is_there():
    runbook = make_runbook()
    one = make_comparable(runbook, 100, currency="GBP")
    make_rate("GBP", "0.8")
    rescore(runbook, cause="rescore")
    one.refresh_from_db()
    assert (one.usd, one.rate_source, runbook.fmv_mid) == (125, "frankfurter", 125)


def test_a_rate_that_staff_mend_mends_what_it_converted():
    rate = make_rate("GBP", "8")
    runbook = make_runbook()
    one = make_comparable(runbook, 100, currency="GBP")
    rate.rate, rate.source = Decimal("0.8"), "staff"
    rate.save()
    rescore(runbook, cause="rescore")
    one.refresh_from_db()
    assert (one.usd, one.rate_source, runbook.fmv_mid) == (125, "staff", 125)


def test_what_was_paid_is_converted_by_its_day_and_what_is_asked_by_today():
    make_rate("GBP", "0.5", day(400))
    make_rate("GBP", "0.8")
    runbook = make_runbook()
    paid = make_comparable(runbook, 100, currency="GBP", at=day(400))
    asked = make_comparable(runbook, 100, currency="GBP", at=day(400), basis="asking")
    assert (paid.usd, asked.usd) == (200, 125)


def test_a_source_that_fails_is_asked_another_time_and_stops_nothing(monkeypatch):
    broken = FakeFrankfurter(EUR="0.9")
    monkeypatch.setattr(rates, "open_rates", lambda: broken)
    broken.error = TryAgain("down")
    assert rates.bring_up_to_date() == 0
    broken.error = None
    assert rates.bring_up_to_date() == 1


def test_rates_that_are_there_are_not_asked_for_again(monkeypatch):
    fetch_rates(FakeFrankfurter(EUR="0.9"))
    fresh = FakeFrankfurter(EUR="0.8", CHF="1.1")
    monkeypatch.setattr(rates, "open_rates", lambda: fresh)
    assert rates.bring_up_to_date() == 0
    assert not ExchangeRate.objects.filter(currency="CHF").exists()


def test_the_command_says_how_many_came_or_why_none_did(monkeypatch, capsys):
    source = FakeFrankfurter(EUR="0.9", GBP="0.8")
    monkeypatch.setattr(fetch_rates_command, "open_rates", lambda: source)
    call_command("fetch_rates")
    assert "2 rates are new" in capsys.readouterr().out
    source.error = TryAgain("down for maintenance")
    with pytest.raises(CommandError, match="down for maintenance"):
        call_command("fetch_rates")
