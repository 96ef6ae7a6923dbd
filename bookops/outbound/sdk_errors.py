"""What Anthropic and OpenAI say when they refuse, as one of the four errors.

Anthropic: https://platform.claude.com/docs/en/api/errors. OpenAI: https://platform.openai.com/docs/guides/error-codes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bookops.outbound.answers import LONGEST_RETRY_AFTER, Answer, error_of, retry_after
from bookops.outbound.errors import BadAnswer, Refused, SourceError, TryAgain
from bookops.outbound.http import Explain

ANTHROPIC = "anthropic"
OPENAI = "openai"

#: Stable codes for the row: the account may not spend more; the question is too long for the model.
SPEND_LIMIT = "spend_limit"
PROMPT_TOO_LONG = "prompt_too_long"

_MAX_DETAIL = 300
_KEY = re.compile(r"\b(?:sk|rk|pk)-[\w*.…-]+", re.ASCII)
_SPENT = re.compile(r"credit balance|(?:usage|spend|spending|billing)[ _-]?(?:hard[ _-])?limit", re.IGNORECASE)
_TOO_LONG = re.compile(
    r"prompt is too long|exceeds? the (?:context window|maximum allowed number of bytes)|maximum context length", re.IGNORECASE
)
_NOT_YET = re.compile(r"cannot find file", re.IGNORECASE)
_OPENAI_SPENT = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
_OPENAI_TOO_LONG = frozenset({"context_length_exceeded", "string_above_max_length"})


@contextmanager
def anthropic_errors() -> Iterator[None]:
    """Let nothing but the four errors out of the anthropic SDK."""
    from anthropic import AnthropicError

    try:
        yield
    except (AnthropicError, SourceError, ValueError) as error:
        raise anthropic_error(error) from None  # the SDK's own holds the request, and with it the key


@contextmanager
def openai_errors() -> Iterator[None]:
    """Let nothing but the four errors out of the openai SDK."""
    from openai import OpenAIError

    try:
        yield
    except (OpenAIError, SourceError, ValueError) as error:
        raise openai_error(error) from None


def anthropic_error(error: Exception) -> SourceError:
    """Return the one of the four errors that an exception of the anthropic SDK stands for."""
    return _source_error(error, explain_anthropic, ANTHROPIC)


def openai_error(error: Exception) -> SourceError:
    """Return the one of the four errors that an exception of the openai SDK stands for."""
    return _source_error(error, explain_openai, OPENAI)


def explain_anthropic(answer: Answer) -> SourceError | None:
    """Read an error of Anthropic's; None leaves it to the status."""
    said = _said(answer)
    kind, status = said.kind, answer.status
    if status == 402 or kind == "billing_error" or (status == 400 and _SPENT.search(said.message)):
        return _spent(said)
    if status == 429 and "retry-after" not in answer.headers:  # only a limit on the rate ends by waiting, and says when
        return _spent(said)
    if status == 413 or kind == "request_too_large" or (status == 400 and _TOO_LONG.search(said.message)):
        return Refused(said.detail, reason=PROMPT_TOO_LONG)
    if status in (401, 403):
        return _shut_out(status)
    if status == 409 or kind == "conflict_error":
        return TryAgain(said.detail, reason="conflict")
    if status == 529 or kind == "overloaded_error":
        return TryAgain(said.detail, reason="overloaded", retry_after=retry_after(answer))
    if status == 400:
        return Refused(said.detail, reason="invalid_request")
    return None


def explain_openai(answer: Answer) -> SourceError | None:
    """Read an error of OpenAI's; None leaves it to the status."""
    said = _said(answer)
    status = answer.status
    if {said.kind, said.code} & _OPENAI_SPENT or status == 402:  # a 429 like that of a rate, but waiting does not end it
        return _spent(said)
    if status == 429:
        return TryAgain(said.detail, reason="rate_limited", retry_after=_openai_retry_after(answer))
    if status == 413 or said.code in _OPENAI_TOO_LONG or (status == 400 and _TOO_LONG.search(said.message)):
        return Refused(said.detail, reason=PROMPT_TOO_LONG)
    if status in (401, 403):
        return _shut_out(status)
    if status == 409:
        return TryAgain(said.detail, reason="conflict")
    if status == 400 and _NOT_YET.search(said.message):  # a file is not seen everywhere at once after its upload
        return TryAgain(said.detail, reason="not_yet")
    if status == 503:
        return TryAgain(said.detail, reason="overloaded", retry_after=retry_after(answer))
    if status == 400:
        return Refused(said.detail, reason="invalid_request")
    return None


def anthropic_item_error(said: Mapping[str, Any]) -> SourceError:
    """Return what ended one request of a batch: `said` is the inner {"type", "message"}, which comes without a status."""
    kind = str(said.get("type", ""))
    if kind == "rate_limit_error":  # names no time here, unlike the answer to a call
        return TryAgain(kind, reason="rate_limited", source=ANTHROPIC)
    return _read(_written(_STATUS.get(kind, 500), {"error": dict(said)}), explain_anthropic, ANTHROPIC)


def openai_item_error(status: int, body: Mapping[str, Any]) -> SourceError:
    """Return what ended one request of a batch, by its own status and body."""
    return _read(_written(status, body), explain_openai, OPENAI)


def error_words(error: Mapping[str, Any]) -> str:
    """Return what an error object says that came without a status, as a detail: short, and without whatever looks like a key."""
    return _said(_written(400, {"error": dict(error)})).detail


#: https://platform.claude.com/docs/en/api/errors
_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


def _source_error(error: Exception, explain: Explain, source: str) -> SourceError:
    for said in (error, error.__cause__):  # an SDK may wrap what the door raised
        if isinstance(said, SourceError):
            return said
    response = getattr(error, "response", None)
    if response is not None and response.status_code >= 300:
        body = response.content if response.is_stream_consumed else b""
        headers = {name.lower(): value for name, value in response.headers.items()}
        return _read(Answer(response.status_code, headers, body, 0.0, len(body)), explain, source)
    if response is None and hasattr(error, "request"):
        return TryAgain(type(error).__name__, reason="connection_lost", source=source)
    # Their own checks of an answer, and JSON that breaks off in the middle of a stream.
    return BadAnswer(type(error).__name__, reason="unexpected_shape", source=source)


def _read(answer: Answer, explain: Explain, source: str) -> SourceError:
    error = explain(answer) or error_of(answer) or BadAnswer(f"HTTP {answer.status}", reason="unexpected_shape")
    error.source = source
    return error


def _written(status: int, body: Mapping[str, Any]) -> Answer:
    return Answer(status, {"content-type": "application/json"}, json.dumps(body, default=str).encode(), 0.0)


@dataclass(frozen=True, slots=True)
class _Said:
    """What an error's body says, as far as it can be read."""

    kind: str
    code: str
    message: str
    request_id: str

    @property
    def detail(self) -> str:
        """Its words for people, without whatever looks like a key."""
        name = self.code or self.kind or "error"
        words = f"{name}: {self.message}" if self.message else name
        detail = _KEY.sub("[key]", words)[:_MAX_DETAIL]
        return f"{detail} ({self.request_id})" if self.request_id else detail


def _said(answer: Answer) -> _Said:
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        body = None
    body = body if isinstance(body, dict) else {}
    error = body.get("error")
    error = error if isinstance(error, dict) else {"message": error}
    details = error.get("details")
    code = error.get("code") or (details.get("error_code") if isinstance(details, dict) else None)
    request_id = body.get("request_id") or answer.headers.get("request-id") or answer.headers.get("x-request-id")
    return _Said(*(value if isinstance(value, str) else "" for value in (error.get("type"), code, error.get("message"), request_id)))


def _spent(said: _Said) -> Refused:
    return Refused(f"no more may be spent: {said.detail}", reason=SPEND_LIMIT, account_wide=True)


def _shut_out(status: int) -> Refused:
    """Refuse without the vendor's words: they may quote the key."""
    return Refused(f"HTTP {status}", reason="unauthorized" if status == 401 else "forbidden", account_wide=True)


def _openai_retry_after(answer: Answer) -> float | None:
    milliseconds = answer.headers.get("retry-after-ms", "").strip()
    if milliseconds.isascii() and milliseconds.isdigit():
        return min(float(milliseconds[:12]) / 1000, LONGEST_RETRY_AFTER)
    return retry_after(answer)
