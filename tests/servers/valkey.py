"""A real Valkey for a test run."""

from __future__ import annotations

import time
from pathlib import Path

from bookops.stack.child import Child
from bookops.stack.valkey import Valkey


class ValkeyServer:
    """Start, kill and start again a Valkey; with `data` it keeps an append-only file, as the product's does."""

    def __init__(self, folder: Path, *, data: Path | None = None) -> None:
        self.server = Valkey(data, folder=folder)
        self.url = self.server.url
        self._log = folder / "valkey.log"
        self._child: Child | None = None

    @property
    def pid(self) -> int:
        assert self._child, "it was not started"
        return self._child.pid

    def start(self, *, seconds: float = 10) -> None:
        """Start it and return when it answers."""
        self._child = Child(self.server.command(), log=self._log)
        deadline = time.monotonic() + seconds
        while not self.server.answers():
            if self._child.exit_code is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Valkey did not start: {self._log.read_text()[-500:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop it, its file written."""
        if self._child:
            self._child.stop()

    def kill(self) -> None:
        """End it as kill -9 does."""
        if self._child:
            self._child.kill()
