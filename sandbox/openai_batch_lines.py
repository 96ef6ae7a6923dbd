"""The lines of a batch: requests read from its input file, results written to its output and error files."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from sandbox.chance import happens
from sandbox.openai_answers import Writer, new_id, response_object
from sandbox.openai_errors import Refused
from sandbox.openai_options import OpenAIOptions
from sandbox.openai_requests import Question, read_question
from sandbox.party import encoded

ENDPOINT = "/v1/responses"
#: Fates of a line beside those of any question: it is not done in time, or its body is refused.
STALLED, UNREADABLE = "stalled", "unreadable"

EXPIRED = {"code": "batch_expired", "message": "This request could not be executed before the completion window expired."}
CANCELLED = {"code": "batch_cancelled", "message": "This request was cancelled before it was executed."}


class BadLine(Exception):
    """A line for which the whole batch fails; `problem` is what the batch says of it."""

    def __init__(self, code: str, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.problem: dict[str, Any] = {"code": code, "message": message, "param": param}


@dataclass(frozen=True, slots=True)
class Line:
    """Hold one request of a batch."""

    custom_id: str
    body: Any

    @property
    def model(self) -> str:
        return str(self.body.get("model"))


def read_line(raw: bytes) -> Line:
    """Return the request of a line; raise BadLine when it is none."""
    try:
        content = json.loads(raw)
    except ValueError:
        raise BadLine("invalid_json_line", "This line is not parseable as valid JSON.") from None
    if not isinstance(content, dict):
        raise BadLine("invalid_json_line", "This line is not a JSON object.")
    for name in ("custom_id", "method", "url", "body"):
        if not content.get(name):
            raise BadLine("missing_required_parameter", f"Missing required parameter: '{name}'.", param=name)
    if not isinstance(content["custom_id"], str) or not isinstance(content["body"], dict):
        raise BadLine("invalid_request", "The custom_id must be a string and the body an object.")
    if content["method"] != "POST":
        raise BadLine("invalid_method", "The method of a request in a batch must be POST.", param="method")
    if content["url"] != ENDPOINT:
        raise BadLine("invalid_url", "The URL provided for this request does not match the batch endpoint.", param="url")
    return Line(content["custom_id"], content["body"])


class Results:
    """Write the result lines of a batch and count what they used."""

    def __init__(self, writer: Writer, seed: int, now: float, options: OpenAIOptions) -> None:
        self._writer = writer
        self._seed = seed
        self._now = now
        self._options = options
        self._used: Counter[str] = Counter()

    def usage(self) -> dict[str, Any]:
        """Return the tokens of all lines written so far."""
        used = self._used
        return {
            "input_tokens": used["input_tokens"],
            "input_tokens_details": {"cached_tokens": used["cached_tokens"]},
            "output_tokens": used["output_tokens"],
            "output_tokens_details": {"reasoning_tokens": used["reasoning_tokens"]},
            "total_tokens": used["input_tokens"] + used["output_tokens"],
        }

    def done(self, line: Line, fate: str) -> tuple[bool, list[bytes]]:
        """Return whether a request that was executed went well, and its lines: one, or by the options two or none."""
        try:
            question = _question(line, self._now)
            status, body = 200, self._answered(question, fate)
        except Refused as refusal:
            status, body = refusal.status, refusal.body
        response = {"status_code": status, "request_id": new_id("req"), "body": body}
        told = _told(line.custom_id, response, None)
        if happens(self._options.missing_rate, "missing", self._seed, line.custom_id):
            return status == 200, []
        doubled = happens(self._options.doubled_rate, "doubled", self._seed, line.custom_id)
        return status == 200, [told, told] if doubled else [told]

    def not_done(self, line: Line, error: dict[str, str]) -> bytes:
        """Return the line of a request that the batch did not come to."""
        return _told(line.custom_id, None, error)

    def _answered(self, question: Question, fate: str) -> dict[str, Any]:
        self._writer.refuse_what_fails(question, fate, self._options)
        outcome = self._writer.outcome(question, fate, self._options)
        if usage := outcome.usage:
            self._used.update(
                input_tokens=usage["input_tokens"],
                output_tokens=usage["output_tokens"],
                cached_tokens=usage["input_tokens_details"]["cached_tokens"],
                reasoning_tokens=usage["output_tokens_details"]["reasoning_tokens"],
            )
        return response_object(question, new_id("resp"), self._now, status=outcome.status, ended_at=self._now, outcome=outcome)


def appraise(line: Line, writer: Writer, seed: int, now: float, options: OpenAIOptions) -> tuple[str, int]:
    """Return what will befall a line, and how many prompt tokens it has (0 where its body is refused)."""
    try:
        question = _question(line, now)
    except Refused:
        return UNREADABLE, 0
    if happens(options.expire_rate, "stalled", seed, writer.digest(question)):
        return STALLED, question.input_tokens
    return writer.fate(question, options), question.input_tokens


def _question(line: Line, now: float) -> Question:
    question = read_question(line.body, now)
    if question.background:
        raise Refused("Unsupported parameter: 'background' is not supported in a batch.", param="background", code="unsupported_parameter")
    return question


def _told(custom_id: str, response: dict[str, Any] | None, error: dict[str, str] | None) -> bytes:
    return encoded({"id": new_id("batch_req"), "custom_id": custom_id, "response": response, "error": error}) + b"\n"
