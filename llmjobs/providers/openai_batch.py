"""OpenAI's batches: a file of questions, worked through within a day, answered in a file of answers and one of errors.

Documentation: https://platform.openai.com/docs/guides/batch, https://platform.openai.com/docs/api-reference/batch
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from bookops.outbound.errors import NotFound, TryAgain
from bookops.outbound.http import Door
from bookops.outbound.sdk import LARGE, openai_client
from bookops.outbound.sdk_errors import error_words, openai_errors, openai_item_error
from llmjobs.providers import BatchSeen, Question, Result, Verdict
from llmjobs.providers.json_lines import part, parts, read_lines, read_object
from llmjobs.providers.openai_responses import NAME, code_of, request_body, result_of
from llmjobs.providers.registry import registered

ENDPOINT: Final = "/v1/responses"
#: Seconds between tries to create a batch over a file that is not seen everywhere yet.
UNTIL_SEEN = (0.5, 1.0, 2.0, 4.0)
#: How far their clock may be from ours.
SKEW = timedelta(minutes=2)
PAGE = 100

_OPEN = frozenset({"validating", "in_progress", "finalizing", "cancelling"})
_ENDED = {
    "completed": Verdict.ANSWERED,
    "failed": Verdict.FAILED,
    "expired": Verdict.EXPIRED,
    "cancelled": Verdict.CANCELLED,
}


@registered
class OpenAIBatches:
    """Ask OpenAI through its SDK on a door; raises one of the four errors, and nothing else."""

    provider = NAME
    way = "batch"
    most_requests = 50_000
    most_bytes = 200_000_000

    def __init__(self, door: Door, key: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = openai_client(door, key)
        self._batches = self._client.batches.with_raw_response
        self._sleep = sleep

    def line(self, question: Question) -> bytes:
        # What it says stands in the results; a copy kept with the responses would be one more to forget.
        body = request_body(question) | {"store": False}
        asked = {"custom_id": question.custom_id, "method": "POST", "url": ENDPOINT, "body": body}
        return json.dumps(asked, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"

    def upload(self, path: Path) -> str:
        with path.open("rb") as file, openai_errors():
            sent = self._client.files.with_raw_response.create(
                file=(f"{path.stem}.jsonl", file, "application/jsonl"), purpose="batch", timeout=LARGE.total
            )
            return str(read_object(sent.content)["id"])

    def create(self, path: Path, file_id: str, *, intent: str, job_id: str) -> BatchSeen:
        labels = {"intent": intent, "job_id": job_id}
        for seconds in UNTIL_SEEN:
            try:
                return self._create(file_id, labels)
            except TryAgain as error:
                if error.reason != "not_yet":
                    raise
                self._sleep(seconds)
        return self._create(file_id, labels)

    def find(self, intent: str, *, since: datetime, requests: int) -> Sequence[BatchSeen]:
        found = []
        with openai_errors():
            for batch in self._client.batches.list(limit=PAGE):
                said = batch.to_dict(mode="json")
                if part(said, "metadata").get("intent") == intent:
                    found.append(_seen(said))
                if (at := _time(said.get("created_at"))) and at < since - SKEW:
                    break
        return found

    def look(self, provider_id: str) -> BatchSeen:
        try:
            with openai_errors():
                return _seen(read_object(self._batches.retrieve(provider_id).content))
        except NotFound as error:
            return _lost(provider_id, error)

    def results(self, seen: BatchSeen) -> Iterator[Result]:
        # The order is told so that reading can be taken up again behind a line.
        for file_id in filter(None, (seen.output_file_id, seen.error_file_id)):
            with openai_errors(), self._client.files.with_streaming_response.content(file_id) as content:
                yield from map(_result, read_lines(content.iter_bytes()))

    def cancel(self, provider_id: str) -> BatchSeen:
        try:
            with openai_errors():
                return _seen(read_object(self._batches.cancel(provider_id).content))
        except NotFound as error:
            return _lost(provider_id, error)
        except TryAgain as error:
            if error.reason != "conflict":
                raise
            return self.look(provider_id)  # it had ended

    def _create(self, file_id: str, labels: Mapping[str, str]) -> BatchSeen:
        with openai_errors():
            said = self._batches.create(input_file_id=file_id, endpoint=ENDPOINT, completion_window="24h", metadata=dict(labels))
            return _seen(read_object(said.content))


def _result(line: Any) -> Result:
    """Return what one line of either file says."""
    if not isinstance(line, dict) or not isinstance(line.get("custom_id"), str):
        return Result("", Verdict.UNMAPPED, reason="unreadable_line", detail="a line of the results cannot be read")
    custom_id, response = line["custom_id"], line.get("response")
    if not isinstance(response, dict):
        return _unanswered(custom_id, line)
    status, body = response.get("status_code"), part(response, "body")
    if status == 200:
        return result_of(body, custom_id)
    error = openai_item_error(status if isinstance(status, int) and status >= 300 else 500, body)
    return Result(
        custom_id, Verdict.FAILED, str(status), reason=error.reason, detail=error.detail, may_resend=isinstance(error, TryAgain), raw=line
    )


def _unanswered(custom_id: str, line: Mapping[str, Any]) -> Result:
    """Return what became of a question that nobody worked on."""
    error = part(line, "error")
    code = code_of(error.get("code"))
    verdict = {"batch_expired": Verdict.EXPIRED, "batch_cancelled": Verdict.CANCELLED}.get(code, Verdict.FAILED)
    return Result(custom_id, verdict, code, reason=code, detail=error_words(error), may_resend=verdict is Verdict.EXPIRED, raw=line)


def _seen(batch: Mapping[str, Any]) -> BatchSeen:
    status = str(batch.get("status") or "")
    output, errors = (str(batch.get(f"{name}_file_id") or "") for name in ("output", "error"))
    verdict = Verdict.OPEN if status in _OPEN else _ENDED.get(status, Verdict.UNMAPPED)
    rest = Verdict.FAILED
    if verdict in (Verdict.EXPIRED, Verdict.CANCELLED) and (output or errors):
        verdict, rest = Verdict.ANSWERED, verdict
    problem = next(iter(parts(part(batch, "errors"), "data")), {})
    reason = code_of(problem.get("code")) if problem else ""
    detail = error_words(problem) + _at_line(problem) if problem else ""
    if verdict is Verdict.UNMAPPED:
        reason, detail = "unmapped_status", f"OpenAI says {status[:80] or 'nothing'}"
    return BatchSeen(
        str(batch["id"]),
        verdict,
        status,
        counts={name: count for name, count in part(batch, "request_counts").items() if isinstance(count, int)},
        output_file_id=output,
        error_file_id=errors,
        created_at=_time(batch.get("created_at")),
        reason=reason,
        detail=detail,
        rest=rest,
        is_too_large=reason == "token_limit_exceeded",
    )


def _at_line(problem: Mapping[str, Any]) -> str:
    return f" (line {problem['line']})" if problem.get("line") is not None else ""


def _time(at: Any) -> datetime | None:
    return datetime.fromtimestamp(at, UTC) if isinstance(at, int | float) else None


def _lost(provider_id: str, error: NotFound) -> BatchSeen:
    return BatchSeen(provider_id, Verdict.LOST, "404", reason="lost_there", detail=error.detail)
