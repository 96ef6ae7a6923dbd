"""What the sandbox's providers have taken and will charge for, as they tell it themselves."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import requests

from sandbox.running import RunningSandbox

#: Of a page, the most that a provider lists.
PAGE = 100


@dataclass
class Taken:
    """Hold what providers have of our items."""

    #: Item -> the ids of all responses and batches that hold it.
    by_item: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    #: Item -> tokens of its answers, of all of them together.
    tokens: Counter[int] = field(default_factory=Counter)
    #: Intent -> the response or batch that was created under it.
    by_intent: dict[str, str] = field(default_factory=dict)

    def twice(self) -> list[str]:
        """Return the items that were sent more than once."""
        return [f"item {pk}: {', '.join(ids)}" for pk, ids in self.by_item.items() if len(ids) > 1]


def look(sandbox: RunningSandbox) -> Taken:
    """Ask the providers for all they have; calls must have been kept, and OpenAI's webhooks sent somewhere."""
    taken = Taken()
    calls = sandbox.log(calls=True)["each_call"]
    for response in _responses(sandbox):
        metadata = response.get("metadata") or {}
        if "job_item_id" in metadata:
            item_id = int(metadata["job_item_id"])
            taken.by_item[item_id].append(response["id"])
            taken.by_intent[metadata["intent"]] = response["id"]
            taken.tokens[item_id] += _tokens(response.get("usage"))
    for batch in _openai_batches(sandbox):
        lines = _lines(sandbox, f"/openai/v1/files/{batch['input_file_id']}/content")
        _take_batch(taken, batch["id"], [line["custom_id"] for line in lines])
        if batch.get("output_file_id"):
            for line in _lines(sandbox, f"/openai/v1/files/{batch['output_file_id']}/content"):
                taken.tokens[_item(line["custom_id"])] += _tokens(line["response"]["body"].get("usage"))
    for call in calls:
        if call["source"] == "anthropic" and len(call["keys"]) > 1 and call["keys"][0].startswith("msgbatch"):
            batch_id, *names = call["keys"]
            _take_batch(taken, batch_id, names)
            for line in _lines(sandbox, f"/anthropic/v1/messages/batches/{batch_id}/results"):
                if line["result"]["type"] == "succeeded":
                    taken.tokens[_item(line["custom_id"])] += _tokens(line["result"]["message"]["usage"])
    return taken


def _take_batch(taken: Taken, batch_id: str, custom_ids: list[str]) -> None:
    for name in custom_ids:
        taken.by_item[_item(name)].append(batch_id)
        taken.by_intent[name.rpartition("-")[0]] = batch_id


def _item(custom_id: str) -> int:
    return int(custom_id.rpartition("-")[2])


def _tokens(usage: dict[str, Any] | None) -> int:
    return int(usage["input_tokens"]) + int(usage["output_tokens"]) if usage else 0


def _responses(sandbox: RunningSandbox) -> Iterator[dict[str, Any]]:
    """Yield the responses that have ended: each was announced, whether or not anybody was there to hear."""
    about = {event["about"]: None for event in json.loads(_read(sandbox, "/openai/_webhooks"))["events"]}
    for response_id in about:
        if response_id.startswith("resp"):
            yield json.loads(_read(sandbox, f"/openai/v1/responses/{response_id}"))


def _openai_batches(sandbox: RunningSandbox) -> Iterator[dict[str, Any]]:
    after = ""
    while True:
        page = json.loads(_read(sandbox, f"/openai/v1/batches?limit={PAGE}{after}"))
        yield from page["data"]
        if not page["has_more"]:
            return
        after = f"&after={page['data'][-1]['id']}"


def _lines(sandbox: RunningSandbox, path: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in _read(sandbox, path).splitlines() if line]


def _read(sandbox: RunningSandbox, path: str) -> bytes:
    headers = {"Authorization": "Bearer chaos", "x-api-key": "chaos", "anthropic-version": "2023-06-01"}
    answer = requests.get(f"{sandbox.url}{path}", headers=headers, timeout=60)
    answer.raise_for_status()
    return answer.content
