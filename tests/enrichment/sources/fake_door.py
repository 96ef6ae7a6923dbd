"""A door that a test loads with answers and asks what was sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bookops.outbound.answers import Answer, error_of
from bookops.outbound.errors import SourceError

Reply = Callable[[str, Mapping[str, str]], Any]


@dataclass(frozen=True)
class Said:
    """An answer with a status of its own; `data` is sent as JSON unless it is bytes."""

    status: int
    data: Any
    content_type: str = "application/json"


class FakeDoor:
    """Stand in for bookops.outbound.http.Door: `reply` gets path and parameters and returns data, a Said, or an error to raise."""

    def __init__(self, reply: Reply | Any) -> None:
        self._reply = reply if callable(reply) else lambda path, params: reply
        self.asked: list[tuple[str, dict[str, str]]] = []

    def get(self, path: str, params: Mapping[str, str] | None = None, *, flow: str = "", explain: Any = None) -> Answer:
        self.asked.append((path, dict(params or {})))
        said = self._reply(path, params or {})
        if isinstance(said, SourceError):
            raise said
        if not isinstance(said, Said):
            said = Said(200, said)
        body = said.data if isinstance(said.data, bytes) else json.dumps(said.data).encode()
        answer = Answer(said.status, {"content-type": said.content_type}, body, 0.0, len(body))
        failure = error_of(answer)
        if failure:
            raise (explain and explain(answer)) or failure
        return answer
