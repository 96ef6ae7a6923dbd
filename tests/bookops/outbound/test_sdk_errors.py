from __future__ import annotations

import json
import traceback

import anthropic
import httpx2
import openai
import pytest

from bookops.outbound.answers import Answer, error_of
from bookops.outbound.errors import BadAnswer, NotFound, Refused, SourceError, TryAgain
from bookops.outbound.sdk_errors import (
    anthropic_error,
    anthropic_errors,
    anthropic_item_error,
    explain_anthropic,
    explain_openai,
    openai_error,
    openai_errors,
    openai_item_error,
)
from tests.shared_data import shared_path

KEY = "sk-ant-api03-canary"


def anthropic_body(kind: str, message: str = "words") -> dict[str, object]:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}


def openai_body(code: str | None, message: str = "words", kind: str = "invalid_request_error") -> dict[str, object]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def raised_by_anthropic(status: int, body: object, **headers: str) -> SourceError:
    """Have the real SDK meet this answer on a transport without a door."""
    client = anthropic.Anthropic(api_key=KEY, max_retries=0, http_client=answering(status, body, headers))
    with pytest.raises(SourceError) as caught, anthropic_errors():
        client.messages.create(model="claude-x", max_tokens=1, messages=[{"role": "user", "content": "?"}])
    return caught.value


def raised_by_openai(status: int, body: object, **headers: str) -> SourceError:
    client = openai.OpenAI(api_key=KEY, max_retries=0, http_client=answering(status, body, headers))
    with pytest.raises(SourceError) as caught, openai_errors():
        client.responses.create(model="gpt-x", input="?")
    return caught.value


def answering(status: int, body: object, headers: dict[str, str]) -> httpx2.Client:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.Client(transport=httpx2.MockTransport(lambda _: httpx2.Response(status, content=content, headers=named)))


@pytest.mark.parametrize(
    ("status", "body", "headers", "kind", "reason", "account_wide"),
    [
        (400, anthropic_body("invalid_request_error"), {}, Refused, "invalid_request", False),
        (400, anthropic_body("invalid_request_error", "prompt is too long: 3 tokens > 2 maximum"), {}, Refused, "prompt_too_long", False),
        (
            400,
            anthropic_body("invalid_request_error", "You have reached your specified API usage limits."),
            {},
            Refused,
            "spend_limit",
            True,
        ),
        (
            400,
            anthropic_body("invalid_request_error", "Your credit balance is too low to access the API."),
            {},
            Refused,
            "spend_limit",
            True,
        ),
        (401, anthropic_body("authentication_error"), {}, Refused, "unauthorized", True),
        (402, anthropic_body("billing_error"), {}, Refused, "spend_limit", True),
        (403, anthropic_body("permission_error"), {}, Refused, "forbidden", True),
        (404, anthropic_body("not_found_error"), {}, NotFound, "not_found", False),
        (409, anthropic_body("conflict_error"), {}, TryAgain, "conflict", False),
        (413, anthropic_body("request_too_large"), {}, Refused, "prompt_too_long", False),
        (413, b"<html>413</html>", {}, Refused, "prompt_too_long", False),
        (429, anthropic_body("rate_limit_error"), {"retry_after": "7"}, TryAgain, "rate_limited", False),
        (429, anthropic_body("rate_limit_error"), {"retry_after": "soon"}, TryAgain, "rate_limited", False),
        (429, anthropic_body("rate_limit_error"), {}, Refused, "spend_limit", True),
        (500, anthropic_body("api_error"), {}, TryAgain, "http_500", False),
        (504, anthropic_body("timeout_error"), {}, TryAgain, "http_504", False),
        (529, anthropic_body("overloaded_error"), {}, TryAgain, "overloaded", False),
        (529, b"", {}, TryAgain, "overloaded", False),
        (418, {"error": {"type": "teapot_error"}}, {}, Refused, "http_418", False),
        (302, b"", {}, BadAnswer, "http_302", False),
    ],
)
def test_each_error_of_anthropics_says_what_to_do(status, body, headers, kind, reason, account_wide):
    error = raised_by_anthropic(status, body, **headers)
    assert (type(error), error.reason, error.source) == (kind, reason, "anthropic")
    assert getattr(error, "account_wide", False) is account_wide


@pytest.mark.parametrize(
    ("status", "body", "headers", "kind", "reason", "account_wide"),
    [
        (400, openai_body("decimal_below_min_value"), {}, Refused, "invalid_request", False),
        (400, openai_body("context_length_exceeded"), {}, Refused, "prompt_too_long", False),
        (400, openai_body(None, "Cannot find file file-abc123, or project p does not have access."), {}, TryAgain, "not_yet", False),
        (400, openai_body("billing_hard_limit_reached"), {}, Refused, "spend_limit", True),
        (401, openai_body("invalid_api_key"), {}, Refused, "unauthorized", True),
        (403, openai_body("unsupported_country_region_territory"), {}, Refused, "forbidden", True),
        (404, openai_body(None), {}, NotFound, "not_found", False),
        (409, openai_body(None), {}, TryAgain, "conflict", False),
        (413, openai_body(None), {}, Refused, "prompt_too_long", False),
        (429, openai_body("rate_limit_exceeded", kind="tokens"), {}, TryAgain, "rate_limited", False),
        (429, openai_body("insufficient_quota", kind="insufficient_quota"), {"retry_after": "7"}, Refused, "spend_limit", True),
        (500, openai_body(None, kind="server_error"), {}, TryAgain, "http_500", False),
        (503, openai_body(None, kind="server_error"), {}, TryAgain, "overloaded", False),
        (502, b"<html>bad gateway</html>", {}, TryAgain, "http_502", False),
    ],
)
def test_each_error_of_openais_says_what_to_do(status, body, headers, kind, reason, account_wide):
    error = raised_by_openai(status, body, **headers)
    assert (type(error), error.reason, error.source) == (kind, reason, "openai")
    assert getattr(error, "account_wide", False) is account_wide


def test_it_reads_how_long_to_wait():
    assert raised_by_anthropic(429, anthropic_body("rate_limit_error"), retry_after="7").retry_after == 7
    assert raised_by_anthropic(529, anthropic_body("overloaded_error"), retry_after="9").retry_after == 9
    limited = openai_body("rate_limit_exceeded")
    assert raised_by_openai(429, limited, retry_after_ms="900", retry_after="1").retry_after == 0.9
    assert raised_by_openai(429, limited, retry_after_ms="soon", retry_after="2").retry_after == 2
    assert raised_by_openai(429, limited, retry_after_ms="9" * 300).retry_after == 3600


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"<html>", b"[" * 100_000, b'{"error": "words"}', b'{"error": {"message": {}, "type": 7}}']
)
@pytest.mark.parametrize("explain", [explain_anthropic, explain_openai])
@pytest.mark.parametrize("status", [400, 402, 404, 409, 429, 500, 529])
def test_a_body_of_an_unknown_shape_is_read_by_its_status(explain, body, status):
    answer = Answer(status, {}, body, 0.0)
    assert isinstance(explain(answer) or error_of(answer), SourceError)


@pytest.mark.parametrize("raise_one", [raised_by_anthropic, raised_by_openai])
@pytest.mark.parametrize("status", [400, 401, 402, 403, 409, 413, 429, 500, 529])
def test_no_error_tells_a_key(raise_one, status):
    body = {"error": {"type": "x", "code": "y", "message": f"Incorrect API key provided: {KEY}, {KEY[:9]}****abcd."}}
    error = raise_one(status, body)
    assert "canary" not in error.detail and "abcd" not in error.detail
    assert KEY not in "".join(traceback.format_exception(error))


def test_the_request_can_be_named_to_the_vendor():
    assert "(req_1)" in raised_by_anthropic(400, anthropic_body("invalid_request_error")).detail
    assert "(req_2)" in raised_by_openai(400, openai_body(None), x_request_id="req_2").detail


@pytest.mark.parametrize(
    ("kind", "error", "reason"),
    [
        ("invalid_request_error", Refused, "invalid_request"),
        ("api_error", TryAgain, "http_500"),
        ("overloaded_error", TryAgain, "overloaded"),
        ("rate_limit_error", TryAgain, "rate_limited"),
        ("billing_error", Refused, "spend_limit"),
        ("not_found_error", NotFound, "not_found"),
        ("an_error_of_next_year", TryAgain, "http_500"),
    ],
)
def test_what_ended_one_request_of_an_anthropic_batch_is_known_by_its_type(kind, error, reason):
    read = anthropic_item_error({"type": kind, "message": "words"})
    assert (type(read), read.reason) == (error, reason)


def test_what_ended_one_request_of_an_openai_batch_is_known_by_its_status():
    assert openai_item_error(429, openai_body("insufficient_quota")).reason == "spend_limit"
    assert type(openai_item_error(500, {})) is TryAgain
    assert type(openai_item_error(200, {})) is BadAnswer


@pytest.mark.parametrize("read", [anthropic_error, openai_error])
def test_broken_json_and_what_has_no_answer_are_bad_answers(read):
    assert type(read(json.JSONDecodeError("x", "y", 0))) is BadAnswer
    assert type(read(RuntimeError())) is BadAnswer


def test_a_connection_that_fails_without_a_door_may_be_tried_again():
    def fail(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused", request=request)

    http_client = httpx2.Client(transport=httpx2.MockTransport(fail))
    with pytest.raises(TryAgain), anthropic_errors():
        anthropic.Anthropic(api_key=KEY, max_retries=0, http_client=http_client).models.list()
    with pytest.raises(TryAgain), openai_errors():
        openai.OpenAI(api_key=KEY, max_retries=0, http_client=http_client).models.list()


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "kind", "reason"),
    [
        ("rubyllm_error_400_prompt_too_long.json", Refused, "prompt_too_long"),
        ("rubyllm_error_401.json", Refused, "unauthorized"),
        ("pydanticai_test_anthropic_count_tokens_error.json", NotFound, "not_found"),
    ],
)
def test_recorded_errors_of_anthropics_are_read(name, kind, reason):
    error = raised_by_anthropic(*recorded("anthropic", name))
    assert (type(error), error.reason) == (kind, reason)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "kind", "reason"),
    [
        ("rubyllm_responses_error_400_context_length.json", Refused, "prompt_too_long"),
        ("rubyllm_responses_error_401.json", Refused, "unauthorized"),
        ("pydanticai_test_openai_responses_model_http_error.json", Refused, "invalid_request"),
    ],
)
def test_recorded_errors_of_openais_are_read(name, kind, reason):
    error = raised_by_openai(*recorded("openai", name))
    assert (type(error), error.reason) == (kind, reason)


@pytest.mark.shared
def test_constructed_errors_of_both_are_read():
    found = {}
    for vendor, explain in (("anthropic", explain_anthropic), ("openai", explain_openai)):
        for path in sorted(shared_path("contracts", "fixtures", vendor, "constructed").glob("error_[45]*.json")):
            answer = Answer(int(path.name.split("_")[1]), {"retry-after": "1"}, path.read_bytes(), 0.0)
            error = explain(answer) or error_of(answer)
            found[f"{vendor} {path.stem}"] = f"{type(error).__name__} {error.reason}"
    assert found == {
        "anthropic error_400_invalid_request_error": "Refused invalid_request",
        "anthropic error_401_authentication_error": "Refused unauthorized",
        "anthropic error_402_billing_error": "Refused spend_limit",
        "anthropic error_403_permission_error": "Refused forbidden",
        "anthropic error_404_not_found_error": "NotFound not_found",
        "anthropic error_409_conflict_error": "TryAgain conflict",
        "anthropic error_413_request_too_large": "Refused prompt_too_long",
        "anthropic error_429_rate_limit_error": "TryAgain rate_limited",
        "anthropic error_500_api_error": "TryAgain http_500",
        "anthropic error_504_timeout_error": "TryAgain http_504",
        "anthropic error_529_overloaded_error": "TryAgain overloaded",
        "openai error_400_file_not_visible_yet": "TryAgain not_yet",
        "openai error_401_invalid_api_key": "Refused unauthorized",
        "openai error_404_response_not_found": "NotFound not_found",
        "openai error_429_insufficient_quota": "Refused spend_limit",
        "openai error_429_rate_limit": "TryAgain rate_limited",
        "openai error_500_server_error": "TryAgain http_500",
        "openai error_503_overloaded": "TryAgain overloaded",
    }


def recorded(vendor: str, name: str) -> tuple[int, object]:
    said = json.loads(shared_path("contracts", "fixtures", vendor, name).read_text())[0]["response"]
    return said["status"], said["body"]
