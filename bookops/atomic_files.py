"""Local storage whose files change all at once, so that whoever reads one while it is replaced sees the old one whole."""

from __future__ import annotations

import os
import re
import time
import uuid
from pathlib import Path
from typing import Any

from django.core.files.storage import FileSystemStorage, default_storage

#: A file beside its place, while it is written; after so many seconds whoever wrote it was killed.
_BESIDE = re.compile(r"\.[0-9a-f]{32}\.part\Z")
LEFT_AFTER = 86_400.0


class AtomicFileStorage(FileSystemStorage):
    """Write beside the file and move into its place; S3 does the same by itself."""

    def _save(self, name: str, content: Any) -> str:
        beside = super()._save(f"{name}.{uuid.uuid4().hex}.part", content)  # type: ignore[misc]  # the stubs leave it out
        os.replace(self.path(beside), self.path(name))
        return name

    def remove_left(self, *, after: float = LEFT_AFTER) -> int:
        """Delete what was written beside its place and never moved, `after` so many seconds; return how many files. Walks them all."""
        before = time.time() - after
        beside = (Path(folder, name) for folder, _, names in os.walk(self.location) for name in names if _BESIDE.search(name))
        left = [path for path in beside if _written_at(path) < before]
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # moved into its place meanwhile
        return time.time()


def forget_left_files() -> int:
    """Delete what killed writers have left in local storage; return how many files. Other storages leave none."""
    return default_storage.remove_left() if isinstance(default_storage, AtomicFileStorage) else 0
