"""The end of work, forecast from its pace."""

from datetime import UTC, datetime, timedelta

import pytest

from enrichment.forecasting import end_of, halfway

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_the_pace_is_that_of_the_latter_half():
    assert halfway(NOON, after(60)) == after(30)
    assert end_of(NOON, after(60), ended_lately=30, left=90) == after(60 + 90)


@pytest.mark.parametrize(("seconds", "ended_lately"), [(9, 100), (3600, 9), (3600, 0)])
def test_nothing_is_forecast_from_too_short_a_time_or_too_few_rows(seconds, ended_lately):
    assert end_of(NOON, after(seconds), ended_lately=ended_lately, left=100) is None


def test_it_ends_now_where_nothing_is_left():
    assert end_of(NOON, after(60), ended_lately=30, left=0) == after(60)


def test_a_burst_at_the_beginning_is_soon_forgotten_and_the_forecast_then_holds_still():
    """350 of 565 rows end in the third second, in one question; the others follow, three a second."""
    ended = [3.0] * 350 + [3 + number / 3 for number in range(1, 216)]
    forecasts = {}
    for second in range(1, 74):
        half = (halfway(NOON, after(second)) - NOON).total_seconds()
        lately = sum(half < moment <= second for moment in ended)
        left = sum(moment > second for moment in ended)
        forecasts[second] = end_of(NOON, after(second), ended_lately=lately, left=left)
    assert all(end is None or abs(end - after(ended[-1])) < timedelta(seconds=10) for end in forecasts.values())
    assert forecasts[12]
