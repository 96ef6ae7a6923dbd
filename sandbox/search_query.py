"""Open Library's search language, as far as the sandbox speaks it: fields, phrases, parentheses, AND and OR."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

_TOKEN = re.compile(r'\s*(?:(?P<field>[a-z_]+):|"(?P<phrase>(?:[^"\\]|\\.)*)"|(?P<mark>[()])|(?P<word>(?:[^\s()"\\]|\\.)+)|(?P<stray>.))')
T = TypeVar("T")
#: How deep parentheses may stand in each other.
DEEPEST = 50


class BadQuery(ValueError):
    """A query that cannot be read."""


@dataclass(frozen=True, slots=True)
class Term:
    """Hold what is asked of one field; "" is any field."""

    field: str
    text: str
    is_phrase: bool


@dataclass(frozen=True, slots=True)
class AllOf:
    """Hold parts that must all hold."""

    parts: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Hold parts of which one must hold."""

    parts: tuple[Query, ...]


Query = Term | AllOf | AnyOf


def parse(text: str) -> Query:
    """Return a query as a tree; raise BadQuery when it has no meaning."""
    reader = _Reader([(kind, _unescaped(value)) for kind, value in _tokens(text)])
    query = reader.any_of("", 0)
    if reader.rest:
        raise BadQuery(f"unexpected {reader.rest[0][1]!r}")
    return query


def terms(query: Query) -> list[Term]:
    """Return all terms of a query, in their order."""
    return [query] if isinstance(query, Term) else [term for part in query.parts for term in terms(part)]


def select(query: Query, find: Callable[[Term], set[T]]) -> set[T]:
    """Return what a query selects, where `find` returns what a single term does."""
    if isinstance(query, Term):
        return find(query)
    found = [select(part, find) for part in query.parts]
    return set.intersection(*found) if isinstance(query, AllOf) else set().union(*found)


def _tokens(text: str) -> list[tuple[str, str]]:
    return [(match.lastgroup or "", match[match.lastgroup or 0]) for match in _TOKEN.finditer(text.rstrip())]


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


class _Reader:
    """Read tokens from the left by recursive descent."""

    def __init__(self, rest: list[tuple[str, str]]) -> None:
        self.rest = rest[::-1]

    def _next_is(self, kind: str, value: str) -> bool:
        return bool(self.rest) and self.rest[-1] == (kind, value)

    def any_of(self, field: str, depth: int) -> Query:
        if depth > DEEPEST:
            raise BadQuery("too many parentheses")
        parts = [self._all_of(field, depth)]
        while self._next_is("word", "OR"):
            self.rest.pop()
            parts.append(self._all_of(field, depth))
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _all_of(self, field: str, depth: int) -> Query:
        parts = []
        while self.rest and not self._next_is("mark", ")") and not self._next_is("word", "OR"):
            if self._next_is("word", "AND"):
                self.rest.pop()
                continue
            parts.append(self._one(field, depth))
        if not parts:
            raise BadQuery("nothing to look for")
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _one(self, field: str, depth: int) -> Query:
        if not self.rest:
            raise BadQuery("a field without a word")
        kind, value = self.rest.pop()
        if kind == "field":
            return self._one(value, depth)
        if (kind, value) == ("mark", "("):
            query = self.any_of(field, depth + 1)
            if not self._next_is("mark", ")"):
                raise BadQuery("a parenthesis is not closed")
            self.rest.pop()
            return query
        if kind in ("word", "phrase"):
            return Term(field, value, is_phrase=kind == "phrase")
        raise BadQuery(f"unexpected {value!r}")
