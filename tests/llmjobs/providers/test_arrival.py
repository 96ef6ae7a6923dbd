"""After which errors something may exist at the provider all the same."""

from __future__ import annotations

import pytest

from bookops.outbound.errors import BadAnswer, NotFound, Refused, TryAgain
from llmjobs.providers import may_have_arrived


@pytest.mark.parametrize(
    "error",
    [
        TryAgain(reason="timeout"),
        TryAgain(reason="connection_lost"),
        TryAgain(reason="cut_off"),
        TryAgain(reason="http_500"),
        TryAgain(reason="overloaded"),
        TryAgain(reason="conflict"),
        BadAnswer(reason="bad_json"),
    ],
)
def test_it_may_be_there(error):
    assert may_have_arrived(error)


@pytest.mark.parametrize(
    "error",
    [
        Refused(reason="spend_limit"),
        NotFound(),
        TryAgain(reason="rate_limited"),
        TryAgain(reason="not_yet"),
        TryAgain(reason="connect"),
        TryAgain(reason="dns"),
        TryAgain(reason="breaker_open", asked=False),
    ],
)
def test_it_cannot_be_there(error):
    assert not may_have_arrived(error)
