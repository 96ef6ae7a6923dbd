"""The sandbox's OpenAI beside recorded answers: no key that the real one does not send, none missing, and the same words in refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from tests.sandbox.asking_openai import MODEL, as_jsonl, body, client_of, completed, ended, lines, passed, results, submitted, with_options
from tests.shared_data import shared_path

pytestmark = pytest.mark.shared

#: What only models since 2026 have, or only the answers of these; a client must do without.
SOMETIMES = {"billing", "moderation", "tool_usage"}


def recorded(*parts: str) -> Any:
    return json.loads(shared_path("contracts", "fixtures", "openai", *parts).read_text(encoding="utf-8"))


def exchanged(name: str, number: int) -> Any:
    return recorded(name)[number]["response"]["body"]


def keys(content: Any) -> set[str]:
    """Return the paths of all keys, list places left out."""
    if isinstance(content, dict):
        return {path for name, value in content.items() for path in {name, *(f"{name}.{inner}" for inner in keys(value))}}
    return {path for value in content for path in keys(value)} if isinstance(content, list) else set()


def assert_fits(answer: dict[str, Any], *examples: dict[str, Any]) -> None:
    assert set(examples[0]) - SOMETIMES <= set(answer)
    known = {path for example in examples for path in keys(example)}
    assert not {path for path in keys(answer) if path not in known and "text.format." not in path}


def test_background_responses_have_the_recorded_shape(sandbox) -> None:
    client = client_of(sandbox)
    queued = client.responses.create(model=MODEL, input="What is 2 + 2?", background=True)
    done = ended(sandbox, client, queued)
    plain, structured = "pydanticai_test_background_mode_vcr.json", exchanged("rubyllm_responses_structured_output.json", 0)
    assert_fits(queued.to_dict(), exchanged(plain, 0), structured)
    assert_fits(done.to_dict(), exchanged(plain, 2), structured)


@pytest.mark.parametrize(
    ("options", "example"),
    [
        ({"failure_rate": 1.0}, "response_failed.json"),
        ({"incomplete_rate": 1.0}, "response_incomplete.json"),
        ({"refusal_rate": 1.0}, "response_completed_refusal.json"),
    ],
)
def test_unhappy_responses_have_the_known_shape(sandbox, options: dict, example: str) -> None:
    client = with_options(sandbox, **options)
    answer = ended(sandbox, client, client.responses.create(model=MODEL, input="x", background=True))
    assert answer.status == recorded("constructed", example)["status"]
    assert_fits(answer.to_dict(), recorded("constructed", example), exchanged("rubyllm_responses_structured_output.json", 0))


def test_files_and_batches_have_the_recorded_shape(sandbox) -> None:
    client = client_of(sandbox)
    life = "rubyllm_batch_create_poll_results.json"
    file = client.files.create(file=("a.jsonl", as_jsonl(lines(["x"])), "application/jsonl"), purpose="batch")
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/responses", completion_window="24h")
    assert_fits(file.to_dict(), exchanged(life, 0))
    assert_fits(batch.to_dict(), exchanged(life, 1))
    passed(sandbox, 20)
    assert_fits(client.batches.retrieve(batch.id).to_dict(), exchanged(life, 7))
    assert_fits(completed(sandbox, client, batch).to_dict(), exchanged(life, -2))
    listed = requests.get(f"{sandbox.url}/openai/v1/batches", headers={"Authorization": "Bearer x"}, timeout=10).json()
    assert set(listed) == set(exchanged("rubyopenai_batches_list.json", 0))


def test_output_lines_have_the_recorded_shape(sandbox) -> None:
    client = client_of(sandbox)
    [line] = results(client, completed(sandbox, client, submitted(client, lines(["x"]))).output_file_id)
    example = shared_path("contracts", "fixtures", "openai", "rubyllm_batch_output_RECORDED.jsonl").read_text(encoding="utf-8")
    assert_fits(line, *(json.loads(one) for one in example.splitlines()))


def test_failed_batches_have_the_known_shape(sandbox) -> None:
    client = with_options(sandbox, enqueued_tokens=1)
    late = completed(sandbox, client, submitted(client, lines(["x"])))
    example = recorded("constructed", "batch_failed_token_limit.json")
    assert_fits(late.to_dict(), example, exchanged("rubyllm_batch_create_poll_results.json", 1))
    wrong = completed(sandbox, client, submitted(client, b"{\n"))
    assert wrong.errors and wrong.errors.data
    assert wrong.errors.data[0].to_dict() == recorded("constructed", "batch_failed_validation.json")["errors"]["data"][0]


def test_expired_lines_are_the_known_ones(sandbox) -> None:
    client = with_options(sandbox, expire_rate=1.0)
    batch = submitted(client, lines(["x"]))
    passed(sandbox, 90_000)
    [line] = results(client, client.batches.retrieve(batch.id).error_file_id)
    example = shared_path("contracts", "fixtures", "openai", "constructed", "batch_error_file.jsonl").read_text(encoding="utf-8")
    expected = json.loads(example.splitlines()[0])
    assert (line["response"], line["error"]) == (expected["response"], expected["error"])


@pytest.mark.parametrize(
    ("trouble", "example"),
    [
        ("quota", "error_429_insufficient_quota.json"),
        ("server_error", "error_500_server_error.json"),
        ("overloaded", "error_503_overloaded.json"),
    ],
)
def test_refusals_are_the_known_ones(sandbox, trouble: str, example: str) -> None:
    sandbox.settings(sources={"openai": {"trouble": trouble}})
    answer = requests.post(f"{sandbox.url}/openai/v1/responses", json=body(), headers={"Authorization": "Bearer x"}, timeout=10)
    assert answer.json() == recorded("constructed", example)


def test_the_refusal_of_a_key_and_of_a_long_input_are_the_recorded_ones(sandbox) -> None:
    sandbox.settings(sources={"openai": {"keys": "right"}})
    address = f"{sandbox.url}/openai/v1/responses"
    wrong = requests.post(address, json=body(), headers={"Authorization": "Bearer invalid-key"}, timeout=10)
    assert (wrong.status_code, wrong.json()) == (401, exchanged("rubyllm_responses_error_401.json", 0))
    long = requests.post(address, json=body("x" * 1_600_100), headers={"Authorization": "Bearer right"}, timeout=10)
    assert (long.status_code, long.json()) == (400, exchanged("rubyllm_responses_error_400_context_length.json", 0))
    unknown = requests.get(f"{address}/resp_test", headers={"Authorization": "Bearer right"}, timeout=10)
    assert (unknown.status_code, unknown.json()) == (404, recorded("constructed", "error_404_response_not_found.json"))


def test_deletions_are_the_recorded_ones(sandbox) -> None:
    client = client_of(sandbox)
    response = client.responses.create(**body())
    answer = requests.delete(f"{sandbox.url}/openai/v1/responses/{response.id}", headers={"Authorization": "Bearer x"}, timeout=10)
    assert answer.json() == exchanged("rubyopenai_responses_delete.json", 0) | {"id": response.id}
