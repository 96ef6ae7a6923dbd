"""What one can ask and set while the sandbox runs: settings, faults, clock, log, and which answers are right."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.faults import KINDS, read_rules
from sandbox.isbn import as_isbn13
from sandbox.party import Answer, BadOption, Request, encoded

if TYPE_CHECKING:
    from sandbox.server import Sandbox

ABOUT = "Everything served here is invented data, made from a catalogue of books; no third party is asked."


class Control:
    """Answer what is asked under /_sandbox of a running sandbox.

    | call | does |
    |---|---|
    | GET /_sandbox/ | says what this is |
    | GET, POST /_sandbox/settings | shows, changes settings; see `change` |
    | POST /_sandbox/reset | puts everything back to how it started |
    | GET, DELETE /_sandbox/log | shows (`?calls=1`: each call kept), clears what was asked |
    | GET /_sandbox/knows?isbn=&title=&author= | tells which records are right for a book |
    | POST /_sandbox/knows {"books": [...]} | the same for many |
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._options_at_start = {name: party.options for name, party in sandbox.parties.items()}

    def answer(self, request: Request, prefix: str) -> Answer:
        """Return what the control says; 404 for any address that is neither its own nor a third party's."""
        if prefix != "_sandbox":
            return _told(404, {"error": f"nothing is served here; there are {', '.join(self._sandbox.parties)} and _sandbox"})
        try:
            return self._routed(request)
        except (BadOption, ValueError, TypeError, AttributeError) as problem:
            return _told(400, {"error": str(problem)})

    def _routed(self, request: Request) -> Answer:
        match request.method, request.path.rstrip("/"):
            case "GET", "":
                return _told(200, {"about": ABOUT, "sources": sorted(self._sandbox.parties), "books_known": len(self._sandbox.catalogue)})
            case "GET", "/settings":
                return _told(200, self.settings())
            case "POST", "/settings":
                self.change(json.loads(request.body or b"{}"))
                return _told(200, self.settings())
            case "POST", "/reset":
                self.reset()
                return _told(200, self.settings())
            case "GET", "/log":
                return _told(200, self._sandbox.log.as_dict(calls=request.parameter("calls") == "1"))
            case "DELETE", "/log":
                self._sandbox.log.clear()
                return _told(200, self._sandbox.log.as_dict())
            case "GET", "/knows":
                return _told(200, self._known({name: request.parameter(name) for name in ("isbn", "title", "author")}))
            case "POST", "/knows":
                return _told(200, {"books": [self._known(book) for book in json.loads(request.body)["books"]]})
        return _told(404, {"error": "no such control"})

    def settings(self) -> dict[str, Any]:
        """Return every setting, in the form `change` takes."""
        sandbox = self._sandbox
        return {
            "sources": {name: party.options.as_dict() for name, party in sandbox.parties.items()},
            "faults": [rule.as_dict() for rule in sandbox.rules],
            "fault_kinds": list(KINDS),
            "clock": {"now": datetime.fromtimestamp(sandbox.clock.now(), UTC).isoformat(), "speed": sandbox.clock.speed},
            "keep_calls": sandbox.log.keep_calls,
        }

    def change(self, changes: dict[str, Any]) -> None:
        """Change what is named and leave the rest; a bad setting changes nothing.

        `latency`, `jitter`, `limits` and `retry_after` are set for all sources, `sources: {name: {option: value}}` for one;
        `faults` replaces the list of rules; `clock` takes now (ISO 8601), advance (seconds) and speed; `keep_calls` logs each call.
        "Every fifth call is cut off half-way" is `{"faults": [{"kind": "cut", "every": 5}]}`.
        """
        changes = dict(changes)
        sandbox = self._sandbox
        for_all = {name: changes.pop(name) for name in ("latency", "jitter", "limits", "retry_after") if name in changes}
        by_source = changes.pop("sources", {})
        if unknown := set(by_source) - set(sandbox.parties):
            raise BadOption(f"no source {', '.join(sorted(unknown))}")
        options = {name: party.options.changed(for_all | by_source.get(name, {})) for name, party in sandbox.parties.items()}
        rules = read_rules(changes.pop("faults")) if "faults" in changes else sandbox.rules
        clock = _clock_change(changes.pop("clock", {}))
        keep_calls = bool(changes.pop("keep_calls", sandbox.log.keep_calls))
        if changes:
            raise BadOption(f"no setting {', '.join(sorted(changes))}")
        for name, party in sandbox.parties.items():
            party.options = options[name]
        sandbox.rules = rules
        sandbox.log.keep_calls = keep_calls
        sandbox.clock.set(**clock)

    def reset(self) -> None:
        """Put options, faults, clock, log and counted limits back to how they were at the start."""
        sandbox = self._sandbox
        for name, party in sandbox.parties.items():
            party.options = self._options_at_start[name]
            party.forget_calls()
        sandbox.rules = []
        sandbox.clock.reset()
        sandbox.log.keep_calls = False
        sandbox.log.clear()

    def _known(self, asked: dict[str, Any]) -> dict[str, Any]:
        isbn13 = as_isbn13(str(asked.get("isbn") or ""))
        book = self._sandbox.catalogue.find(isbn13=isbn13, title=str(asked.get("title") or ""), author=str(asked.get("author") or ""))
        if book is None:
            return {"known": False, "sources": {}}
        parties = self._sandbox.parties.items()
        return {
            "known": True,
            "title": book.title,
            "author": book.author,
            "isbn13": book.isbn13,
            "sources": {name: keys for name, party in parties if (keys := party.right_keys(book.identity, isbn13 or book.isbn13))},
        }


def _clock_change(asked: dict[str, Any]) -> dict[str, float]:
    if unknown := set(asked) - {"now", "advance", "speed"}:
        raise BadOption(f"a clock has no {', '.join(sorted(unknown))}")
    change: dict[str, float] = {str(name): float(asked[name]) for name in ("advance", "speed") if name in asked}
    if "now" in asked:
        moment = datetime.fromisoformat(asked["now"])
        change["now"] = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return change


def _told(status: int, content: dict[str, Any]) -> Answer:
    return Answer(status, encoded(content))
