"""What the tests of the sandbox's OpenAI ask it through the real SDK, and how they move its clock."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import openai
from openai.types import Batch
from openai.types.responses import Response

from sandbox.running import RunningSandbox

MODEL = "gpt-5-nano"
FLAG = {
    "type": "object",
    "properties": {"flagged": {"type": "boolean"}, "reason": {"type": "string"}, "confidence": {"type": "number"}},
    "required": ["flagged", "reason", "confidence"],
    "additionalProperties": False,
}


def client_of(sandbox: RunningSandbox, *, key: str = "sk-sandbox-0123456789abcd", retries: int = 0) -> openai.OpenAI:
    """Return a client that asks the sandbox, without retries unless told."""
    return openai.OpenAI(api_key=key, base_url=f"{sandbox.url}/openai/v1", max_retries=retries, timeout=20, webhook_secret="whsec_dGVzdA==")


def with_options(sandbox: RunningSandbox, **options: Any) -> openai.OpenAI:
    """Return a client of a sandbox whose OpenAI has these options."""
    sandbox.settings(sources={"openai": options})
    return client_of(sandbox)


def body(prompt: str = "Is this the record of the book? Title: Dune", **changes: Any) -> dict[str, Any]:
    """Return a request for a flag with some parts changed."""
    asked = {
        "model": MODEL,
        "input": prompt,
        "text": {"format": {"type": "json_schema", "name": "flag", "strict": True, "schema": FLAG}},
    }
    return asked | changes


def lines(texts: Sequence[str], **changes: Any) -> list[dict[str, Any]]:
    """Return the lines of a batch that asks about each text, the custom ids book-0, book-1 and so on."""
    return [
        {"custom_id": f"book-{number}", "method": "POST", "url": "/v1/responses", "body": body(text, **changes)}
        for number, text in enumerate(texts)
    ]


def as_jsonl(content: Sequence[Any]) -> bytes:
    """Return a file of one JSON value a line."""
    return b"".join(json.dumps(one).encode() + b"\n" for one in content)


def submitted(client: openai.OpenAI, content: Sequence[Any] | bytes, **changes: Any) -> Batch:
    """Upload lines and begin a batch over them."""
    data = content if isinstance(content, bytes) else as_jsonl(content)
    file = client.files.create(file=("requests.jsonl", data, "application/jsonl"), purpose="batch")
    asked = {"input_file_id": file.id, "endpoint": "/v1/responses", "completion_window": "24h"} | changes
    return client.batches.create(**asked)  # type: ignore[no-any-return]


def passed(sandbox: RunningSandbox, seconds: float) -> None:
    """Let seconds pass by the sandbox's clock."""
    sandbox.settings(clock={"advance": seconds})


def ended(sandbox: RunningSandbox, client: openai.OpenAI, asked: Response) -> Response:
    """Return a background response after a minute."""
    passed(sandbox, 60)
    return client.responses.retrieve(asked.id)


def completed(sandbox: RunningSandbox, client: openai.OpenAI, batch: Batch) -> Batch:
    """Return a batch after two minutes."""
    passed(sandbox, 120)
    return client.batches.retrieve(batch.id)


def results(client: openai.OpenAI, file_id: str | None) -> list[dict[str, Any]]:
    """Return the lines of a result file."""
    assert file_id
    return [json.loads(line) for line in client.files.content(file_id).iter_lines()]
