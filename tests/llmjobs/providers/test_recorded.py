"""What was recorded from the vendors, and what was built after their documentation, is read to the last line."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from bookops.outbound.errors import BadAnswer, SourceError
from llmjobs.providers import BatchSeen, Verdict
from llmjobs.providers.anthropic_batch import AnthropicBatches
from llmjobs.providers.openai_batch import OpenAIBatches
from llmjobs.providers.openai_responses import OpenAIResponses
from tests.bookops.outbound.rude_server import answer, ok
from tests.llmjobs.providers.asking import asks
from tests.shared_data import shared_path

pytestmark = pytest.mark.shared


def fixture(*parts: str) -> bytes:
    return shared_path("contracts", "fixtures", *parts).read_bytes()


def recorded(*parts: str) -> list[dict[str, Any]]:
    """Return the answers of a recording that have a body of JSON, each with its request's method and path."""
    calls = json.loads(fixture(*parts))
    return [
        {"method": call["request"]["method"], "path": call["request"]["url"].partition("/v1")[2], **call["response"]}
        for call in calls
        if isinstance(call["response"].get("body"), dict)
    ]


@pytest.mark.parametrize(
    ("name", "verdict", "reason"),
    [
        ("response_failed", Verdict.FAILED, "server_error"),
        ("response_failed_image", Verdict.FAILED, "invalid_image_url"),
        ("response_cancelled", Verdict.CANCELLED, "cancelled_there"),
        ("response_completed_refusal", Verdict.REFUSED, "model_refused"),
        ("response_incomplete", Verdict.CUT_SHORT, "max_output_tokens"),
    ],
)
def test_a_response_that_was_built_has_its_verdict(server, name, verdict, reason):
    server.default = answer(200, fixture("openai", "constructed", f"{name}.json"))
    result = asks(OpenAIResponses, server.url).look("resp_1")
    assert (result.verdict, result.reason) == (verdict, reason)


def test_a_background_life_that_was_recorded_is_read(server):
    provider = asks(OpenAIResponses, server.url)
    seen = []
    for told in recorded("openai", "pydanticai_test_background_mode_vcr.json"):
        server.default = ok(told["body"])
        seen.append(provider.look("resp_1"))
    assert [result.verdict for result in seen][-1] is Verdict.ANSWERED
    assert {result.verdict for result in seen[:-1]} == {Verdict.OPEN}
    assert {"queued", "completed"} <= {result.status for result in seen}
    assert "4" in seen[-1].text
    # It is of February 2026, and lacks the count of tokens written to a cache.
    assert (seen[-1].usage.cache_write_tokens, seen[-1].usage.output_tokens > 0) == (0, True)


@pytest.mark.parametrize(
    ("name", "verdict", "reason"),
    [
        ("batch_failed_token_limit", Verdict.FAILED, "token_limit_exceeded"),
        ("batch_failed_validation", Verdict.FAILED, "invalid_json_line"),
        ("batch_expired_partial", Verdict.ANSWERED, ""),
        ("batch_cancelled_partial", Verdict.ANSWERED, ""),
        ("batch_cancelling", Verdict.OPEN, ""),
        ("batch_completed_all_failed", Verdict.ANSWERED, ""),
    ],
)
def test_a_batch_of_openai_that_was_built_has_its_verdict(server, name, verdict, reason):
    server.default = answer(200, fixture("openai", "constructed", f"{name}.json"))
    seen = asks(OpenAIBatches, server.url).look("batch_1")
    assert (seen.verdict, seen.reason, seen.is_too_large) == (verdict, reason, reason == "token_limit_exceeded")


def test_a_batch_of_openai_that_was_recorded_is_followed_to_its_results(server):
    provider = asks(OpenAIBatches, server.url)
    seen: list[BatchSeen] = []
    for told in recorded("openai", "rubyllm_batch_create_poll_results.json"):
        if told["path"].startswith("/batches"):
            server.default = ok(told["body"])
            seen.append(provider.look("batch_1"))
    assert [one.verdict for one in seen][-1] is Verdict.ANSWERED
    assert {"validating", "in_progress", "completed"} <= {one.status for one in seen}
    server.default = answer(200, fixture("openai", "rubyllm_batch_output_RECORDED.jsonl"), "application/octet-stream")
    results = list(provider.results(seen[-1]))
    assert [result.custom_id for result in results] == ["0", "1"]
    assert {result.verdict for result in results} == {Verdict.ANSWERED}
    assert all(result.text and result.usage.output_tokens for result in results)


def test_the_error_file_that_was_built_is_read(server):
    server.default = answer(200, fixture("openai", "constructed", "batch_error_file.jsonl"), "application/octet-stream")
    seen = BatchSeen("batch_1", Verdict.ANSWERED, "expired", error_file_id="file-1")
    read = [(result.custom_id, result.verdict, result.may_resend) for result in asks(OpenAIBatches, server.url).results(seen)]
    assert read == [("book-2", Verdict.EXPIRED, True), ("book-3", Verdict.FAILED, False), ("book-4", Verdict.FAILED, True)]


def test_a_batch_of_anthropic_that_was_recorded_is_followed_to_its_results(server):
    provider = asks(AnthropicBatches, server.url)
    seen: list[BatchSeen] = []
    for told in recorded("anthropic", "rubyllm_batch_create_poll_results.json"):
        if told["path"].startswith("/messages/batches") and not told["path"].endswith("/results"):
            server.default = ok(told["body"])
            seen.append(provider.look("msgbatch_1"))
    assert [one.verdict for one in seen][-1] is Verdict.ANSWERED
    assert {"in_progress", "ended"} == {one.status for one in seen}
    assert seen[0].counts["processing"] == 2
    results = results_of_anthropic(server, fixture("anthropic", "rubyllm_batch_results_RECORDED.jsonl"))
    assert [(result.custom_id, result.text) for result in results] == [("0", "4"), ("1", "Jupiter")]


def test_the_results_of_anthropic_that_were_built_are_read(server):
    results = results_of_anthropic(server, fixture("anthropic", "constructed", "batch_results_mixed.jsonl"))
    assert [(result.custom_id, result.verdict, result.may_resend) for result in results] == [
        ("book-4", Verdict.ANSWERED, False),
        ("book-1", Verdict.FAILED, False),
        ("book-2", Verdict.CANCELLED, False),
        ("book-3", Verdict.EXPIRED, True),
        ("book-5", Verdict.CUT_SHORT, False),
        ("book-6", Verdict.REFUSED, False),
        ("book-7", Verdict.FAILED, True),
    ]


@pytest.mark.parametrize(("name", "verdict"), [("batch_ended_mixed", Verdict.ANSWERED), ("batch_archived_no_results_url", Verdict.LOST)])
def test_a_batch_of_anthropic_that_was_built_has_its_verdict(server, name, verdict):
    server.default = answer(200, fixture("anthropic", "constructed", f"{name}.json"))
    assert asks(AnthropicBatches, server.url).look("msgbatch_1").verdict is verdict


@pytest.mark.parametrize(
    ("vendor", "way", "reasons"),
    [
        (
            "openai",
            OpenAIBatches,
            {
                "error_400_file_not_visible_yet": "not_yet",
                "error_401_invalid_api_key": "unauthorized",
                "error_404_response_not_found": "lost_there",
                "error_429_insufficient_quota": "spend_limit",
                "error_429_rate_limit": "rate_limited",
                "error_500_server_error": "http_500",
                "error_503_overloaded": "overloaded",
            },
        ),
        (
            "anthropic",
            AnthropicBatches,
            {
                "error_400_invalid_request_error": "invalid_request",
                "error_401_authentication_error": "unauthorized",
                "error_402_billing_error": "spend_limit",
                "error_403_permission_error": "forbidden",
                "error_404_not_found_error": "lost_there",
                "error_409_conflict_error": "conflict",
                "error_413_request_too_large": "prompt_too_long",
                "error_429_rate_limit_error": "rate_limited",
                "error_500_api_error": "http_500",
                "error_504_timeout_error": "http_504",
                "error_529_overloaded_error": "overloaded",
            },
        ),
    ],
)
def test_every_error_that_was_built_has_its_reason(server, vendor, way, reasons):
    read = {}
    for path in shared_path("contracts", "fixtures", vendor, "constructed").glob("error_*.json"):
        status = int(path.name.split("_")[1])
        server.default = answer(status, path.read_bytes(), Retry_After="3")
        try:
            read[path.stem] = asks(way, server.url).look("a_batch").reason
        except SourceError as error:
            read[path.stem] = error.reason
    assert read == reasons


# Whatever else was recorded of either vendor.


def test_everything_that_was_recorded_of_openai_is_read(server, tmp_path):
    lines = tmp_path / "lines.jsonl"
    lines.write_bytes(b"{}\n")
    responses, batches = asks(OpenAIResponses, server.url), asks(OpenAIBatches, server.url)

    def read(call: Call) -> Any:
        match call.method, call.path.split("/"):
            case "POST" | "GET", ["", "responses", *_]:
                return responses.look("resp_1").verdict
            case "POST", ["", "batches", _, "cancel"]:
                return batches.cancel("batch_1").verdict
            case "GET", ["", "batches"]:
                return {seen.verdict for seen in batches.find("", since=EVER, requests=1)} - KNOWN
            case "POST" | "GET", ["", "batches", *_]:
                return batches.look("batch_1").verdict
            case "POST", ["", "files"]:
                return bool(batches.upload(lines))
            case "GET", ["", "files", _, "content"]:
                seen = BatchSeen("batch_1", Verdict.ANSWERED, "completed", output_file_id="file-1")
                return {result.verdict for result in batches.results(seen) if result.custom_id} - KNOWN
        return NOT_OURS

    said = read_all(server, "openai", read)
    assert {name for name, told in said if told is NOT_OURS} == {"rubyllm_responses_vision_remote.json", "rubyopenai_responses_delete.json"}
    assert Counter(told for _, told in said if isinstance(told, Verdict)) == {Verdict.ANSWERED: 12, Verdict.OPEN: 17, Verdict.FAILED: 1}
    assert {(name, told) for name, told in said if isinstance(told, str) and told not in KNOWN} == {
        ("pydanticai_test_openai_responses_model_http_error.json", "invalid_request"),
        ("rubyllm_responses_error_400_context_length.json", "prompt_too_long"),
        ("rubyllm_responses_error_401.json", "unauthorized"),
    }


def test_everything_that_was_recorded_of_anthropic_is_read(server):
    batches = asks(AnthropicBatches, server.url)

    def read(call: Call) -> Any:
        match call.method, call.path.split("/"):
            case "POST", ["", "messages", "batches", _, "cancel"]:
                return batches.cancel("msgbatch_1").verdict
            case "GET", ["", "messages", "batches", _, "results"]:
                return {result.verdict for result in results_of_anthropic(server, call.body)} - KNOWN
            case "POST" | "GET", ["", "messages", "batches", *_]:
                return batches.look("msgbatch_1").verdict
            case "POST", ["", "messages", *_] if call.status >= 400:
                return batches.look("msgbatch_1").verdict
            case "POST", ["", "messages"] if not call.body.startswith(b"event:"):  # nobody here streams
                line = b'{"custom_id":"0","result":{"type":"succeeded","message":' + call.body + b"}}"
                return results_of_anthropic(server, line)[0].verdict
        return NOT_OURS

    said = read_all(server, "anthropic", read)
    assert {name for name, told in said if told is NOT_OURS} == {
        *("pydanticai_test_image_url_input_force_download.json", "rubyllm_vision_remote.json", "sdk_parse_TestAsyncStream_a8b7dbb8.json")
    }
    unmapped = [name for name, told in said if told in (Verdict.UNMAPPED, {Verdict.UNMAPPED})]
    assert unmapped == []


#: Of a recorded call that we make of nobody: a download, a deletion, a stream.
NOT_OURS = object()
KNOWN = frozenset(Verdict) - {Verdict.UNMAPPED}
EVER = datetime(2020, 1, 1, tzinfo=UTC)


class Call(NamedTuple):
    """One recorded call: what was asked, and the answer."""

    method: str
    path: str
    status: int
    body: bytes


def read_all(server, vendor: str, read: Callable[[Call], Any]) -> list[tuple[str, Any]]:
    """Return what each recorded call of a vendor is read as, with its file; an error by its reason, and BadAnswer never."""
    said = []
    for path in sorted(shared_path("contracts", "fixtures", vendor).glob("*.json")):
        for recorded_call in json.loads(path.read_bytes()):
            asked, told = recorded_call["request"], recorded_call["response"]
            body = told["body"] if isinstance(told["body"], str) else json.dumps(told["body"] | {"has_more": False})
            host, _, rest = asked["url"].partition("/v1")
            status = told.get("status") or told["status_code"]
            call = Call(asked["method"], rest.partition("?")[0] if "api." in host else "", status, body.encode())
            server.replies, server.default = {}, answer(status, call.body)
            try:
                said.append((path.name, read(call)))
            except SourceError as error:
                assert not isinstance(error, BadAnswer), path.name
                said.append((path.name, error.reason))
    return said


def results_of_anthropic(server, lines: bytes):
    batch = {"id": "msgbatch_1", "processing_status": "ended", "results_url": f"{server.url}/results"}
    server.replies = {"/v1/messages/batches/msgbatch_1": ok(batch), "/results": answer(200, lines, "application/x-jsonl")}
    provider = asks(AnthropicBatches, server.url)
    return list(provider.results(provider.look("msgbatch_1")))
