"""The sandbox's Frankfurter answers as the real one does."""

from __future__ import annotations

import pytest
import requests

from sandbox.running import RunningSandbox


def ask(sandbox: RunningSandbox, path: str, **parameters: str) -> requests.Response:
    return requests.get(f"{sandbox.url}/frankfurter{path}", params=parameters, timeout=10)


def test_it_gives_the_rates_of_one_dollar(sandbox: RunningSandbox) -> None:
    said = ask(sandbox, "/2026-11-20", base="USD").json()
    assert (said["amount"], said["base"], said["date"]) == (1.0, "USD", "2026-11-20")
    assert 0.7 < said["rates"]["GBP"] < 0.9 < said["rates"]["EUR"] < 1
    assert "USD" not in said["rates"]


def test_a_day_has_the_same_rates_whenever_it_is_asked_for(sandbox: RunningSandbox) -> None:
    assert ask(sandbox, "/2026-11-20", base="USD").json() == ask(sandbox, "/2026-11-20", base="USD").json()


def test_a_weekend_has_the_rates_of_its_friday(sandbox: RunningSandbox) -> None:
    assert ask(sandbox, "/2026-11-21").json() == ask(sandbox, "/2026-11-20").json()


@pytest.mark.parametrize("path", ["/1998-12-31", "/2099-01-01", "/yesterday", "/"])
def test_what_it_has_no_rates_for_is_not_found(sandbox: RunningSandbox, path: str) -> None:
    assert ask(sandbox, path).status_code == 404


def test_an_unknown_currency_is_not_found(sandbox: RunningSandbox) -> None:
    assert ask(sandbox, "/latest", base="XXX").status_code == 404
