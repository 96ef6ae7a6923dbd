"""Preview, estimate, validate, count-scope, and what there is to choose from, over REST."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from bookops.language_models import LanguageModel, ModelPrice
from bookops.purposes import all_purposes
from llmjobs.models import LLMJob
from tests.api.clients import json_body
from tests.llmjobs.factories import know_models, make_books

pytestmark = pytest.mark.django_db


@pytest.fixture
def books(owner: Any) -> list[Any]:
    """Ten books of the owner's."""
    know_models()
    return make_books(10, owner)


def ask(api: Client, what: str, **body: Any) -> Any:
    """Return the answer to a question about a job over all books."""
    return api.post(f"/api/llm-jobs/{what}", **json_body(**{"purpose": "flag", "scope": {"all": True}} | body))


def test_a_preview_shows_rendered_prompts_and_stores_nothing(api: Client, books: list[Any]) -> None:
    seen = ask(api, "preview", template="What of {{title}}?", most=2).json()

    assert seen["targets"] == 10
    assert [sample["prompt"] for sample in seen["samples"]] == ["What of Book 0?", "What of Book 5?"]
    assert [sample["target"] for sample in seen["samples"]] == [str(books[0].public_id), str(books[5].public_id)]
    assert list(seen["schema"]["properties"]) == ["flagged", "flagged_reason", "confidence", "notes"]
    assert not LLMJob.objects.exists()


def test_an_estimate_has_money_by_model_and_tier(api: Client, books: list[Any]) -> None:
    asks = [{"model": "gpt-6-luna"}, {"provider": "anthropic", "model": "claude-haiku-5-5"}]

    seen = ask(api, "estimate", asks=asks).json()

    assert [(one["provider"], one["tier"], one["requests"]) for one in seen["asks"]] == [
        ("openai", "standard", 10),
        ("anthropic", "batch", 10),
    ]
    assert float(seen["cost_usd"]) == pytest.approx(sum(float(one["cost_usd"]) for one in seen["asks"]))
    assert 0 < float(seen["cost_usd"]) <= float(seen["most_cost_usd"])


def test_an_estimate_without_a_price_says_which_model_has_none(api: Client, books: list[Any]) -> None:
    ModelPrice.objects.filter(model__name="gpt-6-luna").delete()
    refused = ask(api, "estimate")
    assert refused.status_code == 400
    [error] = refused.json()["errors"]
    assert (error["field"], error["code"]) == ("asks", "unknown_model")
    assert "gpt-6-luna" in error["detail"]


def test_validating_tells_of_all_fields_and_what_a_template_may_ask_for(api: Client, books: list[Any]) -> None:
    assert ask(api, "validate").json()["valid"] is True
    wrong = ask(api, "validate", template="{{colour}}").json()
    assert (wrong["valid"], [error["field"] for error in wrong["errors"]]) == (False, ["template"])
    assert "title" in wrong["variables"]
    both = ask(api, "validate", policy="never", above=7).json()
    assert {error["field"] for error in both["errors"]} == {"policy", "above"}
    assert ask(api, "validate", scope={"filters": {"title": "none such"}}).json()["valid"] is False
    assert ask(api, "validate", purpose="none-such").json()["variables"] == []
    assert not LLMJob.objects.exists()


def test_a_scope_is_counted_and_may_be_empty(api: Client, books: list[Any]) -> None:
    make_books(3)  # of somebody else
    assert ask(api, "count-scope").json() == {"targets": 10}
    assert ask(api, "count-scope", scope={"filters": {"title": "Book 3"}}).json() == {"targets": 1}
    assert ask(api, "count-scope", scope={"filters": {"title": "none such"}}).json() == {"targets": 0}
    assert ask(api, "count-scope", scope={"ids": [str(books[0].public_id)]}).json() == {"targets": 1}


@pytest.mark.parametrize("value", ["NaN", "1e999", "1e400", 1e12])
def test_a_number_that_no_column_holds_is_refused_or_matches_nothing(api: Client, books: list[Any], value: Any) -> None:
    for purpose, name in (("second_opinion", "asking_from"), ("flag", "year_from")):
        counted = ask(api, "count-scope", purpose=purpose, scope={"filters": {name: value}})
        assert counted.status_code == 400 or counted.json() == {"targets": 0}


def test_every_purpose_is_listed_with_schema_template_and_variables(api: Client) -> None:
    listed = {one["name"]: one for one in api.get("/api/llm-jobs/purposes").json()["purposes"]}
    assert set(listed) == set(all_purposes()) >= {"flag", "describe", "genres", "second_opinion"}
    flag = listed["flag"]
    assert flag["target"] == "book"
    assert "{{title}}" in flag["template"]
    assert {"title", "isbn13"} <= set(flag["variables"])
    assert {"language", "flagged"} <= set(flag["filters"])
    assert flag["schema"]["required"] == ["flagged", "flagged_reason", "confidence", "notes"]
    assert flag["defaults"]["policy"] == "review"


def test_models_are_listed_with_todays_price(api: Client, books: list[Any], django_assert_max_num_queries: Any) -> None:
    luna = LanguageModel.objects.get(name="gpt-6-luna")
    now = luna.prices.latest("from_day")
    ModelPrice.objects.create(model=luna, from_day="2999-01-01", input=999, output=999, cached_input=0, cache_write=0)
    LanguageModel.objects.filter(name="gpt-6.1-sol").update(retires_on="2020-01-01", successor="gpt-6-luna")
    with django_assert_max_num_queries(6):
        listed = {one["name"]: one for one in api.get("/api/llm-jobs/models").json()["models"]}
    assert listed["gpt-6-luna"]["price"]["input"] == f"{now.input:.4f}"
    assert listed["gpt-6-luna"]["ways"] == ["batch", "responses"]
    assert listed["claude-haiku-5-5"]["ways"] == ["batch"]
    assert (listed["gpt-6.1-sol"]["is_retired"], listed["gpt-6.1-sol"]["successor"]) == (True, "gpt-6-luna")
