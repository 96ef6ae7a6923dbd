"""A request for a message, read as strictly as Anthropic reads it (https://platform.claude.com/docs/en/api/messages, version 2026-10-21)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sandbox.anthropic_errors import Refusal, invalid
from sandbox.anthropic_images import Fetch, SentImage, check_not_oversized, check_sizes, image_tokens, read_image
from sandbox.anthropic_models import Model, model_in_service
from sandbox.anthropic_schemas import check
from sandbox.language_model import Image, Prompt, count_tokens

VERSIONS = ("2023-06-01", "2026-10-21")
MOST_MESSAGES = 100_000
MOST_STRICT_TOOLS = 20
#: Tokens that a request, a message, an output format and the first tool cost beside their own texts.
OF_REQUEST, OF_MESSAGE, OF_FORMAT, OF_TOOLS = 4, 4, 90, 300

_SAMPLING = ("temperature", "top_p", "top_k")
_PARAMETERS = frozenset(
    (
        *("model", "messages", "max_tokens", "system", "tools", "tool_choice", "output_config", "thinking", "stop_sequences", "stream"),
        *("metadata", "service_tier", "speed", "cache_control", "container", "diagnostics", "inference_geo"),
    )
)
_EFFORTS = ("low", "medium", "high", "xhigh", "max")
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")


@dataclass(frozen=True, slots=True)
class Piece:
    """Hold a part of the request in the order in which it is cached: its tokens, what it says, and how long to remember all up to it."""

    tokens: int
    content: str
    #: "5m", "1h", or "" for no mark.
    cached_for: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """Hold a request that was taken."""

    model: Model
    most_output: int
    prompt: Prompt
    pieces: tuple[Piece, ...]
    #: The tool the answer is a call of; "" where it is text.
    tool: str = ""
    thinks: bool = False
    stop_sequences: tuple[str, ...] = ()

    @property
    def input_tokens(self) -> int:
        """Return all tokens that go in, cached or not."""
        return OF_REQUEST + sum(piece.tokens for piece in self.pieces)


@dataclass(slots=True)
class Reader:
    """Read requests under one version of the API; raise a Refusal at the first thing that is wrong."""

    version: str
    now: float
    files: Fetch
    addresses: Fetch
    _images: list[SentImage] = field(default_factory=list)
    _captioned: list[Image] = field(default_factory=list)
    _texts: list[str] = field(default_factory=list)
    _pieces: list[Piece] = field(default_factory=list)

    def read(self, params: Any, *, counting: bool = False) -> Asked:
        """Return what is asked; a request that is only counted needs no max_tokens."""
        if not isinstance(params, Mapping):
            raise invalid("Input should be a valid dictionary")
        for part in (self._images, self._captioned, self._texts, self._pieces):
            part.clear()
        self._check_names(params, counting)
        model = model_in_service(params["model"], self.now)
        most_output = 0 if counting else _most_output(params["max_tokens"], model)
        tools = self._tools(params)
        system = self._system(params.get("system"))
        self._messages(params["messages"], model)
        schema = self._format(params.get("output_config"), tools)
        tool = _tool_to_use(params, tools)
        self._check_images(params["messages"], model)
        prompt = Prompt(
            model=model.id,
            text="\n".join(self._texts),
            system=system,
            images=tuple(self._captioned),
            schema=tools[tool]["input_schema"] if tool else schema,
        )
        stops = params.get("stop_sequences") or ()
        asked = Asked(
            model, most_output, prompt, tuple(self._pieces), tool, _thinks(params.get("thinking"), most_output, model), tuple(stops)
        )
        if asked.input_tokens > model.context:
            raise invalid(f"prompt is too long: {asked.input_tokens} tokens > {model.context} maximum")
        return asked

    def _check_names(self, params: Mapping[str, Any], counting: bool) -> None:
        for name in ("model", "messages", *(() if counting else ("max_tokens",))):
            if name not in params:
                raise invalid(f"{name}: Field required")
        for name in params:
            if name in _SAMPLING and self.version == VERSIONS[0]:
                continue
            if name not in _PARAMETERS or (counting and name in ("max_tokens", "stream", "stop_sequences")):
                raise invalid(f"{name}: Extra inputs are not permitted")
        if not isinstance(params["model"], str):
            raise invalid("model: Input should be a valid string")
        if params.get("service_tier", "auto") not in ("auto", "standard_only"):
            raise invalid("service_tier: Input should be 'auto' or 'standard_only'")
        if params.get("stream"):
            raise invalid("stream: the sandbox answers in one piece only")
        if not isinstance(params.get("metadata") or {}, Mapping) or set(params.get("metadata") or ()) - {"user_id"}:
            raise invalid("metadata: Extra inputs are not permitted")

    def _add(self, text: str, block: Mapping[str, Any] | None = None, *, tokens: int | None = None) -> None:
        mark = (block or {}).get("cache_control")
        kept = ""
        if mark is not None:
            if not isinstance(mark, Mapping) or mark.get("type") != "ephemeral" or mark.get("ttl", "5m") not in ("5m", "1h"):
                raise invalid("cache_control: Input should be {'type': 'ephemeral', 'ttl': '5m' or '1h'}")
            kept = mark.get("ttl", "5m")
        self._pieces.append(Piece(count_tokens(text) if tokens is None else tokens, text, kept))

    def _system(self, system: Any) -> str:
        blocks = [{"type": "text", "text": system}] if isinstance(system, str) and system else system or []
        if not isinstance(blocks, list):
            raise invalid("system: Input should be a valid list")
        for place, block in enumerate(blocks):
            if not isinstance(block, Mapping) or block.get("type") != "text" or not isinstance(block.get("text"), str):
                raise invalid(f"system.{place}: Input should be a text block")
            self._add(block["text"], block)
        return "\n".join(block["text"] for block in blocks)

    def _messages(self, messages: Any, model: Model) -> None:
        if not isinstance(messages, list):
            raise invalid("messages: Input should be a valid list")
        if not 0 < len(messages) <= MOST_MESSAGES:
            raise invalid("messages: at least one message is required" if not messages else f"messages: too many, at most {MOST_MESSAGES}")
        for place, message in enumerate(messages):
            if not isinstance(message, Mapping) or message.get("role") not in ("user", "assistant", "system"):
                raise invalid(f"messages.{place}.role: Input should be 'user', 'assistant' or 'system'")
            if extra := set(message) - {"role", "content"}:
                raise invalid(f"messages.{place}.{min(extra)}: Extra inputs are not permitted")
            self._message(message, f"messages.{place}")
        if messages[0]["role"] != "user":
            raise invalid('messages: first message must use the "user" role')
        if messages[-1]["role"] == "assistant" and not model.takes_prefill:
            raise invalid("This model does not support assistant message prefill. The conversation must end with a user message.")

    def _message(self, message: Mapping[str, Any], place: str) -> None:
        content = message.get("content")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if not isinstance(blocks, list):
            raise invalid(f"{place}.content: Field required" if content is None else f"{place}.content: Input should be a valid list")
        if not blocks:
            raise invalid(f"{place}: {message['role']} messages must have non-empty content")
        self._add("", tokens=OF_MESSAGE)
        self._blocks(blocks, f"{place}.content", from_user=message["role"] == "user")

    def _blocks(self, blocks: list[Any], place: str, *, from_user: bool) -> None:
        before = ""
        for number, block in enumerate(blocks):
            where = f"{place}.{number}"
            kind = block.get("type") if isinstance(block, Mapping) else None
            match kind:
                case "text":
                    before = self._text(block, where, from_user=from_user)
                case "image" if from_user:
                    self._image(block, where, before)
                case "tool_result" if from_user:
                    inner = block.get("content") or ""
                    self._add(str(block.get("tool_use_id")), block)
                    self._blocks(
                        [{"type": "text", "text": inner}] if isinstance(inner, str) and inner else inner or [],
                        f"{where}.content",
                        from_user=True,
                    )
                case "tool_use" | "thinking" | "redacted_thinking" if not from_user:
                    self._add(json.dumps(block), block)
                case _:
                    raise invalid(
                        f"{where}: Input tag '{kind}' found using 'type' does not match any of the expected tags: 'text', 'image', 'tool_use', 'tool_result'"
                    )

    def _text(self, block: Mapping[str, Any], where: str, *, from_user: bool) -> str:
        text = block.get("text")
        if not isinstance(text, str):
            raise invalid(f"{where}.text.text: Field required")
        if not text.strip():
            raise invalid(f"messages: text content blocks must {'contain non-whitespace text' if text else 'be non-empty'}")
        if "citations" in block and from_user and self.version != VERSIONS[0]:
            raise invalid(f"{where}.text.citations: Extra inputs are not permitted")
        self._add(text, block)
        if from_user:
            self._texts.append(text)
        return text

    def _image(self, block: Mapping[str, Any], where: str, before: str) -> None:
        image = read_image(block, where, files=self.files, addresses=self.addresses)
        self._images.append(image)
        self._captioned.append(Image(image.content, before))
        # Its tokens depend on the model and are put in place once all images are known.
        self._add(f"image {len(self._images)} {hash(image.content)}", block, tokens=-len(self._images))

    def _check_images(self, messages: list[Any], model: Model) -> None:
        if len(self._images) > model.most_images:
            raise invalid(f"messages: too many images: {len(self._images)} > {model.most_images} maximum")
        check_sizes(self._images)
        whole = {f"messages.{at}.content.{number}" for at, number, block in _blocks_of(messages) if _forbids_downsizing(block)}
        for image in self._images:
            if image.place in whole:
                check_not_oversized(image, model.tier)
        costs = [image_tokens(image.width, image.height, model.tier) for image in self._images]
        self._pieces[:] = [
            Piece(costs[-piece.tokens - 1], piece.content, piece.cached_for) if piece.tokens < 0 else piece for piece in self._pieces
        ]

    def _tools(self, params: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        tools: dict[str, Mapping[str, Any]] = {}
        for place, tool in enumerate(params.get("tools") or ()):
            name = tool.get("name") if isinstance(tool, Mapping) else None
            if not isinstance(name, str) or not _TOOL_NAME.fullmatch(name):
                raise invalid(f"tools.{place}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'")
            if name in tools:
                raise invalid("tools: Tool names must be unique.")
            schema = tool.get("input_schema")
            if not isinstance(schema, Mapping) or schema.get("type") != "object":
                raise invalid(f"tools.{place}.custom.input_schema.type: {'Field required' if not schema else 'Input should be object'}")
            tools[name] = tool
            self._add(json.dumps(tool), tool, tokens=count_tokens(json.dumps(tool)) + (OF_TOOLS if len(tools) == 1 else 0))
        if sum(bool(tool.get("strict")) for tool in tools.values()) > MOST_STRICT_TOOLS:
            raise invalid(f"tools: too many strict tools, at most {MOST_STRICT_TOOLS}")
        return tools

    def _format(self, config: Any, tools: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any] | None:
        config = config or {}
        if not isinstance(config, Mapping) or set(config) - {"format", "effort"}:
            raise invalid("output_config: Extra inputs are not permitted")
        if config.get("effort") not in (None, *_EFFORTS):
            raise invalid("output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'")
        schemas = [(f"tools.{place}.custom", tool["input_schema"]) for place, tool in enumerate(tools.values()) if tool.get("strict")]
        form = config.get("format")
        if form is not None:
            if not isinstance(form, Mapping) or form.get("type") != "json_schema":
                raise invalid("output_config.format.type: Input should be 'json_schema'")
            if not isinstance(form.get("schema"), Mapping):
                raise invalid("output_config.format.schema: Field required")
            schemas.append(("output_config.format.schema", form["schema"]))
        if not schemas:
            return None
        text = json.dumps(schemas)
        if refusal := _schema_refusal(text):
            raise refusal
        if form is None:
            return None
        self._add(text, tokens=count_tokens(text) + OF_FORMAT)
        schema: Mapping[str, Any] = form["schema"]
        return schema


@lru_cache(maxsize=512)
def _schema_refusal(text: str) -> Refusal | None:
    """Return what is wrong with schemas; a batch asks for the same one fifty thousand times."""
    try:
        check(json.loads(text))
    except Refusal as refusal:
        return refusal
    return None


def _most_output(asked: Any, model: Model) -> int:
    if type(asked) is not int:
        raise invalid("max_tokens: Input should be a valid integer")
    if asked < 0:
        raise invalid("max_tokens: Input should be greater than or equal to 0")
    if asked > model.most_output:
        raise invalid(f"max_tokens: {asked} > {model.most_output}, which is the maximum allowed number of output tokens for {model.id}")
    return asked


def _thinks(thinking: Any, most_output: int, model: Model) -> bool:
    if thinking is None:
        return False
    kind = thinking.get("type") if isinstance(thinking, Mapping) else None
    if kind not in ("enabled", "adaptive", "disabled", "between_tools"):
        raise invalid("thinking.type: Input should be 'enabled', 'adaptive', 'disabled' or 'between_tools'")
    if kind == ("adaptive" if model.takes_prefill else "enabled"):
        raise invalid(f"thinking.type: '{kind}' is not supported by {model.id}")
    if kind == "enabled":
        budget = thinking.get("budget_tokens")
        if type(budget) is not int or budget < 1024:
            raise invalid("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
        if budget >= most_output:
            raise invalid("max_tokens must be greater than thinking.budget_tokens")
    return kind in ("enabled", "adaptive")


def _tool_to_use(params: Mapping[str, Any], tools: Mapping[str, Any]) -> str:
    """Return the tool the answer calls: the one that is wanted, else the first, unless its result is already there."""
    choice = params.get("tool_choice")
    if choice is not None and not tools:
        raise invalid("tool_choice may only be specified while providing tools")
    wanted: Mapping[str, Any] = choice if isinstance(choice, Mapping) else {"type": "auto"}
    match wanted.get("type"):
        case "tool":
            if wanted.get("name") not in tools:
                raise invalid(f"Tool '{wanted.get('name')}' not found in provided tools")
            return str(wanted["name"])
        case "any":
            return next(iter(tools))
        case "none":
            return ""
        case "auto":
            answered = isinstance(last := params["messages"][-1]["content"], list) and any(
                block.get("type") == "tool_result" for block in last
            )
            return "" if answered or not tools else next(iter(tools))
    raise invalid("tool_choice.type: Input should be 'auto', 'any', 'tool' or 'none'")


def _blocks_of(messages: list[Any]) -> list[tuple[int, int, Mapping[str, Any]]]:
    contents = ((at, message["content"]) for at, message in enumerate(messages) if isinstance(message["content"], list))
    return [(at, number, block) for at, content in contents for number, block in enumerate(content)]


def _forbids_downsizing(block: Mapping[str, Any]) -> bool:
    wanted = block.get("transformations")
    return isinstance(wanted, Mapping) and wanted.get("oversized_image") == "error"
