from __future__ import annotations

import pytest
import requests

from sandbox.ebay_tokens import BASIC_SCOPE, INSIGHTS_SCOPE
from tests.sandbox.asking_ebay import FORM, EBayCaller, error_of

CLIENT = ("an-app", "a-secret")


def asked(sandbox, *, auth: tuple[str, str] | None = CLIENT, form: dict[str, str] = FORM, **options) -> requests.Response:
    return requests.post(f"{sandbox.url}/ebay/identity/v1/oauth2/token", auth=auth, data=form, timeout=10, **options)


def test_it_gives_an_application_a_token(sandbox) -> None:
    answer = asked(sandbox).json()
    assert answer["access_token"].startswith("v^1.1#")
    assert (answer["expires_in"], answer["token_type"]) == (7200, "Application Access Token")


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"auth": None}, 401, "invalid_client"),
        ({"auth": ("an-app", "")}, 401, "invalid_client"),
        ({"auth": None, "headers": {"Authorization": "Basic ???"}}, 401, "invalid_client"),
        ({"form": {**FORM, "grant_type": "password"}}, 400, "unsupported_grant_type"),
        ({"form": {"grant_type": "client_credentials"}}, 400, "invalid_scope"),
        ({"form": {**FORM, "scope": f"{BASIC_SCOPE} {BASIC_SCOPE}/buy.item.bulk"}}, 400, "invalid_scope"),
        ({"form": {**FORM, "scope": INSIGHTS_SCOPE}}, 400, "invalid_scope"),
        ({"headers": {"Content-Type": "application/json"}}, 400, "invalid_request"),
    ],
)
def test_it_refuses_what_proves_no_application_or_asks_for_too_much(sandbox, changes: dict, status: int, error: str) -> None:
    answer = asked(sandbox, **changes)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_it_takes_only_the_applications_it_is_told_of(sandbox) -> None:
    sandbox.settings(sources={"ebay": {"clients": "an-app:a-secret,other:word"}})
    assert [asked(sandbox, auth=pair).status_code for pair in (CLIENT, ("other", "word"), ("other", "a-secret"))] == [200, 200, 401]


def test_it_refuses_a_call_without_a_token_of_its_own(sandbox) -> None:
    caller = EBayCaller(sandbox)
    caller.headers = {}
    assert error_of(caller.search_answer(q="dune")) == (401, 1002)
    caller.headers = {"Authorization": "Bearer v^1.1#invented"}
    assert error_of(caller.search_answer(q="dune")) == (401, 1001)


def test_it_lets_tokens_expire_by_its_clock(sandbox) -> None:
    caller = EBayCaller(sandbox)
    sandbox.settings(clock={"advance": 7190})
    assert caller.search_answer(q="dune").status_code == 200
    sandbox.settings(clock={"advance": 20})
    assert error_of(caller.search_answer(q="dune")) == (401, 1001)
    assert EBayCaller(sandbox).search_answer(q="dune").status_code == 200


def test_it_shows_past_sales_only_to_those_entitled(sandbox) -> None:
    path = "/buy/marketplace_insights/v1_beta/item_sales/search"
    assert error_of(EBayCaller(sandbox).get(path, q="dune")) == (403, 1100)
    sandbox.settings(sources={"ebay": {"insights": True}})
    sold = EBayCaller(sandbox, scope=INSIGHTS_SCOPE).get(path, q="dune herbert", limit=3).json()
    assert sold["total"] == 8
    assert all(sale["lastSoldPrice"]["currency"] == "USD" and sale["lastSoldDate"] < "2100" for sale in sold["itemSales"])
    assert "itemSales" not in EBayCaller(sandbox, scope=INSIGHTS_SCOPE).get(path, q="tracts drainage").json()
