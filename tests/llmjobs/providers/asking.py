"""Questions, and the providers' own classes on a real door to wherever a test wants them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from bookops.outbound.http import CallRecord, Door
from bookops.outbound.wire import Bounds
from llmjobs.providers import Batches, BatchSeen, Question, Verdict
from sandbox.running import RunningSandbox

FLAG = {
    "type": "object",
    "properties": {
        "flagged": {"type": "boolean"},
        "flagged_reason": {"type": "string"},
        "confidence": {"type": "number"},
        "notes": {"type": "string"},
    },
    "required": ["flagged", "flagged_reason", "confidence", "notes"],
    "additionalProperties": False,
}
KEY = "sk-test-0123456789abcdef"
INTENT = "6f1d1f0e-5b0a-4d55-9b5e-0a4f3c1b2a90"
MODELS = {"openai": "gpt-6-luna", "anthropic": "claude-haiku-5-5"}

T = TypeVar("T")


def asks(way: type[T], url: str, *, key: str = KEY, records: list[CallRecord] | None = None, seconds: float = 20.0, **options: Any) -> T:
    """Return a provider's class on a door to this address."""
    bounds = Bounds(connect=2, read=seconds, total=seconds, max_bytes=5_000_000)
    on_call = None if records is None else records.append
    return way(Door(way.provider, url, user_agent="bookops/1", bounds=bounds, on_call=on_call), key, **options)  # type: ignore[attr-defined, call-arg]


def question(provider: str, title: str = "Dune", *, custom_id: str = "", **changes: Any) -> Question:
    """Return a question about a book."""
    asked: dict[str, Any] = {
        "custom_id": custom_id or str(uuid4()),
        "model": MODELS[provider],
        "system": "You look at records of books.",
        "prompt": f"Title: {title}\nAuthor: Frank Herbert",
        "schema": FLAG,
        "schema_name": "flag",
        "most_output_tokens": 500,
    }
    return Question(**asked | changes)


def questions(provider: str, count: int, intent: str = INTENT, **changes: Any) -> list[Question]:
    """Return questions about as many books, with the custom ids of a batch."""
    return [question(provider, f"Book {number}", custom_id=f"{intent}-{number}", **changes) for number in range(count)]


def written(provider: Batches, asked: Iterable[Question], folder: Path) -> Path:
    """Return a file of these questions' lines."""
    path = folder / f"{uuid4()}.jsonl"
    path.write_bytes(b"".join(map(provider.line, asked)))
    return path


def sent(provider: Batches, asked: Iterable[Question], folder: Path, *, intent: str = INTENT) -> BatchSeen:
    """Return the batch over these questions, just created."""
    path = written(provider, asked, folder)
    return provider.create(path, provider.upload(path), intent=intent, job_id="7")


def seen_after(sandbox: RunningSandbox, provider: Any, folder: Path, seconds: float = 120, *, cancelled: bool = False) -> BatchSeen:
    """Send a batch of two questions to the sandbox, cancel it or not, and return what it says of it so many seconds later."""
    seen = sent(provider, questions(provider.provider, 2), folder)
    if cancelled:
        provider.cancel(seen.provider_id)
    sandbox.settings(clock={"advance": seconds})
    return provider.look(seen.provider_id)  # type: ignore[no-any-return]


def verdicts(provider: Batches, seen: BatchSeen) -> list[Verdict]:
    """Return the verdict of each line of the results."""
    return [result.verdict for result in provider.results(seen)]
