"""A sandbox of one's own for a test or a measurement: started as a process, talked to over HTTP, stopped at the end."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

PROJECT = Path(__file__).parent.parent
SECONDS_TO_STOP = 5


class RunningSandbox:
    """Speak to the control of a running sandbox."""

    def __init__(self, url: str, pid: int = 0) -> None:
        self.url = url
        self.pid = pid
        #: Base addresses to configure the product with.
        self.open_library_url = f"{url}/openlibrary"
        self.google_books_url = f"{url}/googlebooks/books/v1"
        self.openai_url = f"{url}/openai/v1"
        self.anthropic_url = f"{url}/anthropic"

    def settings(self, **changes: Any) -> dict[str, Any]:
        """Return the settings, changed first where changes are given; see `sandbox.control.Control.change`."""
        return self._call("POST" if changes else "GET", "/settings", changes or None)

    def log(self, *, calls: bool = False) -> dict[str, Any]:
        """Return what was asked so far; with `calls`, each call too, if `keep_calls` was set before."""
        return self._call("GET", "/log?calls=1" if calls else "/log")

    def clear_log(self) -> None:
        """Start counting anew."""
        self._call("DELETE", "/log")

    def reset(self) -> None:
        """Put settings, faults, clock, log and counted limits back to how they were at the start."""
        self._call("POST", "/reset")

    def knows(self, *, isbn: str = "", title: str = "", author: str = "") -> dict[str, Any]:
        """Return whether a book is known, and by source the keys of the records that are right for it."""
        return self._call("GET", "/knows?" + urlencode({"isbn": isbn, "title": title, "author": author}))

    def knows_all(self, books: Sequence[dict[str, str]]) -> list[dict[str, Any]]:
        """Return the same as `knows` for many books with isbn, title and author, in their order."""
        answer: list[dict[str, Any]] = self._call("POST", "/knows", {"books": list(books)})["books"]
        return answer

    def _call(self, method: str, path: str, content: dict[str, Any] | None = None) -> dict[str, Any]:
        body = None if content is None else json.dumps(content).encode()
        request = Request(f"{self.url}/_sandbox{path}", data=body, method=method)  # noqa: S310 — always our own http address
        with urlopen(request, timeout=60) as answer:  # noqa: S310 — as above
            read: dict[str, Any] = json.load(answer)
        return read


@contextmanager
def running(*arguments: str | Path) -> Iterator[RunningSandbox]:
    """Start `python -m sandbox` with these arguments on a free port and stop it at the end; raise RuntimeError if it does not start."""
    command = [sys.executable, "-m", "sandbox", "--port", "0", *map(str, arguments)]
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)  # noqa: S603 — our own module
    try:
        line = process.stdout.readline() if process.stdout else ""
        if " at http://" not in line:
            raise RuntimeError(f"the sandbox did not start (exit code {process.wait(SECONDS_TO_STOP)})")
        yield RunningSandbox(line.rsplit(" at ", 1)[1].strip(), process.pid)
    finally:
        process.terminate()
        try:
            process.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()
