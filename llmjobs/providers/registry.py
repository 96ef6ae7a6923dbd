"""The ways to ask a provider: every class of this package that is registered, found by itself."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any, TypeVar

import llmjobs.providers

W = TypeVar("W", bound=type)
_ways: dict[tuple[str, str], type[Any]] = {}


def registered(cls: W) -> W:
    """Register a class that is a Background or a Batches, made of a door and a key, under its `provider` and `way`."""
    _ways[cls.provider, cls.way] = cls  # type: ignore[attr-defined]  # a bound of two protocols cannot be written
    return cls


def all_ways() -> Mapping[tuple[str, str], type[Any]]:
    """Return every class by (provider, way)."""
    _find()
    return _ways


@cache
def _find() -> None:
    for module in pkgutil.iter_modules(llmjobs.providers.__path__, f"{llmjobs.providers.__name__}."):
        import_module(module.name)
