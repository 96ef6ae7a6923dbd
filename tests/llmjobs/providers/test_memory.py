"""Batches of any size go up and come down in pieces."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from llmjobs.providers import BatchSeen, Verdict
from llmjobs.providers.anthropic_batch import AnthropicBatches
from llmjobs.providers.openai_batch import OpenAIBatches
from tests.bookops.outbound.rude_server import answer, ok
from tests.llmjobs.providers.asking import INTENT, asks, questions, written

MEGABYTE = 1 << 20
COUNT = 6_000
LONG = "x" * 4_000


@contextmanager
def no_more_than(size: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < size
    finally:
        tracemalloc.stop()


def test_results_of_anthropic_are_never_all_in_memory(server):
    said = {"type": "succeeded", "message": {"content": [{"type": "text", "text": LONG}], "stop_reason": "end_turn"}}
    body = b"".join(json.dumps({"custom_id": f"a-{number}", "result": said}).encode() + b"\n" for number in range(COUNT))
    assert len(body) > 20 * MEGABYTE
    batch = {"id": "msgbatch_1", "processing_status": "ended", "results_url": f"{server.url}/results"}
    server.replies = {"/v1/messages/batches/msgbatch_1": ok(batch), "/results": answer(200, body)}
    provider = asks(AnthropicBatches, server.url)
    seen = provider.look("msgbatch_1")
    next(provider.results(seen))  # what the SDK loads on first use is not counted
    with no_more_than(3 * MEGABYTE):
        assert sum(1 for _ in provider.results(seen)) == COUNT


def test_results_of_openai_are_never_all_in_memory(server):
    said = {"id": "resp_1", "status": "completed", "output": [{"type": "message", "content": [{"type": "output_text", "text": LONG}]}]}
    lines = ({"custom_id": f"a-{number}", "response": {"status_code": 200, "body": said}} for number in range(COUNT))
    body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    server.default = answer(200, body)
    provider = asks(OpenAIBatches, server.url)
    seen = BatchSeen("batch_1", Verdict.ANSWERED, "completed", output_file_id="file-1")
    next(provider.results(seen))
    with no_more_than(3 * MEGABYTE):
        assert sum(1 for _ in provider.results(seen)) == COUNT


@pytest.mark.parametrize(("way", "url"), [(OpenAIBatches, "openai_url"), (AnthropicBatches, "anthropic_url")])
def test_questions_go_up_in_pieces(sandbox, tmp_path, way, url):
    provider = asks(way, getattr(sandbox, url))
    small = written(provider, questions(provider.provider, 1), tmp_path)
    provider.create(small, provider.upload(small), intent=INTENT, job_id="7")
    large = written(provider, questions(provider.provider, COUNT, system=LONG), tmp_path)
    assert large.stat().st_size > 20 * MEGABYTE
    with no_more_than(4 * MEGABYTE):
        seen = provider.create(large, provider.upload(large), intent=INTENT, job_id="7")
    sandbox.settings(clock={"advance": 1})
    assert provider.look(seen.provider_id).verdict is Verdict.OPEN
