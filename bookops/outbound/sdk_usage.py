"""The tokens of one request, counted the same way for every vendor: with those of the cache in the input, and reasoning in the output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Usage:
    """Hold the tokens of one request as its provider counted them."""

    #: With those read from and written to a cache.
    input_tokens: int = 0
    #: With those of reasoning.
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0


def anthropic_usage(usage: Any) -> Usage:
    """Return the usage of a message, the SDK's or plain JSON; its input tokens are those that no cache had a part in."""
    read, written = _count(usage, "cache_read_input_tokens"), _count(usage, "cache_creation_input_tokens")
    return Usage(_count(usage, "input_tokens") + read + written, _count(usage, "output_tokens"), read, written)


def openai_usage(usage: Any) -> Usage:
    """Return the usage of a response, the SDK's or plain JSON; older bodies lack details, though the SDK's types require them."""
    details = _part(usage, "input_tokens_details")
    cached, written = _count(details, "cached_tokens"), _count(details, "cache_write_tokens")
    return Usage(_count(usage, "input_tokens"), _count(usage, "output_tokens"), cached, written)


def _count(counts: Any, name: str) -> int:
    found = _part(counts, name)
    return max(found, 0) if isinstance(found, int) else 0


def _part(said: Any, name: str) -> Any:
    return said.get(name) if isinstance(said, Mapping) else getattr(said, name, None)
