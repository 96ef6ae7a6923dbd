"""What every third party of the sandbox is made of: a request, an answer, options one can set while it runs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from typing import Any, ClassVar
from urllib.parse import parse_qs

from sandbox.catalogue import Catalogue
from sandbox.clock import Clock

JSON = b"application/json"
HTML = b"text/html"


class BadOption(ValueError):
    """A setting that the sandbox does not have, or a value it cannot take."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold one reply before it is sent, delayed or spoiled."""

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()
    #: The body in the place of `body`, where it is made while it is sent.
    pieces: Iterable[bytes] | None = None
    #: Which call this was, for the log: a path without what changes from book to book.
    endpoint: str = ""
    #: What was asked for: ISBNs, keys or the query.
    keys: tuple[str, ...] = ()
    #: Refused at the gate, so at once: the party's latency does not apply.
    refused: bool = False

    def whole(self) -> Answer:
        """Return the same with all of its body in memory; once, as its pieces are used up."""
        return self if self.pieces is None else replace(self, body=b"".join(self.pieces), pieces=None)


class Request:
    """One call to a third party; what it says is read only when asked."""

    def __init__(self, method: str, path: str, query_string: bytes, raw_headers: Iterable[tuple[bytes, bytes]], body: bytes = b"") -> None:
        self.method = method
        self.path = path
        self.query_string = query_string
        self.body = body
        self._raw_headers = raw_headers

    @cached_property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(self.query_string.decode("ascii", "replace"), keep_blank_values=True)

    def parameter(self, name: str, default: str = "") -> str:
        """Return the first value of a query parameter."""
        return self.query.get(name, (default,))[0]

    def number(self, name: str, default: int) -> int:
        """Return a query parameter as a whole number, the default when it is none."""
        text = self.parameter(name)
        return int(text) if text.isdigit() else default

    def header(self, name: bytes) -> str:
        """Return a header by its lower-case name, "" when it was not sent."""
        return next((value.decode("latin-1") for key, value in self._raw_headers if key == name), "")


@dataclass(frozen=True, slots=True)
class Options:
    """What can be set of any party while the sandbox runs."""

    #: Seconds until an answer starts, and how many more at most, by chance.
    latency: float = 0.0
    jitter: float = 0.0
    #: Whether calls are counted against the published limits.
    limits: bool = True
    #: What a 429 says in Retry-After; "" sends none.
    retry_after: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the options by name."""
        return asdict(self)

    def changed(self, changes: dict[str, Any]) -> Options:
        """Return the options with some changed; raise BadOption for one that is unknown or of another type."""
        for name, value in changes.items():
            if name not in {field.name for field in fields(self)}:
                raise BadOption(f"no option {name!r}; there are {', '.join(field.name for field in fields(self))}")
            wanted = type(getattr(self, name))
            if type(value) is not wanted and not (wanted is float and type(value) is int):
                raise BadOption(f"{name!r} takes a {wanted.__name__}")
        return replace(self, **changes)


class Party:
    """A third party. A subclass names itself and its options, and answers requests."""

    name: ClassVar[str]
    default_options: ClassVar[Options] = Options()

    def __init__(self, catalogue: Catalogue, clock: Clock, options: dict[str, Any] | None = None) -> None:
        self.catalogue = catalogue
        self.clock = clock
        self.options = self.default_options.changed(options or {})
        self.forget_calls()

    def forget_calls(self) -> None:
        """Count calls against the limits from nothing."""

    def answer(self, request: Request) -> Answer:
        """Return what the third party says to a request."""
        raise NotImplementedError

    def right_keys(self, identity: int, isbn13: str) -> dict[str, Any]:
        """Return the keys of the records that are right for a work of the catalogue, and those of exactly this edition."""
        return {}

    def refusal_headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """Return what goes with a 429."""
        return ((b"retry-after", self.options.retry_after.encode()),) if self.options.retry_after else ()


def encoded(content: Any) -> bytes:
    """Return content as JSON, in the letters it is written in."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
