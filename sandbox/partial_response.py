"""Partial responses, as all Google APIs give them (https://developers.google.com/books/docs/v1/performance#partial-response)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

_TOKEN = re.compile(r"[^,()/]+|[,()/]")


def masked(content: dict[str, Any], fields: str) -> dict[str, Any]:
    """Return what a `fields` parameter such as "totalItems,items(id,volumeInfo/title)" leaves of an answer; "" leaves all."""
    return _kept(content, _mask(fields)) if fields else content


@lru_cache(maxsize=256)
def _mask(fields: str) -> dict[str, Any]:
    """Return which keys to keep as a tree; an empty branch keeps everything below it."""
    return _read_mask(_TOKEN.findall(fields.replace(" ", ""))[::-1])


def _read_mask(rest: list[str]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    while rest and rest[-1] != ")":
        name = rest.pop()
        if name == ",":
            continue
        branch = tree.setdefault(name, {})
        while rest and rest[-1] == "/":
            rest.pop()
            branch = branch.setdefault(rest.pop() if rest else "*", {})
        if rest and rest[-1] == "(":
            rest.pop()
            branch.update(_read_mask(rest))
            rest[-1:] = []
    return tree


def _kept(content: Any, tree: dict[str, Any]) -> Any:
    if not tree or "*" in tree:
        return content
    if isinstance(content, list):
        return [_kept(part, tree) for part in content]
    if not isinstance(content, dict):
        return content
    return {name: _kept(value, tree[name]) for name, value in content.items() if name in tree}
