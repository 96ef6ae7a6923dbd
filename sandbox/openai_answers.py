"""How a question to OpenAI fares, and the response object it comes to (https://platform.openai.com/docs/api-reference/responses/object)."""

from __future__ import annotations

import json
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from sandbox.chance import happens, number_of
from sandbox.hijacked_model import hijacked_answer
from sandbox.language_model import answer, count_tokens
from sandbox.openai_errors import Refused
from sandbox.openai_limits import on_demand
from sandbox.openai_options import OpenAIOptions
from sandbox.openai_requests import Question
from sandbox.party import encoded

#: A prompt that begins as another did is cached up to here (https://platform.openai.com/docs/guides/prompt-caching).
CACHED_TOKENS = 1024
CACHED_LETTERS = CACHED_TOKENS * 4
PREFIXES_KEPT = 1000

_REASONING_STEPS = {"none": 0, "minimal": 0, "low": 1, "medium": 4, "high": 12, "xhigh": 24, "max": 48}
_STEP = 64
_REFUSAL = "I'm sorry, but I can't help with that."

#: What can befall a request, each with the option that says how often.
FATES = {
    "failed": "failure_rate",
    "refused": "refusal_rate",
    "cut_off": "incomplete_rate",
    "filtered": "content_filter_rate",
    "bad_json": "bad_json_rate",
    "empty": "empty_rate",
}
ANSWERED, IMAGE_LOST, OUT_OF_TOKENS = "answered", "image_lost", "out_of_tokens"
_INCOMPLETE = {"filtered": "content_filter", OUT_OF_TOKENS: "max_output_tokens"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """Hold how a response ends."""

    status: str
    output: list[dict[str, Any]]
    usage: dict[str, Any] | None
    error: dict[str, Any] | None = None
    incomplete_details: dict[str, Any] | None = None


class Writer:
    """Write outcomes; `seed` decides who meets which fate."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._prefixes: OrderedDict[bytes, None] = OrderedDict()

    def digest(self, question: Question) -> str:
        """Return what stands for the content of a question: all that the model is told, nothing that only labels it."""
        told = {name: question.body.get(name) for name in ("model", "input", "instructions", "text", "max_output_tokens")}
        return blake2b(json.dumps(told, sort_keys=True).encode(), digest_size=16).hexdigest()

    def fate(self, question: Question, options: OpenAIOptions) -> str:
        """Return what befalls a question: one of FATES, IMAGE_LOST or ANSWERED."""
        if any(happens(options.lost_image_rate, "image", self._seed, address) for address in question.image_addresses):
            return IMAGE_LOST
        drawn = number_of("fate", self._seed, self.digest(question)) / 2**64
        for fate, option in FATES.items():
            drawn -= getattr(options, option)
            if drawn < 0:
                return fate
        return ANSWERED

    def error(self, question: Question, fate: str, options: OpenAIOptions) -> dict[str, Any]:
        """Return the error of a response that fails."""
        if fate == IMAGE_LOST:
            address = next(a for a in question.image_addresses if happens(options.lost_image_rate, "image", self._seed, a))
            return {"code": "invalid_image_url", "message": f"Error while downloading {address}. Upstream status code: 404."}
        message = "An error occurred while processing your request. You can retry your request."
        return {"code": options.failure_code, "message": message}

    def refuse_what_fails(self, question: Question, fate: str, options: OpenAIOptions) -> None:
        """Raise Refused where the fate is a failure: what is answered at once fails by its status code."""
        if fate == IMAGE_LOST:
            error = self.error(question, fate, options)
            raise Refused(error["message"], param="url", code=error["code"])
        if fate == "failed":
            raise on_demand(options.failure_trouble, options)

    def outcome(self, question: Question, fate: str, options: OpenAIOptions) -> Outcome:
        """Return how a question ends that meets this fate."""
        if fate in ("failed", IMAGE_LOST):
            return Outcome("failed", [], None, error=self.error(question, fate, options))
        thought = self._reasoning_tokens(question)
        text = "" if fate == "empty" else _REFUSAL if fate == "refused" else _text(question, options.hijack)
        if fate == "bad_json":
            text = text[: max(1, len(text) * 2 // 3)]
        tokens = count_tokens(text)
        most = question.most_output_tokens
        if fate in ("cut_off", "filtered"):
            tokens = tokens // 2
        elif most is not None and thought + tokens > most and not options.hijack:
            fate, thought = OUT_OF_TOKENS, min(thought, most)
            tokens = most - thought
        output = [{"id": new_id("rs"), "type": "reasoning", "content": [], "summary": []}] if thought else []
        usage = self._usage(question, thought, tokens)
        if reason := _INCOMPLETE.get(fate, options.incomplete_reason if fate == "cut_off" else ""):
            if tokens:
                output.append(_message(_output_text(text[: tokens * 4]), "incomplete"))
            return Outcome("incomplete", output, usage, incomplete_details={"reason": reason})
        if fate != "empty":
            part = {"type": "refusal", "refusal": text} if fate == "refused" else _output_text(text)
            output.append(_message(part, "completed"))
        return Outcome("completed", output, usage)

    def _reasoning_tokens(self, question: Question) -> int:
        most = _REASONING_STEPS[question.effort or "none"]
        return _STEP * (1 + number_of("thought", self.digest(question)) % most) if most else 0

    def _usage(self, question: Question, thought: int, tokens: int) -> dict[str, Any]:
        return {
            "input_tokens": question.input_tokens,
            "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": self._cached_tokens(question)},
            "output_tokens": thought + tokens,
            "output_tokens_details": {"reasoning_tokens": thought},
            "total_tokens": question.input_tokens + thought + tokens,
        }

    def _cached_tokens(self, question: Question) -> int:
        prompt = question.prompt()
        opening = f"{prompt.model}\n{prompt.system}\n{prompt.text}"[:CACHED_LETTERS]
        if len(opening) < CACHED_LETTERS or question.input_tokens < CACHED_TOKENS:
            return 0
        prefix = blake2b(opening.encode(), digest_size=16).digest()
        known = prefix in self._prefixes
        self._prefixes[prefix] = None
        self._prefixes.move_to_end(prefix)
        if len(self._prefixes) > PREFIXES_KEPT:
            self._prefixes.popitem(last=False)
        return CACHED_TOKENS if known else 0


def response_object(
    question: Question, response_id: str, created_at: float, *, status: str, ended_at: float | None = None, outcome: Outcome | None = None
) -> dict[str, Any]:
    """Return a response as OpenAI tells it; `outcome` is None as long as it has none."""
    body = question.body
    asked_tier = body.get("service_tier") or "auto"
    told: dict[str, Any] = {
        "id": response_id,
        "object": "response",
        "created_at": int(created_at),
        "status": status,
        "background": question.background,
        "completed_at": int(ended_at) if ended_at is not None and status == "completed" else None,
        "error": outcome.error if outcome else None,
        "frequency_penalty": 0.0,
        "incomplete_details": outcome.incomplete_details if outcome else None,
        "instructions": body.get("instructions"),
        "max_output_tokens": question.most_output_tokens,
        "max_tool_calls": None,
        "metadata": body.get("metadata") or {},
        "model": question.model.snapshot,
        "output": outcome.output if outcome else [],
        "parallel_tool_calls": True,
        "presence_penalty": 0.0,
        "previous_response_id": None,
        "prompt_cache_key": body.get("prompt_cache_key"),
        "prompt_cache_retention": body.get("prompt_cache_retention"),
        "reasoning": {"effort": question.effort, "summary": None},
        "safety_identifier": None,
        "service_tier": "default" if outcome and asked_tier == "auto" else asked_tier,
        "store": question.store,
        "temperature": body.get("temperature", 1.0),
        "text": {"format": question.format, "verbosity": (body.get("text") or {}).get("verbosity", "medium")},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": body.get("top_p", 1.0),
        "truncation": "disabled",
        "usage": outcome.usage if outcome else None,
        "user": None,
    }
    return told | {"billing": {"payer": "developer"}} if outcome else told


def new_id(prefix: str) -> str:
    """Return an id that no other sandbox gave or will give: what a test stored must not meet its like after a restart."""
    return f"{prefix}_{secrets.token_hex(25)}"


def _text(question: Question, hijack: str) -> str:
    if hijack:
        return hijacked_answer(question.prompt(), hijack)
    written = answer(question.prompt())
    if question.format["type"] == "text":
        return written if isinstance(written, str) else json.dumps(written)
    return encoded(written if question.format["type"] == "json_schema" else {"answer": written}).decode()


def _output_text(text: str) -> dict[str, Any]:
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}


def _message(part: dict[str, Any], status: str) -> dict[str, Any]:
    return {"id": new_id("msg"), "type": "message", "status": status, "role": "assistant", "content": [part]}
