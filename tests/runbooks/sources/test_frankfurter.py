from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from bookops.outbound.errors import BadAnswer, NotFound
from runbooks.sources.frankfurter import Frankfurter, Rates
from tests.runbooks.sources.fake_door import FakeDoor, Said

SATURDAY = date(2026, 11, 21)


def said(**changes: object) -> dict[str, object]:
    return {"amount": 1.0, "base": "USD", "date": "2026-11-20", "rates": {"EUR": 0.86289, "GBP": 0.7613, "JPY": 157}} | changes


def test_rates_have_the_day_they_are_of():
    door = FakeDoor(said())
    rates = Frankfurter(door).rates("USD", SATURDAY)
    assert rates == Rates(date(2026, 11, 20), "USD", {"EUR": Decimal("0.86289"), "GBP": Decimal("0.7613"), "JPY": Decimal(157)})
    assert (door.asked[0].path, door.asked[0].params) == ("/2026-11-21", {"base": "USD"})


def test_without_a_day_the_latest_are_asked_for():
    door = FakeDoor(said())
    Frankfurter(door).rates("USD")
    assert door.asked[0].path == "/latest"


def test_nothing_is_ever_converted_to_nothing():
    rates = Frankfurter(FakeDoor(said(rates={"EUR": 0, "GBP": -1, "CHF": None, "SEK": "9.5", "NOK": True, "DKK": 6.4, "USD": 2}))).rates(
        "USD"
    )
    assert rates.rates == {"DKK": Decimal("6.4")}


@pytest.mark.parametrize(
    "payload", [[], {}, said(base="EUR"), said(amount=100), said(date="today"), said(date=None), said(rates={}), said(rates=[])]
)
def test_another_shape_is_a_bad_answer(payload):
    with pytest.raises(BadAnswer):
        Frankfurter(FakeDoor(payload)).rates("USD")


def test_an_unknown_currency_is_not_found():
    with pytest.raises(NotFound):
        Frankfurter(FakeDoor(Said(404, {"message": "not found"}))).rates("XXX")
