"""One stack a folder: two would share an append-only file and lose it."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bookops.stack.errors import StackError


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold the lock file while the block runs; the kernel lets go of it however we end. Raises StackError when it is held."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StackError(f"It runs already on {path.parent}: stop that one, or give this one a folder: VAR_DIR=/tmp/other") from error
        yield
