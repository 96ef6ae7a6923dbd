from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbooks.sources.price_text import HIGHEST, amount, currency_of, money
from runbooks.sources.records import Money


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("24.95", "24.95"),
        ("1,204.00", "1204.00"),
        (" 12,345,678.9 ", "12345678.90"),
        ("0.00", "0.00"),
        (595, "595.00"),
        (6.95, "6.95"),
        (1e3, "1000.00"),
        (Decimal("5.65"), "5.65"),
        ("1370", "1370.00"),
    ],
)
def test_it_reads_an_amount(written, read):
    assert str(amount(written)) == read


@pytest.mark.parametrize(
    "written",
    ["", "1.204,00", "12,50", "1,20,400", "-5.00", "+5", "5.", ".5", "1e3", "NaN", "Infinity", "US$ 5", "٥", "5 0", "9" * 13, "100000000.00", True, None, [], float("nan"), float("inf"), -1, 10**30],
)  # fmt: skip
def test_what_could_be_read_two_ways_is_not_read(written):
    assert amount(written) is None


@given(st.decimals(0, HIGHEST, places=2))
def test_an_amount_is_the_same_with_and_without_thousands_marked(value):
    assert amount(f"{value:,.2f}") == amount(f"{value:.2f}") == amount(value) == value


@given(st.one_of(st.text(max_size=30), st.text("0123456789.,-+eE $", max_size=20), st.floats(), st.integers()))
def test_any_value_is_an_amount_within_bounds_or_none(value):
    read = amount(value)
    assert read is None or (0 <= read <= HIGHEST and read.as_tuple().exponent == -2)


@pytest.mark.parametrize(
    ("symbol", "code"),
    [("US$", "USD"), ("£", "GBP"), ("€", "EUR"), ("EUR", "EUR"), ("usd", "USD"), ("C$", "CAD"), ("$", ""), ("", ""), ("USDX", "")],
)
def test_a_currency_is_named_or_it_is_none(symbol, code):
    assert currency_of(symbol) == code


def test_money_needs_both():
    assert money("6.87", "US$") == Money(Decimal("6.87"), "USD")
    assert money("6.87", "$") is money("x", "USD") is money("6.87", None) is None
