import json
from datetime import date
from decimal import Decimal
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbooks.fmv import BASES, Adjustments, Comparable, Rate, appraise, in_dollars, most_relevant
from runbooks.sources.records import Money

RATE = Rate("GBP", Decimal("0.80"), date(2026, 11, 20), "frankfurter")
_KEYS = count(1)


def comparable(amount, relevance="high", basis="sold", **facts):
    money = Money(Decimal(amount), facts.pop("currency", "USD"))
    key = facts.pop("key", str(next(_KEYS)))
    return Comparable(key, basis, facts.pop("origin", "ebay"), "Bleak House", money, relevance=relevance, **facts)


def span(value):
    return (value.low, value.high, value.confidence)


def test_two_highly_relevant_prices_count_alone():
    value = appraise([*(comparable(amount) for amount in (1000, 1200, 1400)), comparable(100, "medium")]).chosen
    assert span(value) == (1000, 1400, "high")
    assert (value.mid, value.median, value.n) == (1200, 1200, 3)


def test_one_highly_relevant_price_counts_with_the_relevant_ones():
    value = appraise([comparable(500), *(comparable(amount, "medium") for amount in (300, 400, 600))]).chosen
    # Of four, the second and the fourth.
    assert span(value) == (400, 600, "medium")


def test_prices_of_which_none_is_relevant_count_for_want_of_better():
    value = appraise([comparable(amount, "low") for amount in (500, 400, 300)]).chosen
    assert span(value) == (300, 500, "low")
    assert "Insufficient comparable data" in value.note


def test_only_the_first_five_of_no_relevance_count():
    value = appraise([comparable(amount, "low") for amount in (10, 20, 30, 40, 50, 9000)]).chosen
    assert value.n == 5
    assert value.high == 40


def test_no_prices_have_no_value():
    found = appraise([])
    assert found.chosen is None
    assert "Insufficient comparable data" in found.why
    assert all(span(value) == (None, None, "") and value.n == 0 for value in found.values)


def test_too_few_prices_are_called_insufficient():
    value = appraise([comparable(500), comparable(300, "medium")]).chosen
    assert span(value) == (300, 500, "low")
    assert not value.is_sufficient
    assert value.note == "Insufficient comparable data: only 2 relevant sold prices"


@pytest.mark.parametrize(
    ("prices", "low", "high"),
    [
        ([100, 200], 100, 200),
        ([100, 200, 900], 100, 900),
        ([100, 200, 300, 900], 200, 900),
        ([10, 20, 30, 40, 50], 20, 40),
        ([10, 20, 30, 40, 50, 60, 70, 80], 30, 70),
    ],
)
def test_the_range_is_between_the_quartiles_of_four_or_more(prices, low, high):
    value = appraise([comparable(amount) for amount in reversed(prices)]).chosen
    assert (value.low, value.high, value.mid) == (low, high, Decimal(low + high) / 2)


def test_the_median_stands_beside_the_middle_of_the_range():
    value = appraise([comparable(amount) for amount in (100, 110, 900)]).chosen
    assert (value.mid, value.median) == (500, 110)


def test_an_asking_price_is_never_counted_with_a_sale():
    found = appraise([comparable(100), comparable(120), *(comparable(amount, basis="asking") for amount in (500, 600, 700))])
    assert span(found.of("sold")) == (100, 120, "high")
    assert span(found.of("asking")) == (500, 700, "high")
    assert span(found.of("auction")) == (None, None, "")
    # Two sales are fewer than three.
    assert found.chosen.basis == "asking"
    assert found.why.startswith("asking prices")


def test_three_relevant_sales_go_before_any_number_of_asking_prices():
    found = appraise([*(comparable(amount, "medium") for amount in (100, 110, 120)), *(comparable(900, basis="asking") for _ in range(9))])
    assert found.chosen.basis == "sold"


def test_three_irrelevant_sales_do_not():
    found = appraise([*(comparable(amount, "low") for amount in (100, 110, 120)), comparable(900, basis="asking")])
    assert found.chosen.basis == "asking"


def test_of_equally_full_bases_the_better_counts():
    assert appraise([comparable(100, basis="asking"), comparable(90), comparable(80, basis="auction")]).chosen.basis == "sold"


def test_another_currency_is_converted_by_its_rate():
    one = comparable(100, currency="GBP", rate=RATE)
    assert one.usd == Decimal("125.00")
    assert appraise([one]).chosen.mid == 125


@pytest.mark.parametrize("rate", [None, Rate("EUR", Decimal("0.9"), date(2026, 11, 20), "frankfurter")])
def test_a_price_without_a_rate_is_left_out_and_says_so(rate):
    found = appraise([comparable(100, currency="GBP", rate=rate, key="a"), comparable(90)])
    assert [(one.key, one.why) for one in found.left_out] == [("a", "no rate from GBP to US dollars is known")]
    assert found.chosen.n == 1


def test_a_rate_that_cannot_be_is_no_rate():
    assert in_dollars(Money(Decimal(1), "GBP"), Rate("GBP", Decimal(0), date(2026, 11, 20), "by hand")) is None


def test_what_a_person_excludes_counts_for_nothing_with_the_reason():
    found = appraise([comparable(9000, key="a", excluded=True, excluded_why="another binding"), comparable(100), comparable(110)])
    assert span(found.chosen) == (100, 110, "high")
    assert [(one.key, one.why) for one in found.left_out] == [("a", "another binding")]


def test_adjustments_are_per_cent_of_the_price():
    one = comparable(1000, adjustments=Adjustments(binding=Decimal(55), condition=Decimal(90)))
    assert (one.usd, one.counted) == (1000, Decimal("495.00"))
    assert appraise([one]).chosen.mid == 495


@pytest.mark.parametrize("per_cent", [0, -5])
def test_an_adjustment_leaves_something(per_cent):
    with pytest.raises(ValueError, match="above 0"):
        Adjustments(edition=Decimal(per_cent))


def test_the_five_most_relevant_of_each_source_are_kept_and_all_that_persons_entered():
    fetched = [comparable(amount, level, key=f"{level}{amount}") for level in ("low", "high", "medium") for amount in (1, 2, 3)]
    entered = [comparable(9, "low", origin="manual", key=f"m{number}") for number in range(7)]
    kept = [one.key for one in most_relevant([*fetched, *entered])]
    assert kept[:5] == ["high1", "high2", "high3", "medium1", "medium2"]
    assert len(kept) == 5 + 7


COMPARABLES = st.lists(
    st.builds(
        comparable,
        st.decimals("0.01", "99999", places=2),
        relevance=st.sampled_from(["high", "medium", "low"]),
        basis=st.sampled_from(BASES),
        currency=st.sampled_from(["USD", "GBP", "EUR"]),
        rate=st.sampled_from([None, RATE]),
        excluded=st.booleans(),
    ),
    max_size=14,
)


@given(COMPARABLES)
@settings(deadline=None)
def test_a_value_lies_within_the_prices_that_it_names(comparables):
    found = appraise(comparables)
    by_key = {one.key: one for one in comparables}
    for value in found.values:
        used = [by_key[key] for key in value.used]
        assert all(one.basis == value.basis and not one.excluded and one.counted is not None for one in used)
        if used:
            prices = [one.counted for one in used]
            assert min(prices) <= value.low <= value.mid <= value.high <= max(prices)
            assert min(prices) <= value.median <= max(prices)
        else:
            assert value.mid is None
    assert len(found.left_out) + sum(one.counted is not None and not one.excluded for one in comparables) == len(comparables)
    assert (found.chosen is None) == (not any(value.n for value in found.values))
    json.dumps(found.to_json())


@given(COMPARABLES)
@settings(deadline=None)
def test_the_better_basis_counts_when_it_has_three_relevant_prices(comparables):
    found = appraise(comparables)
    full = [value.basis for value in found.values if value.relevant >= 3]
    assert not full or found.chosen.basis == full[0]
