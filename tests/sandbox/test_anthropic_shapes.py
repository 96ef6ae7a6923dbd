"""The answers of the sandbox's Anthropic beside recorded ones: the same keys of the same types, no other."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import pytest
import requests

from sandbox.anthropic_errors import STATUSES
from sandbox.running import RunningSandbox
from tests.sandbox.anthropic_client import FLAG, asked, client, image, image_block
from tests.sandbox.test_shapes import kinds, recorded
from tests.shared_data import shared_path

pytestmark = pytest.mark.shared
HEADERS = {"x-api-key": "a-key", "anthropic-version": "2026-10-21"}
#: What is null in one answer and a text, a number or an object in another.
NULLABLE = {".stop_details", ".stop_sequence", ".ended_at", ".archived_at", ".cancel_initiated_at", ".results_url"}


def post(sandbox: RunningSandbox, path: str, body: Any) -> requests.Response:
    return requests.post(f"{sandbox.url}/anthropic/v1{path}", json=body, headers=HEADERS, timeout=10)


def shape(content: Any) -> dict[str, type]:
    return {path: kind for path, kind in kinds(content).items() if path not in NULLABLE}


def exchanges(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = recorded("anthropic", name)
    return found


@pytest.mark.parametrize(
    ("fixture", "body"),
    [
        ("rubyllm_structured_output.json", asked(schema=FLAG)),
        (
            "rubyllm_vision_base64.json",
            asked(messages=[{"role": "user", "content": [image_block(image()), {"type": "text", "text": "What is it?"}]}]),
        ),
    ],
)
def test_messages_have_the_recorded_shape(sandbox: RunningSandbox, fixture: str, body: dict[str, Any]) -> None:
    example = exchanges(fixture)[-1]["response"]
    answer = post(sandbox, "/messages", body)
    assert shape(answer.json()) == shape(example["body"])
    limits = {name for name in example["headers"] if name.startswith(("anthropic-ratelimit", "request-id", "anthropic-workspace"))}
    assert limits <= {name.lower() for name in answer.headers}


def test_images_cost_what_they_cost_when_recorded(sandbox: RunningSandbox) -> None:
    exchange = exchanges("rubyllm_vision_base64.json")[-1]
    usage = exchange["response"]["body"]["usage"]
    messages = [
        {
            "role": "user",
            "content": [image_block(image(128, 128, "PNG"), "image/png"), {"type": "text", "text": "What do you see in this image?"}],
        }
    ]
    counted = client(sandbox).messages.count_tokens(model="claude-haiku-4-5", messages=messages).input_tokens
    assert abs(counted - usage["input_tokens"]) <= 5


def test_batches_have_the_recorded_shape(sandbox: RunningSandbox) -> None:
    created, *_, last = exchanges("rubyllm_batch_create_poll_results.json")
    batch = post(sandbox, "/messages/batches", {"requests": [{"custom_id": "0", "params": asked()}]}).json()
    assert batch.keys() == created["response"]["body"].keys()
    assert shape(batch) == shape(created["response"]["body"])
    canceled = post(sandbox, f"/messages/batches/{batch['id']}/cancel", {}).json()
    assert shape(canceled) == shape(exchanges("rubyllm_batch_cancel.json")[-1]["response"]["body"])
    ended = recorded("anthropic", "constructed", "batch_ended_mixed.json")
    sandbox.settings(clock={"advance": 30})
    shown = requests.get(f"{sandbox.url}/anthropic/v1/messages/batches/{batch['id']}", headers=HEADERS, timeout=10).json()
    assert shape(shown) == shape(ended)
    assert last["response"]["status"] == 200


def test_results_have_the_recorded_shape(sandbox: RunningSandbox) -> None:
    lines = shared_path("contracts", "fixtures", "anthropic", "rubyllm_batch_results_RECORDED.jsonl").read_text().splitlines()
    mixed = shared_path("contracts", "fixtures", "anthropic", "constructed", "batch_results_mixed.jsonl").read_text().splitlines()
    errored = next(json.loads(line) for line in mixed if '"errored"' in line)
    sent = [("fine", {}), ("wrong", {"temperature": 1}), ("late", {"messages": [{"role": "user", "content": "sandbox:expired"}]})]
    batch = post(sandbox, "/messages/batches", {"requests": [{"custom_id": name, "params": asked(**more)} for name, more in sent]}).json()
    sandbox.settings(clock={"advance": 30})
    answer = requests.get(f"{sandbox.url}/anthropic/v1/messages/batches/{batch['id']}/results", headers=HEADERS, timeout=10)
    assert answer.headers["content-type"] == "application/x-jsonl"
    results = {line["custom_id"]: line for line in map(json.loads, answer.text.splitlines())}
    nullable = {".result.message.stop_details", ".result.message.stop_sequence"}
    for name, example in (("fine", json.loads(lines[0])), ("wrong", errored)):
        said, known = kinds(results[name]), kinds(example)
        assert {path: kind for path, kind in said.items() if path not in nullable} == {
            path: kind for path, kind in known.items() if path not in nullable
        }
    assert results["late"] == {"custom_id": "late", "result": {"type": "expired"}}


@pytest.mark.parametrize(("kind", "status"), STATUSES.items())
def test_errors_have_the_documented_shape(sandbox: RunningSandbox, kind: str, status: int) -> None:
    answer = post(sandbox, "/messages", asked(f"sandbox:{kind}"))
    assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind)
    assert kinds(answer.json()) == kinds(recorded("anthropic", "constructed", f"error_{status}_{kind}.json"))


def test_recorded_bodies_are_read_by_the_sdk_as_ours_are(sandbox: RunningSandbox) -> None:
    ours = client(sandbox).messages.create(**asked())
    theirs = anthropic.types.Message.model_validate(exchanges("rubyllm_structured_output.json")[-1]["response"]["body"])
    assert set(ours.to_dict()) == set(theirs.to_dict())
