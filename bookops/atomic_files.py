"""Local storage whose files change all at once, so that whoever reads one while it is replaced sees the old one whole."""

from __future__ import annotations

import os
import uuid
from typing import Any

from django.core.files.storage import FileSystemStorage


class AtomicFileStorage(FileSystemStorage):
    """Write beside the file and move into its place; S3 does the same by itself."""

    def _save(self, name: str, content: Any) -> str:
        beside = super()._save(f"{name}.{uuid.uuid4().hex}.part", content)  # type: ignore[misc]  # the stubs leave it out
        os.replace(self.path(beside), self.path(name))
        return name
