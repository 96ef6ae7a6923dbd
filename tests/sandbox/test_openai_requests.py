from __future__ import annotations

from typing import Any

import openai
import pytest
import requests

from tests.sandbox.asking_openai import FLAG, body, client_of, passed, with_options


def message(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "input_text", "text": "What is this?"}, *parts]}]


def image(address: Any, **more: Any) -> list[dict[str, Any]]:
    return message({"type": "input_image", "image_url": address, "detail": "auto", **more})


def schema(**changes: Any) -> dict[str, Any]:
    return {"format": {"type": "json_schema", "name": "flag", "strict": True, "schema": FLAG} | changes}


@pytest.mark.parametrize(
    ("changes", "param", "code"),
    [
        ({"input": None}, "input", "missing_required_parameter"),
        ({"input": 5}, "input", "invalid_type"),
        ({"input": [{"role": "wizard", "content": "x"}]}, "input[0].role", "invalid_value"),
        ({"input": [{"role": "user", "content": None}]}, "input[0].content", "invalid_type"),
        ({"input": message({"type": "text", "text": "x"})}, "input[0].content[1].type", "invalid_value"),
        ({"input": message({"type": "input_text"})}, "input[0].content[1].text", "missing_required_parameter"),
        ({"input": image("ftp://example.org/a.jpg")}, "input[0].content[1].image_url", "invalid_value"),
        ({"input": image(None)}, "input[0].content[1].image_url", "missing_required_parameter"),
        ({"input": image("data:image/jpeg;base64,AAA")}, "input[0].content[1].image_url", "invalid_base64_image"),
        ({"input": image("data:image/jpeg;base64,")}, "input[0].content[1].image_url", "empty_image_file"),
        ({"input": image("https://example.org/a.jpg", detail="best")}, "input[0].content[1].detail", "invalid_value"),
        ({"model": 5}, "model", "invalid_type"),
        ({"verbosity": "low"}, "verbosity", "unknown_parameter"),
        ({"background": "yes"}, "background", "invalid_type"),
        ({"service_tier": "cheap"}, "service_tier", "invalid_value"),
        ({"max_output_tokens": 15}, "max_output_tokens", "integer_below_min_value"),
        ({"max_output_tokens": 128_001}, "max_output_tokens", "integer_above_max_value"),
        ({"max_output_tokens": "many"}, "max_output_tokens", "invalid_type"),
        ({"reasoning": {"effort": "utmost"}}, "reasoning.effort", "invalid_value"),
        ({"reasoning": {"effort": "none"}, "model": "gpt-6.1-sol"}, "reasoning.effort", "unsupported_value"),
        ({"reasoning": {"effort": "minimal"}, "model": "gpt-6.1-sol"}, "reasoning.effort", "unsupported_value"),
        ({"reasoning": {"effort": "low"}, "model": "gpt-4o"}, "reasoning.effort", "unsupported_parameter"),
        ({"temperature": 0.5}, "temperature", "unsupported_parameter"),
        ({"temperature": -1, "model": "gpt-4o"}, "temperature", "decimal_below_min_value"),
        ({"top_p": 1.5, "model": "gpt-4o"}, "top_p", "decimal_above_max_value"),
        ({"metadata": {str(number): "x" for number in range(17)}}, "metadata", "object_above_max_properties"),
        ({"metadata": {"x" * 65: "x"}}, "metadata", "string_above_max_length"),
        ({"metadata": {"job": "x" * 513}}, "metadata.job", "string_above_max_length"),
        ({"metadata": {"job": 5}}, "metadata.job", "invalid_type"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type", "invalid_value"),
        ({"text": schema(name=None)}, "text.format.name", "missing_required_parameter"),
        ({"text": schema(name="a flag")}, "text.format.name", "invalid_value"),
        ({"text": schema(schema={"type": "array", "items": {"type": "string"}})}, "text.format.schema", "invalid_json_schema"),
        ({"input": "word " * 400_000}, "input", "context_length_exceeded"),
        ({"stream": True}, "stream", "unsupported_value"),
    ],
)
def test_it_refuses_a_request_that_it_cannot_take(sandbox, changes: dict, param: str, code: str) -> None:
    with pytest.raises(openai.BadRequestError) as refusal:
        client_of(sandbox).post("/responses", body=body(**changes), cast_to=object)
    assert (refusal.value.type, refusal.value.param, refusal.value.code) == ("invalid_request_error", param, code)


@pytest.mark.parametrize(
    "changes",
    [
        {"input": [{"role": "developer", "content": "Be brief."}, *image("data:image/png;base64,AAAA")]},
        {"input": image("https://example.org/a.jpg"), "service_tier": "priority"},
        {"model": "gpt-6.1-sol", "reasoning": {"effort": "max"}},
        {"model": "gpt-6-luna", "reasoning": {"effort": "none"}, "temperature": 0.2},
        {"model": "gpt-5-nano-2025-08-07"},
        {"model": "gpt-4o", "temperature": 2, "top_p": 0},
        {"metadata": {f"key-{number}": "x" * 512 for number in range(16)}},
        {"text": {"format": {"type": "json_object"}}},
        {"text": None},
        {"max_output_tokens": 128_000},
    ],
)
def test_it_takes_what_openai_takes(sandbox, changes: dict) -> None:
    answer = client_of(sandbox).responses.create(**body(**changes))
    assert answer.status == "completed"


@pytest.mark.parametrize("model", ["gpt-7-stellar", "o4-mini"])
def test_it_has_no_unknown_and_no_retired_model(sandbox, model: str) -> None:
    client = client_of(sandbox)
    for ask in (lambda: client.responses.create(**body(model=model)), lambda: client.models.retrieve(model)):
        with pytest.raises(openai.NotFoundError) as refusal:
            ask()
        assert refusal.value.code == "model_not_found"


def test_it_retires_models_by_its_clock(sandbox) -> None:
    client = client_of(sandbox)
    sandbox.settings(clock={"now": "2026-12-10T23:00:00Z"})
    assert "gpt-5-nano" in {model.id for model in client.models.list()}
    passed(sandbox, 3600)
    assert "gpt-5-nano" not in {model.id for model in client.models.list()}
    with pytest.raises(openai.NotFoundError, match="deprecated"):
        client.responses.create(**body())


def test_it_asks_for_a_key(sandbox) -> None:
    answer = requests.get(f"{sandbox.url}/openai/v1/models", timeout=10)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="OpenAI API"')
    assert "didn't provide an API key" in answer.json()["error"]["message"]


def test_it_takes_the_keys_it_is_told(sandbox) -> None:
    sandbox.settings(sources={"openai": {"keys": "sk-right,sk-also"}})
    assert client_of(sandbox, key="sk-also").models.list().data
    with pytest.raises(openai.AuthenticationError) as refusal:
        client_of(sandbox, key="sk-test-0123456789").models.list()
    assert refusal.value.code == "invalid_api_key"
    assert "sk-test****6789" in refusal.value.message


@pytest.mark.parametrize(
    ("trouble", "error", "status", "code"),
    [
        ("rate_limit", openai.RateLimitError, 429, "rate_limit_exceeded"),
        ("quota", openai.RateLimitError, 429, "insufficient_quota"),
        ("server_error", openai.InternalServerError, 500, None),
        ("bad_gateway", openai.InternalServerError, 502, None),
        ("overloaded", openai.InternalServerError, 503, None),
        ("gateway_timeout", openai.InternalServerError, 504, None),
        ("forbidden", openai.PermissionDeniedError, 403, "unsupported_country_region_territory"),
    ],
)
def test_it_is_in_trouble_when_told(sandbox, trouble: str, error: type[openai.APIStatusError], status: int, code: str | None) -> None:
    client = with_options(sandbox, trouble=trouble)
    with pytest.raises(error) as refusal:
        client.responses.create(**body())
    assert (refusal.value.status_code, refusal.value.code) == (status, code)
    assert refusal.value.request_id
    assert ("retry-after" in refusal.value.response.headers) == (trouble == "rate_limit")


@pytest.mark.parametrize("options", [{"trouble": "rain"}, {"failure_trouble": "rain"}, {"failure_trouble": ""}, {"open_status": 7}])
def test_it_knows_no_other_trouble(sandbox, options: dict) -> None:
    answer = requests.post(f"{sandbox.url}/_sandbox/settings", json={"sources": {"openai": options}}, timeout=10)
    assert answer.status_code == 400


def test_its_trouble_can_be_kept_to_some_calls(sandbox) -> None:
    client = with_options(sandbox, trouble="overloaded", trouble_with="POST /v1/responses")
    assert client.models.list().data
    with pytest.raises(openai.InternalServerError):
        client.responses.create(**body())


def test_its_trouble_passes(sandbox) -> None:
    sandbox.settings(sources={"openai": {"trouble": "overloaded", "trouble_share": 0.5}})
    answers = [requests.get(f"{sandbox.url}/openai/v1/models", headers={"Authorization": "Bearer x"}, timeout=10) for _ in range(40)]
    assert {answer.status_code for answer in answers} == {200, 503}


def test_it_limits_requests_a_minute_and_model(sandbox) -> None:
    client = with_options(sandbox, requests_per_minute=2)
    told = [client.responses.with_raw_response.create(**body()).headers["x-ratelimit-remaining-requests"] for _ in range(2)]
    assert told == ["1", "0"]
    with pytest.raises(openai.RateLimitError, match=r"requests per min \(RPM\): Limit 2") as refusal:
        client.responses.create(**body())
    assert (refusal.value.code, refusal.value.type) == ("rate_limit_exceeded", "requests")
    assert refusal.value.response.headers["retry-after"] in ("29", "30")
    assert client.responses.create(**body(model="gpt-5-mini")).status == "completed"
    passed(sandbox, 31)
    assert client.responses.create(**body()).status == "completed"


def test_it_limits_tokens_a_minute(sandbox) -> None:
    client = with_options(sandbox, tokens_per_minute=150)
    headers = client.responses.with_raw_response.create(**body("x" * 400)).headers
    assert (headers["x-ratelimit-limit-tokens"], headers["x-ratelimit-remaining-tokens"]) == ("150", "50")
    with pytest.raises(openai.RateLimitError, match=r"tokens per min \(TPM\): Limit 150"):
        client.responses.create(**body("x" * 400))


def test_it_counts_no_polls_and_nothing_without_limits(sandbox) -> None:
    client = with_options(sandbox, requests_per_minute=1)
    response = client.responses.create(**body(), background=True)
    assert {client.responses.retrieve(response.id).id for _ in range(5)} == {response.id}
    sandbox.settings(limits=False)
    assert client.responses.create(**body()).status == "completed"


def test_it_says_to_wait_as_long_as_it_is_told(sandbox) -> None:
    client = with_options(sandbox, requests_per_minute=1, retry_after="7")
    client.responses.create(**body())
    with pytest.raises(openai.RateLimitError) as refusal:
        client.responses.create(**body())
    assert refusal.value.response.headers["retry-after"] == "7"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/responses", 404), ("GET", "/v1/poems", 404), ("GET", "/v2/models", 404), ("PUT", "/v1/batches", 404)],
)
def test_it_serves_nothing_else(sandbox, method: str, path: str, status: int) -> None:
    answer = requests.request(method, f"{sandbox.url}/openai{path}", headers={"Authorization": "Bearer x"}, timeout=10)
    assert (answer.status_code, answer.json()["error"]["message"]) == (status, f"Invalid URL ({method} {path})")


def test_it_reads_json_only(sandbox) -> None:
    headers = {"Authorization": "Bearer x"}
    answer = requests.post(f"{sandbox.url}/openai/v1/responses", data=b"{", headers=headers, timeout=10)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


def test_it_is_logged_by_call(sandbox) -> None:
    client = client_of(sandbox)
    client.responses.retrieve(client.responses.create(**body(), background=True).id)
    assert sandbox.log()["sources"]["openai"]["by_endpoint"] == {"POST /v1/responses": 1, "GET /v1/responses/*": 1}
