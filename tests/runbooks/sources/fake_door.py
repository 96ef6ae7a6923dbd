"""A door that a test loads with answers and asks what was sent, whole: method, headers, body."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from bookops.outbound.answers import Answer, error_of
from bookops.outbound.errors import BadAnswer, SourceError


@dataclass(frozen=True)
class Asked:
    """Hold one request."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode("ascii"), strict_parsing=True))


@dataclass(frozen=True)
class Said:
    """An answer with a status of its own; `data` is sent as JSON unless it is bytes."""

    status: int
    data: Any
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


Reply = Callable[[Asked], Any]


class FakeDoor:
    """Stand in for bookops.outbound.http.Door: `reply` gets the request and returns data, a Said, or an error to raise."""

    def __init__(self, reply: Reply | Any) -> None:
        self._reply = reply if callable(reply) else lambda asked: reply
        self.asked: list[Asked] = []

    def get(self, path: str, params: Mapping[str, str] | None = None, **options: Any) -> Answer:
        return self._answer("GET", path, params, b"", **options)

    def post(self, path: str, body: bytes, *, content_type: str = "application/json", **options: Any) -> Answer:
        headers = {"Content-Type": content_type, **options.pop("headers", {})}
        return self._answer("POST", path, None, body, headers=headers, **options)

    def _answer(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        body: bytes,
        *,
        accept: str = "application/json",
        headers: Mapping[str, str] | None = None,
        flow: str = "",
        explain: Any = None,
    ) -> Answer:
        self.asked.append(Asked(method, path, dict(params or {}), dict(headers or {}), body))
        said = self._reply(self.asked[-1])
        if isinstance(said, SourceError):
            raise said
        if not isinstance(said, Said):
            said = Said(200, said)
        content = said.data if isinstance(said.data, bytes) else json.dumps(said.data).encode()
        answer = Answer(said.status, {"content-type": said.content_type, **said.headers}, content, 0.0, len(content))
        failure = error_of(answer)
        if failure:
            raise (explain and explain(answer)) or failure
        if accept not in ("application/json", "*/*") and answer.media_type != accept:
            raise BadAnswer(f"expected {accept}", reason="wrong_type")
        return answer
