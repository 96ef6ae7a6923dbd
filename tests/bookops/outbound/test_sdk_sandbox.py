"""Both SDKs through the door against the sandbox, which is as strict on requests as the vendors are."""

from __future__ import annotations

import io
import json
import time

import pytest

from bookops.outbound.errors import NotFound, Refused
from bookops.outbound.http import CallRecord, Door
from bookops.outbound.sdk import anthropic_client, openai_client
from bookops.outbound.sdk_errors import anthropic_errors, anthropic_item_error, openai_errors
from bookops.outbound.sdk_usage import anthropic_usage
from bookops.outbound.wire import Bounds

BOUNDS = Bounds(connect=2, read=20, total=20, max_bytes=5_000_000)
MODEL = "claude-sonnet-5-5"


def test_a_batch_is_made_polled_and_its_results_streamed(sandbox):
    sandbox.settings(sources={"anthropic": {"batch_seconds": 0.2, "item_error_rate": 0.3, "item_error": "overloaded_error"}})
    records: list[CallRecord] = []
    door = Door("anthropic", f"{sandbox.url}/anthropic", user_agent="x", bounds=BOUNDS, on_call=records.append)
    client = anthropic_client(door, "sk-test")
    asked = {"model": MODEL, "max_tokens": 50, "messages": [{"role": "user", "content": "Title: Dune"}]}
    with anthropic_errors():
        batch = client.messages.batches.create(requests=[{"custom_id": f"item-{number}", "params": asked} for number in range(40)])
        give_up = time.monotonic() + 20
        while batch.processing_status != "ended" and time.monotonic() < give_up:
            time.sleep(0.1)
            batch = client.messages.batches.retrieve(batch.id)
        results = {one.custom_id: one.result for one in client.messages.batches.results(batch.id)}

    assert set(results) == {f"item-{number}" for number in range(40)}
    failed = [one for one in results.values() if one.type == "errored"]
    assert {anthropic_item_error(one.error.error.to_dict()).reason for one in failed} == {"overloaded"}
    done = [one for one in results.values() if one.type == "succeeded"]
    assert all(anthropic_usage(one.message.usage).input_tokens > 0 for one in done)
    assert len(failed) + len(done) == 40
    assert records[0].path == "/anthropic/v1/messages/batches" and not any(record.error for record in records)


def test_a_file_goes_up_and_comes_down_in_pieces(sandbox):
    door = Door("openai", f"{sandbox.url}/openai/v1", user_agent="x", bounds=BOUNDS)
    client = openai_client(door, "sk-test")
    body = {"model": "gpt-6-luna", "input": "Title: Dune"}
    lines = b"".join(
        json.dumps({"custom_id": f"item-{number}", "method": "POST", "url": "/v1/responses", "body": body}).encode() + b"\n"
        for number in range(5_000)
    )
    with openai_errors():
        made = client.files.create(file=("x.jsonl", io.BytesIO(lines), "application/jsonl"), purpose="batch")
        with client.files.with_streaming_response.content(made.id) as content:
            pieces = list(content.iter_bytes())
    assert made.bytes == len(lines)
    assert b"".join(pieces) == lines
    assert len(pieces) > 1


def test_what_the_vendors_refuse_is_refused(sandbox):
    claude = anthropic_client(Door("anthropic", f"{sandbox.url}/anthropic", user_agent="x", bounds=BOUNDS), "sk-test")
    gpt = openai_client(Door("openai", f"{sandbox.url}/openai/v1", user_agent="x", bounds=BOUNDS), "sk-test")
    with pytest.raises(Refused) as caught, anthropic_errors():
        claude.messages.create(model=MODEL, max_tokens=0, messages=[])
    assert caught.value.reason == "invalid_request"
    with pytest.raises(NotFound), anthropic_errors():
        claude.messages.batches.retrieve("msgbatch_01nope")
    with pytest.raises(NotFound), openai_errors():
        gpt.responses.retrieve("resp_nope")
