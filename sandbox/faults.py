"""How answers are spoiled on demand: which calls (every fifth, one in ten, the next three), and in what way."""

from __future__ import annotations

import asyncio
import gzip
import random
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field, fields, replace
from email.utils import formatdate
from functools import lru_cache
from typing import Any

from sandbox.party import HTML, JSON, Answer, BadOption, encoded

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MEGABYTE = 1 << 20


@dataclass
class Rule:
    """Say which calls are spoiled and how. Of `every` and `share` at most one is set; with neither, every call is spoiled."""

    kind: str
    #: The party it befalls, "" for all.
    source: str = ""
    #: What the path, without the party's prefix, starts with.
    path: str = ""
    #: Every so-manieth call that fits.
    every: int = 0
    #: This share of the calls that fit, by chance.
    share: float = 0.0
    seed: int = 1
    #: How many calls in a row are spoiled each time.
    burst: int = 1
    #: How many calls are spoiled in all, 0 without end.
    times: int = 0
    #: What a 429 or 503 says in Retry-After: seconds, {"date": seconds from now}, or any text.
    retry_after: Any = None
    #: Seconds between the bytes of a drip, or that a hang lasts at most.
    seconds: float = 0.0
    #: Bytes of a huge body, or that a gzip bomb becomes.
    size: int = 64 * MEGABYTE
    #: Where a redirect leads; "" back to the same address.
    location: str = ""
    spoiled: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise BadOption(f"no fault {self.kind!r}; there are {', '.join(KINDS)}")
        if self.every < 0 or not 0 <= self.share <= 1 or (self.every and self.share):
            raise BadOption("a fault takes every (a whole number) or share (0 to 1), not both")
        self._seen = 0
        self._left_of_burst = 0
        self._chance = random.Random(self.seed)

    def befalls(self, source: str, path: str) -> bool:
        """Tell whether this call is spoiled; each call that fits is counted once by asking."""
        if (self.source and self.source != source) or not path.startswith(self.path) or (self.times and self.spoiled >= self.times):
            return False
        self._seen += 1
        if self._left_of_burst:
            self._left_of_burst -= 1
        elif self._is_due():
            self._left_of_burst = self.burst - 1
        else:
            return False
        self.spoiled += 1
        return True

    def _is_due(self) -> bool:
        if self.every:
            return self._seen % self.every == 0
        return self._chance.random() < self.share if self.share else True

    def as_dict(self) -> dict[str, Any]:
        """Return the rule as it can be posted again, and how many calls it has spoiled."""
        return {part.name: getattr(self, part.name) for part in fields(self)}


def read_rules(listed: Any) -> list[Rule]:
    """Return the rules of a posted list; raise BadOption when one cannot be read."""
    settable = {part.name: part for part in fields(Rule) if part.init}
    try:
        return [Rule(**{name: value for name, value in rule.items() if name in settable or _unknown(name)}) for rule in listed]
    except (TypeError, AttributeError) as error:
        raise BadOption(f"faults take a list of objects with a kind: {error}") from error


def _unknown(name: str) -> bool:
    if name == "spoiled":
        return False
    raise BadOption(f"a fault has no {name!r}")


# Ways to spoil. The first kind sends another answer, properly; the second spoils the sending.


def _refused(answer: Answer, rule: Rule, *, status: int, body: bytes = b"", content_type: bytes = JSON) -> Answer:
    said: Any = rule.retry_after
    if isinstance(said, dict):
        said = formatdate(time.time() + said.get("date", 0), usegmt=True)
    headers = ((b"retry-after", str(said).encode("latin-1", "replace")),) if said is not None else ()
    return replace(answer, status=status, body=body or answer.body, content_type=content_type, headers=headers)


@lru_cache(maxsize=4)
def _gzip_bomb(size: int) -> bytes:
    return gzip.compress(b'{"docs": "' + b" " * size + b'"}', compresslevel=6)


@lru_cache(maxsize=4)
def _huge(size: int) -> bytes:
    return b'{"docs": "' + b"x" * size + b'"}'


_PAGE = b"<!DOCTYPE html><html><head><title>One moment</title></head><body><h1>We will be back soon</h1></body></html>"
_BACKEND_FAILED = encoded({"error": {"code": 503, "message": "Service temporarily unavailable.", "status": "UNAVAILABLE"}})

Other = Callable[[Answer, Rule], Answer]

OTHER_ANSWERS: dict[str, Other] = {
    "429": lambda answer, rule: _refused(answer, rule, status=429, body=encoded({"status": 429, "message": "Too Many Requests."})),
    "500": lambda answer, rule: _refused(answer, rule, status=500, body=b"Internal Server Error", content_type=b"text/plain"),
    "503": lambda answer, rule: _refused(answer, rule, status=503, body=_BACKEND_FAILED),
    "html": lambda answer, rule: replace(answer, status=200, body=_PAGE, content_type=HTML, headers=()),
    "truncated": lambda answer, rule: replace(answer, body=answer.body[: len(answer.body) // 2]),
    "wrong_type": lambda answer, rule: replace(answer, content_type=b"text/plain"),
    "gzip_bomb": lambda answer, rule: replace(answer, status=200, body=_gzip_bomb(rule.size), headers=((b"content-encoding", b"gzip"),)),
    "huge": lambda answer, rule: replace(answer, status=200, body=_huge(rule.size), headers=()),
    "no_content": lambda answer, rule: replace(answer, status=204, body=b"", headers=()),
    "empty": lambda answer, rule: replace(answer, status=200, body=b"", headers=()),
    # What Open Library says when it swallowed an error: indistinguishable from nothing found.
    "swallowed": lambda answer, rule: replace(answer, status=200, body=b"{}", headers=()),
    "nan": lambda answer, rule: replace(answer, status=200, body=b'{"numFound": NaN, "totalItems": Infinity, "docs": [NaN]}', headers=()),
    "deep": lambda answer, rule: replace(answer, status=200, body=b"[" * 100_000 + b"]" * 100_000, headers=()),
    "bad_bytes": lambda answer, rule: replace(answer, status=200, body=b'{"title": "\xff\xfe\x00"}', headers=()),
}


async def cut(answer: Answer, start: MutableMapping[str, Any], rule: Rule, receive: Receive, send: Send) -> None:
    """Promise the whole answer, send half, hang up."""
    await send(start)
    # Ending without the last part makes the server close the connection.
    await send({"type": "http.response.body", "body": answer.body[: len(answer.body) // 2], "more_body": True})


async def hang(answer: Answer, start: MutableMapping[str, Any], rule: Rule, receive: Receive, send: Send) -> None:
    """Say nothing until the caller hangs up or the time is over."""
    try:
        async with asyncio.timeout(rule.seconds or 3600):
            await _hung_up(receive)
    except TimeoutError:
        await send(start)
        await send({"type": "http.response.body", "body": answer.body})


async def drip(answer: Answer, start: MutableMapping[str, Any], rule: Rule, receive: Receive, send: Send) -> None:
    """Send the answer byte by byte, as long as the caller waits."""
    caller = asyncio.ensure_future(_hung_up(receive))
    await send(start)
    for place in range(len(answer.body)):
        await send({"type": "http.response.body", "body": answer.body[place : place + 1], "more_body": True})
        await asyncio.wait({caller}, timeout=rule.seconds or 1.0)
        if caller.done():
            return
    caller.cancel()
    await send({"type": "http.response.body", "body": b""})


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


#: Said before the party has heard the question. After all others it has done what it was asked, whatever it says.
UNHEARD = frozenset({"429"})
SENDINGS = {"cut": cut, "hang": hang, "drip": drip}
KINDS = (*OTHER_ANSWERS, *SENDINGS, "redirect")


def spoiled(answer: Answer, rule: Rule, asked: str) -> Answer:
    """Return what is answered instead, where the kind is another answer; `asked` is the address a redirect comes back to."""
    if rule.kind == "redirect":
        return replace(answer, status=302, body=b"", headers=((b"location", (rule.location or asked).encode()),))
    other = OTHER_ANSWERS.get(rule.kind)
    return other(answer, rule) if other else answer
