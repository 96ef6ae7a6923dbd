"""What is asked of a model in a body of `POST /v1/responses`, read as strictly as OpenAI reads it."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sandbox.language_model import Image, Prompt, count_tokens
from sandbox.openai_errors import Refused, above_maximum, below_minimum, missing, too_long, unsupported_value, wrong_type, wrong_value
from sandbox.openai_models import Model, model_called
from sandbox.openai_schema import check_strict

#: Tokens of an image, whatever its size: the sandbox looks into none.
TOKENS_AN_IMAGE = 1000
LEAST_OUTPUT_TOKENS = 16
MOST_METADATA, LONGEST_KEY, LONGEST_VALUE = 16, 64, 512

_PARAMETERS = frozenset(
    (
        *("access_programs", "background", "background_options", "context_management", "conversation", "image", "include", "input"),
        *("instructions", "max_output_tokens", "max_tool_calls", "metadata", "model", "moderation", "parallel_tool_calls"),
        *("previous_response_id", "prompt", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "reasoning"),
        *("safety_identifier", "service_tier", "store", "stream", "stream_options", "temperature", "text", "tool_choice", "tools"),
        *("top_logprobs", "top_p", "truncation", "user"),
    )
)
_TIERS = ("auto", "default", "flex", "priority", "scale")
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_ROLES = ("assistant", "system", "developer", "user")
_PARTS = ("input_text", "input_image", "output_text", "refusal", "input_file")
_DETAILS = ("low", "high", "auto", "original")
_FORMATS = ("text", "json_object", "json_schema")
_DATA_URL = re.compile(r"^data:image/(?:jpeg|png|gif|webp);base64,", re.IGNORECASE)


@dataclass(frozen=True)
class Question:
    """Hold a body that was found right."""

    model: Model
    body: dict[str, Any]

    @property
    def background(self) -> bool:
        return bool(self.body.get("background"))

    @property
    def store(self) -> bool:
        return self.body.get("store") is not False

    @property
    def most_output_tokens(self) -> int | None:
        found: int | None = self.body.get("max_output_tokens")
        return found

    @property
    def effort(self) -> str | None:
        """Return how hard the model thinks, None for one that does not."""
        return (self.body.get("reasoning") or {}).get("effort") or (self.model.default_effort if self.model.efforts else None)

    @property
    def format(self) -> dict[str, Any]:
        """Return the format asked for, completed as answers repeat it."""
        asked = (self.body.get("text") or {}).get("format") or {"type": "text"}
        return {"description": None, "strict": False, **asked} if asked["type"] == "json_schema" else asked

    @property
    def image_addresses(self) -> list[str]:
        """Return the images that OpenAI would have to fetch."""
        return [part["image_url"] for part in self._parts() if part["type"] == "input_image" and not _DATA_URL.match(part["image_url"])]

    @cached_property
    def input_tokens(self) -> int:
        prompt = self.prompt()
        return count_tokens(prompt.system) + count_tokens(prompt.text) + TOKENS_AN_IMAGE * len(prompt.images)

    def prompt(self) -> Prompt:
        """Return what the language model is told."""
        texts: list[str] = []
        images: list[Image] = []
        told: list[str] = [self.body.get("instructions") or ""]
        for part in self._parts():
            if part["type"] == "input_image":
                images.append(Image(_content(part["image_url"]), caption=texts[-1] if texts else ""))
            elif part["type"] in ("input_text", "output_text"):
                (told if part["role"] in ("system", "developer") else texts).append(part["text"])
        schema = self.format.get("schema") if self.format["type"] == "json_schema" else None
        return Prompt(
            model=self.model.name,
            text="\n".join(texts),
            system="\n".join(filter(None, told)),
            images=tuple(images),
            schema=schema,
        )

    def _parts(self) -> Iterator[dict[str, Any]]:
        asked = self.body["input"]
        for message in [{"role": "user", "content": asked}] if isinstance(asked, str) else asked:
            content = message["content"]
            for part in [{"type": "input_text", "text": content}] if isinstance(content, str) else content:
                yield {"role": message["role"], **part}


def read_question(body: Any, now: float) -> Question:
    """Return what a body asks; raise Refused for anything that OpenAI would not take."""
    if not isinstance(body, dict):
        raise Refused("Invalid body: expected an object.", code="invalid_type")
    for name in body:
        if name not in _PARAMETERS:
            raise Refused(f"Unknown parameter: '{name}'.", param=name, code="unknown_parameter")
    for name in ("model", "input"):
        if body.get(name) is None:
            raise missing(name)
    if not isinstance(body["model"], str):
        raise wrong_type("model", "a string", body["model"])
    model = model_called(body["model"], now)
    _check_kinds(body)
    check_metadata(body.get("metadata"))
    _check_tokens(body, model)
    _check_thinking(body, model)
    _check_format(body.get("text") or {})
    _check_input(body["input"])
    question = Question(model, body)
    if question.input_tokens > model.context_tokens:
        message = "Your input exceeds the context window of this model. Please adjust your input and try again."
        raise Refused(message, param="input", code="context_length_exceeded")
    return question


def check_metadata(metadata: Any) -> None:
    """Raise Refused for metadata that are not up to 16 short texts under short names."""
    if metadata is None:
        return
    if not isinstance(metadata, dict):
        raise wrong_type("metadata", "an object", metadata)
    if len(metadata) > MOST_METADATA:
        message = (
            f"Invalid 'metadata': too many properties. Expected an object with at most {MOST_METADATA} properties, "
            f"but got an object with {len(metadata)} properties instead."
        )
        raise Refused(message, param="metadata", code="object_above_max_properties")
    for name, value in metadata.items():
        if len(name) > LONGEST_KEY:
            message = f"Invalid 'metadata': property name too long. Expected at most {LONGEST_KEY} characters, but got {len(name)} instead."
            raise Refused(message, param="metadata", code="string_above_max_length")
        if not isinstance(value, str):
            raise wrong_type(f"metadata.{name}", "a string", value)
        if len(value) > LONGEST_VALUE:
            raise too_long(f"metadata.{name}", len(value), LONGEST_VALUE)


def _check_kinds(body: dict[str, Any]) -> None:
    for name in ("background", "store", "stream"):
        if not isinstance(body.get(name, False), bool | None):
            raise wrong_type(name, "a boolean", body[name])
    for name in ("reasoning", "text"):
        if not isinstance(body.get(name, {}), dict | None):
            raise wrong_type(name, "an object", body[name])
    if not isinstance(body.get("instructions"), str | None):
        raise wrong_type("instructions", "a string", body["instructions"])
    tier = body.get("service_tier")
    if tier is not None and tier not in _TIERS:
        raise wrong_value("service_tier", tier, _TIERS)
    if body.get("stream"):
        raise Refused("The sandbox does not stream responses.", param="stream", code="unsupported_value")


def _check_tokens(body: dict[str, Any], model: Model) -> None:
    most = body.get("max_output_tokens")
    if most is None:
        return
    if not isinstance(most, int) or isinstance(most, bool):
        raise wrong_type("max_output_tokens", "an integer", most)
    if most < LEAST_OUTPUT_TOKENS:
        raise below_minimum("max_output_tokens", most, LEAST_OUTPUT_TOKENS)
    if most > model.most_output_tokens:
        raise above_maximum("max_output_tokens", most, model.most_output_tokens)


def _check_thinking(body: dict[str, Any], model: Model) -> None:
    effort = (body.get("reasoning") or {}).get("effort")
    if effort is not None:
        if effort not in _EFFORTS:
            raise wrong_value("reasoning.effort", effort, _EFFORTS)
        if not model.efforts:
            message = "Unsupported parameter: 'reasoning.effort' is not supported with this model."
            raise Refused(message, param="reasoning.effort", code="unsupported_parameter")
        if effort not in model.efforts:
            raise unsupported_value("reasoning.effort", effort, model.name, model.efforts)
    thinks = model.efforts and (effort or model.default_effort) != "none"
    for name, most in (("temperature", 2), ("top_p", 1)):
        value = body.get(name)
        if value is None:
            continue
        if thinks:
            message = f"Unsupported parameter: '{name}' is not supported with this model."
            raise Refused(message, param=name, code="unsupported_parameter")
        if not isinstance(value, int | float):
            raise wrong_type(name, "a decimal", value)
        if value < 0:
            raise below_minimum(name, float(value), 0)
        if value > most:
            raise above_maximum(name, float(value), most)


def _check_format(text: dict[str, Any]) -> None:
    asked = text.get("format")
    if asked is None:
        return
    if not isinstance(asked, dict):
        raise wrong_type("text.format", "an object", asked)
    if asked.get("type") not in _FORMATS:
        raise wrong_value("text.format.type", asked.get("type"), _FORMATS)
    if asked["type"] != "json_schema":
        return
    for name in ("name", "schema"):
        if asked.get(name) is None:
            raise missing(f"text.format.{name}")
    if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", str(asked["name"])):
        message = (
            "Invalid 'text.format.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
        )
        raise Refused(message, param="text.format.name", code="invalid_value")
    if asked.get("strict"):
        check_strict(asked["name"], asked["schema"])


def _check_input(asked: Any) -> None:
    if isinstance(asked, str):
        return
    if not isinstance(asked, list):
        raise wrong_type("input", "one of a string or an array of items", asked)
    for place, message in enumerate(asked):
        where = f"input[{place}]"
        if not isinstance(message, dict):
            raise wrong_type(where, "an object", message)
        if message.get("type", "message") != "message":
            raise wrong_value(f"{where}.type", message["type"], ("message",))
        if message.get("role") not in _ROLES:
            raise wrong_value(f"{where}.role", message.get("role"), _ROLES)
        content = message.get("content")
        if isinstance(content, str):
            continue
        if not isinstance(content, list):
            raise wrong_type(f"{where}.content", "one of a string or an array of parts", content)
        for number, part in enumerate(content):
            _check_part(part, f"{where}.content[{number}]")


def _check_part(part: Any, where: str) -> None:
    if not isinstance(part, dict):
        raise wrong_type(where, "an object", part)
    kind = part.get("type")
    if kind not in _PARTS:
        raise wrong_value(f"{where}.type", kind, _PARTS)
    if kind in ("input_text", "output_text") and not isinstance(part.get("text"), str):
        raise missing(f"{where}.text") if part.get("text") is None else wrong_type(f"{where}.text", "a string", part["text"])
    if kind == "input_file":
        raise Refused("The sandbox takes no files as input.", param=where, code="unsupported_value")
    if kind == "input_image":
        _check_image(part, where)


def _check_image(part: dict[str, Any], where: str) -> None:
    if part.get("detail", "auto") not in _DETAILS:
        raise wrong_value(f"{where}.detail", part["detail"], _DETAILS)
    address, name = part.get("image_url"), f"{where}.image_url"
    if address is None:
        raise missing(name)
    if not isinstance(address, str) or not (address.startswith(("http://", "https://")) or _DATA_URL.match(address)):
        message = f"Invalid '{name}'. Expected a valid URL, but got a value with an invalid format."
        raise Refused(message, param=name, code="invalid_value")
    if _DATA_URL.match(address):
        try:
            empty = not _content(address)
        except binascii.Error:
            message = f"Invalid '{name}'. Expected a base64-encoded data URL with an image MIME type, but got a value that is not base64."
            raise Refused(message, param=name, code="invalid_base64_image") from None
        if empty:
            raise Refused("The image data you provided is empty.", param=name, code="empty_image_file")


def _content(address: str) -> bytes:
    """Return the bytes of an image sent within the request; of one to be fetched, its address."""
    if opening := _DATA_URL.match(address):
        return base64.b64decode(address[opening.end() :], validate=True)
    return address.encode()
