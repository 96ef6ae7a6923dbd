from decimal import Decimal

import pytest

from runbooks.returns import discount_percent, gain_percent


@pytest.mark.parametrize(
    ("mid", "price", "percent"),
    [("200", "160", "20.00"), ("300", "200", "33.33"), ("100", "130", "-30.00"), ("0", "10", None), (None, "10", None), ("10", None, None)],
)
def test_a_discount_is_what_is_saved_of_the_value(mid, price, percent):
    assert discount_percent(*(None if one is None else Decimal(one) for one in (mid, price))) == (percent and Decimal(percent))


@pytest.mark.parametrize(
    ("mid", "cost", "percent"),
    [
        ("300", "200", "50.00"),
        ("100", "300", "-66.67"),
        ("100", "0", None),
        (None, "10", None),
        ("100", "800", "-87.50"),
        ("1.00005", "1", "0.01"),
    ],
)
def test_a_gain_is_what_is_worth_beyond_the_cost(mid, cost, percent):
    assert gain_percent(*(None if one is None else Decimal(one) for one in (mid, cost))) == (percent and Decimal(percent))
