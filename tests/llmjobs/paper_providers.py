"""Providers that keep on paper (files of a folder) what they were sent, so that it outlives a process that crashes while it sends."""

from __future__ import annotations

import json
import os
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from django.utils import timezone

from bookops.outbound.errors import SourceError
from llmjobs.providers import BatchSeen, Question, Result, Verdict


class Paper:
    """Append lines to a file and read them back; any number of threads and processes may write."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, **line: Any) -> None:
        with self._path.open("ab") as file:
            file.write(json.dumps(line).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._path.read_bytes().splitlines()] if self._path.exists() else []


class _Faulty:
    """Fail as told: `refuse` before anything is taken, `lose` the answer after it was taken, `before` and `after` do what they like."""

    def __init__(self) -> None:
        self.before: Callable[[], Any] = lambda: None
        self.after: Callable[[], Any] = lambda: None
        self._refusals: list[SourceError] = []
        self._losses: list[SourceError] = []
        self._lock = threading.Lock()

    def refuse(self, *errors: SourceError) -> None:
        self._refusals += errors

    def lose(self, *errors: SourceError) -> None:
        self._losses += errors

    def _taking(self) -> None:
        self.before()
        with self._lock:
            if self._refusals:
                raise self._refusals.pop(0)

    def _taken(self) -> None:
        self.after()
        with self._lock:
            if self._losses:
                raise self._losses.pop(0)


class PaperResponses(_Faulty):
    """Take each question by itself, as OpenAI does in the background; nothing can be listed."""

    way = "responses"

    def __init__(self, folder: Path, provider: str = "openai") -> None:
        super().__init__()
        self.provider = provider
        self._paper = Paper(folder / f"{provider}-responses.jsonl")

    def submit(self, question: Question, *, flow: str = "") -> Result:
        self._taking()
        task_id = f"resp_{uuid.uuid4().hex}"
        self._paper.write(id=task_id, metadata=dict(question.metadata), prompt=question.prompt, model=question.model)
        self._taken()
        return Result(task_id, Verdict.OPEN, "queued")

    def taken(self) -> list[dict[str, Any]]:
        """Return what was ever taken, and will be paid."""
        return self._paper.lines()

    def look(self, task_id: str, *, flow: str = "") -> Result:
        return Result(task_id, Verdict.OPEN, "in_progress")

    def cancel(self, task_id: str) -> Result:
        return Result(task_id, Verdict.CANCELLED, "cancelled")


class PaperBatches(_Faulty):
    """Take many questions at once; listed by their intent as OpenAI's metadata lets one, or else by their count only, as Anthropic's."""

    way = "batch"
    most_requests = 50_000
    most_bytes = 200_000_000

    def __init__(self, folder: Path, provider: str = "openai") -> None:
        super().__init__()
        self.provider = provider
        self._paper = Paper(folder / f"{provider}-batches.jsonl")
        self._files = Paper(folder / f"{provider}-files.jsonl")

    def line(self, question: Question) -> bytes:
        return json.dumps({"custom_id": question.custom_id, "model": question.model, "prompt": question.prompt}).encode() + b"\n"

    def upload(self, path: Path) -> str:
        if self.provider != "openai":
            return ""
        self._files.write(id="file")
        return f"file-{uuid.uuid4().hex}"

    def create(self, path: Path, file_id: str, *, intent: str, job_id: str) -> BatchSeen:
        self._taking()
        lines = [json.loads(line) for line in path.read_bytes().splitlines()]
        assert len({line["model"] for line in lines}) == 1
        batch_id = f"batch_{uuid.uuid4().hex}"
        self._paper.write(id=batch_id, intent=intent, custom_ids=[line["custom_id"] for line in lines], at=timezone.now().isoformat())
        self._taken()
        return BatchSeen(batch_id, Verdict.OPEN, "in_progress")

    def find(self, intent: str, *, since: datetime, requests: int) -> Sequence[BatchSeen]:
        return [
            BatchSeen(one["id"], Verdict.OPEN, "in_progress", created_at=datetime.fromisoformat(one["at"]))
            for one in self.taken()
            if (one["intent"] == intent if self.provider == "openai" else len(one["custom_ids"]) == requests)
        ]

    def show(self, **batch: Any) -> None:
        """Have a listing show a batch that is none of ours."""
        self._paper.write(**batch)

    def taken(self) -> list[dict[str, Any]]:
        """Return the batches that were ever created, and will be paid."""
        return self._paper.lines()

    def look(self, provider_id: str) -> BatchSeen:
        return BatchSeen(provider_id, Verdict.OPEN, "in_progress")

    def results(self, seen: BatchSeen) -> Iterator[Result]:
        yield from ()

    def cancel(self, provider_id: str) -> BatchSeen:
        return BatchSeen(provider_id, Verdict.CANCELLED, "cancelled")
