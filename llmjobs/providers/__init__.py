"""What a provider of language models is asked and what it says, in one shape for all of them; one file each, plain Python.

A provider's own exceptions never come out of these files: the four errors of the outbound door do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from bookops.outbound.errors import NotFound, Refused, TryAgain
from bookops.outbound.sdk_usage import Usage


@dataclass(frozen=True, slots=True)
class Question:
    """Hold one prompt as it is sent."""

    #: "{intent of the batch}-{item id}" in a batch; the item's own intent otherwise.
    custom_id: str
    model: str
    system: str
    prompt: str
    #: The strict JSON schema of the answer, and its name.
    schema: Mapping[str, Any]
    schema_name: str
    most_output_tokens: int
    #: "" where the model has none.
    effort: str = ""
    tier: str = "standard"
    #: Sent along where the provider keeps some: {"job_id", "job_item_id"}.
    metadata: Mapping[str, str] = field(default_factory=dict)


class Verdict(StrEnum):
    """What a provider's word about a question means here; every word of every provider has one."""

    #: Still being worked on.
    OPEN = "open"
    ANSWERED = "answered"
    #: Ended for lack of output tokens; a larger limit may help.
    CUT_SHORT = "cut_short"
    #: The model, or a filter, would not answer.
    REFUSED = "refused"
    #: It failed there; whether sending it again may help is in `may_resend`.
    FAILED = "failed"
    #: Its time was over before anybody worked on it.
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    #: The provider knows it no more.
    LOST = "lost"
    #: A word that nobody has mapped: kept open until its time limit, and told on the poller's page.
    UNMAPPED = "unmapped"


#: No last words: what they are said of is waited for until its time limit.
STILL_OPEN = frozenset({Verdict.OPEN, Verdict.UNMAPPED})


@dataclass(frozen=True, slots=True)
class Result:
    """Hold what a provider says about one question."""

    custom_id: str
    verdict: Verdict
    #: The provider's own word.
    status: str = ""
    #: The text of the answer, "" where there is none.
    text: str = ""
    usage: Usage = field(default_factory=Usage)
    #: A stable code and words for people, where it is no answer.
    reason: str = ""
    detail: str = ""
    may_resend: bool = False
    #: As the provider wrote it but for what no database takes (`json_lines`), kept as evidence.
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BatchSeen:
    """Hold what a provider says about a batch."""

    provider_id: str
    #: OPEN while it is worked on; ANSWERED when results can be read, also where only a part of them is there; FAILED, EXPIRED, CANCELLED, LOST otherwise.
    verdict: Verdict
    status: str
    counts: Mapping[str, int] = field(default_factory=dict)
    #: Counts stay 0 until the end.
    counts_at_end_only: bool = False
    output_file_id: str = ""
    error_file_id: str = ""
    created_at: datetime | None = None
    reason: str = ""
    detail: str = ""
    #: Halving the batch may help: the provider's queue had no room for so many tokens.
    is_too_large: bool = False
    #: Seconds after which to ask again, where the provider says so.
    ask_again: float | None = None
    #: What became of questions that the results do not name.
    rest: Verdict = Verdict.FAILED


class Background(Protocol):
    """A provider that answers each question by itself, later."""

    provider: str
    way: str

    def submit(self, question: Question, *, flow: str = "") -> Result:
        """Send a question and return its first word; `custom_id` of the result is the provider's task id. Never sent twice by itself."""

    def look(self, task_id: str, *, flow: str = "") -> Result:
        """Return what has come of it by now; LOST for one that the provider knows no more."""

    def cancel(self, task_id: str) -> Result:
        """Stop it; harmless when it has ended."""


class Batches(Protocol):
    """A provider that takes many questions at once."""

    provider: str
    way: str
    #: What one batch may hold: requests and bytes.
    most_requests: int
    most_bytes: int

    def line(self, question: Question) -> bytes:
        """Return a question as the batch holds it, with its line end."""

    def upload(self, path: Path) -> str:
        """Hand over the lines of a batch where that is a call of its own; returns the file's id, "" where there is none."""

    def create(self, path: Path, file_id: str, *, intent: str, job_id: str) -> BatchSeen:
        """Create the batch. Never sent twice by itself: a TryAgain here may mean that it was created all the same."""

    def find(self, intent: str, *, since: datetime, requests: int) -> Sequence[BatchSeen]:
        """Return the batches at the provider that may be the one of this intent, surest first; to be asked before creating again."""

    def look(self, provider_id: str) -> BatchSeen:
        """Return how far it is."""

    def results(self, seen: BatchSeen) -> Iterator[Result]:
        """Yield one result a line as they are read, always in the same order, but not in that of the questions, doubled or missing as
        the provider has them; a line that cannot be read has no custom_id. Raises NotFound when the provider has dropped them.
        """

    def cancel(self, provider_id: str) -> BatchSeen:
        """Stop it; harmless when it has ended."""


#: Reasons of a TryAgain with which nothing can have come of a call: its rate was refused, a file was not there yet, or nobody was reached.
#: Not among them: a 5xx, a 529 or a 409, which may be said of what had been taken already.
_NOT_ARRIVED = frozenset({"rate_limited", "not_yet", "connect", "dns"})


def may_have_arrived(error: Exception) -> bool:
    """Say whether a call that ended so may have done at the provider what it was to do; such a call is never made again blindly."""
    if isinstance(error, TryAgain):
        return error.asked and error.reason not in _NOT_ARRIVED
    return not isinstance(error, Refused | NotFound)
