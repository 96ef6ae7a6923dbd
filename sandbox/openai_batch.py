"""One batch: what is told of it, and how far it has come."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any

from sandbox.openai_batch_lines import ENDPOINT
from sandbox.openai_files import File

WINDOW_SECONDS = 86400
ENDINGS = ("completed", "failed", "expired", "cancelled")
_MOMENTS = ("in_progress", "finalizing", *ENDINGS, "cancelling")

_NOTHING_USED = {
    "input_tokens": 0,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 0,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 0,
}


@dataclass(eq=False)
class Batch:
    """Hold a batch: of each line no more than where it begins and what will befall it."""

    id: str
    input: File
    metadata: dict[str, str] | None
    created_at: float
    seconds_to_keep: int
    status: str = "validating"
    #: When it came to each status.
    moments: dict[str, float] = field(default_factory=dict)
    model: str | None = None
    tokens: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)
    begins: array[int] = field(default_factory=lambda: array("Q"))
    fates: bytearray = field(default_factory=bytearray)
    #: The lines in the order in which they are done; stalled ones are not among them.
    order: array[int] = field(default_factory=lambda: array("L"))
    #: The places in that order of those that fail.
    failing: array[int] = field(default_factory=lambda: array("L"))
    seconds: float = 0.0
    #: How many of the order were done when it ended or was cancelled.
    stopped_at: int | None = None
    usage: dict[str, Any] | None = None
    output: File | None = None
    error_file: File | None = None

    @property
    def expires_at(self) -> float:
        return self.created_at + WINDOW_SECONDS

    def come_to(self, status: str, now: float) -> None:
        """Move to a status."""
        self.status = status
        self.moments[status] = now

    def done(self, now: float) -> int:
        """Return how many lines are done."""
        if self.stopped_at is not None:
            return self.stopped_at
        if "in_progress" not in self.moments:
            return 0
        passed = (now - self.moments["in_progress"]) / self.seconds if self.seconds else 1.0
        return max(0, min(len(self.order), int(len(self.order) * passed)))

    def as_dict(self, now: float) -> dict[str, Any]:
        """Return the batch object."""
        done = self.done(now)
        failed = bisect_left(self.failing, done)
        expired = len(self.fates) - done if self.status == "expired" else 0
        moments = {f"{name}_at": int(self.moments[name]) if name in self.moments else None for name in _MOMENTS}
        started = "in_progress" in self.moments
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": ENDPOINT,
            "model": self.model if started else None,
            "errors": {"object": "list", "data": self.errors} if self.errors else None,
            "input_file_id": self.input.id,
            "completion_window": "24h",
            "status": self.status,
            "output_file_id": self.output.id if self.output else None,
            "error_file_id": self.error_file.id if self.error_file else None,
            "created_at": int(self.created_at),
            "expires_at": int(self.expires_at),
            **moments,
            "request_counts": {"total": len(self.fates) if started else 0, "completed": done - failed, "failed": failed + expired},
            "usage": self.usage or _NOTHING_USED,
            "metadata": self.metadata,
        }
