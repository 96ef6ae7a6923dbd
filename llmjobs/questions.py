"""What is asked: the questions of a job as its provider gets them, and the names they go by there."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bookops.purposes import Purpose, purpose_named
from llmjobs.models import LLMJob, LLMJobItem, ProviderBatch
from llmjobs.providers import Question

#: The seed's rule of thumb; bytes and not letters, as a Chinese letter is about a token of its own.
BYTES_A_TOKEN = 4


@dataclass(frozen=True)
class Asking:
    """Hold what all questions of one job have in common."""

    job: LLMJob
    purpose: Purpose
    schema: Mapping[str, Any]

    @classmethod
    def of(cls, job: LLMJob) -> Asking:
        """Read it off the job."""
        purpose = purpose_named(job.purpose)
        return cls(job, purpose, purpose.schema())

    def alone(self, item: LLMJobItem) -> Question:
        """Return the question of an item that is sent by itself; its intent tells it apart from earlier sendings."""
        metadata = {"job_id": str(item.job_id), "job_item_id": str(item.pk), "intent": str(item.intent)}
        return self._question(item, str(item.intent), metadata)

    def in_batch(self, item: LLMJobItem, batch: ProviderBatch) -> Question:
        """Return the question of an item as a line of a batch."""
        return self._question(item, custom_id_of(batch, item.pk), {})

    def digest(self, provider: str, model: str, effort: str, prompt: str) -> str:
        """Return the SHA-256 of all that decides the answer; how, when and at what price it is asked do not."""
        digest = self._told.copy()
        digest.update("\x1f".join([provider, model, effort, prompt]).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def tokens(self, prompt: str) -> int:
        """Return about how many tokens the question has, with what it shares with all others."""
        return math.ceil((self._shared_bytes + _bytes(prompt)) / BYTES_A_TOKEN)

    @cached_property
    def _told(self) -> Any:
        return hashlib.sha256(json.dumps([self.job.purpose, self.job.system, self.schema], sort_keys=True).encode())

    @cached_property
    def _shared_bytes(self) -> int:
        return _bytes(self.job.system) + _bytes(json.dumps(self.schema))

    def _question(self, item: LLMJobItem, custom_id: str, metadata: Mapping[str, str]) -> Question:
        return Question(
            custom_id=custom_id,
            model=item.model,
            system=self.job.system,
            prompt=item.prompt,
            schema=self.schema,
            schema_name=self.job.purpose,
            most_output_tokens=item.most_output_tokens,
            effort=item.effort,
            tier=item.tier,
            metadata=metadata,
        )


def custom_id_of(batch: ProviderBatch, item_id: int) -> str:
    """Return the name of an item's line; at most 64 characters, as Anthropic asks."""
    return f"{batch.intent}-{item_id}"


def item_id_of(custom_id: str, batch: ProviderBatch) -> int | None:
    """Return whose answer a line of results is; None for a line that is not of this batch."""
    intent, _, item_id = custom_id.rpartition("-")
    return int(item_id) if intent == str(batch.intent) and item_id.isascii() and item_id.isdigit() else None


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
