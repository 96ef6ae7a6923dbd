"""OpenAI's responses in the background: one call a question, polled by its id.

Documentation: https://platform.openai.com/docs/guides/background, https://platform.openai.com/docs/api-reference/responses
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bookops.outbound.errors import NotFound, Refused
from bookops.outbound.http import Door
from bookops.outbound.sdk import FLOW, openai_client
from bookops.outbound.sdk_errors import error_words, openai_errors
from bookops.outbound.sdk_usage import Usage, openai_usage
from llmjobs.providers import Question, Result, Verdict
from llmjobs.providers.json_lines import part, parts, read_object
from llmjobs.providers.registry import registered

NAME = "openai"
#: Seconds of one look, so that one that hangs does not hold a tick.
LONGEST_LOOK = 10.0

_OPEN = frozenset({"queued", "in_progress"})
#: What is sent as `service_tier`; a batch has none.
_TIERS = {"standard": "default", "flex": "flex", "priority": "priority"}
#: OpenAI takes no lower limit.
_LEAST_OUTPUT_TOKENS = 16
#: Codes of a failed response: what passes by itself, and what a policy forbids. All others would fail again.
_PASSING = frozenset({"server_error", "rate_limit_exceeded", "vector_store_timeout", "failed_to_download_image"})
_FORBIDDEN = frozenset({"bio_policy", "misalignment_policy_violation", "image_content_policy_violation"})
_NO_WORD = re.compile(r"[^a-z0-9]+")


@registered
class OpenAIResponses:
    """Ask OpenAI through its SDK on a door; raises one of the four errors, and nothing else."""

    provider = NAME
    way = "responses"

    def __init__(self, door: Door, key: str) -> None:
        self._responses = openai_client(door, key).responses.with_raw_response

    def submit(self, question: Question, *, flow: str = "") -> Result:
        body = request_body(question) | {"background": True, "store": True, "metadata": dict(question.metadata)}
        if question.tier in _TIERS:
            body["service_tier"] = _TIERS[question.tier]
        try:
            with openai_errors():
                return _read(self._responses.create(**body, extra_headers={FLOW: flow}))
        except NotFound as error:
            raise Refused(error.detail, reason="unknown_model", source=NAME) from None

    def look(self, task_id: str, *, flow: str = "") -> Result:
        try:
            with openai_errors():
                return _read(self._responses.retrieve(task_id, timeout=LONGEST_LOOK, extra_headers={FLOW: flow}))
        except NotFound as error:
            return _lost(task_id, error)

    def cancel(self, task_id: str) -> Result:
        try:
            with openai_errors():
                return _read(self._responses.cancel(task_id))
        except NotFound as error:
            return _lost(task_id, error)


def request_body(question: Question) -> dict[str, Any]:
    """Return what is asked, as a call of its own and a line of a batch say it alike."""
    form = {"type": "json_schema", "name": question.schema_name, "strict": True, "schema": dict(question.schema)}
    body: dict[str, Any] = {
        "model": question.model,
        "input": question.prompt,
        "text": {"format": form},
        "max_output_tokens": max(question.most_output_tokens, _LEAST_OUTPUT_TOKENS),
    }
    if question.system:
        body["instructions"] = question.system
    if question.effort:
        body["reasoning"] = {"effort": question.effort}
    return body


def result_of(response: Mapping[str, Any], custom_id: str) -> Result:
    """Return what a response says of its question."""
    usage = openai_usage(response.get("usage"))
    status = str(response.get("status") or "")

    def result(verdict: Verdict, **more: Any) -> Result:
        return Result(custom_id, verdict, status, usage=usage, raw=response, **more)

    if status in _OPEN:
        return result(Verdict.OPEN)
    if status == "completed":
        return _completed(response, custom_id, usage)
    text = "".join(_texts(response, "output_text", "text"))
    if status == "incomplete":
        reason = code_of(part(response, "incomplete_details").get("reason"))
        verdict = {"max_output_tokens": Verdict.CUT_SHORT, "content_filter": Verdict.REFUSED}.get(reason, Verdict.FAILED)
        return result(verdict, text=text, reason=reason, detail=f"incomplete: {reason}")
    if status == "failed":
        error = part(response, "error")
        code = code_of(error.get("code"))
        verdict = Verdict.REFUSED if code in _FORBIDDEN else Verdict.FAILED
        return result(verdict, text=text, reason=code, detail=error_words(error), may_resend=code in _PASSING)
    if status == "cancelled":
        return result(Verdict.CANCELLED, text=text, reason="cancelled_there", detail="cancelled at the provider")
    return result(Verdict.UNMAPPED, text=text, reason="unmapped_status", detail=f"OpenAI says {status[:80] or 'nothing'}")


def code_of(word: Any) -> str:
    """Return a provider's code as a reason that a row can hold."""
    return _NO_WORD.sub("_", str(word or "unknown").lower()).strip("_")[:40] or "unknown"


def _completed(response: Mapping[str, Any], custom_id: str, usage: Usage) -> Result:
    text = "".join(_texts(response, "output_text", "text"))
    declined = "".join(_texts(response, "refusal", "refusal"))
    verdict, reason, detail, may_resend = Verdict.ANSWERED, "", "", False
    if declined:
        verdict, reason, detail = Verdict.REFUSED, "model_refused", declined[:300]
    elif not text.strip():
        verdict, reason, detail, may_resend = Verdict.FAILED, "empty_answer", "completed without an answer", True
    return Result(custom_id, verdict, "completed", text, usage, reason, detail, may_resend, raw=response)


def _texts(response: Mapping[str, Any], kind: str, name: str) -> Iterator[str]:
    """Yield the parts of that kind of all messages but those in which the model thinks aloud."""
    for item in parts(response, "output"):
        if item.get("type") == "message" and item.get("phase") != "commentary":
            for piece in parts(item, "content"):
                if piece.get("type") == kind and isinstance(piece.get(name), str):
                    yield piece[name]


def _read(said: Any) -> Result:
    """Return what the SDK's untouched answer says."""
    response = read_object(said.content)
    return result_of(response, response["id"])


def _lost(task_id: str, error: NotFound) -> Result:
    return Result(task_id, Verdict.LOST, "404", reason="lost_there", detail=error.detail)
