"""The models that Anthropic serves, and what each takes (https://platform.claude.com/docs/en/about-claude/models/overview)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.anthropic_errors import Refusal

#: Where the release date is not known, the API says the epoch.
UNKNOWN = "1970-01-01"
_EFFORTS = ("low", "medium", "high", "xhigh", "max")


@dataclass(frozen=True, slots=True)
class ImageTier:
    """Hold what images are made smaller to before a model sees them."""

    long_edge: int
    most_tokens: int


STANDARD = ImageTier(1568, 1568)
HIGH_RESOLUTION = ImageTier(2576, 4784)


@dataclass(frozen=True, slots=True)
class Model:
    """Hold one model."""

    id: str
    name: str
    line: str
    created: str = UNKNOWN
    #: Another name, without the date.
    alias: str = ""
    context: int = 1_000_000
    most_output: int = 128_000
    tier: ImageTier = HIGH_RESOLUTION
    #: The last assistant turn may begin the answer.
    takes_prefill: bool = False
    #: When it was announced that it goes, and when it does; "" where nothing was.
    deprecated: str = ""
    retires: str = ""

    def lifecycle(self, now: float) -> str:
        """Return active, deprecated or retired."""
        if self.retires and now >= _moment(self.retires).timestamp():
            return "retired"
        return "deprecated" if self.deprecated and now >= _moment(self.deprecated).timestamp() else "active"

    @property
    def most_images(self) -> int:
        """Return how many images a request may have."""
        return 100 if self.context <= 200_000 else 600

    def as_dict(self, now: float) -> dict[str, Any]:
        """Return the model as the API lists it."""
        old = self.takes_prefill
        lifecycle = self.lifecycle(now)
        yes, no = {"supported": True}, {"supported": False}
        return {
            "type": "model",
            "id": self.id,
            "display_name": self.name,
            "created_at": _stamp(self.created),
            "lifecycle": lifecycle,
            "deprecated_at": _stamp(self.deprecated) if lifecycle != "active" else None,
            "retires_at": _stamp(self.retires) if lifecycle != "active" else None,
            "line": self.line,
            "max_input_tokens": self.context,
            "max_tokens": self.most_output,
            "capabilities": {
                **dict.fromkeys(("batch", "citations", "code_execution", "image_input", "pdf_input", "structured_outputs"), yes),
                "context_management": {
                    "supported": True,
                    "clear_tool_uses_20250919": yes,
                    "clear_thinking_20251015": yes,
                    "compact_20260112": yes,
                },
                "effort": {"supported": not old, **dict.fromkeys(_EFFORTS, no if old else yes)},
                "server_tools": {"supported": True, "code_execution": yes, "web_search": yes},
                "thinking": {
                    "supported": True,
                    "types": {"adaptive": no if old else yes, "between_tools": no, "disabled": yes, "enabled": yes if old else no},
                },
            },
        }


def _moment(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def _stamp(day: str) -> str | None:
    return _moment(day).strftime("%Y-%m-%dT%H:%M:%SZ") if day else None


def _old(
    identifier: str, name: str, line: str, created: str, *, most_output: int = 64_000, deprecated: str = "", retires: str = ""
) -> Model:
    alias = identifier.rpartition("-")[0]
    return Model(identifier, name, line, created, alias, 200_000, most_output, STANDARD, True, deprecated, retires)


def _gone(identifier: str, name: str, line: str, created: str) -> Model:
    return _old(identifier, name, line, created, most_output=8_192, deprecated="2025-11-01", retires="2026-08-01")


MODELS = (
    Model("claude-fable-5-2", "Claude Fable 5.2", "fable"),
    Model("claude-mythos-5-2", "Claude Mythos 5.2", "mythos"),
    Model("claude-haiku-5-5", "Claude Haiku 5.5", "haiku"),
    Model("claude-sonnet-5-5", "Claude Sonnet 5.5", "sonnet"),
    Model("claude-opus-5-5", "Claude Opus 5.5", "opus"),
    Model("claude-fable-5-1", "Claude Fable 5.1", "fable"),
    Model("claude-mythos-5-1", "Claude Mythos 5.1", "mythos"),
    Model("claude-sonnet-5", "Claude Sonnet 5", "sonnet"),
    Model("claude-fable-5", "Claude Fable 5", "fable"),
    Model("claude-mythos-5", "Claude Mythos 5", "mythos"),
    Model("claude-opus-5", "Claude Opus 5", "opus"),
    Model("claude-opus-4-8", "Claude Opus 4.8", "opus"),
    Model("claude-opus-4-7", "Claude Opus 4.7", "opus"),
    Model("claude-opus-4-6", "Claude Opus 4.6", "opus", tier=STANDARD),
    Model("claude-sonnet-4-6", "Claude Sonnet 4.6", "sonnet", tier=STANDARD),
    _old("claude-haiku-4-5-20251001", "Claude Haiku 4.5", "haiku", "2025-10-01"),
    _old("claude-opus-4-5-20251101", "Claude Opus 4.5", "opus", "2025-11-01"),
    _old("claude-sonnet-4-5-20250929", "Claude Sonnet 4.5", "sonnet", "2025-09-29", deprecated="2026-05-29", retires="2026-11-30"),
    _gone("claude-opus-4-1-20250805", "Claude Opus 4.1", "opus", "2025-08-05"),
    _gone("claude-sonnet-4-20250514", "Claude Sonnet 4", "sonnet", "2025-05-14"),
    _gone("claude-opus-4-20250514", "Claude Opus 4", "opus", "2025-05-14"),
    _gone("claude-3-7-sonnet-20250219", "Claude Sonnet 3.7", "sonnet", "2025-02-19"),
    _gone("claude-3-5-haiku-20241022", "Claude Haiku 3.5", "haiku", "2024-10-22"),
    _gone("claude-3-haiku-20240307", "Claude Haiku 3", "haiku", "2024-03-07"),
)
_BY_NAME = {name: model for model in MODELS for name in (model.id, model.alias) if name}


def model_named(name: str) -> Model:
    """Return the model of that id or alias, retired or not; raise a 404 for one that never was."""
    if name not in _BY_NAME:
        raise Refusal("not_found_error", f"model: {name}")
    return _BY_NAME[name]


def model_in_service(name: str, now: float) -> Model:
    """Return the model of that id or alias; raise a 404 for one that is not, or no longer, served."""
    model = model_named(name)
    if model.lifecycle(now) == "retired":
        raise Refusal("not_found_error", f"model: {name}")
    return model


def listed(now: float, lifecycles: Sequence[str]) -> list[dict[str, Any]]:
    """Return the models in these stages of life; without any, all that can be asked."""
    shown = [model.as_dict(now) for model in MODELS]
    return [model for model in shown if model["lifecycle"] in (lifecycles or ("active", "deprecated"))]
