"""Batches of Openai: many questions in one file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from bookops.outbound.http import Door
from bookops.outbound.sdk import openai_client
from llmjobs.providers import BatchSeen, Question, Result
from llmjobs.providers.registry import registered


@registered
class OpenAIBatches:
    """Ask Openai through its SDK on a door; raises one of the four errors, and nothing else."""

    provider = "openai"
    way = "batch"
    most_requests = 50_000
    most_bytes = 200_000_000

    def __init__(self, door: Door, key: str) -> None:
        self._client = openai_client(door, key)

    def line(self, question: Question) -> bytes:
        raise NotImplementedError

    def upload(self, path: Path) -> str:
        raise NotImplementedError

    def create(self, path: Path, file_id: str, *, intent: str, job_id: str) -> BatchSeen:
        raise NotImplementedError

    def find(self, intent: str, *, since: datetime, requests: int) -> Sequence[BatchSeen]:
        raise NotImplementedError

    def look(self, provider_id: str) -> BatchSeen:
        raise NotImplementedError

    def results(self, seen: BatchSeen) -> Iterator[Result]:
        raise NotImplementedError

    def cancel(self, provider_id: str) -> BatchSeen:
        raise NotImplementedError
