"""How a request that was taken becomes a message: the model's answer, what spoils it on demand, and usage that adds up."""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Protocol

from sandbox.anthropic_requests import Asked
from sandbox.chance import happens, number_of
from sandbox.hijacked_model import MODES, hijacked_answer
from sandbox.language_model import LETTERS_A_TOKEN, answer, count_tokens

#: Tokens that an answer costs beside its text.
OF_ANSWER = 4
#: A shorter beginning of a request is not kept.
LEAST_CACHED = 1024
MOST_CACHED = 10_000
_SECONDS = {"5m": 300, "1h": 3600}
_THOUGHT = "The facts are given in the request; I go through them one by one and answer in the form that is asked for."
#: Words in a prompt that make the sandbox misbehave in its answer to this one request.
_SCRIPTED = re.compile(r"\bsandbox:([a-z_]+)")
_DIGITS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

REFUSAL, TRUNCATION, BAD_JSON = "refusal", "truncation", "bad_json"
HIJACK, STOP = "hijack_", "stop_"
#: Ends that an answer comes to by being spoiled, and those to which it comes before it is whole.
_SPOILED = {"refusal": REFUSAL, "max_tokens": TRUNCATION}
_HALF_WAY = frozenset({"pause_turn", "model_context_window_exceeded"})
#: What is called where nobody gave a tool.
_TOOL = "look_up"
#: Where an answer stops that is to stop at a sequence, though none was given.
_SEQUENCE = "\n\n"


class Behaviour(Protocol):
    """What is set of how answers are spoiled."""

    @property
    def refusal_rate(self) -> float: ...
    @property
    def truncation_rate(self) -> float: ...
    @property
    def bad_json_rate(self) -> float: ...
    @property
    def stop_reason(self) -> str: ...
    @property
    def hijack(self) -> str: ...
    @property
    def hijack_answer(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Usage:
    """Hold how the tokens that went in were counted."""

    fresh: int
    read: int
    written_5m: int
    written_1h: int


class PromptCache:
    """Remember beginnings of requests for as long as they are marked to be."""

    def __init__(self) -> None:
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def usage(self, asked: Asked, now: float) -> Usage:
        """Return what of a request was read, what is written, and what is neither; remember what is written."""
        digest, tokens = blake2b(asked.model.id.encode(), digest_size=16), 0
        read, marks = 0, []
        for piece in asked.pieces:
            digest.update(piece.content.encode("utf-8", "surrogatepass"))
            tokens += piece.tokens
            if piece.cached_for and tokens >= LEAST_CACHED:
                key = digest.digest()
                marks.append((tokens, piece.cached_for, key))
                if self._until.get(key, 0) > now:
                    read = tokens
        written = {"5m": 0, "1h": 0}
        done = read
        for upto, lifetime, key in marks:
            self._remember(key, now + _SECONDS[lifetime])
            written[lifetime] += max(0, upto - done)
            done = max(done, upto)
        return Usage(asked.input_tokens - done, read, written["5m"], written["1h"])

    def _remember(self, key: bytes, until: float) -> None:
        self._until[key] = until
        self._until.move_to_end(key)
        if len(self._until) > MOST_CACHED:
            self._until.popitem(last=False)


def scripted(asked: Asked) -> str:
    """Return what the prompt itself asks the sandbox to do to its answer, "" for nothing."""
    match = _SCRIPTED.search(asked.prompt.text)
    return match[1] if match else ""


def content_key(params: Any) -> str:
    """Return what stands for the content of a request: the same for the same parameters."""
    return blake2b(json.dumps(params, sort_keys=True).encode(), digest_size=12).hexdigest()


def identifier(prefix: str, *about: object) -> str:
    """Return an id as Anthropic forms them."""
    number, letters = number_of(*about) * number_of(*about, "more"), ""
    for _ in range(22):
        number, place = divmod(number, len(_DIGITS))
        letters += _DIGITS[place]
    return f"{prefix}_01{letters}"


def message(asked: Asked, usage: Usage, behaviour: Behaviour, *, key: str, tier: str, number: int) -> dict[str, Any]:
    """Return the answer to a request; `key` decides which are spoiled, `number` tells apart answers to the same."""
    content, stop_reason, output_tokens, thinking_tokens, stop_sequence = _written(asked, _fate(asked, behaviour, key), behaviour)
    counted: dict[str, Any] = {
        "input_tokens": usage.fresh,
        "cache_creation_input_tokens": usage.written_5m + usage.written_1h,
        "cache_read_input_tokens": usage.read,
        "cache_creation": {"ephemeral_5m_input_tokens": usage.written_5m, "ephemeral_1h_input_tokens": usage.written_1h},
        "output_tokens": output_tokens,
        "service_tier": tier,
        "inference_geo": "not_available",
    }
    if thinking_tokens:
        counted["output_tokens_details"] = {"thinking_tokens": thinking_tokens}
    refused = {"type": "refusal", "category": "general_harms", "explanation": "This request was declined by a safety classifier."}
    return {
        "model": asked.model.id,
        "id": identifier("msg", key, number),
        "type": "message",
        "role": "assistant",
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": stop_sequence,
        "stop_details": refused if stop_reason == REFUSAL else None,
        "usage": counted,
    }


def _fate(asked: Asked, behaviour: Behaviour, key: str) -> str:
    """Return how this answer is spoiled: as its prompt wants, else as the rates have it; "" for not at all."""
    told = scripted(asked)
    if told in (REFUSAL, TRUNCATION, BAD_JSON) or told.removeprefix(HIJACK) in MODES:
        return told
    if stop := told.removeprefix(STOP) if told.startswith(STOP) else behaviour.stop_reason:
        return _SPOILED.get(stop, STOP + stop)
    if behaviour.hijack:
        return HIJACK + behaviour.hijack
    rates = ((REFUSAL, behaviour.refusal_rate), (TRUNCATION, behaviour.truncation_rate), (BAD_JSON, behaviour.bad_json_rate))
    return next((name for name, rate in rates if rate and happens(rate, name, key)), "")


def _written(asked: Asked, fate: str, behaviour: Behaviour) -> tuple[list[dict[str, Any]], str, int, int, str | None]:
    """Return content, stop reason, output tokens, thinking tokens among them, and the stop sequence that was met."""
    if asked.most_output == 0:
        return [], "max_tokens", 0, 0, None
    if fate == REFUSAL:
        return [], REFUSAL, min(3, asked.most_output), 0, None
    stop = fate.removeprefix(STOP) if fate.startswith(STOP) else ""
    if stop == "tool_use":
        asked = replace(asked, tool=asked.tool or _TOOL)
    text = _text(asked, fate, behaviour)
    if stop in _HALF_WAY:
        text = text[: len(text) // 2]
    thoughts = [{"type": "thinking", "thinking": _THOUGHT, "signature": identifier("sig", text)}] if asked.thinks else []
    thinking_tokens = count_tokens(_THOUGHT) if thoughts else 0
    room = min(asked.most_output, asked.model.context - asked.input_tokens)
    stop_reason, stop_sequence = "tool_use" if asked.tool else "end_turn", None
    for sequence in asked.stop_sequences:
        if sequence and sequence in text and not asked.tool:
            text, stop_reason, stop_sequence = text[: text.index(sequence)], "stop_sequence", sequence
    output_tokens = thinking_tokens + count_tokens(text) + OF_ANSWER
    if fate == TRUNCATION:
        # As if the rest of the allowance had gone into thoughts that are not shown.
        text, stop_reason, output_tokens = text[: len(text) // 2], "max_tokens", room
        thinking_tokens = max(0, room - count_tokens(text) - OF_ANSWER)
    elif output_tokens > room and not fate.startswith(HIJACK):
        text = text[: max(0, room - thinking_tokens - OF_ANSWER) * LETTERS_A_TOKEN]
        stop_reason = "max_tokens" if room == asked.most_output else "model_context_window_exceeded"
        output_tokens, thinking_tokens = room, min(thinking_tokens, room)
    elif stop:
        stop_reason, stop_sequence = stop, _SEQUENCE if stop == "stop_sequence" else None
    return [*thoughts, *_blocks(asked, text, whole=stop_reason == "tool_use")], stop_reason, output_tokens, thinking_tokens, stop_sequence


def _text(asked: Asked, fate: str, behaviour: Behaviour) -> str:
    if fate.startswith(HIJACK):
        mode = fate.removeprefix(HIJACK)
        return hijacked_answer(asked.prompt, mode) if mode in MODES else json.dumps(behaviour.hijack_answer)
    said = answer(asked.prompt)
    text = said if isinstance(said, str) and asked.prompt.schema is None else json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    return f"Here is what you asked for:\n```json\n{text[:-1]}" if fate == BAD_JSON else text


def _blocks(asked: Asked, text: str, *, whole: bool) -> list[dict[str, Any]]:
    if not asked.tool:
        return [{"type": "text", "text": text}] if text else []
    if not whole:
        # A call that was cut off keeps what was complete; here that is nothing.
        return [{"type": "tool_use", "id": identifier("toolu", text), "name": asked.tool, "input": {}}]
    try:
        given = json.loads(text)
    except ValueError:
        given = {}
    return [{"type": "tool_use", "id": identifier("toolu", text), "name": asked.tool, "input": given}]
