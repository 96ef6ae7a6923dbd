"""Anthropic's message batches: many questions in one request, answered in a stream of lines when the last one is done.

Documentation: https://platform.claude.com/docs/en/build-with-claude/batch-processing
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bookops.outbound.answers import Answer, retry_after
from bookops.outbound.errors import NotFound, TryAgain
from bookops.outbound.http import Door
from bookops.outbound.sdk import LARGE, anthropic_client
from bookops.outbound.sdk_errors import PROMPT_TOO_LONG, anthropic_errors, anthropic_item_error
from bookops.outbound.sdk_usage import anthropic_usage
from llmjobs.providers import BatchSeen, Question, Result, Verdict
from llmjobs.providers.json_lines import part, parts, read_lines, read_object
from llmjobs.providers.registry import registered

NAME = "anthropic"
CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
#: How far their clock may be from ours.
SKEW = timedelta(minutes=2)
#: A batch is there at the end of a call that may last ten minutes, by their clock; the count tells which of several it can be.
LATEST = timedelta(minutes=30)
PAGE = 100

_BEGIN, _END = b'{"requests":[', b"]}"
_PIECE = 1 << 20
_OPEN = frozenset({"in_progress", "canceling"})
#: What ended an answer: its verdict, reason and words.
_STOPPED = {
    "max_tokens": (Verdict.CUT_SHORT, "max_output_tokens", "cut off at its limit of output tokens"),
    "model_context_window_exceeded": (Verdict.FAILED, PROMPT_TOO_LONG, "the answer would not fit the model's context"),
    "tool_use": (Verdict.FAILED, "stopped_by_tool_use", "the model wanted a tool"),
    "pause_turn": (Verdict.FAILED, "stopped_by_pause_turn", "the model paused"),
}
_ANSWERED = frozenset({"end_turn", "stop_sequence"})


@registered
class AnthropicBatches:
    """Ask Anthropic through its SDK on a door; raises one of the four errors, and nothing else."""

    provider = NAME
    way = "batch"
    most_requests = 100_000
    most_bytes = 256_000_000 - len(_BEGIN) - len(_END)

    def __init__(self, door: Door, key: str) -> None:
        self._client = anthropic_client(door, key)
        self._batches = self._client.messages.batches.with_raw_response

    def line(self, question: Question) -> bytes:
        if not CUSTOM_ID.fullmatch(question.custom_id):
            raise ValueError(f"{question.custom_id[:80]!r} cannot be a custom_id")
        config: dict[str, Any] = {"format": {"type": "json_schema", "schema": dict(question.schema)}}
        if question.effort:
            config["effort"] = question.effort
        params: dict[str, Any] = {
            "model": question.model,
            "max_tokens": question.most_output_tokens,
            "messages": [{"role": "user", "content": question.prompt}],
            "output_config": config,
        }
        if question.system:
            params["system"] = question.system
        return json.dumps({"custom_id": question.custom_id, "params": params}, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"

    def upload(self, path: Path) -> str:
        return ""

    def create(self, path: Path, file_id: str, *, intent: str, job_id: str) -> BatchSeen:
        from anthropic.types.messages import MessageBatch

        size = len(_BEGIN) + path.stat().st_size - 1 + len(_END)
        headers = {"Content-Type": "application/json", "Content-Length": str(size)}
        # The SDK's own method takes the requests as objects, which are a gigabyte in memory where the file has 256 MB.
        with anthropic_errors():
            batch = self._client.post(
                "/v1/messages/batches",
                content=_body(path),
                cast_to=MessageBatch,
                options={"headers": headers, "timeout": LARGE.total},  # silent until it has read them all
            )
            return _seen(read_object(batch.to_json().encode()))

    def find(self, intent: str, *, since: datetime, requests: int) -> Sequence[BatchSeen]:
        found = []
        with anthropic_errors():
            for batch in self._client.messages.batches.list(limit=PAGE):
                seen = _seen(read_object(batch.to_json().encode()))
                if seen.created_at is None or seen.created_at > since + LATEST:
                    continue
                if seen.created_at < since - SKEW:
                    break
                if sum(seen.counts.values()) == requests:
                    found.append(seen)
        judged = [(self._is_of(seen, intent), seen) for seen in found]
        return [seen for is_of, seen in judged if is_of] or [seen for is_of, seen in judged if is_of is None]

    def look(self, provider_id: str) -> BatchSeen:
        try:
            with anthropic_errors():
                return _read(self._batches.retrieve(provider_id))
        except NotFound as error:
            return _lost(provider_id, error)

    def results(self, seen: BatchSeen) -> Generator[Result]:
        if self.look(seen.provider_id).verdict is Verdict.LOST:
            raise NotFound(f"the results of {seen.provider_id} are gone", source=NAME)
        results = self._client.messages.batches.with_streaming_response.results
        with anthropic_errors(), results(seen.provider_id) as content:
            yield from map(_result, read_lines(content.iter_bytes()))

    def cancel(self, provider_id: str) -> BatchSeen:
        try:
            with anthropic_errors():
                return _read(self._batches.cancel(provider_id))
        except NotFound as error:
            return _lost(provider_id, error)
        except TryAgain as error:
            if error.reason != "conflict":
                raise
            return self.look(provider_id)  # it had ended

    def _is_of(self, seen: BatchSeen, intent: str) -> bool | None:
        """Say whether a batch is of an intent, None while only its results could tell."""
        if seen.verdict is not Verdict.ANSWERED:
            return None
        with closing(self.results(seen)) as results:
            first = next(results, None)
        return None if first is None or not first.custom_id else first.custom_id.startswith(intent)


def _body(path: Path) -> Iterator[bytes]:
    """Yield the request that a file's lines make: their line ends become commas, but for the last, which goes."""
    yield _BEGIN
    left = path.stat().st_size - 1
    with path.open("rb") as file:
        while piece := file.read(min(_PIECE, left)):
            left -= len(piece)
            yield piece.replace(b"\n", b",")
    yield _END


def _read(said: Any) -> BatchSeen:
    """Return what the SDK's untouched answer says."""
    head = Answer(200, {name.lower(): value for name, value in said.headers.items()}, b"", 0.0)
    return _seen(read_object(said.read()), retry_after(head))


def _seen(batch: Mapping[str, Any], ask_again: float | None = None) -> BatchSeen:
    status = str(batch.get("processing_status") or "")
    verdict, reason, detail = Verdict.UNMAPPED, "unmapped_status", f"Anthropic says {status[:80] or 'nothing'}"
    if status in _OPEN:
        verdict, reason, detail = Verdict.OPEN, "", ""
    elif status == "ended" and batch.get("results_url"):
        verdict, reason, detail = Verdict.ANSWERED, "", ""
    elif status == "ended" and batch.get("archived_at"):
        verdict, reason, detail = Verdict.LOST, "archived", f"its results were dropped on {batch['archived_at']}"
    return BatchSeen(
        batch["id"],
        verdict,
        status,
        counts={name: count for name, count in part(batch, "request_counts").items() if isinstance(count, int)},
        counts_at_end_only=True,
        created_at=_time(batch.get("created_at")),
        reason=reason,
        detail=detail,
        ask_again=ask_again,
    )


def _time(at: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(at)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _result(line: Any) -> Result:
    """Return what one line of the results says."""
    if not isinstance(line, dict) or not isinstance(line.get("custom_id"), str):
        return Result("", Verdict.UNMAPPED, reason="unreadable_line", detail="a line of the results cannot be read")
    custom_id, result = line["custom_id"], part(line, "result")
    kind = str(result.get("type") or "")
    if kind == "succeeded":
        return _answered(custom_id, part(result, "message"))
    if kind == "errored":
        return _errored(custom_id, result)
    if kind == "canceled":
        return Result(custom_id, Verdict.CANCELLED, kind, reason="cancelled_there", detail="cancelled at the provider", raw=result)
    if kind == "expired":
        detail = "not worked on within 24 hours"
        return Result(custom_id, Verdict.EXPIRED, kind, reason="batch_expired", detail=detail, may_resend=True, raw=result)
    detail = f"Anthropic says {kind[:80] or 'nothing'}"
    return Result(custom_id, Verdict.UNMAPPED, kind, reason="unmapped_status", detail=detail, raw=result)


def _answered(custom_id: str, message: Mapping[str, Any]) -> Result:
    stop = str(message.get("stop_reason") or "")
    text = "".join(block["text"] for block in parts(message, "content") if isinstance(block.get("text"), str))
    usage = anthropic_usage(message.get("usage"))

    def result(verdict: Verdict, reason: str = "", detail: str = "", **more: Any) -> Result:
        return Result(custom_id, verdict, stop, text, usage, reason, detail, raw=message, **more)

    if stop in _STOPPED:
        return result(*_STOPPED[stop])
    if stop == "refusal":
        why = part(message, "stop_details").get("category")
        return result(Verdict.REFUSED, "model_refused", f"the model declined: {why or 'no reason given'}"[:300])
    if stop not in _ANSWERED:
        return result(Verdict.UNMAPPED, "unmapped_status", f"stopped by {stop[:80] or 'nothing'}")
    if not text.strip():
        return result(Verdict.FAILED, "empty_answer", "ended without an answer", may_resend=True)
    return result(Verdict.ANSWERED)


def _errored(custom_id: str, result: Mapping[str, Any]) -> Result:
    """Return what ended a request: the error is two levels down, {"type": "error", "error": {"type", "message"}}."""
    outer = part(result, "error")
    error = anthropic_item_error(part(outer, "error") or outer)
    may_resend = isinstance(error, TryAgain)
    return Result(custom_id, Verdict.FAILED, "errored", reason=error.reason, detail=error.detail, may_resend=may_resend, raw=result)


def _lost(provider_id: str, error: NotFound) -> BatchSeen:
    return BatchSeen(provider_id, Verdict.LOST, "404", counts_at_end_only=True, reason="lost_there", detail=error.detail)
